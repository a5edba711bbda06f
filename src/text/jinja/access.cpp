// Containers: making, iterating, attributes, subscripts, slices, calls.
#include <fmt/format.h>

#include <algorithm>

#include "tenon/base/utf8.hpp"
#include "text/jinja/builtins.hpp"
#include "text/jinja/chars.hpp"
#include "text/jinja/interp.hpp"

namespace tenon::text::jinja {
namespace {

struct BoundMethod final : CallableObject {
    Value self;
    MethodFn method = nullptr;
    bool call(Interp& interp, Args& args, Value& out) override { return method(interp, self, args, out); }
};

struct SliceBounds {
    std::int64_t start = 0, stop = 0, step = 1;
};

/// Python's slice.indices.
bool slice_bounds(Interp& interp, const Value& start, const Value& stop, const Value& step, std::int64_t length,
                  SliceBounds& out) {
    for (const Value* bound : {&start, &stop, &step}) {
        if (bound->is(Kind::undefined)) return interp.fail_undefined(*bound);
        if (!bound->is(Kind::none) && !bound->is_integral())
            return interp.fail("slice indices must be integers or none");
    }
    out.step = step.is(Kind::none) ? 1 : step.as_integer();
    if (out.step == 0) return interp.fail("slice step cannot be zero");
    const bool forward = out.step > 0;
    const auto clamp = [&](const Value& bound, std::int64_t otherwise) {
        if (bound.is(Kind::none)) return otherwise;
        std::int64_t at = bound.as_integer();
        if (at < 0) {
            at = at < -length ? -1 : at + length;
            if (at < 0) return forward ? std::int64_t{0} : std::int64_t{-1};
            return at;
        }
        return std::min(at, forward ? length : length - 1);
    };
    out.start = clamp(start, forward ? 0 : length - 1);
    out.stop = clamp(stop, forward ? length : -1);
    return true;
}

template <class Take>
void walk(const SliceBounds& bounds, Take take) {
    std::int64_t i = bounds.start;
    while (bounds.step > 0 ? i < bounds.stop : i > bounds.stop) {
        take(static_cast<std::size_t>(i));
        if (__builtin_add_overflow(i, bounds.step, &i)) break;
    }
}

bool slice_text(Interp& interp, const Value& object, const Value& start, const Value& stop, const Value& step,
                Value& out) {
    const std::string_view text = object.text();
    if (!interp.charge_bytes(text.size())) return false;
    const auto length = static_cast<std::int64_t>(utf8::length(text));
    SliceBounds bounds;
    if (!slice_bounds(interp, start, stop, step, length, bounds)) return false;
    if (bounds.step == 1) {
        if (bounds.start >= bounds.stop) return interp.make_string({}, out);
        const std::size_t from = byte_of(text, static_cast<std::size_t>(bounds.start));
        const std::size_t count = byte_of(text.substr(from), static_cast<std::size_t>(bounds.stop - bounds.start));
        out = object.piece(text.substr(from, count));
        return true;
    }
    const std::u32string characters = utf8::to_utf32(text);
    std::string result;
    walk(bounds, [&](std::size_t i) { utf8::append(result, characters[i]); });
    return interp.make_string(std::move(result), out);
}

}  // namespace

bool Interp::make_list(std::vector<Value> items, Value& out, Kind kind) {
    if (!charge_items(items.size())) return false;
    auto list = make_object<ListObject>();
    for (const Value& item : items) list->depth = std::max(list->depth, 1 + depth_of(item));
    list->items = std::move(items);
    out = Value(kind, std::move(list));
    return check_depth(out);
}

bool Interp::make_dict(Ref<DictObject> dict, Value& out) {
    if (!charge_items(dict->entries.size() * 2)) return false;
    out = Value(Kind::dict, std::move(dict));
    return check_depth(out);
}

bool Interp::make_generator(std::vector<Value> items, Value& out) {
    if (!charge_items(items.size())) return false;
    auto generator = make_object<GeneratorObject>();
    generator->items = std::move(items);
    out = Value(Kind::generator, std::move(generator));
    return check_depth(out);
}

bool Interp::set_key(DictObject& dict, Value key, Value value) {
    if (!hashable(key)) return fail(fmt::format("unhashable type: '{}'", type_name(key)));
    dict.set(std::move(key), std::move(value));
    return charge();
}

bool Interp::iterate(const Value& value, Items& out) {
    std::vector<Value> made;
    switch (value.kind()) {
        case Kind::undefined:
            break;
        case Kind::list:
        case Kind::tuple:
            out.share(value);
            return true;
        case Kind::generator: {
            auto& generator = value.as<GeneratorObject>();
            made.assign(generator.items.begin() + static_cast<std::ptrdiff_t>(generator.next), generator.items.end());
            generator.next = generator.items.size();
            break;
        }
        case Kind::dict:
            for (const auto& [key, item] : value.dict()) made.push_back(key);
            break;
        case Kind::range: {
            const RangeObject& range = value.range();
            if (!charge_items(static_cast<std::size_t>(range.size()))) return false;
            for (std::int64_t i = 0; i < range.size(); ++i)
                made.push_back(Value::integer(range.start + i * range.step));
            break;
        }
        case Kind::string: {
            const std::string_view text = value.text();
            if (!charge_items(text.size())) return false;
            const Value plain = value.markup() ? Value::string(std::string(text)) : value;  // as Python's markup does
            for (std::size_t i = 0; i < text.size();) {
                const std::size_t length = utf8::decode(text, i).length;
                made.push_back(plain.piece(plain.text().substr(i, length)));
                i += length;
            }
            break;
        }
        case Kind::view: {
            const auto& view = value.as<ViewObject>();
            for (const auto& [key, item] : view.dict.dict()) {
                if (view.part == ViewObject::Part::items) {
                    made.emplace_back();
                    if (!make_list({key, item}, made.back(), Kind::tuple)) return false;
                } else {
                    made.push_back(view.part == ViewObject::Part::keys ? key : item);
                }
            }
            break;
        }
        default:
            return fail(fmt::format("'{}' object is not iterable", type_name(value)));
    }
    if (!charge_items(made.size())) return false;
    out.keep(std::move(made));
    return true;
}

bool Interp::length(const Value& value, std::int64_t& out) {
    switch (value.kind()) {
        case Kind::undefined:
            out = 0;
            return true;
        case Kind::string:
            out = static_cast<std::int64_t>(utf8::length(value.text()));
            return charge_bytes(value.text().size());
        case Kind::list:
        case Kind::tuple:
            out = static_cast<std::int64_t>(value.items().size());
            return true;
        case Kind::dict:
            out = static_cast<std::int64_t>(value.dict().size());
            return true;
        case Kind::range:
            out = value.range().size();
            return true;
        case Kind::view:
            return length(value.as<ViewObject>().dict, out);
        default:
            return fail(fmt::format("object of type '{}' has no length", type_name(value)));
    }
}

bool Interp::get_attribute(const Value& object, const Value& name, Value& out) {
    return get_attribute(object, name, find_methods(name.text()), out);
}

bool Interp::get_attribute(const Value& object, const Value& name, const Methods& methods, Value& out) {
    const std::string_view text = name.text();
    switch (object.kind()) {
        case Kind::undefined:
            return fail_undefined(object);
        case Kind::string:
        case Kind::list:
        case Kind::tuple:
        case Kind::dict: {
            if (const MethodFn method = methods.of(object.kind())) {
                auto bound = make_object<BoundMethod>();
                bound->name = text;
                bound->self = object;
                bound->method = method;
                out = Value(Kind::callable, std::move(bound));
                return true;
            }
            if (methods.refused_by(object.kind())) {
                out = Value::undefined(
                    fmt::format("access to attribute '{}' of '{}' object is unsafe", text, type_name(object)), true);
                return true;
            }
            if (object.is(Kind::dict)) {
                if (object.dict().find(name, out)) return true;
            } else if (object.is(Kind::tuple) && object.as<ListObject>().group) {
                if (text == "grouper" || text == "list") {
                    out = object.items()[text == "grouper" ? 0 : 1];
                    return true;
                }
            }
            break;
        }
        case Kind::name_space:
            if (const Value* value = object.as<NamespaceObject>().attributes.find(name)) {
                out = *value;
                return true;
            }
            break;
        case Kind::callable:
            if (object.as<CallableObject>().attribute(text, out)) return true;
            break;
        case Kind::object: {
            bool found = false;
            if (!object.as<CustomObject>().attribute(*this, text, out, found)) return false;
            if (found) return true;
            break;
        }
        default:
            break;
    }
    out = Value::undefined_attribute(object, name);
    return true;
}

bool Interp::get_item(const Value& object, const Value& key, Value& out) {
    if (key.is(Kind::string)) {
        if (object.is(Kind::dict) && object.dict().find(key, out)) return true;
        return get_attribute(object, key, out);
    }
    if (object.is(Kind::undefined)) return fail_undefined(object);
    if (object.is(Kind::dict)) {
        if (hashable(key) && object.dict().find(key, out)) return true;
    } else if (key.is_integral() &&
               (object.is(Kind::list) || object.is(Kind::tuple) || object.is(Kind::string) || object.is(Kind::range))) {
        std::int64_t size = 0, at = key.as_integer();
        if (!length(object, size)) return false;
        if (at < 0) at += size;
        if (at >= 0 && at < size) {
            if (object.is(Kind::range)) {
                out = Value::integer(object.range().start + at * object.range().step);
                return true;
            }
            if (!object.is(Kind::string)) {
                out = object.items()[static_cast<std::size_t>(at)];
                return true;
            }
            const std::string_view text = object.text();
            const std::size_t from = byte_of(text, static_cast<std::size_t>(at));
            out = object.piece(text.substr(from, utf8::decode(text, from).length));
            return true;
        }
    }
    std::string shown;
    if (!repr(key, shown)) return false;
    out = Value::undefined(fmt::format("{} has no element {}", object_name(object), shown));
    return true;
}

bool Interp::get_slice(const Value& object, const Value& start, const Value& stop, const Value& step, Value& out) {
    switch (object.kind()) {
        case Kind::undefined:
            return fail_undefined(object);
        case Kind::string:
            return slice_text(*this, object, start, stop, step, out);
        case Kind::list:
        case Kind::tuple: {
            SliceBounds bounds;
            const ListView items = object.items();
            if (!slice_bounds(*this, start, stop, step, static_cast<std::int64_t>(items.size()), bounds)) return false;
            std::vector<Value> kept;
            walk(bounds, [&](std::size_t i) { kept.push_back(items[i]); });
            return make_list(std::move(kept), out, object.kind());
        }
        case Kind::range: {
            SliceBounds bounds;
            const RangeObject& range = object.range();
            if (!slice_bounds(*this, start, stop, step, range.size(), bounds)) return false;
            auto result = make_object<RangeObject>();
            result->start = range.start + bounds.start * range.step;
            result->stop = range.start + bounds.stop * range.step;
            if (__builtin_mul_overflow(range.step, bounds.step, &result->step))
                return fail("the integer result does not fit 64 bits");
            out = Value(Kind::range, std::move(result));
            return true;
        }
        default:
            out = Value::undefined(fmt::format("{} cannot be sliced", object_name(object)));
            return true;
    }
}

bool Interp::call(const Value& callee, Args& args, Value& out) {
    if (!charge()) return false;
    if (callee.is(Kind::callable)) {
        const Ref<Object> keep = callee.object();
        return static_cast<CallableObject&>(*keep).call(*this, args, out);
    }
    if (callee.is(Kind::undefined)) return fail_undefined(callee);
    if (callee.is(Kind::object)) {
        bool callable = true;
        if (!callee.as<CustomObject>().call(*this, args, out, callable)) return false;
        if (callable) return true;
    }
    return fail(fmt::format("'{}' object is not callable", type_name(callee)));
}

Bound::Bound(Interp& interp, std::string_view function, Args& args, std::initializer_list<std::string_view> names,
             std::size_t required)
    : interp_(interp), function_(function) {
    std::copy(names.begin(), names.end(), names_);
    if (args.positional.size() > names.size()) {
        interp.fail(fmt::format("{}() takes at most {} arguments, but {} were given", function, names.size(),
                                args.positional.size()));
        return;
    }
    for (std::size_t i = 0; i < args.positional.size(); ++i) values_[i] = &args.positional[i];
    for (const auto& [name, value] : args.keywords) {
        const auto at = static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
        if (at == names.size() || values_[at]) {
            interp.fail(at == names.size() ? fmt::format("{}() got an unexpected keyword argument '{}'", function, name)
                                           : fmt::format("{}() got several values for argument '{}'", function, name));
            return;
        }
        values_[at] = &value;
    }
    for (std::size_t i = 0; i < required; ++i) {
        if (values_[i]) continue;
        interp.fail(fmt::format("{}() misses its argument '{}'", function, names_[i]));
        return;
    }
    ok_ = true;
}

bool Bound::integer(std::size_t i, std::int64_t& out) const {
    if (values_[i]->is_integral()) {
        out = values_[i]->as_integer();
        return true;
    }
    if (values_[i]->is(Kind::undefined)) return interp_.fail_undefined(*values_[i]);
    return interp_.fail(
        fmt::format("{}(): '{}' must be an integer, not {}", function_, names_[i], type_name(*values_[i])));
}

bool Bound::string(std::size_t i, std::string_view& out) const {
    if (values_[i]->is(Kind::string)) {
        out = values_[i]->text();
        return true;
    }
    if (values_[i]->is(Kind::undefined)) return interp_.fail_undefined(*values_[i]);
    return interp_.fail(
        fmt::format("{}(): '{}' must be a string, not {}", function_, names_[i], type_name(*values_[i])));
}

}  // namespace tenon::text::jinja
