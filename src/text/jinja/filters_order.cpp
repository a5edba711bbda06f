// Filters that order and compare: sort, dictsort, unique, groupby, min, max, sum.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "text/jinja/chars.hpp"
#include "text/jinja/filters_util.hpp"

namespace tenon::text::jinja {
namespace {

/// Strings compare in lower case unless asked otherwise.
Value folded(const Value& value, bool case_sensitive) {
    return !case_sensitive && value.is(Kind::string) ? Value::string(to_lower(value.text())) : value;
}

struct Keyed {
    std::vector<Value> keys;
    Value item;
};

bool key_of(Interp& interp, const Value* attribute, bool case_sensitive, const Value& item, Value& out) {
    Value found = item;
    if (attribute && !follow(interp, *attribute, item, found)) return false;
    if (found.is(Kind::string) && !interp.charge_bytes(found.text().size())) return false;
    out = folded(found, case_sensitive);
    return true;
}

/// Stable, as Python's sorted; `reverse` keeps equal items in their order.
bool sort_keyed(Interp& interp, std::vector<Keyed>& items, bool reverse) {
    bool ok = true;
    const auto before = [&](const Keyed& a, const Keyed& b) {
        for (std::size_t i = 0; ok && i < a.keys.size(); ++i) {
            bool same = false, smaller = false;
            ok = interp.equal(a.keys[i], b.keys[i], same);
            if (!ok || same) continue;
            ok = interp.less(a.keys[i], b.keys[i], smaller);
            return ok && smaller;
        }
        return false;
    };
    if (reverse) std::ranges::reverse(items);
    std::ranges::stable_sort(items, before);
    if (reverse) std::ranges::reverse(items);
    return ok;
}

/// The attributes of "a,b.c", or null when the filter got none.
std::vector<Value> attribute_paths(const Bound& bound, std::size_t at) {
    std::vector<Value> paths;
    if (!bound.given(at)) return paths;
    if (!bound[at].is(Kind::string)) return {bound[at]};
    const std::string_view text = bound[at].text();
    for (std::size_t from = 0; from <= text.size();) {
        const std::size_t comma = std::min(text.find(',', from), text.size());
        paths.push_back(bound[at].piece(text.substr(from, comma - from)));
        from = comma + 1;
    }
    return paths;
}

bool sort(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "sort", args, {"value", "reverse", "case_sensitive", "attribute"}, 1);
    Items items;
    if (!bound.ok() || !interp.iterate(bound[0], items)) return false;
    const std::vector<Value> paths = attribute_paths(bound, 3);
    std::vector<Keyed> keyed;
    for (const Value& item : items.view()) {
        keyed.push_back({std::vector<Value>(std::max<std::size_t>(paths.size(), 1)), item});
        for (std::size_t i = 0; i < keyed.back().keys.size(); ++i) {
            const Value* path = paths.empty() ? nullptr : &paths[i];
            if (!key_of(interp, path, bound.flag(2), item, keyed.back().keys[i])) return false;
        }
    }
    if (!sort_keyed(interp, keyed, bound.flag(1))) return false;
    std::vector<Value> sorted;
    for (Keyed& entry : keyed) sorted.push_back(std::move(entry.item));
    return interp.make_list(std::move(sorted), out);
}

bool dict_sort(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "dictsort", args, {"value", "case_sensitive", "by", "reverse"}, 1);
    if (!bound.ok()) return false;
    if (bound[0].is(Kind::undefined)) return interp.fail_undefined(bound[0]);
    if (!bound[0].is(Kind::dict)) return interp.fail("dictsort needs a mapping");
    std::string_view by = "key";
    if (bound.at(2) && !bound.string(2, by)) return false;
    if (by != "key" && by != "value") return interp.fail("you can only sort by either \"key\" or \"value\"");
    std::vector<Keyed> keyed;
    for (const auto& [key, value] : bound[0].dict()) {
        Value pair;
        if (!interp.make_list({key, value}, pair, Kind::tuple)) return false;
        keyed.push_back({{folded(by == "key" ? key : value, bound.flag(1))}, std::move(pair)});
    }
    if (!sort_keyed(interp, keyed, bound.flag(3))) return false;
    std::vector<Value> sorted;
    for (Keyed& entry : keyed) sorted.push_back(std::move(entry.item));
    return interp.make_list(std::move(sorted), out);
}

bool unique(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "unique", args, {"value", "case_sensitive", "attribute"}, 1);
    Items items;
    if (!bound.ok() || !interp.iterate(bound[0], items)) return false;
    std::unordered_set<Value, ValueHash, ValueKeyEqual> seen;
    std::vector<Value> kept;
    for (const Value& item : items.view()) {
        Value key;
        if (!key_of(interp, bound.given(2) ? bound.at(2) : nullptr, bound.flag(1), item, key)) return false;
        if (!hashable(key)) return interp.fail(fmt::format("unhashable type: '{}'", type_name(key)));
        if (seen.insert(std::move(key)).second) kept.push_back(item);
    }
    return interp.make_generator(std::move(kept), out);
}

bool group_by(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "groupby", args, {"value", "attribute", "default", "case_sensitive"}, 2);
    Items items;
    if (!bound.ok() || !interp.iterate(bound[0], items)) return false;
    const auto raw_key = [&](const Value& item, Value& key) {
        if (!follow(interp, bound[1], item, key)) return false;
        if (key.is(Kind::undefined) && bound.given(2)) key = bound[2];
        return true;
    };
    std::vector<Keyed> keyed;
    for (const Value& item : items.view()) {
        Value key;
        if (!raw_key(item, key)) return false;
        keyed.push_back({{folded(key, bound.flag(3))}, item});
    }
    if (!sort_keyed(interp, keyed, false)) return false;
    std::vector<Value> groups;
    for (std::size_t start = 0; start < keyed.size();) {
        std::vector<Value> members;
        std::size_t end = start;
        bool same = true;
        while (end < keyed.size()) {
            if (!interp.equal(keyed[start].keys[0], keyed[end].keys[0], same)) return false;
            if (!same) break;
            members.push_back(keyed[end++].item);
        }
        Value key, list, group;
        if (!raw_key(members.front(), key) || !interp.make_list(std::move(members), list) ||
            !interp.make_list({std::move(key), std::move(list)}, group, Kind::tuple))
            return false;
        group.as<ListObject>().group = true;
        groups.push_back(std::move(group));
        start = end;
    }
    return interp.make_list(std::move(groups), out);
}

template <bool largest>
bool extreme(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, largest ? "max" : "min", args, {"value", "case_sensitive", "attribute"}, 1);
    Items items;
    if (!bound.ok() || !interp.iterate(bound[0], items)) return false;
    out = Value::undefined("no aggregated item, the sequence was empty");
    Value best;
    for (std::size_t i = 0; i < items.view().size(); ++i) {
        Value key;
        if (!key_of(interp, bound.given(2) ? bound.at(2) : nullptr, bound.flag(1), items.view()[i], key)) return false;
        bool better = i == 0;
        if (i > 0 && !(largest ? interp.less(best, key, better) : interp.less(key, best, better))) return false;
        if (!better) continue;
        best = std::move(key);
        out = items.view()[i];
    }
    return true;
}

bool sum(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "sum", args, {"iterable", "attribute", "start"}, 1);
    Items items;
    if (!bound.ok() || !interp.iterate(bound[0], items)) return false;
    Value total = bound.at(2) ? bound[2] : Value::integer(0);
    for (const Value& item : items.view()) {
        Value addend = item, result;
        if (bound.given(1) && !follow(interp, bound[1], item, addend)) return false;
        if (!interp.binary(Op::add, total, addend, result)) return false;
        total = std::move(result);
    }
    out = std::move(total);
    return true;
}

}  // namespace

FilterFn find_order_filter(std::string_view name) noexcept {
    static const std::unordered_map<std::string_view, FilterFn> table = {
        {"sort", sort},          {"dictsort", dict_sort}, {"unique", unique}, {"groupby", group_by},
        {"min", extreme<false>}, {"max", extreme<true>},  {"sum", sum},
    };
    const auto it = table.find(name);
    return it == table.end() ? nullptr : it->second;
}

}  // namespace tenon::text::jinja
