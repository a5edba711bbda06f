// Filters over text: case, trimming, replacing, wrapping, escaping, JSON.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "tenon/base/utf8.hpp"
#include "text/jinja/chars.hpp"
#include "text/jinja/filters_util.hpp"
#include "text/jinja/format.hpp"
#include "text/jinja/string_methods.hpp"

namespace tenon::text::jinja {

bool soft_text(Interp& interp, const Value& value, std::string& out) { return interp.to_string(value, out); }

namespace {

template <std::string (*transform)(std::string_view)>
bool transformed(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "the filter", args, {"s"}, 1);
    std::string text;
    return bound.ok() && soft_text(interp, bound[0], text) && interp.charge_bytes(text.size() * 4) &&
           interp.make_string(transform(text), out);
}

/// The title filter: a word begins after whitespace, '-' or an opening bracket, unlike in str.title.
std::string title_words(std::string_view text) {
    std::string out;
    std::size_t word = 0;
    const auto flush = [&](std::size_t end) {
        if (word == end) return;
        const std::string_view piece = text.substr(word, end - word);
        const std::size_t first = utf8::decode(piece, 0).length;
        out += to_upper(piece.substr(0, first));
        out += to_lower(piece.substr(first));
    };
    for (std::size_t i = 0; i < text.size();) {
        const utf8::Decoded c = utf8::decode(text, i);
        const bool separator =
            is_space(c.code_point) || std::u32string_view(U"-({[<").find(c.code_point) != std::u32string_view::npos;
        if (separator) {
            flush(i);
            out += text.substr(i, c.length);
            word = i + c.length;
        }
        i += c.length;
    }
    flush(text.size());
    return out;
}

bool trim(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "trim", args, {"value", "chars"}, 1);
    if (!bound.ok()) return false;
    Value subject = bound[0];
    if (!subject.is(Kind::string)) {
        std::string text;
        if (!soft_text(interp, bound[0], text)) return false;
        subject = Value::string(std::move(text));
    }
    std::string_view kept = subject.text();
    if (!interp.charge(kept.size() / 32)) return false;
    if (bound.given(1)) {
        std::string_view chars;
        if (!bound.string(1, chars)) return false;
        kept = strip_right(strip_left(kept, chars), chars);
    } else {
        kept = strip_right(strip_left(kept));
    }
    out = subject.piece(kept);
    return true;
}

bool replace(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "replace", args, {"s", "old", "new", "count"}, 3);
    std::string text, old, with;
    std::int64_t count = -1;
    if (!bound.ok() || !soft_text(interp, bound[0], text) || !soft_text(interp, bound[1], old) ||
        !soft_text(interp, bound[2], with))
        return false;
    if (bound.given(3) && !bound.integer(3, count)) return false;
    return replace_text(interp, text, old, with, count, out);
}

bool format(Interp& interp, Args& args, Value& out) {
    if (args.positional.size() > 1 && !args.keywords.empty())
        return interp.fail("can't handle positional and keyword arguments at the same time");
    std::string pattern, text;
    if (!soft_text(interp, args.positional[0], pattern)) return false;
    Value values;
    if (args.keywords.empty()) {
        std::vector<Value> rest(args.positional.begin() + 1, args.positional.end());
        if (!interp.make_list(std::move(rest), values, Kind::tuple)) return false;
    } else {
        auto dict = make_object<DictObject>();
        for (const auto& [name, value] : args.keywords) dict->set(Value::string(name), value);
        if (!interp.make_dict(std::move(dict), values)) return false;
    }
    return percent_format(interp, pattern, values, text) && interp.make_string(std::move(text), out);
}

bool indent(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "indent", args, {"s", "width", "first", "blank"}, 1);
    if (!bound.ok()) return false;
    if (bound[0].is(Kind::undefined)) return interp.fail_undefined(bound[0]);
    std::string_view text;
    if (!bound.string(0, text)) return false;
    std::string margin(4, ' ');
    if (bound.at(1)) {
        if (bound[1].is(Kind::string)) {
            margin = bound[1].text();
        } else {
            std::int64_t width = 0;
            if (!bound.integer(1, width)) return false;
            if (!interp.charge_bytes(static_cast<std::size_t>(std::max<std::int64_t>(width, 0)))) return false;
            margin.assign(static_cast<std::size_t>(std::max<std::int64_t>(width, 0)), ' ');
        }
    }
    const std::string whole = std::string(text) + "\n";
    const bool blank = bound.flag(3);
    std::string result = bound.flag(2) ? margin : std::string();
    bool first = true;
    for (const std::string_view line : split_lines(whole)) {
        if (!first) {
            result += '\n';
            if (blank || !line.empty()) result += margin;
        }
        first = false;
        result += line;
        if (!interp.check_size(result.size())) return false;
    }
    return interp.make_string(std::move(result), out);
}

bool truncate(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "truncate", args, {"s", "length", "killwords", "end", "leeway"}, 1);
    std::string_view text, end = "...";
    std::int64_t length = 255, leeway = 5;
    if (!bound.ok() || !bound.string(0, text)) return false;
    if ((bound.at(1) && !bound.integer(1, length)) || (bound.at(3) && !bound.string(3, end)) ||
        (bound.given(4) && !bound.integer(4, leeway)))
        return false;
    const auto end_length = static_cast<std::int64_t>(utf8::length(end));
    if (length < end_length) return interp.fail(fmt::format("expected length >= {}, got {}", end_length, length));
    if (leeway < 0) return interp.fail("expected leeway >= 0");
    if (static_cast<std::int64_t>(utf8::length(text)) <= length + leeway) {
        out = bound[0];
        return true;
    }
    std::string_view kept = text.substr(0, byte_of(text, static_cast<std::size_t>(length - end_length)));
    if (!bound.flag(2)) kept = kept.substr(0, std::min(kept.rfind(' '), kept.size()));
    return interp.make_string(std::string(kept) + std::string(end), out);
}

/// Pieces that a line may break between: runs of whitespace, words, and words cut after their hyphens.
std::vector<std::string_view> wrap_chunks(std::string_view line, bool hyphens) {
    std::vector<std::string_view> chunks;
    const auto letter_at = [&](std::size_t at) {
        return at < line.size() && is_class(line.substr(at, utf8::decode(line, at).length), Class::alnum);
    };
    std::size_t start = 0;
    bool in_space = false;
    for (std::size_t i = 0; i < line.size();) {
        const utf8::Decoded c = utf8::decode(line, i);
        const bool space = c.code_point == ' ' || (c.code_point >= 9 && c.code_point <= 13);
        if (space != in_space && i > start) {
            chunks.push_back(line.substr(start, i - start));
            start = i;
        }
        in_space = space;
        if (hyphens && c.code_point == '-' && i > start + 1 && letter_at(i - 1) && letter_at(i + 1)) {
            chunks.push_back(line.substr(start, i + 1 - start));
            start = i + 1;
        }
        i += c.length;
    }
    if (start < line.size()) chunks.push_back(line.substr(start));
    return chunks;
}

bool wordwrap(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "wordwrap", args, {"s", "width", "break_long_words", "wrapstring", "break_on_hyphens"},
                      1);
    std::string_view text, newline = "\n";
    std::int64_t width = 79;
    if (!bound.ok() || !bound.string(0, text) || (bound.at(1) && !bound.integer(1, width)) ||
        (bound.given(3) && !bound.string(3, newline)))
        return false;
    if (width <= 0) return interp.fail("wordwrap: width must be positive");
    if (!interp.charge_bytes(text.size() * 8)) return false;
    const bool break_long = bound.flag(2, true);
    std::vector<std::string> lines;
    for (const std::string_view line : split_lines(text)) {
        std::vector<std::string_view> chunks = wrap_chunks(line, bound.flag(4, true));
        std::ranges::reverse(chunks);
        const auto blank = [](std::string_view chunk) { return strip_left(chunk).empty(); };
        bool any = false;
        while (!chunks.empty()) {
            if (any && blank(chunks.back())) chunks.pop_back();
            std::vector<std::string_view> current;
            std::int64_t used = 0;
            while (!chunks.empty()) {
                const auto length = static_cast<std::int64_t>(utf8::length(chunks.back()));
                if (used + length > width) break;
                current.push_back(chunks.back());
                chunks.pop_back();
                used += length;
            }
            if (!chunks.empty() && static_cast<std::int64_t>(utf8::length(chunks.back())) > width) {
                if (break_long) {
                    const auto room = static_cast<std::size_t>(std::max<std::int64_t>(width - used, 1));
                    const std::size_t cut = byte_of(chunks.back(), room);
                    current.push_back(chunks.back().substr(0, cut));
                    chunks.back().remove_prefix(cut);
                } else if (current.empty()) {
                    current.push_back(chunks.back());
                    chunks.pop_back();
                }
            }
            if (!current.empty() && blank(current.back())) current.pop_back();
            if (current.empty()) continue;
            any = true;
            lines.emplace_back();
            for (const std::string_view chunk : current) lines.back() += chunk;
        }
        if (!any) lines.emplace_back();
    }
    std::string result;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (i > 0) result += newline;
        result += lines[i];
    }
    return interp.make_string(std::move(result), out);
}

bool center(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "center", args, {"value", "width"}, 1);
    std::string text;
    if (!bound.ok() || !soft_text(interp, bound[0], text)) return false;
    Args method;
    method.positional.push_back(bound.at(1) ? bound[1] : Value::integer(80));
    return find_string_method("center")(interp, Value::string(std::move(text)), method, out);
}

bool word_count(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "wordcount", args, {"s"}, 1);
    std::string text;
    if (!bound.ok() || !soft_text(interp, bound[0], text)) return false;
    std::int64_t words = 0;
    bool inside = false;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = utf8::decode(text, i).length;
        const bool word = text[i] == '_' || is_class(std::string_view(text).substr(i, length), Class::alnum);
        words += word && !inside ? 1 : 0;
        inside = word;
        i += length;
    }
    out = Value::integer(words);
    return true;
}

bool escape(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "escape", args, {"s"}, 1);
    std::string text;
    if (!bound.ok() || !soft_text(interp, bound[0], text) || !interp.charge_bytes(text.size() * 5)) return false;
    out = Value::string(bound[0].markup() ? std::move(text) : escape_html(text), true);
    return true;
}

bool force_escape(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "forceescape", args, {"value"}, 1);
    std::string text;
    if (!bound.ok() || !soft_text(interp, bound[0], text) || !interp.charge_bytes(text.size() * 5)) return false;
    out = Value::string(escape_html(text), true);
    return true;
}

bool safe(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "safe", args, {"value"}, 1);
    std::string text;
    if (!bound.ok() || !soft_text(interp, bound[0], text)) return false;
    out = Value::string(std::move(text), true);
    return true;
}

bool to_text(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "string", args, {"object"}, 1);
    if (!bound.ok()) return false;
    if (bound[0].is(Kind::string)) {
        out = bound[0];
        return true;
    }
    std::string text;
    return soft_text(interp, bound[0], text) && interp.make_string(std::move(text), out);
}

bool pprint(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "pprint", args, {"value"}, 1);
    std::string text;
    return bound.ok() && interp.repr(bound[0], text) && interp.make_string(std::move(text), out);
}

bool url_quote(Interp& interp, const Value& value, bool query, std::string& out) {
    std::string text;
    if (!soft_text(interp, value, text) || !interp.charge_bytes(text.size() * 3)) return false;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                           c == '.' || c == '-' || c == '~' || (c == '/' && !query);
        if (plain)
            out += c;
        else if (c == ' ' && query)
            out += '+';
        else
            out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
    return true;
}

bool url_encode(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "urlencode", args, {"value"}, 1);
    if (!bound.ok()) return false;
    const Value& value = bound[0];
    std::string text;
    if (!value.is(Kind::dict) && !value.is(Kind::list) && !value.is(Kind::tuple) && !value.is(Kind::view)) {
        return url_quote(interp, value, false, text) && interp.make_string(std::move(text), out);
    }
    const auto pair = [&](const Value& key, const Value& item) {
        if (!text.empty()) text += '&';
        if (!url_quote(interp, key, true, text)) return false;
        text += '=';
        return url_quote(interp, item, true, text);
    };
    if (value.is(Kind::dict)) {
        for (const auto& [key, item] : value.dict())
            if (!pair(key, item)) return false;
    } else {
        Items items;
        if (!interp.iterate(value, items)) return false;
        for (const Value& item : items.view()) {
            Items both;
            if (!interp.iterate(item, both)) return false;
            if (both.view().size() != 2) return interp.fail("urlencode needs pairs");
            if (!pair(both.view()[0], both.view()[1])) return false;
        }
    }
    return interp.make_string(std::move(text), out);
}

bool strip_tags(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "striptags", args, {"value"}, 1);
    std::string text;
    if (!bound.ok() || !soft_text(interp, bound[0], text)) return false;
    const auto cut = [&text](std::string_view open, std::string_view close) {
        std::string kept;
        std::size_t from = 0;
        for (;;) {
            const std::size_t start = text.find(open, from);
            const std::size_t end = start == std::string::npos ? start : text.find(close, start + open.size());
            if (end == std::string::npos) break;
            kept += text.substr(from, start - from);
            from = end + close.size();
        }
        text = kept + text.substr(from);
    };
    cut("<!--", "-->");
    cut("<", ">");
    std::string joined;
    for (const std::string_view word : split_space(text, -1)) {
        if (!joined.empty()) joined += ' ';
        joined += word;
    }
    static constexpr std::pair<std::string_view, std::string_view> entities[] = {
        {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#34;", "\""}, {"&#39;", "'"}, {"&amp;", "&"}};
    for (const auto& [entity, character] : entities) {
        Value replaced;
        if (!replace_text(interp, joined, entity, character, -1, replaced)) return false;
        joined = replaced.text();
    }
    return interp.make_string(std::move(joined), out);
}

/// As transformers overrides it: tojson(ensure_ascii, indent, separators, sort_keys), no HTML escaping.
bool to_json_filter(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "tojson", args, {"x", "ensure_ascii", "indent", "separators", "sort_keys"}, 1);
    if (!bound.ok()) return false;
    JsonStyle style;
    style.ensure_ascii = bound.flag(1);
    style.sort_keys = bound.flag(4);
    if (bound.given(2)) {
        style.multiline = true;
        style.item_separator = ",";
        if (bound[2].is(Kind::string)) {
            style.indent = bound[2].text();
        } else {
            std::int64_t width = 0;
            if (!bound.integer(2, width)) return false;
            if (width > 1000) return interp.fail("the indent is too wide", ErrorCode::resource_exhausted);
            style.indent.assign(static_cast<std::size_t>(std::max<std::int64_t>(width, 0)), ' ');
        }
    }
    if (bound.given(3)) {
        Items items;
        if (!interp.iterate(bound[3], items)) return false;
        if (items.view().size() != 2 || !items.view()[0].is(Kind::string) || !items.view()[1].is(Kind::string))
            return interp.fail("tojson: separators must be two strings");
        style.item_separator = items.view()[0].text();
        style.key_separator = items.view()[1].text();
    }
    std::string text;
    return to_json(interp, bound[0], style, text) && interp.make_string(std::move(text), out);
}

}  // namespace

FilterFn find_text_filter(std::string_view name) noexcept {
    static const std::unordered_map<std::string_view, FilterFn> table = {
        {"upper", transformed<to_upper>},
        {"lower", transformed<to_lower>},
        {"capitalize", transformed<capitalize>},
        {"title", transformed<title_words>},
        {"trim", trim},
        {"replace", replace},
        {"format", format},
        {"indent", indent},
        {"truncate", truncate},
        {"wordwrap", wordwrap},
        {"center", center},
        {"wordcount", word_count},
        {"escape", escape},
        {"e", escape},
        {"forceescape", force_escape},
        {"safe", safe},
        {"string", to_text},
        {"pprint", pprint},
        {"urlencode", url_encode},
        {"striptags", strip_tags},
        {"tojson", to_json_filter},
    };
    const auto it = table.find(name);
    return it == table.end() ? nullptr : it->second;
}

}  // namespace tenon::text::jinja
