// Whether the documents answer at all.
#pragma once

#include "tenon/rag/answer.hpp"

namespace tenon::rag {

inline constexpr double refuse_below = 0.35;  ///< confidence
inline constexpr double min_support = 0.5;    ///< share of a sentence's words that the passages must bear out
inline constexpr double min_novelty = 0.12;   ///< below it a sentence only repeats the question
inline constexpr double quote_confidence =
    0.75;  ///< needed to quote the evidence when the model said that it does not know

/// Probability that the passages hold the answer, by logistic regression on the signals. Asking a small model whether
/// it can answer told nothing (AUC 0.48 in Chinese, 0.72 in English, against 0.96 to 0.99 of what retrieval knows), so
/// it is not asked. The weights come from bench/peers/rag/fit_confidence.py over both question sets there.
[[nodiscard]] double estimate_confidence(const AnswerSignals& signals) noexcept;

}  // namespace tenon::rag
