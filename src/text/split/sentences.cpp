// Sentence boundaries by rule: fast, linear, and the same for English and Chinese.
#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "tenon/base/utf8.hpp"
#include "tenon/text/splitter.hpp"

namespace tenon::text {
namespace {

constexpr auto abbreviations = std::to_array<std::string_view>({
    "al",  "approx", "apr",  "art",  "assn",   "aug",  "ave",  "blvd", "ca",  "capt", "cf",  "ch",  "chap", "co",
    "col", "corp",   "dec",  "dept", "dr",     "ed",   "eds",  "e.g",  "eg",  "eq",   "eqs", "est", "etc",  "ex",
    "feb", "fig",    "figs", "ft",   "gen",    "gov",  "hon",  "i.e",  "ie",  "inc",  "jan", "jr",  "jul",  "jun",
    "lt",  "ltd",    "mar",  "max",  "messrs", "min",  "mr",   "mrs",  "ms",  "mt",   "no",  "nos", "nov",  "oct",
    "op",  "p",      "para", "ph.d", "pp",     "prof", "ref",  "refs", "rep", "resp", "rev", "sec", "sect", "sen",
    "sep", "sept",   "sgt",  "sr",   "st",     "tab",  "univ", "viz",  "vol", "vols", "vs",
});

constexpr bool is_ascii_space(char32_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr bool is_space(char32_t c) {
    return is_ascii_space(c) || c == 0xA0 || c == 0x3000 || (c >= 0x2000 && c <= 0x200B);
}
constexpr bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_lower(char32_t c) { return (c >= 'a' && c <= 'z') || (c >= 0xDF && c <= 0xFF && c != 0xF7); }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Marks that end a sentence whatever follows.
constexpr bool is_wide_end(char32_t c) {
    switch (c) {
        case U'。':
        case U'！':
        case U'？':
        case U'；':
        case U'｡':
        case U'．':
        case U'…':
        case U'‼':
        case U'⁇':
        case U'⁈':
        case U'⁉':
            return true;
        default:
            return false;
    }
}
constexpr bool is_narrow_end(char32_t c) { return c == '.' || c == '!' || c == '?'; }

constexpr bool is_closer(char32_t c) {
    switch (c) {
        case '"':
        case '\'':
        case ')':
        case ']':
        case '}':
        case '*':
        case '_':
        case U'”':
        case U'’':
        case U'）':
        case U'」':
        case U'』':
        case U'】':
        case U'》':
        case U'〉':
        case U'〕':
        case U'»':
        case U'］':
        case U'｣':
            return true;
        default:
            return false;
    }
}

/// The word that ends just before `end`, within `floor`.
std::string_view word_before(std::string_view text, std::size_t floor, std::size_t end) {
    std::size_t begin = end;
    while (begin > floor && end - begin < 24) {
        const char c = text[begin - 1];
        if (is_ascii_space(static_cast<unsigned char>(c)) || c == '(' || c == '[' || c == '"' || c == '/' ||
            (static_cast<unsigned char>(c) & 0x80U) != 0)
            break;
        --begin;
    }
    return text.substr(begin, end - begin);
}

bool is_abbreviation(std::string_view word) {
    if (word.empty() || word.size() > 8) return false;
    std::array<char, 8> lower{};
    std::ranges::transform(word, lower.begin(), [](char c) { return is_upper(c) ? static_cast<char>(c + 32) : c; });
    const std::string_view key(lower.data(), word.size());
    return std::ranges::find(abbreviations, key) != abbreviations.end();
}

/// Whether the full stop at `at` belongs to a shortened word, an initial or a list number.
bool stop_is_inside(std::string_view text, std::size_t sentence_begin, std::size_t at) {
    const std::string_view word = word_before(text, sentence_begin, at);
    if (word.empty()) return false;
    if (word.size() == 1 && is_upper(word[0]) && word[0] != 'I') return true;                // J. Smith
    if (word.size() >= 3 && word.find('.') != std::string_view::npos && word.size() <= 7) {  // U.S. e.g. a.m.
        bool letters = true;
        for (std::size_t i = 0; i < word.size(); ++i) letters = letters && ((i % 2 == 1) == (word[i] == '.'));
        if (letters) return true;
    }
    if (word.data() == text.data() + sentence_begin && word.size() <= 3 && std::ranges::all_of(word, is_digit))
        return true;  // "1. First"
    return is_abbreviation(word);
}

}  // namespace

std::vector<Range> sentences(std::string_view text) {
    std::vector<Range> out;
    std::size_t begin = 0;
    bool started = false;
    const auto finish = [&](std::size_t end) {
        while (end > begin && is_ascii_space(static_cast<unsigned char>(text[end - 1]))) --end;
        if (started && end > begin) out.push_back({begin, end});
        started = false;
    };
    for (std::size_t i = 0; i < text.size();) {
        const auto d = utf8::decode(text, i);
        const char32_t c = d.code_point;
        if (!started) {
            if (is_space(c)) {
                i += d.length;
                continue;
            }
            begin = i;
            started = true;
        }
        if (c == '\n') {  // an empty line ends a sentence
            std::size_t next = i + 1;
            while (next < text.size() && (text[next] == ' ' || text[next] == '\t' || text[next] == '\r')) ++next;
            if (next < text.size() && text[next] == '\n') {
                finish(i);
                i = next;
                continue;
            }
            i += 1;
            continue;
        }
        const bool wide = is_wide_end(c);
        if (!wide && !is_narrow_end(c)) {
            i += d.length;
            continue;
        }
        const std::size_t mark = i;
        bool any_wide = wide && c != U'…';
        bool only_stop = c == '.';
        std::size_t end = i + d.length;
        while (end < text.size()) {  // "?!", "……", "..."
            const auto next = utf8::decode(text, end);
            if (is_wide_end(next.code_point))
                any_wide = any_wide || next.code_point != U'…';
            else if (!is_narrow_end(next.code_point))
                break;
            only_stop = false;
            end += next.length;
        }
        std::size_t after = end;
        while (after < text.size()) {
            const auto next = utf8::decode(text, after);
            if (!is_closer(next.code_point)) break;
            after += next.length;
        }
        i = end;
        if (after >= text.size()) break;
        const auto next = utf8::decode(text, after);
        if (any_wide) {
            // 「……吗？」他说: a quoted mark followed by the rest of the same clause still reads as its own sentence.
            finish(after);
            i = after;
            continue;
        }
        if (!is_space(next.code_point)) {
            const bool cjk = utf8::is_cjk(next.code_point);
            const bool after_digit = mark > begin && is_digit(text[mark - 1]);
            if (cjk && (c == U'…' || !only_stop || !after_digit)) {
                finish(after);
                i = after;
            }
            continue;
        }
        std::size_t start = after;
        std::size_t line_breaks = 0;
        auto first = next;
        while (is_space(first.code_point)) {
            line_breaks += first.code_point == '\n' ? 1 : 0;
            start += first.length;
            if (start >= text.size()) break;
            first = utf8::decode(text, start);
        }
        const bool inside = line_breaks < 2 && start < text.size() &&
                            (is_lower(first.code_point) || (only_stop && stop_is_inside(text, begin, mark)));
        if (!inside) finish(after);
        i = after;
    }
    finish(text.size());
    return out;
}

}  // namespace tenon::text
