#include "text/jinja/value.hpp"

#include <functional>

namespace tenon::text::jinja {

Value Value::string(std::string text, bool markup) {
    auto object = std::make_shared<StringObject>();
    object->text = std::move(text);
    object->markup = markup;
    return {Kind::string, std::move(object)};
}

Value Value::undefined(std::string message, bool unsafe) {
    auto object = std::make_shared<UndefinedObject>();
    object->message = std::move(message);
    object->unsafe = unsafe;
    return {Kind::undefined, std::move(object)};
}

std::size_t ValueHash::operator()(const Value& value) const noexcept {
    switch (value.kind()) {
        case Kind::string:
            return std::hash<std::string>{}(value.text());
        case Kind::boolean:
        case Kind::integer:
            return std::hash<std::int64_t>{}(value.as_integer());
        case Kind::floating: {
            const double d = value.as_double();
            if (d >= -9e18 && d <= 9e18 && d == static_cast<double>(static_cast<std::int64_t>(d)))
                return std::hash<std::int64_t>{}(static_cast<std::int64_t>(d));
            return std::hash<double>{}(d);
        }
        case Kind::tuple: {
            std::size_t h = 0x345678;
            for (const Value& item : value.items()) h = (h ^ (*this)(item)) * 1000003;
            return h;
        }
        case Kind::undefined:
        case Kind::none:
            return static_cast<std::size_t>(value.kind());
        default:
            return std::hash<const void*>{}(value.object().get());
    }
}

bool ValueKeyEqual::operator()(const Value& a, const Value& b) const noexcept {
    if (a.is_number() && b.is_number()) {
        if (a.is_integral() && b.is_integral()) return a.as_integer() == b.as_integer();
        return a.as_double() == b.as_double();
    }
    if (a.kind() != b.kind()) return false;
    switch (a.kind()) {
        case Kind::string:
            return a.text() == b.text();
        case Kind::undefined:
        case Kind::none:
            return true;
        case Kind::tuple: {
            if (a.items().size() != b.items().size()) return false;
            for (std::size_t i = 0; i < a.items().size(); ++i)
                if (!(*this)(a.items()[i], b.items()[i])) return false;
            return true;
        }
        default:
            return a.object() == b.object();
    }
}

std::size_t DictObject::position(const Value& key) const noexcept {
    if (entries.size() <= linear_limit) {
        for (std::size_t i = 0; i < entries.size(); ++i)
            if (ValueKeyEqual{}(entries[i].first, key)) return i;
        return entries.size();
    }
    const auto it = index_.find(key);
    return it == index_.end() ? entries.size() : it->second;
}

const Value* DictObject::find(const Value& key) const noexcept {
    const std::size_t at = position(key);
    return at == entries.size() ? nullptr : &entries[at].second;
}

const Value* DictObject::find(std::string_view key) const noexcept {
    if (entries.size() <= linear_limit) {
        for (const auto& [k, v] : entries)
            if (k.is(Kind::string) && k.text() == key) return &v;
        return nullptr;
    }
    return find(Value::string(std::string(key)));
}

void DictObject::set(Value key, Value value) {
    depth = std::max(depth, 1 + std::max(depth_of(key), depth_of(value)));
    const std::size_t at = position(key);
    if (at < entries.size()) {
        entries[at].second = std::move(value);
        return;
    }
    entries.emplace_back(std::move(key), std::move(value));
    if (entries.size() <= linear_limit) return;
    if (index_.empty())
        for (std::size_t i = 0; i < entries.size(); ++i) index_.emplace(entries[i].first, i);
    else
        index_.emplace(entries.back().first, entries.size() - 1);
}

std::int64_t RangeObject::size() const noexcept {
    // Bounds are limited where ranges are made, so these differences cannot overflow.
    if (step > 0) return start < stop ? (stop - start + step - 1) / step : 0;
    return start > stop ? (start - stop - step - 1) / -step : 0;
}

bool truth(const Value& value) noexcept {
    switch (value.kind()) {
        case Kind::undefined:
        case Kind::none:
            return false;
        case Kind::boolean:
        case Kind::integer:
            return value.as_integer() != 0;
        case Kind::floating:
            return value.as_double() != 0.0;
        case Kind::string:
            return !value.text().empty();
        case Kind::list:
        case Kind::tuple:
            return !value.items().empty();
        case Kind::dict:
            return !value.dict().entries.empty();
        case Kind::range:
            return value.range().size() > 0;
        case Kind::view:
            return !value.as<ViewObject>().dict.dict().entries.empty();
        default:
            return true;
    }
}

std::string_view type_name(const Value& value) noexcept {
    switch (value.kind()) {
        case Kind::undefined:
            return "Undefined";
        case Kind::none:
            return "NoneType";
        case Kind::boolean:
            return "bool";
        case Kind::integer:
            return "int";
        case Kind::floating:
            return "float";
        case Kind::string:
            return "str";
        case Kind::list:
            return "list";
        case Kind::tuple:
            return "tuple";
        case Kind::dict:
            return "dict";
        case Kind::range:
            return "range";
        case Kind::generator:
            return "generator";
        case Kind::view:
            return "dict view";
        case Kind::name_space:
            return "Namespace";
        case Kind::callable:
            return "function";
        case Kind::object:
            return "object";
    }
    return "object";
}

std::uint32_t depth_of(const Value& value) noexcept {
    switch (value.kind()) {
        case Kind::list:
        case Kind::tuple:
            return static_cast<const ListObject&>(*value.object()).depth;
        case Kind::dict:
            return value.dict().depth;
        case Kind::view:
            return 1 + depth_of(value.as<ViewObject>().dict);
        case Kind::generator: {
            std::uint32_t depth = 0;
            for (const Value& item : value.as<GeneratorObject>().items) depth = std::max(depth, depth_of(item));
            return depth + 1;
        }
        default:
            return 0;
    }
}

bool hashable(const Value& value) noexcept {
    switch (value.kind()) {
        case Kind::list:
        case Kind::dict:
        case Kind::view:
            return false;
        case Kind::tuple: {
            if (depth_of(value) > 4) return false;
            for (const Value& item : value.items())
                if (!hashable(item)) return false;
            return true;
        }
        default:
            return true;
    }
}

}  // namespace tenon::text::jinja
