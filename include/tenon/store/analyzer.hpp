// How text becomes the terms that full-text search matches: words, stems, parts of identifiers, CJK bigrams.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tenon::store {

/// Grows whenever the terms of any text change; kept in each knowledge base.
inline constexpr int analyzer_version = 1;

struct Term {
    std::string text;
    std::uint32_t position = 0;  ///< words and CJK characters counted from 0; several terms may share one
};

struct AnalyzedText {
    std::vector<Term> terms;
    std::uint32_t length = 0;  ///< positions: words plus CJK characters
};

/// The terms of a passage. Text is normalised (NFKC, case and accents folded); English words are stemmed (Porter 1980);
/// identifiers, paths and versions ("readFile", "snake_case", "/etc/fstab", "2.6.1") give the whole and their parts;
/// text without spaces (Han, kana, Hangul, Thai …) gives overlapping bigrams and single characters.
/// Invalid UTF-8 separates words. Pure and thread-safe.
[[nodiscard]] AnalyzedText analyze(std::string_view text);

struct QueryTerm {
    std::string text;
    double weight = 1;           ///< what a match counts for; single characters and parts count for less
    std::uint32_t position = 0;  ///< of its first occurrence
};

/// The distinct terms of a question, in order; function and question words ("how", "what", "如何", "什么") are dropped
/// unless nothing else is left. At most 512 terms of the first 32 KiB. Pure and thread-safe.
[[nodiscard]] std::vector<QueryTerm> analyze_query(std::string_view query);

}  // namespace tenon::store
