#include "text/jinja/string_methods.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "tenon/base/utf8.hpp"
#include "text/jinja/chars.hpp"
#include "text/jinja/format.hpp"

namespace tenon::text::jinja {
namespace {

enum class Side : unsigned char { left, right, both };

template <Side side>
bool strip(Interp& interp, const Value& self, Args& args, Value& out) {
    const Bound bound(interp, "strip", args, {"chars"}, 0);
    if (!bound.ok()) return false;
    std::string_view text = self.text();
    if (!interp.charge(text.size() / 32)) return false;
    if (bound.given(0)) {
        std::string_view chars;
        if (!bound.string(0, chars)) return false;
        if (!interp.charge_bytes(chars.size())) return false;
        if constexpr (side != Side::right) text = strip_left(text, chars);
        if constexpr (side != Side::left) text = strip_right(text, chars);
    } else {
        if constexpr (side != Side::right) text = strip_left(text);
        if constexpr (side != Side::left) text = strip_right(text);
    }
    if (text.size() == self.text().size()) {
        out = self;
        return true;
    }
    out = self.piece(text);
    return true;
}

/// Pieces of `self`.
bool to_list(Interp& interp, const Value& self, const std::vector<std::string_view>& parts, Value& out) {
    std::vector<Value> items;
    items.reserve(parts.size());
    std::size_t bytes = 0;
    for (const std::string_view part : parts) {
        bytes += part.size();
        items.push_back(self.piece(part));
    }
    return interp.charge_bytes(bytes) && interp.charge_items(parts.size()) && interp.make_list(std::move(items), out);
}

template <bool from_right>
bool split(Interp& interp, const Value& self, Args& args, Value& out) {
    const Bound bound(interp, "split", args, {"sep", "maxsplit"}, 0);
    if (!bound.ok()) return false;
    std::int64_t limit = -1;
    if (bound.at(1) && !bound.integer(1, limit)) return false;
    const std::string_view text = self.text();
    if (!interp.charge_bytes(text.size())) return false;
    if (!bound.given(0))
        return to_list(interp, self, from_right ? split_space_right(text, limit) : split_space(text, limit), out);
    std::string_view separator;
    if (!bound.string(0, separator)) return false;
    if (separator.empty()) return interp.fail("empty separator");
    std::vector<std::string_view> parts;
    if constexpr (from_right) {
        std::string_view rest = text;
        while (limit < 0 || static_cast<std::int64_t>(parts.size()) < limit) {
            const std::size_t at = rest.rfind(separator);
            if (at == std::string_view::npos) break;
            parts.push_back(rest.substr(at + separator.size()));
            rest = rest.substr(0, at);
        }
        parts.push_back(rest);
        std::ranges::reverse(parts);
    } else {
        std::size_t from = 0;
        while (limit < 0 || static_cast<std::int64_t>(parts.size()) < limit) {
            const std::size_t at = text.find(separator, from);
            if (at == std::string_view::npos) break;
            parts.push_back(text.substr(from, at - from));
            from = at + separator.size();
        }
        parts.push_back(text.substr(from));
    }
    return to_list(interp, self, parts, out);
}

bool split_lines_method(Interp& interp, const Value& self, Args& args, Value& out) {
    const Bound bound(interp, "splitlines", args, {"keepends"}, 0);
    return bound.ok() && interp.charge_bytes(self.text().size()) &&
           to_list(interp, self, split_lines(self.text(), bound.flag(0)), out);
}

template <bool from_right>
bool partition(Interp& interp, const Value& self, Args& args, Value& out) {
    const Bound bound(interp, "partition", args, {"sep"}, 1);
    std::string_view separator;
    if (!bound.ok() || !bound.string(0, separator)) return false;
    if (separator.empty()) return interp.fail("empty separator");
    const std::string_view text = self.text();
    if (!interp.charge_bytes(text.size())) return false;
    const std::size_t at = from_right ? text.rfind(separator) : text.find(separator);
    std::vector<Value> items;
    if (at == std::string::npos) {
        items = {Value::borrowed({}), Value::borrowed({}), self};
        if (!from_right) std::swap(items[0], items[2]);
    } else {
        items = {self.piece(text.substr(0, at)), self.piece(text.substr(at, separator.size())),
                 self.piece(text.substr(at + separator.size()))};
    }
    return interp.make_list(std::move(items), out, Kind::tuple);
}

/// The [start, end) part of the string, in characters, for find, count, startswith…
struct Window {
    std::string_view text;
    std::int64_t start = 0;  ///< in characters
    bool valid = true;       ///< false when start lies beyond the end
};

bool window(Interp& interp, const Value& self, const Bound& bound, Window& out) {
    out.text = self.text();
    if (!interp.charge_bytes(out.text.size())) return false;
    if (!bound.given(1) && !bound.given(2)) return true;
    const auto length = static_cast<std::int64_t>(utf8::length(out.text));
    std::int64_t start = 0, end = length;
    if (bound.given(1) && !bound.integer(1, start)) return false;
    if (bound.given(2) && !bound.integer(2, end)) return false;
    if (start < 0) start = std::max<std::int64_t>(start + length, 0);
    if (end < 0) end = std::max<std::int64_t>(end + length, 0);
    end = std::min(end, length);
    out.start = start;
    out.valid = start <= end;
    if (!out.valid) return true;
    const std::size_t from = byte_of(out.text, static_cast<std::size_t>(start));
    out.text.remove_prefix(from);
    out.text = out.text.substr(0, byte_of(out.text, static_cast<std::size_t>(end - start)));
    return true;
}

template <bool at_start>
bool affix(Interp& interp, const Value& self, Args& args, Value& out) {
    const Bound bound(interp, at_start ? "startswith" : "endswith", args, {"prefix", "start", "end"}, 1);
    Window part;
    if (!bound.ok() || !window(interp, self, bound, part)) return false;
    bool found = false;
    const auto check = [&](const Value& candidate) {
        if (!candidate.is(Kind::string)) {
            if (candidate.is(Kind::undefined)) return interp.fail_undefined(candidate);
            return interp.fail(fmt::format("startswith and endswith need a string or a tuple of strings, not {}",
                                           type_name(candidate)));
        }
        found = found || (part.valid &&
                          (at_start ? part.text.starts_with(candidate.text()) : part.text.ends_with(candidate.text())));
        return true;
    };
    if (bound[0].is(Kind::tuple)) {
        for (const Value& candidate : bound[0].items())
            if (!check(candidate)) return false;
    } else if (!check(bound[0])) {
        return false;
    }
    out = Value::boolean(found);
    return true;
}

template <bool from_right, bool must>
bool find(Interp& interp, const Value& self, Args& args, Value& out) {
    const Bound bound(interp, "find", args, {"sub", "start", "end"}, 1);
    Window part;
    std::string_view wanted;
    if (!bound.ok() || !bound.string(0, wanted) || !window(interp, self, bound, part)) return false;
    const std::size_t at = !part.valid  ? std::string_view::npos
                           : from_right ? part.text.rfind(wanted)
                                        : part.text.find(wanted);
    if (at == std::string_view::npos) {
        if constexpr (must) return interp.fail("substring not found");
        out = Value::integer(-1);
        return true;
    }
    out = Value::integer(part.start + static_cast<std::int64_t>(utf8::length(part.text.substr(0, at))));
    return true;
}

bool count(Interp& interp, const Value& self, Args& args, Value& out) {
    const Bound bound(interp, "count", args, {"sub", "start", "end"}, 1);
    Window part;
    std::string_view wanted;
    if (!bound.ok() || !bound.string(0, wanted) || !window(interp, self, bound, part)) return false;
    std::int64_t found = 0;
    if (!part.valid) {
        found = 0;
    } else if (wanted.empty()) {
        found = static_cast<std::int64_t>(utf8::length(part.text)) + 1;
    } else {
        for (std::size_t at = part.text.find(wanted); at != std::string_view::npos;
             at = part.text.find(wanted, at + wanted.size()))
            ++found;
    }
    out = Value::integer(found);
    return true;
}

bool replace(Interp& interp, const Value& self, Args& args, Value& out) {
    const Bound bound(interp, "replace", args, {"old", "new", "count"}, 2);
    std::string_view old, with;
    std::int64_t limit = -1;
    if (!bound.ok() || !bound.string(0, old) || !bound.string(1, with)) return false;
    if (bound.at(2) && !bound.integer(2, limit)) return false;
    return replace_text(interp, self.text(), old, with, limit, out);
}

bool join(Interp& interp, const Value& self, Args& args, Value& out) {
    const Bound bound(interp, "join", args, {"iterable"}, 1);
    Items items;
    if (!bound.ok() || !interp.iterate(bound[0], items)) return false;
    std::string text;
    bool first = true;
    for (const Value& item : items.view()) {
        if (!item.is(Kind::string))
            return interp.fail(fmt::format("join: expected a string, {} found", type_name(item)));
        if (!first) text += self.text();
        first = false;
        text += item.text();
        if (!interp.check_size(text.size())) return false;
    }
    return interp.make_string(std::move(text), out);
}

template <bool prefix>
bool remove_affix(Interp& interp, const Value& self, Args& args, Value& out) {
    const Bound bound(interp, prefix ? "removeprefix" : "removesuffix", args, {"affix"}, 1);
    std::string_view wanted;
    if (!bound.ok() || !bound.string(0, wanted)) return false;
    std::string_view text = self.text();
    if constexpr (prefix) {
        if (text.starts_with(wanted)) text.remove_prefix(wanted.size());
    } else {
        if (text.ends_with(wanted)) text.remove_suffix(wanted.size());
    }
    out = self.piece(text);
    return true;
}

template <std::string (*transform)(std::string_view)>
bool transformed(Interp& interp, const Value& self, Args& args, Value& out) {
    const Bound bound(interp, "the method", args, {}, 0);
    return bound.ok() && interp.charge_bytes(self.text().size() * 4) && interp.make_string(transform(self.text()), out);
}

template <Class which>
bool classified(Interp& interp, const Value& self, Args& args, Value& out) {
    const Bound bound(interp, "the method", args, {}, 0);
    if (!bound.ok() || !interp.charge_bytes(self.text().size() * 4)) return false;
    out = Value::boolean(is_class(self.text(), which));
    return true;
}

template <char align>
bool justify(Interp& interp, const Value& self, Args& args, Value& out) {
    const Bound bound(interp, "the method", args, {"width", "fillchar"}, 1);
    std::int64_t width = 0;
    std::string_view fill = " ";
    if (!bound.ok() || !bound.integer(0, width)) return false;
    if (bound.at(1) && !bound.string(1, fill)) return false;
    if (utf8::length(fill) != 1) return interp.fail("the fill character must be exactly one character long");
    const auto length = static_cast<std::int64_t>(utf8::length(self.text()));
    const std::int64_t room = std::max<std::int64_t>(width - length, 0);
    if (!interp.charge_bytes(static_cast<std::size_t>(room) * fill.size() + self.text().size())) return false;
    std::int64_t left = 0;
    if constexpr (align == '>') left = room;
    // Python's rule for the odd space of str.center.
    if constexpr (align == '^') left = room / 2 + (room & width & 1);
    std::string text;
    for (std::int64_t i = 0; i < left; ++i) text += fill;
    text += self.text();
    for (std::int64_t i = left; i < room; ++i) text += fill;
    out = Value::string(std::move(text));
    return true;
}

bool zfill(Interp& interp, const Value& self, Args& args, Value& out) {
    const Bound bound(interp, "zfill", args, {"width"}, 1);
    std::int64_t width = 0;
    if (!bound.ok() || !bound.integer(0, width)) return false;
    const std::string_view text = self.text();
    const auto room = std::max<std::int64_t>(width - static_cast<std::int64_t>(utf8::length(text)), 0);
    if (!interp.charge_bytes(static_cast<std::size_t>(room) + text.size())) return false;
    const std::size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    std::string filled(text.substr(0, sign));
    filled.append(static_cast<std::size_t>(room), '0');
    filled += text.substr(sign);
    out = Value::string(std::move(filled));
    return true;
}

bool expand_tabs(Interp& interp, const Value& self, Args& args, Value& out) {
    const Bound bound(interp, "expandtabs", args, {"tabsize"}, 0);
    std::int64_t size = 8;
    if (!bound.ok() || (bound.at(0) && !bound.integer(0, size))) return false;
    if (size > 1000) return interp.fail("tabsize is too large", ErrorCode::resource_exhausted);
    std::string text;
    std::int64_t column = 0;
    for (const char c : self.text()) {
        if (c == '\t') {
            const std::int64_t spaces = size > 0 ? size - column % size : 0;
            text.append(static_cast<std::size_t>(spaces), ' ');
            column += spaces;
            if (!interp.check_size(text.size())) return false;
        } else {
            text += c;
            if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) ++column;
            if (c == '\n' || c == '\r') column = 0;
        }
    }
    return interp.make_string(std::move(text), out);
}

bool format_method(Interp& interp, const Value& self, Args& args, Value& out) {
    std::string text;
    return brace_format(interp, self.text(), args, text) && interp.make_string(std::move(text), out);
}

bool is_identifier(Interp& interp, const Value& self, Args& args, Value& out) {
    const Bound bound(interp, "isidentifier", args, {}, 0);
    if (!bound.ok()) return false;
    const std::string_view text = self.text();
    bool ok = !text.empty() && !(text[0] >= '0' && text[0] <= '9');
    for (std::size_t i = 0; ok && i < text.size();) {
        const std::size_t length = utf8::decode(text, i).length;
        ok = text[i] == '_' || is_class(text.substr(i, length), Class::alnum);
        i += length;
    }
    out = Value::boolean(ok);
    return true;
}

}  // namespace

bool replace_text(Interp& interp, std::string_view text, std::string_view old, std::string_view with,
                  std::int64_t count, Value& out) {
    std::string result;
    if (old.empty()) {
        std::int64_t done = 0;
        for (std::size_t i = 0; i <= text.size();) {
            if (count < 0 || done < count) result += with;
            ++done;
            if (i == text.size()) break;
            const std::size_t length = utf8::decode(text, i).length;
            result += text.substr(i, length);
            i += length;
            if (!interp.check_size(result.size())) return false;
        }
        return interp.make_string(std::move(result), out);
    }
    std::size_t from = 0;
    for (; count != 0; --count) {
        const std::size_t at = text.find(old, from);
        if (at == std::string_view::npos) break;
        result += text.substr(from, at - from);
        result += with;
        from = at + old.size();
        if (!interp.check_size(result.size())) return false;
    }
    result += text.substr(from);
    return interp.make_string(std::move(result), out);
}

MethodFn find_string_method(std::string_view name) noexcept {
    static const std::unordered_map<std::string_view, MethodFn> table = {
        {"strip", strip<Side::both>},
        {"lstrip", strip<Side::left>},
        {"rstrip", strip<Side::right>},
        {"split", split<false>},
        {"rsplit", split<true>},
        {"splitlines", split_lines_method},
        {"partition", partition<false>},
        {"rpartition", partition<true>},
        {"startswith", affix<true>},
        {"endswith", affix<false>},
        {"find", find<false, false>},
        {"rfind", find<true, false>},
        {"index", find<false, true>},
        {"rindex", find<true, true>},
        {"count", count},
        {"replace", replace},
        {"join", join},
        {"removeprefix", remove_affix<true>},
        {"removesuffix", remove_affix<false>},
        {"upper", transformed<to_upper>},
        {"lower", transformed<to_lower>},
        {"casefold", transformed<to_lower>},
        {"capitalize", transformed<capitalize>},
        {"title", transformed<title>},
        {"swapcase", transformed<swap_case>},
        {"isalpha", classified<Class::alpha>},
        {"isdigit", classified<Class::digit>},
        {"isdecimal", classified<Class::decimal>},
        {"isnumeric", classified<Class::numeric>},
        {"isalnum", classified<Class::alnum>},
        {"isspace", classified<Class::space>},
        {"isupper", classified<Class::upper>},
        {"islower", classified<Class::lower>},
        {"istitle", classified<Class::title>},
        {"isascii", classified<Class::ascii>},
        {"isprintable", classified<Class::printable>},
        {"isidentifier", is_identifier},
        {"center", justify<'^'>},
        {"ljust", justify<'<'>},
        {"rjust", justify<'>'>},
        {"zfill", zfill},
        {"expandtabs", expand_tabs},
        {"format", format_method},
    };
    const auto it = table.find(name);
    return it == table.end() ? nullptr : it->second;
}

}  // namespace tenon::text::jinja
