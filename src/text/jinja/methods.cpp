// Methods of dicts, lists and tuples, and the table of all methods.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "text/jinja/builtins.hpp"
#include "text/jinja/interp.hpp"
#include "text/jinja/string_methods.hpp"

namespace tenon::text::jinja {
namespace {

bool view_of(Interp& interp, const Value& self, Args& args, ViewObject::Part part, Value& out) {
    if (!args.positional.empty() || !args.keywords.empty()) return interp.fail("the method takes no arguments");
    auto view = make_object<ViewObject>();
    view->dict = self;
    view->part = part;
    out = Value(Kind::view, std::move(view));
    return true;
}

bool dict_get(Interp& interp, const Value& self, Args& args, Value& out) {
    if (args.positional.empty() || args.positional.size() > 2 || !args.keywords.empty())
        return interp.fail("dict.get() takes a key and a default");
    if (!hashable(args.positional[0]))
        return interp.fail(fmt::format("unhashable type: '{}'", type_name(args.positional[0])));
    if (!self.dict().find(args.positional[0], out))
        out = args.positional.size() > 1 ? args.positional[1] : Value::none();
    return true;
}

bool copy(Interp&, const Value& self, Args&, Value& out) {
    out = self;  // dicts and lists do not change, so a copy is the same
    return true;
}

bool sequence_count(Interp& interp, const Value& self, Args& args, Value& out) {
    const Bound bound(interp, "count", args, {"value"}, 1);
    if (!bound.ok()) return false;
    std::int64_t count = 0;
    for (const Value& item : self.items()) {
        bool same = false;
        if (!interp.equal(item, bound[0], same)) return false;
        count += same ? 1 : 0;
    }
    out = Value::integer(count);
    return true;
}

bool sequence_index(Interp& interp, const Value& self, Args& args, Value& out) {
    const Bound bound(interp, "index", args, {"value", "start", "stop"}, 1);
    if (!bound.ok()) return false;
    const auto size = static_cast<std::int64_t>(self.items().size());
    std::int64_t start = 0, stop = size;
    if (bound.at(1) && !bound.integer(1, start)) return false;
    if (bound.at(2) && !bound.integer(2, stop)) return false;
    if (start < 0) start = std::max<std::int64_t>(start + size, 0);
    if (stop < 0) stop += size;
    for (std::int64_t i = start; i < std::min(stop, size); ++i) {
        bool same = false;
        if (!interp.equal(self.items()[static_cast<std::size_t>(i)], bound[0], same)) return false;
        if (!same) continue;
        out = Value::integer(i);
        return true;
    }
    return interp.fail("the value is not in the list");
}

using Table = std::unordered_map<std::string_view, MethodFn>;

const Table& dict_methods() {
    static const Table table = {
        {"get", dict_get},
        {"copy", copy},
        {"items",
         [](Interp& i, const Value& s, Args& a, Value& o) { return view_of(i, s, a, ViewObject::Part::items, o); }},
        {"keys",
         [](Interp& i, const Value& s, Args& a, Value& o) { return view_of(i, s, a, ViewObject::Part::keys, o); }},
        {"values",
         [](Interp& i, const Value& s, Args& a, Value& o) { return view_of(i, s, a, ViewObject::Part::values, o); }},
    };
    return table;
}

}  // namespace

Methods find_methods(std::string_view name) noexcept {
    static constexpr std::string_view dict_refused[] = {"clear", "pop", "popitem", "setdefault", "update"};
    static constexpr std::string_view list_refused[] = {"append", "clear", "pop",    "reverse",
                                                        "insert", "sort",  "extend", "remove"};
    Methods methods;
    methods.of_string = find_string_method(name);
    const auto it = dict_methods().find(name);
    methods.of_dict = it == dict_methods().end() ? nullptr : it->second;
    methods.refused_by_dict = std::ranges::find(dict_refused, name) != std::end(dict_refused);
    methods.of_tuple = name == "count" ? sequence_count : name == "index" ? sequence_index : nullptr;
    methods.of_list = name == "copy" ? copy : methods.of_tuple;
    methods.refused_by_list = std::ranges::find(list_refused, name) != std::end(list_refused);
    return methods;
}

}  // namespace tenon::text::jinja
