// The syntax of templates in braces, read by the compiler and at run time alike.
//
//   {name}  {user.name}   a field, or a field of a field
//   {{  }}                a brace
//   {price:.2f}           after the colon, separated by spaces:
//     [0][width][.digits][d f e g x %]   how to write a number
//     join(SEP)           what stands between the items of a list; ", " unless told; \n is a line break, \) a bracket
//     or(TEXT)            what stands for an absent optional; nothing unless told
//     trim  max(N)        text without blanks around it; at most N characters, "…" for the rest
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tenon::chain {

/// What stands after the colon. The views point into the template.
struct FormatSpec {
    std::string_view number{};
    std::string_view separator{};    ///< with escapes
    std::string_view otherwise{};    ///< with escapes
    std::size_t max_characters = 0;  ///< 0: as long as it is
    bool has_separator = false, trim = false;
};

/// One piece of a template: literal text (which may still hold doubled braces), or a field.
struct TemplatePiece {
    bool field = false;
    std::string_view text{};  ///< the literal, or the path of the field
    FormatSpec spec{};
    std::size_t at = 0;  ///< byte offset
};

/// Null when all is well; else what is wrong.
using TemplateFault = const char*;

namespace detail {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_name_start(char c) {
    // Letters of other scripts are bytes above 127: a name may be Chinese.
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

constexpr bool is_path(std::string_view path) {
    bool start = true;
    for (const char c : path) {
        if (start ? !is_name_start(c) : !(is_name_start(c) || is_digit(c) || c == '.')) return false;
        start = c == '.';
    }
    return !start;
}

constexpr bool is_number_spec(std::string_view s) {
    std::size_t i = 0;
    while (i < s.size() && is_digit(s[i])) ++i;
    if (i > 3) return false;
    if (i < s.size() && s[i] == '.') {
        const std::size_t digits = ++i;
        while (i < s.size() && is_digit(s[i])) ++i;
        if (i == digits || i > digits + 2) return false;
    }
    if (i < s.size() && std::string_view("dfegx%").find(s[i]) != std::string_view::npos) ++i;
    return i == s.size() && i > 0;
}

/// The text between `(` at `from` and its `)`; npos end when there is none.
constexpr std::size_t closing(std::string_view s, std::size_t from) {
    for (std::size_t i = from; i < s.size(); ++i) {
        if (s[i] == '\\') {
            ++i;
        } else if (s[i] == ')') {
            return i;
        }
    }
    return std::string_view::npos;
}

constexpr TemplateFault parse_spec(std::string_view s, FormatSpec& out) {
    std::size_t i = 0;
    while (i < s.size()) {
        if (s[i] == ' ') {
            ++i;
            continue;
        }
        std::size_t word = i;
        while (word < s.size() && s[word] != ' ' && s[word] != '(') ++word;
        const auto name = s.substr(i, word - i);
        if (word < s.size() && s[word] == '(') {
            const std::size_t close = closing(s, word + 1);
            if (close == std::string_view::npos) return "a bracket after the colon is not closed";
            const auto inside = s.substr(word + 1, close - word - 1);
            if (name == "join") {
                out.separator = inside;
                out.has_separator = true;
            } else if (name == "or") {
                out.otherwise = inside;
            } else if (name == "max") {
                if (inside.empty() || inside.size() > 9) return "max() takes a number";
                for (const char c : inside) {
                    if (!is_digit(c)) return "max() takes a number";
                    out.max_characters = out.max_characters * 10 + static_cast<std::size_t>(c - '0');
                }
                if (out.max_characters == 0) return "max() takes a number above 0";
            } else {
                return "an unknown word after the colon: join(), or(), max(), trim and number formats are known";
            }
            i = close + 1;
        } else {
            if (name == "trim") {
                out.trim = true;
            } else if (is_number_spec(name)) {
                out.number = name;
            } else {
                return "an unknown word after the colon: join(), or(), max(), trim and number formats are known";
            }
            i = word;
        }
    }
    return nullptr;
}

/// The end of a field's text: the brace that closes it; brackets of join() and or() may hold braces.
constexpr std::size_t end_of_field(std::string_view text, std::size_t from) {
    for (std::size_t i = from; i < text.size(); ++i) {
        if (text[i] == '}') return i;
        if (text[i] == '{') return std::string_view::npos;
        if (text[i] == '(') {
            i = closing(text, i + 1);
            if (i == std::string_view::npos) return i;
        }
    }
    return std::string_view::npos;
}

}  // namespace detail

/// Calls `take(piece)` (→ TemplateFault) for each piece in order.
template <class Take>
constexpr TemplateFault for_each_piece(std::string_view text, Take take) {
    std::size_t literal = 0, i = 0;
    const auto flush = [&](std::size_t end) -> TemplateFault {
        if (end == literal) return nullptr;
        return take(TemplatePiece{false, text.substr(literal, end - literal), {}, literal});
    };
    while (i < text.size()) {
        if (text[i] != '{' && text[i] != '}') {
            ++i;
            continue;
        }
        if (i + 1 < text.size() && text[i + 1] == text[i]) {
            i += 2;
            continue;
        }
        if (text[i] == '}') return "a '}' without its '{': write '}}' for a brace";
        if (const auto fault = flush(i)) return fault;
        const std::size_t close = detail::end_of_field(text, i + 1);
        if (close == std::string_view::npos) return "a '{' without its '}': write '{{' for a brace";
        auto inside = text.substr(i + 1, close - i - 1);
        TemplatePiece piece{true, inside, {}, i};
        if (const auto colon = inside.find(':'); colon != std::string_view::npos) {
            piece.text = inside.substr(0, colon);
            if (const auto fault = detail::parse_spec(inside.substr(colon + 1), piece.spec)) return fault;
        }
        if (!detail::is_path(piece.text)) return "what stands in braces is no name: write '{{' for a brace";
        if (const auto fault = take(piece)) return fault;
        i = literal = close + 1;
    }
    return flush(text.size());
}

}  // namespace tenon::chain
