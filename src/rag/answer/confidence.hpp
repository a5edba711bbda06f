// Whether the documents answer at all.
#pragma once

#include "tenon/rag/answer.hpp"

namespace tenon::rag {

inline constexpr double refuse_below = 0.35;      ///< confidence
inline constexpr double min_support = 0.5;        ///< share of a sentence's words that the passages must bear out
inline constexpr double min_novelty = 0.12;       ///< below it a sentence only repeats the question
inline constexpr double quote_coverage = 0.55;    ///< of the best unit, to be quoted in place of a failed answer
inline constexpr double quote_confidence = 0.75;  ///< needed too when the model itself said that it does not know

/// Probability that the passages hold the answer, by logistic regression on the signals; the weights come from
/// bench/peers/rag/fit_confidence.py over its question set. `chinese`: the self-check of that language is calibrated
/// apart.
[[nodiscard]] double estimate_confidence(const AnswerSignals& signals, bool chinese) noexcept;

}  // namespace tenon::rag
