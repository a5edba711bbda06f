#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

#include "tenon/base/utf8.hpp"
#include "tenon/text/splitter.hpp"

namespace tenon::text {
namespace {

// The commonest English words that are rare or absent in other languages written in Latin letters.
constexpr auto english = std::to_array<std::string_view>({
    "the",  "of",   "and", "to",    "is",   "that",   "it",   "for", "with", "as",   "this",  "are", "be",
    "by",   "from", "or",  "which", "you",  "not",    "have", "how", "what", "when", "where", "who", "why",
    "does", "can",  "do",  "my",    "your", "should", "will", "has", "was",  "if",   "there",
});

constexpr std::size_t sample = std::size_t{1} << 16;

}  // namespace

std::string_view detect_language(std::string_view text) {
    text = utf8::truncate(text, sample);
    std::size_t han = 0, kana = 0, hangul = 0, latin_words = 0, english_words = 0, other = 0;
    std::string word;
    const auto end_word = [&] {
        if (word.empty()) return;
        ++latin_words;
        if (std::ranges::find(english, word) != english.end()) ++english_words;
        word.clear();
    };
    for (std::size_t i = 0; i < text.size();) {
        const auto d = utf8::decode(text, i);
        const char32_t c = d.code_point;
        i += d.length;
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
            word += static_cast<char>(c | 0x20U);
            continue;
        }
        if (c >= 0xC0 && c < 0x250) {
            word += '?';
            continue;
        }
        end_word();
        if ((c >= 0x3041 && c <= 0x30FA) || (c >= 0xFF66 && c <= 0xFF9D))
            ++kana;
        else if ((c >= 0xAC00 && c <= 0xD7A3) || (c >= 0x1100 && c <= 0x11FF))
            ++hangul;
        else if (utf8::is_cjk(c))
            ++han;
        else if (c >= 0x370 && c < 0x2000)
            ++other;
    }
    end_word();
    const std::size_t cjk = han + kana + hangul;
    // A Chinese sentence full of English names is Chinese: an ideograph says about as much as half a word.
    if (cjk > 0 && cjk * 2 >= latin_words + other) {
        if (hangul * 2 > cjk) return "ko";
        if (kana * 8 > cjk) return "ja";
        return "zh";
    }
    if (other > latin_words * 4) return "";
    if (english_words > 0 && english_words * 12 >= latin_words) return "en";
    return "";
}

}  // namespace tenon::text
