#include "text/jinja/value.hpp"

#include <fmt/format.h>

#include <boost/json/value.hpp>
#include <functional>

namespace tenon::text::jinja {

Value Value::string(std::string text, bool markup) {
    auto object = make_object<StringObject>();
    object->text = std::move(text);
    Value v(Kind::string);
    v.set_text(object->text);
    v.object_ = std::move(object);
    if (markup) v.detail_ = Detail::markup;
    return v;
}

Value Value::borrowed(const json::Value& value, std::size_t depth) noexcept {
    switch (value.kind()) {
        case boost::json::kind::null:
            return none();
        case boost::json::kind::bool_:
            return boolean(value.get_bool());
        case boost::json::kind::int64:
            return integer(value.get_int64());
        case boost::json::kind::uint64:
            return value.get_uint64() <= INT64_MAX ? integer(static_cast<std::int64_t>(value.get_uint64()))
                                                   : floating(static_cast<double>(value.get_uint64()));
        case boost::json::kind::double_:
            return floating(value.get_double());
        case boost::json::kind::string:
            return borrowed({value.get_string().data(), value.get_string().size()});
        case boost::json::kind::array: {
            Value v(Kind::list);
            v.list_ = &value.get_array();
            v.size_ = depth;
            return v;
        }
        case boost::json::kind::object: {
            Value v(Kind::dict);
            v.members_ = &value.get_object();
            v.size_ = depth;
            return v;
        }
    }
    return {};
}

Value Value::undefined(std::string message, bool unsafe) {
    Value v = string(std::move(message));
    v.kind_ = Kind::undefined;
    v.detail_ = unsafe ? Detail::unsafe : Detail::message;
    return v;
}

Value Value::undefined_variable(std::string_view borrowed_name) noexcept {
    Value v;
    v.set_text(borrowed_name);
    v.detail_ = Detail::variable;
    return v;
}

Value Value::undefined_attribute(const Value& object, const Value& name) noexcept {
    Value v = name;
    v.kind_ = Kind::undefined;
    v.detail_ = Detail::attribute;
    v.of_ = object.kind();
    return v;
}

std::string Value::why_undefined() const {
    switch (detail_) {
        case Detail::message:
        case Detail::unsafe:
            return std::string(text());
        case Detail::variable:
            return fmt::format("'{}' is undefined", text());
        case Detail::attribute:
            return fmt::format("{} has no attribute '{}'", object_name(Value(of_)), text());
        default:
            return "an undefined value is used";
    }
}

Value Value::piece(std::string_view within) const noexcept {
    Value v = *this;
    v.set_text(within);
    return v;
}

bool Value::extend(std::string_view more) {
    if (!object_ || object_->owners != 1) return false;
    std::string& whole = as<StringObject>().text;
    if (text_ != whole.data() || size_ != whole.size()) return false;
    whole += more;
    set_text(whole);
    return true;
}

ListView Value::items() const noexcept { return object_ ? ListView(as<ListObject>().items) : ListView(*list_, size_); }

DictView Value::dict() const noexcept { return object_ ? DictView(as<DictObject>()) : DictView(*members_, size_); }

bool Value::identical(const Value& other) const noexcept {
    if (kind_ != other.kind_ || kind_ == Kind::undefined) return false;
    if (kind_ == Kind::string) return text() == other.text();
    if (kind_ == Kind::floating) return floating_ == other.floating_;
    return object_ == other.object_ && integer_ == other.integer_;
}

ListView::ListView(const json::Array& list, std::size_t depth) noexcept
    : list_(&list), size_(list.size()), depth_(depth) {}

Value ListView::of_context(std::size_t i) const noexcept { return Value::borrowed((*list_)[i], depth_ - 1); }

std::vector<Value> ListView::part(std::size_t from, std::size_t to) const {
    std::vector<Value> taken;
    taken.reserve(to - from);
    for (std::size_t i = from; i < to; ++i) taken.push_back((*this)[i]);
    return taken;
}

std::size_t DictView::size() const noexcept { return dict_ ? dict_->entries.size() : members_->size(); }

std::pair<Value, Value> DictView::operator[](std::size_t i) const noexcept {
    if (dict_) return dict_->entries[i];
    const auto& member = members_->begin()[i];
    return {Value::borrowed(std::string_view(member.key())), Value::borrowed(member.value(), depth_ - 1)};
}

bool DictView::find(const Value& key, Value& out) const {
    if (members_) return key.is(Kind::string) && find(key.text(), out);
    const Value* found = dict_->find(key);
    if (found) out = *found;
    return found != nullptr;
}

bool DictView::find(std::string_view key, Value& out) const {
    if (members_) {
        const json::Value* found = members_->if_contains({key.data(), key.size()});
        if (found) out = Value::borrowed(*found, depth_ - 1);
        return found != nullptr;
    }
    const Value* found = dict_->find(key);
    if (found) out = *found;
    return found != nullptr;
}

std::size_t ValueHash::operator()(const Value& value) const noexcept {
    switch (value.kind()) {
        case Kind::string:
            return std::hash<std::string_view>{}(value.text());
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

const Value* DictObject::find(std::string_view key) const noexcept { return find(Value::borrowed(key)); }

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
            return !value.dict().empty();
        case Kind::range:
            return value.range().size() > 0;
        case Kind::view:
            return !value.as<ViewObject>().dict.dict().empty();
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

std::string object_name(const Value& value) {
    if (value.is(Kind::none)) return "None";
    return fmt::format("'{} object'", type_name(value));
}

std::uint32_t depth_of(const Value& value) noexcept {
    switch (value.kind()) {
        case Kind::list:
        case Kind::tuple:
            return value.object() ? value.as<ListObject>().depth : static_cast<std::uint32_t>(value.size_);
        case Kind::dict:
            return value.object() ? value.as<DictObject>().depth : static_cast<std::uint32_t>(value.size_);
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
