// Whether the documents answer at all.
#pragma once

#include "tenon/rag/answer.hpp"

namespace tenon::rag {

inline constexpr double refuse_below = 0.4;  ///< confidence
inline constexpr double min_support = 0.5;   ///< share of a sentence's words that the passages must bear out
inline constexpr double min_novelty = 0.12;  ///< below it a sentence only repeats the question
inline constexpr double quote_withheld =
    0.5;  ///< needed to quote the evidence when nothing the model said is borne out
inline constexpr double quote_refused = 0.75;  ///< the same, when the model said that it does not know

/// Probability that the passages hold the answer, by logistic regression on the signals. Asking a small model whether
/// it can answer told nothing (AUC 0.48 in Chinese, 0.72 in English, against 0.96 to 0.99 of what retrieval knows), so
/// it is not asked. The weights come from bench/peers/rag/fit_confidence.py over the three question sets there. Fitted
/// on two of them, it tells the answerable questions of the third with an AUC of 0.95 to 0.99 where questions use words
/// of the documents, and of 0.7 to 0.8 where most are paraphrased and most unanswerable ones are near misses (set 3).
[[nodiscard]] double estimate_confidence(const AnswerSignals& signals) noexcept;

}  // namespace tenon::rag
