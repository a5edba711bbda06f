// Guessing some tokens ahead, and checking all guesses in one forward pass: "speculative decoding".
#pragma once

#include <cstddef>
#include <memory>

#include "tenon/base/error.hpp"
#include "tenon/model/model.hpp"

namespace tenon::engine {

/// Guesses never change what an answer may be: a token is kept only as often as the model itself would have chosen it
/// (Leviathan, Kalman and Matias, "Fast Inference from Transformers via Speculative Decoding", 2023). Greedy answers
/// are those of a run without guesses, up to the rounding of sums; so are seeded ones when the guesses were looked up.
struct SpeculationOptions {
    /// Looks for the last tokens earlier in prompt and answer, and guesses what followed there (Saxena, "Prompt Lookup
    /// Decoding", 2023): free, and right where an answer quotes. Comes before the draft model.
    bool lookup = false;
    std::size_t lookup_min = 2, lookup_max = 4;  ///< tokens that must, and at most can, agree
    /// A smaller model of the same vocabulary. May be the engine's own model.
    std::shared_ptr<model::CausalModel> draft{};
    float draft_p_min = 0.75F;  ///< the draft model stops guessing when its likeliest token has less than this
    std::size_t max = 8;        ///< guesses of one request in one pass; fewer while guesses fail
};

inline constexpr std::size_t most_guesses = 64;  ///< of one request in one pass

/// Errors: invalid_argument, saying where the two vocabularies differ. Sizes may differ by a few tokens of padding.
[[nodiscard]] Result<void> check_draft(const model::CausalModel& target, const model::CausalModel& draft);

}  // namespace tenon::engine
