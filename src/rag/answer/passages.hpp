// Choosing what a small model gets to read: the few sentences that most likely hold the answer.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/store/knowledge_base.hpp"
#include "tenon/text/splitter.hpp"

namespace tenon::rag {

/// A sentence, list item, table row or code block of a chunk.
struct Unit {
    std::size_t hit = 0;             ///< index into the hits
    std::size_t begin = 0, end = 0;  ///< bytes of the chunk's text
    double coverage = 0;             ///< share of the question's terms in it, by rarity; headings count for a part
    double similarity = 0;           ///< cosine with the question; 0 when not known
    double score = 0;
};

/// Divides the chunks' texts into units. Pure.
[[nodiscard]] std::vector<Unit> find_units(std::span<const store::Hit> hits);
[[nodiscard]] std::vector<text::Range> unit_ranges(std::string_view chunk);

/// Whether a unit asks or announces rather than tells: it ends with a question mark or a colon. What it is about
/// follows it. Pure.
[[nodiscard]] bool announces_more(std::string_view unit) noexcept;

/// Fills coverage and score from the question's terms; `similarity` must be set before.
/// Returns, in order, the indices of the units, best first.
[[nodiscard]] std::vector<std::size_t> rank_units(std::span<Unit> units, std::span<const store::Hit> hits,
                                                  std::span<const store::TermStatistic> terms);

/// A stretch of one chunk that goes into the prompt.
struct Passage {
    std::size_t hit = 0;
    std::size_t begin = 0, end = 0;  ///< bytes of the chunk's text
    std::string text;
    double best = 0;  ///< score of its best unit
};

struct PassageOptions {
    std::size_t max_tokens = 240;
    std::size_t max_passages = 5;
    std::size_t unit_tokens = 160;  ///< a longer unit is cut
};

/// The best units with their neighbours, joined where they touch, within the budget; best first.
[[nodiscard]] std::vector<Passage> choose_passages(std::span<const Unit> units, std::span<const std::size_t> order,
                                                   std::span<const store::Hit> hits, const PassageOptions& options,
                                                   const text::TokenCounter& count);

}  // namespace tenon::rag
