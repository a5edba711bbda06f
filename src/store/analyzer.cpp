#include "tenon/store/analyzer.hpp"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "store/stemmer.hpp"
#include "tenon/base/utf8.hpp"

namespace tenon::store {
namespace {

constexpr std::size_t max_term_bytes = 64;
constexpr std::size_t max_query_bytes = 32 * 1024;
constexpr std::size_t max_query_terms = 512;
constexpr double part_weight = 0.5;       // a part of an identifier beside the whole
constexpr double character_weight = 0.3;  // a single CJK character beside its bigrams
constexpr double function_weight = 0.3;   // a bigram with a grammatical character in it

enum class Kind : std::uint8_t { separator, word, joiner, dense };

/// Scripts written without spaces: bigrams stand in for words.
bool is_dense(char32_t c) {
    return utf8::is_cjk(c) || (c >= 0x0E01 && c <= 0x0EFF) || (c >= 0x1000 && c <= 0x109F) ||
           (c >= 0x1780 && c <= 0x17FF);
}

Kind kind_of(char32_t c) {
    if (c < 0x80) {
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return Kind::word;
        switch (c) {
            case '_':
            case '-':
            case '.':
            case '/':
            case '\'':
            case '@':
            case ':':
            case '+':
            case '#':
                return Kind::joiner;
            default:
                return Kind::separator;
        }
    }
    if (c == 0x2019) return Kind::joiner;
    if (c == utf8::replacement) return Kind::separator;
    if (is_dense(c)) return Kind::dense;
    const auto type = u_charType(static_cast<UChar32>(c));
    const auto mask = U_MASK(type);
    return (mask & (U_GC_L_MASK | U_GC_M_MASK | U_GC_N_MASK)) != 0 ? Kind::word : Kind::separator;
}

bool is_digit(char32_t c) { return c < 0x80 ? (c >= '0' && c <= '9') : u_isdigit(static_cast<UChar32>(c)) != 0; }
bool is_upper(char32_t c) { return c < 0x80 ? (c >= 'A' && c <= 'Z') : u_isUUppercase(static_cast<UChar32>(c)) != 0; }

std::u32string normalized(std::string_view text) {
    const bool ascii = std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (ascii) return {text.begin(), text.end()};
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* nfkc = icu::Normalizer2::getNFKCInstance(status);
    if (U_FAILURE(status)) return utf8::to_utf32(text);
    const std::string clean = utf8::sanitize(text);
    std::string out;
    icu::StringByteSink<std::string> sink(&out, static_cast<int32_t>(clean.size()));
    nfkc->normalizeUTF8(0, clean, sink, nullptr, status);
    return utf8::to_utf32(U_FAILURE(status) ? clean : out);
}

/// Case and accents folded: "Café" → "cafe".
std::string folded(std::u32string_view word) {
    std::string out;
    out.reserve(word.size());
    if (std::ranges::all_of(word, [](char32_t c) { return c < 0x80; })) {
        for (const char32_t c : word) out += static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
        return out;
    }
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* nfd = icu::Normalizer2::getNFDInstance(status);
    for (const char32_t c : word) {
        const auto lower = u_foldCase(static_cast<UChar32>(c), U_FOLD_CASE_DEFAULT);
        icu::UnicodeString parts;
        if (U_SUCCESS(status) && nfd->getDecomposition(lower, parts) != 0) {
            for (int32_t i = 0; i < parts.length(); i = parts.moveIndex32(i, 1)) {
                const auto part = static_cast<char32_t>(parts.char32At(i));
                if (part < 0x300 || part > 0x36F) utf8::append(out, part);
            }
        } else if (lower < 0x300 || lower > 0x36F) {
            utf8::append(out, static_cast<char32_t>(lower));
        }
    }
    return out;
}

std::string shortened(std::string term) {
    if (term.size() > max_term_bytes) term.resize(utf8::truncate(term, max_term_bytes).size());
    return term;
}

std::string word_term(std::u32string_view word) {
    std::string term = folded(word);
    const bool plain = std::ranges::all_of(term, [](char c) { return c >= 'a' && c <= 'z'; });
    return shortened(plain ? stem(std::move(term)) : std::move(term));
}

enum class TermKind : std::uint8_t { word, whole, part, bigram, character };

template <class Emit>
class Scanner {
  public:
    Scanner(std::u32string_view text, Emit emit) : text_(text), emit_(std::move(emit)) {}

    std::uint32_t run() {
        std::size_t at = 0;
        while (at < text_.size()) {
            switch (kind_of(text_[at])) {
                case Kind::word:
                    at = word_run(at);
                    break;
                case Kind::dense:
                    at = dense_run(at);
                    break;
                default:
                    ++at;
            }
        }
        return position_;
    }

  private:
    std::size_t dense_run(std::size_t begin) {
        std::size_t end = begin;
        while (end < text_.size() && kind_of(text_[end]) == Kind::dense) ++end;
        for (std::size_t i = begin; i < end; ++i, ++position_) {
            if (i + 1 < end) emit_(utf8::from_utf32(text_.substr(i, 2)), position_, TermKind::bigram, end - begin);
            emit_(utf8::from_utf32(text_.substr(i, 1)), position_, TermKind::character, end - begin);
        }
        return end;
    }

    /// A word with what is joined to it: "sources.list", "read_file", "C++", "don't".
    std::size_t word_run(std::size_t begin) {
        std::size_t end = begin;
        while (end < text_.size()) {
            if (kind_of(text_[end]) == Kind::word) {
                ++end;
                continue;
            }
            if (kind_of(text_[end]) != Kind::joiner) break;
            // A joiner belongs to the word only when a word goes on behind it ("::" joins as well).
            std::size_t next = end + 1;
            if (next < text_.size() && text_[end] == ':' && text_[next] == ':') ++next;
            if (next >= text_.size() || kind_of(text_[next]) != Kind::word || text_[end] == '+' || text_[end] == '#')
                break;
            end = next;
        }
        std::size_t tail = end;
        while (tail < text_.size() && tail < end + 2 && (text_[tail] == '+' || text_[tail] == '#')) ++tail;
        const bool language_name =
            tail > end && end - begin <= 2 && (tail == text_.size() || kind_of(text_[tail]) != Kind::word);
        if (language_name) {  // c++, f#
            emit_(folded(text_.substr(begin, tail - begin)), position_, TermKind::whole, 0);
            end = tail;
            ++position_;
            return end;
        }
        pieces_.clear();
        split(begin, end);
        const auto whole = text_.substr(begin, end - begin);
        if (pieces_.size() == 1 && pieces_.front().size() == whole.size()) {
            emit_(word_term(whole), position_++, TermKind::word, 0);
            return end;
        }
        if (is_apostrophe(whole)) {  // "don't" as one word, "Debian's" as its stem
            const auto stem_end = whole.find_first_of(U"'\u2019");
            const bool possessive = whole.size() - stem_end == 2;
            std::u32string joined(whole.substr(0, stem_end));
            if (!possessive) joined += whole.substr(stem_end + 1);
            emit_(word_term(joined), position_++, TermKind::word, 0);
            return end;
        }
        emit_(shortened(folded(whole)), position_, TermKind::whole, 0);
        for (const auto piece : pieces_) emit_(word_term(piece), position_++, TermKind::part, 0);
        return end;
    }

    static bool is_apostrophe(std::u32string_view whole) {
        std::size_t marks = 0;
        for (const char32_t c : whole) {
            if (c == '\'' || c == 0x2019)
                ++marks;
            else if (kind_of(c) != Kind::word)
                return false;
        }
        return marks == 1;
    }

    /// Pieces between joiners, at camelCase humps, and where letters meet digits ("utf8" stays whole: too short to
    /// part).
    void split(std::size_t begin, std::size_t end) {
        std::size_t start = begin;
        const auto cut = [&](std::size_t at) {
            if (at > start) pieces_.push_back(text_.substr(start, at - start));
            start = at;
        };
        for (std::size_t i = begin; i < end; ++i) {
            if (kind_of(text_[i]) == Kind::joiner) {
                cut(i);
                start = i + 1;
                continue;
            }
            if (i == start || i == begin) continue;
            const bool hump = is_upper(text_[i]) && !is_upper(text_[i - 1]) && !is_digit(text_[i - 1]);
            const bool acronym_end = i + 1 < end && is_upper(text_[i]) && is_upper(text_[i - 1]) &&
                                     kind_of(text_[i + 1]) == Kind::word && !is_upper(text_[i + 1]) &&
                                     !is_digit(text_[i + 1]) && i + 2 < end && kind_of(text_[i + 2]) == Kind::word;
            if (hump || acronym_end) cut(i);
        }
        cut(end);
    }

    std::u32string_view text_;
    Emit emit_;
    std::uint32_t position_ = 0;
    std::vector<std::u32string_view> pieces_;
};

template <class Emit>
std::uint32_t scan(std::u32string_view text, Emit emit) {
    return Scanner<Emit>(text, std::move(emit)).run();
}

constexpr auto stop_words = std::to_array<std::string_view>({
    "a",     "about", "all",    "am",    "an",    "and",   "any",   "are",   "as",      "at",       "be",   "been",
    "but",   "by",    "can",    "could", "did",   "do",    "does",  "doing", "done",    "for",      "from", "get",
    "had",   "has",   "have",   "he",    "her",   "his",   "how",   "i",     "if",      "in",       "into", "is",
    "it",    "its",   "me",     "my",    "of",    "on",    "or",    "our",   "please",  "shall",    "she",  "should",
    "so",    "some",  "than",   "that",  "the",   "their", "them",  "then",  "there",   "these",    "they", "this",
    "those", "to",    "us",     "was",   "we",    "were",  "what",  "when",  "where",   "which",    "who",  "whom",
    "whose", "why",   "will",   "with",  "would", "you",   "your",  "tell",  "explain", "describe", "may",  "might",
    "must",  "dont",  "doesnt", "cant",  "im",    "ive",   "whats", "also",  "just",    "between",  "such", "used",
});

constexpr auto question_phrases = std::to_array<std::u32string_view>({
    // Longer ones first.
    U"为什么", U"為什麼",   U"是什么",   U"是什麼",     U"有什么", U"有什麼",   U"什么样", U"什麼樣",     U"怎么样",
    U"怎麼樣", U"怎么办",   U"怎麼辦",   U"什么时候",   U"能不能", U"可不可以", U"是不是", U"有没有",     U"有沒有",
    U"会不会", U"请问",     U"請問",     U"什么",       U"什麼",   U"怎么",     U"怎麼",   U"怎样",       U"怎樣",
    U"如何",   U"哪些",     U"哪个",     U"哪個",       U"哪里",   U"哪裡",     U"哪儿",   U"哪种",       U"哪種",
    U"多少",   U"几个",     U"是否",     U"为何",       U"為何",   U"何时",     U"可以",   U"应该",       U"應該",
    U"需要",   U"告诉我",   U"介绍一下", U"解释一下",   U"ですか", U"ますか",   U"とは",   U"どのように", U"どうやって",
    U"なぜ",   U"ください", U"教えて",   U"でしょうか",
});

/// Han characters that are grammar more often than meaning, and the Japanese particles.
constexpr std::u32string_view function_characters =
    U"的了吗嗎呢吧啊么麼是在和与與被把这這那之于於我你您他她它们們哪谁誰"
    U"はがをにでとものへやか";

/// Question phrases replaced by a space, so that no bigram crosses them.
std::u32string without_question_phrases(const std::u32string& text) {
    std::u32string out;
    out.reserve(text.size());
    std::size_t at = 0;
    while (at < text.size()) {
        std::size_t matched = 0;
        if (text[at] >= 0x2E80) {
            for (const auto phrase : question_phrases)
                if (phrase.size() > matched && std::u32string_view(text).substr(at).starts_with(phrase))
                    matched = phrase.size();
        }
        if (matched != 0) {
            out += U' ';
            at += matched;
        } else {
            out += text[at++];
        }
    }
    return out;
}

bool is_stop_word(std::string_view folded_word) {
    return std::ranges::find(stop_words, folded_word) != stop_words.end();
}

bool has_function_character(std::string_view term) {
    for (std::size_t at = 0; at < term.size();) {
        const auto [c, length, valid] = utf8::decode(term, at);
        if (function_characters.contains(c)) return true;
        at += length;
    }
    return false;
}

std::vector<QueryTerm> query_terms(std::u32string_view text, bool drop_stop_words) {
    std::vector<QueryTerm> terms;
    std::unordered_map<std::string, std::size_t> seen;
    std::u32string kept;
    if (drop_stop_words) {
        // Stop words are removed before stemming, which would disguise some of them ("does" → "doe").
        std::size_t at = 0;
        while (at < text.size()) {
            if (kind_of(text[at]) != Kind::word || (at > 0 && kind_of(text[at - 1]) == Kind::joiner)) {
                kept += text[at++];
                continue;
            }
            std::size_t end = at;
            while (end < text.size() && (kind_of(text[end]) == Kind::word || text[end] == '\'' || text[end] == 0x2019))
                ++end;
            const auto word = text.substr(at, end - at);
            std::string plain = folded(word);
            std::erase(plain, '\'');
            const bool joined =
                end + 1 < text.size() && kind_of(text[end]) == Kind::joiner && kind_of(text[end + 1]) == Kind::word;
            // A word in capitals is an acronym: "IT", "US", "WHO".
            const bool acronym = word.size() > 1 && std::ranges::all_of(word, is_upper);
            if (joined || acronym || !is_stop_word(plain))
                kept += word;
            else
                kept += U' ';
            at = end;
        }
        text = kept;
    }
    scan(text, [&](std::string term, std::uint32_t position, TermKind kind, std::size_t run) {
        double weight = 1;
        if (kind == TermKind::part) weight = part_weight;
        if (kind == TermKind::character) weight = run == 1 ? 1.0 : character_weight;
        if ((kind == TermKind::bigram || kind == TermKind::character) && has_function_character(term))
            weight *= function_weight;
        if (term.empty()) return;
        const auto [place, added] = seen.try_emplace(term, terms.size());
        if (!added) {
            terms[place->second].weight = std::max(terms[place->second].weight, weight);
        } else if (terms.size() < max_query_terms) {
            terms.push_back({std::move(term), weight, position});
        } else {
            seen.erase(place);
        }
    });
    return terms;
}

}  // namespace

AnalyzedText analyze(std::string_view text) {
    AnalyzedText out;
    const std::u32string characters = normalized(text);
    out.length = scan(characters, [&](std::string term, std::uint32_t position, TermKind, std::size_t) {
        if (!term.empty()) out.terms.push_back({std::move(term), position});
    });
    return out;
}

std::vector<QueryTerm> analyze_query(std::string_view query) {
    const std::u32string text = normalized(utf8::truncate(query, max_query_bytes));
    auto terms = query_terms(without_question_phrases(text), true);
    if (terms.empty()) terms = query_terms(text, false);
    return terms;
}

}  // namespace tenon::store
