#include "text/jinja/chars.hpp"

#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>

#include "tenon/base/utf8.hpp"

namespace tenon::text::jinja {
namespace {

icu::UnicodeString unicode(std::string_view text) {
    return icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int32_t>(text.size())));
}
std::string utf8_of(const icu::UnicodeString& text) {
    std::string out;
    text.toUTF8String(out);
    return out;
}

/// The last character of non-empty `text`.
utf8::Decoded last_character(std::string_view text) noexcept {
    std::size_t start = text.size() - 1;
    while (start > 0 && text.size() - start < 4 && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) --start;
    const utf8::Decoded c = utf8::decode(text, start);
    if (start + c.length == text.size()) return c;
    return {utf8::replacement, 1, false};
}

bool contains(std::string_view chars, char32_t wanted) noexcept {
    for (std::size_t i = 0; i < chars.size();) {
        const utf8::Decoded c = utf8::decode(chars, i);
        if (c.code_point == wanted) return true;
        i += c.length;
    }
    return false;
}

bool is_line_end(char32_t c) noexcept {
    return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

bool is_cased(char32_t c) noexcept {
    const auto type = u_charType(static_cast<UChar32>(c));
    return type == U_UPPERCASE_LETTER || type == U_LOWERCASE_LETTER || type == U_TITLECASE_LETTER ||
           u_isUUppercase(static_cast<UChar32>(c)) || u_isULowercase(static_cast<UChar32>(c));
}

bool is_numeric_type(char32_t c, int most) noexcept {
    const int type = u_getIntPropertyValue(static_cast<UChar32>(c), UCHAR_NUMERIC_TYPE);
    return type != U_NT_NONE && type <= most;
}

bool character_is(char32_t c, Class which) noexcept {
    const auto u = static_cast<UChar32>(c);
    switch (which) {
        case Class::alpha:
            return u_isalpha(u) != 0 && (U_MASK(u_charType(u)) & U_GC_L_MASK) != 0;
        case Class::decimal:
            return is_numeric_type(c, U_NT_DECIMAL);
        case Class::digit:
            return is_numeric_type(c, U_NT_DIGIT);
        case Class::numeric:
            return is_numeric_type(c, U_NT_NUMERIC);
        case Class::alnum:
            return character_is(c, Class::alpha) || character_is(c, Class::numeric);
        case Class::space:
            return is_space(c);
        case Class::printable:
            return is_printable(c);
        case Class::ascii:
            return c < 0x80;
        default:
            return false;
    }
}

}  // namespace

bool is_space(char32_t c) noexcept {
    return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_printable(char32_t c) noexcept {
    if (c < 0x7F) return c >= 0x20;
    const auto mask = U_MASK(u_charType(static_cast<UChar32>(c)));
    return (mask & (U_GC_C_MASK | U_GC_Z_MASK)) == 0;
}

std::size_t skip_space(std::string_view text, std::size_t at) noexcept {
    while (at < text.size()) {
        const utf8::Decoded c = utf8::decode(text, at);
        if (!c.valid || !is_space(c.code_point)) break;
        at += c.length;
    }
    return at;
}

std::string_view strip_left(std::string_view text) noexcept { return text.substr(skip_space(text, 0)); }

std::string_view strip_right(std::string_view text) noexcept {
    while (!text.empty()) {
        const utf8::Decoded c = last_character(text);
        if (!c.valid || !is_space(c.code_point)) break;
        text.remove_suffix(c.length);
    }
    return text;
}

std::string_view strip_left(std::string_view text, std::string_view chars) noexcept {
    while (!text.empty()) {
        const utf8::Decoded c = utf8::decode(text, 0);
        if (!contains(chars, c.code_point)) break;
        text.remove_prefix(c.length);
    }
    return text;
}

std::string_view strip_right(std::string_view text, std::string_view chars) noexcept {
    while (!text.empty()) {
        const utf8::Decoded c = last_character(text);
        if (!contains(chars, c.code_point)) break;
        text.remove_suffix(c.length);
    }
    return text;
}

bool is_ascii(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string to_upper(std::string_view text) {
    if (is_ascii(text)) {
        std::string out(text);
        for (char& c : out)
            if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
        return out;
    }
    return utf8_of(unicode(text).toUpper(icu::Locale::getRoot()));
}

std::string to_lower(std::string_view text) {
    if (is_ascii(text)) {
        std::string out(text);
        for (char& c : out)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
        return out;
    }
    return utf8_of(unicode(text).toLower(icu::Locale::getRoot()));
}

std::string capitalize(std::string_view text) {
    if (text.empty()) return {};
    const std::size_t first = utf8::decode(text, 0).length;
    std::string out;
    if (is_ascii(text.substr(0, first)))
        out = to_upper(text.substr(0, first));
    else
        out = utf8_of(unicode(text.substr(0, first)).toTitle(nullptr, icu::Locale::getRoot()));
    // The rest is lowered in its context, so that a final sigma stays one.
    const std::string lowered = to_lower(text);
    const std::string head = to_lower(text.substr(0, first));
    if (lowered.starts_with(head)) return out + lowered.substr(head.size());
    return out + to_lower(text.substr(first));
}

std::string title(std::string_view text) {
    std::string out;
    bool previous_cased = false;
    for (std::size_t i = 0; i < text.size();) {
        const utf8::Decoded c = utf8::decode(text, i);
        const std::string_view one = text.substr(i, c.length);
        if (previous_cased)
            out += to_lower(one);
        else
            out += is_ascii(one) ? to_upper(one) : utf8_of(unicode(one).toTitle(nullptr, icu::Locale::getRoot()));
        previous_cased = is_cased(c.code_point);
        i += c.length;
    }
    return out;
}

std::string swap_case(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        const utf8::Decoded c = utf8::decode(text, i);
        const std::string_view one = text.substr(i, c.length);
        if (u_isUUppercase(static_cast<UChar32>(c.code_point)))
            out += to_lower(one);
        else
            out += to_upper(one);
        i += c.length;
    }
    return out;
}

bool is_class(std::string_view text, Class which) noexcept {
    if (which == Class::ascii || which == Class::printable) {
        if (text.empty()) return true;
    } else if (text.empty()) {
        return false;
    }
    bool any_cased = false, previous_cased = false;
    for (std::size_t i = 0; i < text.size();) {
        const utf8::Decoded c = utf8::decode(text, i);
        i += c.length;
        const auto u = static_cast<UChar32>(c.code_point);
        if (which == Class::upper || which == Class::lower || which == Class::title) {
            const bool upper = u_isUUppercase(u) != 0 || u_charType(u) == U_TITLECASE_LETTER;
            const bool lower = u_isULowercase(u) != 0;
            if (which == Class::upper && (lower || u_charType(u) == U_TITLECASE_LETTER)) return false;
            if (which == Class::lower && upper) return false;
            if (which == Class::title && ((upper && previous_cased) || (lower && !previous_cased))) return false;
            previous_cased = upper || lower;
            any_cased = any_cased || previous_cased;
        } else if (!character_is(c.code_point, which)) {
            return false;
        }
    }
    return which == Class::upper || which == Class::lower || which == Class::title ? any_cased : true;
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
    std::vector<std::string_view> lines;
    std::size_t start = 0;
    for (std::size_t i = 0; i < text.size();) {
        const utf8::Decoded c = utf8::decode(text, i);
        std::size_t next = i + c.length;
        if (c.valid && is_line_end(c.code_point)) {
            if (c.code_point == '\r' && next < text.size() && text[next] == '\n') ++next;
            lines.push_back(text.substr(start, (keep_ends ? next : i) - start));
            start = next;
        }
        i = next;
    }
    if (start < text.size()) lines.push_back(text.substr(start));
    return lines;
}

std::vector<std::string_view> split_space(std::string_view text, std::int64_t limit) {
    std::vector<std::string_view> parts;
    text = strip_left(text);
    while (!text.empty()) {
        if (limit >= 0 && static_cast<std::int64_t>(parts.size()) == limit) {
            parts.push_back(strip_right(text));
            break;
        }
        std::size_t end = 0;
        while (end < text.size()) {
            const utf8::Decoded c = utf8::decode(text, end);
            if (c.valid && is_space(c.code_point)) break;
            end += c.length;
        }
        parts.push_back(text.substr(0, end));
        text = strip_left(text.substr(end));
    }
    return parts;
}

std::vector<std::string_view> split_space_right(std::string_view text, std::int64_t limit) {
    std::vector<std::string_view> parts;
    text = strip_right(text);
    while (!text.empty()) {
        if (limit >= 0 && static_cast<std::int64_t>(parts.size()) == limit) {
            parts.push_back(strip_left(text));
            break;
        }
        std::string_view head = text;
        while (!head.empty()) {
            const utf8::Decoded c = last_character(head);
            if (c.valid && is_space(c.code_point)) break;
            head.remove_suffix(c.length);
        }
        parts.push_back(text.substr(head.size()));
        text = strip_right(head);
    }
    std::ranges::reverse(parts);
    return parts;
}

std::size_t byte_of(std::string_view text, std::size_t character) noexcept {
    std::size_t at = 0;
    while (character > 0 && at < text.size()) {
        at += utf8::decode(text, at).length;
        --character;
    }
    return at;
}

}  // namespace tenon::text::jinja
