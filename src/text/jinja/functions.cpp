// Global functions, and the objects they and for loops give: namespace, cycler, joiner, loop.
#include <fmt/format.h>

#include <ctime>
#include <unordered_map>

#include "text/jinja/builtins.hpp"
#include "text/jinja/loop.hpp"

namespace tenon::text::jinja {
namespace {

using Function = bool (*)(Interp&, Args&, Value&);

struct BuiltinFunction final : CallableObject {
    Function function = nullptr;
    bool call(Interp& interp, Args& args, Value& out) override { return function(interp, args, out); }
};

Value make_function(std::string_view name, Function function) {
    auto object = make_object<BuiltinFunction>();
    object->name = name;
    object->function = function;
    return {Kind::callable, std::move(object)};
}

/// A function bound to an object that outlives it.
struct ObjectMethod final : CallableObject {
    Ref<Object> self;
    bool (*function)(Interp&, Object&, Args&, Value&) = nullptr;
    bool call(Interp& interp, Args& args, Value& out) override { return function(interp, *self, args, out); }
};

Value make_method(Ref<Object> self, std::string_view name, bool (*function)(Interp&, Object&, Args&, Value&)) {
    auto object = make_object<ObjectMethod>();
    object->name = name;
    object->self = std::move(self);
    object->function = function;
    return {Kind::callable, std::move(object)};
}

bool range(Interp& interp, Args& args, Value& out) {
    static constexpr std::int64_t max_length = 100'000;  // as Jinja's sandbox
    static constexpr std::int64_t max_bound = std::int64_t{1} << 60;
    if (args.positional.empty() || args.positional.size() > 3 || !args.keywords.empty())
        return interp.fail("range takes one to three integers");
    std::int64_t bounds[3] = {0, 0, 1};
    for (std::size_t i = 0; i < args.positional.size(); ++i) {
        const Value& value = args.positional[i];
        if (value.is(Kind::undefined)) return interp.fail_undefined(value);
        if (!value.is_integral())
            return interp.fail(fmt::format("'{}' object cannot be interpreted as an integer", type_name(value)));
        bounds[i] = value.as_integer();
        if (bounds[i] > max_bound || bounds[i] < -max_bound)
            return interp.fail("range too big", ErrorCode::resource_exhausted);
    }
    if (args.positional.size() == 1) std::swap(bounds[0], bounds[1]);
    if (bounds[2] == 0) return interp.fail("range() arg 3 must not be zero");
    auto object = make_object<RangeObject>();
    object->start = bounds[0];
    object->stop = bounds[1];
    object->step = bounds[2];
    if (object->size() > max_length)
        return interp.fail(fmt::format("range too big: at most {} items are allowed", max_length),
                           ErrorCode::resource_exhausted);
    out = Value(Kind::range, std::move(object));
    return true;
}

/// What dict(...) and namespace(...) accept: a mapping or pairs, then keywords.
bool fill(Interp& interp, std::string_view function, const Args& args, DictObject& out) {
    if (args.positional.size() > 1)
        return interp.fail(fmt::format("{} expected at most 1 argument, got {}", function, args.positional.size()));
    if (!args.positional.empty()) {
        const Value& source = args.positional[0];
        if (source.is(Kind::dict)) {
            for (const auto& [key, value] : source.dict())
                if (!interp.set_key(out, key, value)) return false;
        } else {
            Items items;
            if (!interp.iterate(source, items)) return false;
            for (const Value& item : items.view()) {
                Items pair;
                if (!interp.iterate(item, pair)) return false;
                if (pair.view().size() != 2) return interp.fail(fmt::format("{} needs pairs", function));
                if (!interp.set_key(out, pair.view()[0], pair.view()[1])) return false;
            }
        }
    }
    for (const auto& [name, value] : args.keywords)
        if (!interp.set_key(out, Value::string(name), value)) return false;
    return true;
}

bool dict(Interp& interp, Args& args, Value& out) {
    auto object = make_object<DictObject>();
    return fill(interp, "dict", args, *object) && interp.make_dict(std::move(object), out);
}

bool make_namespace(Interp& interp, Args& args, Value& out) {
    DictObject attributes;
    if (!fill(interp, "namespace", args, attributes)) return false;
    for (const auto& [key, value] : attributes.entries)
        if (key.is(Kind::string) && key.text().starts_with('_'))
            return interp.fail("a namespace cannot hold names that begin with an underscore");
    out = interp.make_namespace(std::move(attributes));
    return true;
}

bool raise_exception(Interp& interp, Args& args, Value&) {
    const Bound bound(interp, "raise_exception", args, {"message"}, 1);
    std::string message;
    return bound.ok() && interp.to_string(bound[0], message) && interp.refuse(std::move(message));
}

bool strftime_now(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "strftime_now", args, {"format"}, 1);
    std::string_view format;
    if (!bound.ok() || !bound.string(0, format)) return false;
    if (format.size() > 1000) return interp.fail("strftime_now: the format is too long");
    const std::time_t seconds = std::chrono::system_clock::to_time_t(interp.now());
    const auto micros =
        std::chrono::duration_cast<std::chrono::microseconds>(interp.now().time_since_epoch()).count() % 1'000'000;
    std::tm local{};
    localtime_r(&seconds, &local);
    std::string text;
    for (std::size_t i = 0; i < format.size(); ++i) {
        if (format[i] != '%' || i + 1 >= format.size()) {
            text += format[i];
            continue;
        }
        std::size_t end = i + 1;
        if (std::string_view("-_0^#").find(format[end]) != std::string_view::npos && end + 1 < format.size()) ++end;
        const char directive = format[end];
        if (directive == 'f') {
            text += fmt::format("{:06}", micros < 0 ? micros + 1'000'000 : micros);
        } else if (directive != 'z' && directive != 'Z') {  // a naive datetime has no zone
            char buffer[128];
            const std::string one(format.substr(i, end + 1 - i));
            text.append(buffer, std::strftime(buffer, sizeof buffer, one.c_str(), &local));
        }
        i = end;
    }
    return interp.make_string(std::move(text), out);
}

struct Cycler final : CustomObject {
    std::vector<Value> items;
    std::size_t at = 0;

    bool attribute(Interp&, std::string_view name, Value& out, bool& found) override {
        found = true;
        if (name == "current")
            out = items[at];
        else if (name == "next")
            out = make_method(Ref<Object>(this), "next", [](Interp&, Object& object, Args&, Value& result) {
                auto& cycler = static_cast<Cycler&>(object);
                result = cycler.items[cycler.at];
                cycler.at = (cycler.at + 1) % cycler.items.size();
                return true;
            });
        else if (name == "reset")
            out = make_method(Ref<Object>(this), "reset", [](Interp&, Object& object, Args&, Value& result) {
                static_cast<Cycler&>(object).at = 0;
                result = Value::none();
                return true;
            });
        else
            found = false;
        return true;
    }
    [[nodiscard]] std::string describe() const override { return "<Cycler>"; }
};

bool make_cycler(Interp& interp, Args& args, Value& out) {
    if (args.positional.empty() || !args.keywords.empty()) return interp.fail("at least one item has to be provided");
    auto cycler = make_object<Cycler>();
    cycler->items.assign(args.positional.begin(), args.positional.end());
    out = Value(Kind::object, std::move(cycler));
    return true;
}

struct Joiner final : CallableObject {
    Value separator;
    bool used = false;
    bool call(Interp&, Args&, Value& out) override {
        out = std::exchange(used, true) ? separator : Value::string({});
        return true;
    }
};

bool make_joiner(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "joiner", args, {"sep"}, 0);
    if (!bound.ok()) return false;
    auto joiner = make_object<Joiner>();
    joiner->name = "joiner";
    joiner->separator = bound.at(0) ? bound[0] : Value::string(", ");
    out = Value(Kind::callable, std::move(joiner));
    return true;
}

}  // namespace

Value find_global(std::string_view name) {
    static const std::unordered_map<std::string_view, Function> table = {
        {"range", range},
        {"dict", dict},
        {"namespace", make_namespace},
        {"raise_exception", raise_exception},
        {"strftime_now", strftime_now},
        {"cycler", make_cycler},
        {"joiner", make_joiner},
    };
    const auto it = table.find(name);
    return it == table.end() ? Value() : make_function(name, it->second);
}

bool LoopObject::attribute(Interp&, std::string_view name, Value& out, bool& found) {
    found = true;
    const auto size = static_cast<std::int64_t>(items.view().size());
    const auto at = static_cast<std::int64_t>(index);
    if (name == "index")
        out = Value::integer(at + 1);
    else if (name == "index0")
        out = Value::integer(at);
    else if (name == "revindex")
        out = Value::integer(size - at);
    else if (name == "revindex0")
        out = Value::integer(size - at - 1);
    else if (name == "first")
        out = Value::boolean(at == 0);
    else if (name == "last")
        out = Value::boolean(at + 1 == size);
    else if (name == "length")
        out = Value::integer(size);
    else if (name == "depth")
        out = Value::integer(depth_);
    else if (name == "depth0")
        out = Value::integer(depth_ - 1);
    else if (name == "previtem")
        out = at > 0 ? items.view()[index - 1] : Value::undefined("there is no previous item");
    else if (name == "nextitem")
        out = at + 1 < size ? items.view()[index + 1] : Value::undefined("there is no next item");
    else if (name == "cycle")
        out = make_method(Ref<Object>(this), "cycle", [](Interp& i, Object& self, Args& args, Value& result) {
            return static_cast<LoopObject&>(self).cycle(i, args, result);
        });
    else if (name == "changed")
        out = make_method(Ref<Object>(this), "changed", [](Interp& i, Object& self, Args& args, Value& result) {
            return static_cast<LoopObject&>(self).changed(i, args, result);
        });
    else
        found = false;
    return true;
}

bool LoopObject::call(Interp& interp, Args& args, Value& out, bool& callable) {
    callable = true;
    if (!stmt_.recursive) return interp.fail("the loop is not marked 'recursive', so it cannot be called");
    if (args.positional.size() != 1 || !args.keywords.empty()) return interp.fail("loop() takes one iterable");
    std::string text;
    return interp.run_loop(stmt_, parent_, args.positional[0], depth_ + 1, &text) &&
           interp.make_string(std::move(text), out);
}

std::string LoopObject::describe() const { return fmt::format("<LoopContext {}/{}>", index + 1, items.view().size()); }

bool LoopObject::cycle(Interp& interp, Args& args, Value& out) const {
    if (args.positional.empty()) return interp.fail("no items for cycling given");
    out = args.positional[index % args.positional.size()];
    return true;
}

bool LoopObject::changed(Interp& interp, Args& args, Value& out) {
    Value now;
    if (!interp.make_list({args.positional.begin(), args.positional.end()}, now, Kind::tuple)) return false;
    bool same = false;
    if (last_checked_ && !interp.equal(*last_checked_, now, same)) return false;
    last_checked_ = std::move(now);
    out = Value::boolean(!same);
    return true;
}

}  // namespace tenon::text::jinja
