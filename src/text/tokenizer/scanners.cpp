#include "text/tokenizer/scanners.hpp"

#include <array>

#include "text/tokenizer/unicode.hpp"

namespace tenon::text::tok {
namespace {

constexpr auto ascii_classes = [] {
    std::array<CharClass, 128> classes{};
    for (unsigned c = 0; c < 128; ++c) {
        classes[c] = (c | 32U) >= 'a' && (c | 32U) <= 'z' ? CharClass::letter
                     : c >= '0' && c <= '9'               ? CharClass::number
                     : c == '\r' || c == '\n'             ? CharClass::newline
                     : c == ' ' || (c >= 9 && c <= 13)    ? CharClass::space
                                                          : CharClass::other;
    }
    return classes;
}();

struct Scanner {
    std::string_view text;
    std::size_t end;

    struct Item {
        CharClass kind;
        std::uint32_t length;
    };
    [[nodiscard]] Item at(std::size_t i) const noexcept {
        const auto b = static_cast<unsigned char>(text[i]);
        if (b < 0x80) return {ascii_classes[b], 1};
        const Char c = next_char(text, i);
        // Most of the wide text there is: ideographs, kana and Hangul, all letters.
        if ((c.code >= 0x4E00 && c.code <= 0x9FFF) || (c.code >= 0xAC00 && c.code <= 0xD7A3))
            return {CharClass::letter, c.length};
        return {classify_wide(c.code), c.length};
    }
    /// The end of the run of characters of one class from `i`.
    [[nodiscard]] std::size_t run(std::size_t i, CharClass kind) const noexcept {
        while (i < end) {
            const Item item = at(i);
            if (item.kind != kind) break;
            i += item.length;
        }
        return i;
    }
    static bool is_space(CharClass k) noexcept { return k == CharClass::space || k == CharClass::newline; }

    /// White space from `i`: the end of the whole run, of its last newline (or 0), and the beginning of its last
    /// character.
    struct Blank {
        std::size_t end, newline_end, last;
    };
    [[nodiscard]] Blank blank(std::size_t i) const noexcept {
        Blank b{i, 0, i};
        while (b.end < end) {
            const Item item = at(b.end);
            if (!is_space(item.kind)) break;
            b.last = b.end;
            b.end += item.length;
            if (item.kind == CharClass::newline) b.newline_end = b.end;
        }
        return b;
    }
    /// \s+(?!\S)|\s+ : leaves the last blank to the word that follows, unless it is the only one.
    [[nodiscard]] std::size_t trailing(const Blank& b, std::size_t begin) const noexcept {
        return b.end < end && b.last > begin ? b.last : b.end;
    }

    [[nodiscard]] std::size_t contraction(std::size_t i, bool fold) const noexcept {
        if (i + 1 >= end) return 0;
        const auto letter = [&](std::size_t k) -> char {
            const char c = text[k];
            return fold && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        };
        const char a = letter(i + 1);
        if (a == 's' || a == 't' || a == 'm' || a == 'd') return 2;
        if (fold && a == '\xC5' && i + 2 < end && text[i + 2] == '\xBF') return 3;  // ſ folds to s
        if (i + 2 >= end) return 0;
        const char b = letter(i + 2);
        return ((a == 'r' || a == 'v') && b == 'e') || (a == 'l' && b == 'l') ? 3 : 0;
    }
};

}  // namespace

void scan_gpt2(std::string_view text, Span range, std::vector<Span>& out) {
    const Scanner s{text, range.end};
    for (std::size_t i = range.begin; i < range.end;) {
        const std::size_t begin = i;
        if (text[i] == '\'') {
            if (const std::size_t length = s.contraction(i, false); length != 0) {
                out.push_back({begin, i += length});
                continue;
            }
        }
        const Scanner::Item first = s.at(i);
        if (!Scanner::is_space(first.kind)) {
            i = s.run(i + first.length, first.kind);
        } else if (CharClass next; text[i] == ' ' && i + 1 < range.end && !Scanner::is_space(next = s.at(i + 1).kind)) {
            i = s.run(i + 1, next);
        } else {
            i = s.trailing(s.blank(i), begin);
        }
        out.push_back({begin, i});
    }
}

void scan_llama3(std::string_view text, Span range, std::size_t max_digits, std::vector<Span>& out) {
    const Scanner s{text, range.end};
    for (std::size_t i = range.begin; i < range.end;) {
        const std::size_t begin = i;
        if (text[i] == '\'') {
            if (const std::size_t length = s.contraction(i, true); length != 0) {
                out.push_back({begin, i += length});
                continue;
            }
        }
        const Scanner::Item first = s.at(i);
        const std::size_t after = i + first.length;
        const CharClass next = after < range.end ? s.at(after).kind : CharClass::newline;
        if (first.kind == CharClass::letter ||
            (next == CharClass::letter && first.kind != CharClass::newline && first.kind != CharClass::number)) {
            i = s.run(after, CharClass::letter);
        } else if (first.kind == CharClass::number) {
            i = after;
            for (std::size_t digits = 1; digits < max_digits && i < range.end; ++digits) {
                const Scanner::Item item = s.at(i);
                if (item.kind != CharClass::number) break;
                i += item.length;
            }
        } else if (first.kind == CharClass::other || (text[i] == ' ' && next == CharClass::other)) {
            i = s.run(after, CharClass::other);
            while (i < range.end && (text[i] == '\r' || text[i] == '\n')) ++i;
        } else {
            const Scanner::Blank b = s.blank(i);
            i = b.newline_end != 0 ? b.newline_end : s.trailing(b, begin);
        }
        out.push_back({begin, i});
    }
}

}  // namespace tenon::text::tok
