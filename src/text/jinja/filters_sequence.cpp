// Filters over sequences: mapping, selecting, grouping into lines, joining.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "tenon/base/utf8.hpp"
#include "text/jinja/filters_util.hpp"

namespace tenon::text::jinja {

bool follow(Interp& interp, const Value& path, const Value& item, Value& out) {
    out = item;
    if (path.is(Kind::none)) return true;
    if (!path.is(Kind::string)) {
        Value inner;
        if (!interp.get_item(out, path, inner)) return false;
        out = std::move(inner);
        return true;
    }
    const std::string_view text = path.text();
    for (std::size_t from = 0; from <= text.size();) {
        const std::size_t dot = std::min(text.find('.', from), text.size());
        const std::string_view part = text.substr(from, dot - from);
        const bool digits =
            !part.empty() && part.size() < 18 && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
        Value inner;
        if (!interp.get_item(out, digits ? Value::integer(std::stoll(std::string(part))) : path.piece(part), inner))
            return false;
        out = std::move(inner);
        from = dot + 1;
    }
    return true;
}

namespace {

bool map(Interp& interp, Args& args, Value& out) {
    const Value sequence = args.positional[0];
    std::vector<Value> results;
    if (!truth(sequence)) return interp.make_generator(std::move(results), out);
    Items items;
    if (args.positional.size() == 1) {
        const Value *attribute = nullptr, *otherwise = nullptr;
        for (const auto& [name, value] : args.keywords) {
            if (name == "attribute")
                attribute = &value;
            else if (name == "default")
                otherwise = &value;
            else
                return interp.fail(fmt::format("map: unexpected keyword argument '{}'", name));
        }
        if (!attribute) return interp.fail("map requires a filter argument");
        if (!interp.iterate(sequence, items)) return false;
        for (const Value& item : items.view()) {
            results.emplace_back();
            if (!follow(interp, *attribute, item, results.back())) return false;
            if (otherwise && !otherwise->is(Kind::none) && results.back().is(Kind::undefined))
                results.back() = *otherwise;
        }
        return interp.make_generator(std::move(results), out);
    }
    if (!args.positional[1].is(Kind::string)) return interp.fail("map: the filter name must be a string");
    if (!interp.iterate(sequence, items)) return false;
    for (const Value& item : items.view()) {
        Args call;
        call.positional.push_back(item);
        call.positional.insert(call.positional.end(), args.positional.begin() + 2, args.positional.end());
        call.keywords = args.keywords;
        results.emplace_back();
        if (!interp.call_filter(args.positional[1].text(), call, results.back())) return false;
    }
    return interp.make_generator(std::move(results), out);
}

template <bool keep, bool by_attribute>
bool select(Interp& interp, Args& args, Value& out) {
    const Value sequence = args.positional[0];
    std::vector<Value> results;
    if (!truth(sequence)) return interp.make_generator(std::move(results), out);
    constexpr std::size_t offset = by_attribute ? 2 : 1;
    if (args.positional.size() < offset) return interp.fail("missing parameter for attribute name");
    Items items;
    if (!interp.iterate(sequence, items)) return false;
    for (const Value& item : items.view()) {
        Value subject = item;
        if constexpr (by_attribute)
            if (!follow(interp, args.positional[1], item, subject)) return false;
        bool holds = truth(subject);
        if (args.positional.size() > offset) {
            if (!args.positional[offset].is(Kind::string)) return interp.fail("the test name must be a string");
            Args call;
            call.positional.push_back(subject);
            call.positional.insert(call.positional.end(),
                                   args.positional.begin() + static_cast<std::ptrdiff_t>(offset) + 1,
                                   args.positional.end());
            call.keywords = args.keywords;
            if (!interp.call_test(args.positional[offset].text(), call, holds)) return false;
        }
        if (holds == keep) results.push_back(item);
    }
    return interp.make_generator(std::move(results), out);
}

bool join(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "join", args, {"value", "d", "attribute"}, 1);
    std::string separator, text;
    Items items;
    if (!bound.ok() || (bound.at(1) && !interp.to_string(bound[1], separator)) || !interp.iterate(bound[0], items))
        return false;
    bool first = true;
    for (const Value& item : items.view()) {
        if (!first) text += separator;
        first = false;
        Value part = item;
        if (bound.given(2) && !follow(interp, bound[2], item, part)) return false;
        if (!interp.to_string(part, text)) return false;
    }
    return interp.make_string(std::move(text), out);
}

bool to_list(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "list", args, {"value"}, 1);
    Items items;
    return bound.ok() && interp.iterate(bound[0], items) && interp.make_list(items.view().all(), out);
}

bool length(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "length", args, {"obj"}, 1);
    std::int64_t count = 0;
    if (!bound.ok() || !interp.length(bound[0], count)) return false;
    out = Value::integer(count);
    return true;
}

bool first(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "first", args, {"seq"}, 1);
    if (!bound.ok()) return false;
    if (bound[0].is(Kind::generator)) {  // takes one item and leaves the rest
        auto& generator = bound[0].as<GeneratorObject>();
        if (generator.next < generator.items.size()) {
            out = generator.items[generator.next++];
            return true;
        }
    }
    Items items;
    if (!interp.iterate(bound[0], items)) return false;
    out = items.view().empty() ? Value::undefined("no first item, the sequence was empty") : items.view().front();
    return true;
}

bool last(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "last", args, {"seq"}, 1);
    if (!bound.ok()) return false;
    if (bound[0].is(Kind::generator)) return interp.fail("'generator' object is not reversible");
    Items items;
    if (!interp.iterate(bound[0], items)) return false;
    out = items.view().empty() ? Value::undefined("no last item, the sequence was empty") : items.view().back();
    return true;
}

bool reverse(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "reverse", args, {"value"}, 1);
    if (!bound.ok()) return false;
    if (bound[0].is(Kind::string)) {
        std::u32string characters = utf8::to_utf32(bound[0].text());
        std::ranges::reverse(characters);
        return interp.make_string(utf8::from_utf32(characters), out);
    }
    Items items;
    if (!interp.iterate(bound[0], items)) return false;
    std::vector<Value> reversed = items.view().all();
    std::ranges::reverse(reversed);
    if (bound[0].is(Kind::generator)) return interp.make_list(std::move(reversed), out);
    return interp.make_generator(std::move(reversed), out);
}

bool items_filter(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "items", args, {"value"}, 1);
    if (!bound.ok()) return false;
    std::vector<Value> pairs;
    if (!bound[0].is(Kind::undefined)) {
        if (!bound[0].is(Kind::dict)) return interp.fail("can only get item pairs from a mapping");
        for (const auto& [key, value] : bound[0].dict()) {
            pairs.emplace_back();
            if (!interp.make_list({key, value}, pairs.back(), Kind::tuple)) return false;
        }
    }
    return interp.make_generator(std::move(pairs), out);
}

bool batch(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "batch", args, {"value", "linecount", "fill_with"}, 2);
    std::int64_t count = 0;
    Items items;
    if (!bound.ok() || !bound.integer(1, count) || !interp.iterate(bound[0], items)) return false;
    std::vector<Value> rows, row;
    const auto flush = [&] {
        rows.emplace_back();
        return interp.make_list(std::exchange(row, {}), rows.back());
    };
    for (const Value& item : items.view()) {
        if (static_cast<std::int64_t>(row.size()) == count && !flush()) return false;
        row.push_back(item);
    }
    if (!row.empty()) {
        if (bound.given(2) && static_cast<std::int64_t>(row.size()) < count) {
            if (!interp.charge_items(static_cast<std::size_t>(count))) return false;
            row.resize(static_cast<std::size_t>(count), bound[2]);
        }
        if (!flush()) return false;
    }
    return interp.make_generator(std::move(rows), out);
}

bool slice(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "slice", args, {"value", "slices", "fill_with"}, 2);
    std::int64_t slices = 0;
    Items items;
    if (!bound.ok() || !bound.integer(1, slices) || !interp.iterate(bound[0], items)) return false;
    if (slices == 0) return interp.fail("integer division or modulo by zero");
    if (slices < 0) return interp.make_generator({}, out);
    if (!interp.charge_items(static_cast<std::size_t>(slices) * 2)) return false;
    const auto count = static_cast<std::size_t>(slices);
    const std::size_t each = items.view().size() / count, extra = items.view().size() % count;
    std::vector<Value> rows;
    std::size_t at = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t end = at + each + (i < extra ? 1 : 0);
        std::vector<Value> row = items.view().part(at, end);
        if (bound.given(2) && i >= extra) row.push_back(bound[2]);
        at = end;
        rows.emplace_back();
        if (!interp.make_list(std::move(row), rows.back())) return false;
    }
    return interp.make_generator(std::move(rows), out);
}

bool default_filter(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "default", args, {"value", "default_value", "boolean"}, 1);
    if (!bound.ok()) return false;
    if (bound[0].is(Kind::undefined) || (bound.flag(2) && !truth(bound[0])))
        out = bound.at(1) ? bound[1] : Value::string({});
    else
        out = bound[0];
    return true;
}

bool attr(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "attr", args, {"obj", "name"}, 2);
    if (!bound.ok()) return false;
    std::string_view name;
    if (!bound.string(1, name)) return false;
    if (bound[0].is(Kind::dict)) {  // attributes only, never items
        if (!find_methods(name).of_dict) {
            out = Value::undefined_attribute(bound[0], bound[1]);
            return true;
        }
    }
    return interp.get_attribute(bound[0], bound[1], out);
}

}  // namespace

FilterFn find_sequence_filter(std::string_view name) noexcept {
    static const std::unordered_map<std::string_view, FilterFn> table = {
        {"map", map},
        {"select", select<true, false>},
        {"reject", select<false, false>},
        {"selectattr", select<true, true>},
        {"rejectattr", select<false, true>},
        {"join", join},
        {"list", to_list},
        {"length", length},
        {"count", length},
        {"first", first},
        {"last", last},
        {"reverse", reverse},
        {"items", items_filter},
        {"batch", batch},
        {"slice", slice},
        {"default", default_filter},
        {"d", default_filter},
        {"attr", attr},
    };
    const auto it = table.find(name);
    return it == table.end() ? nullptr : it->second;
}

FilterFn find_filter(std::string_view name) noexcept {
    for (const auto find : {find_text_filter, find_sequence_filter, find_order_filter, find_number_filter})
        if (const FilterFn filter = find(name)) return filter;
    return nullptr;
}

}  // namespace tenon::text::jinja
