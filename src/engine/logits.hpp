// One row of logits: its largest, its sums.
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "tenon/base/error.hpp"
#include "tenon/text/tokenizer.hpp"

namespace tenon::engine {

inline constexpr float infinity = std::numeric_limits<float>::infinity();
inline constexpr float negligible = -30.F;  ///< exp of it, times any vocabulary, is below float32 resolution

struct Candidate {
    float logit = 0;
    text::TokenId id = text::no_token;
};
/// Larger logits first, equal ones in order of id.
[[nodiscard]] inline bool before(const Candidate& a, const Candidate& b) noexcept {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

/// -infinity for none. `values` must hold no NaN.
[[nodiscard]] float maximum(std::span<const float> values) noexcept;

/// The `count` largest logits, largest first; equal ones in order of id. `logits` must hold no NaN.
void select_top(std::span<const float> logits, std::size_t count, std::vector<Candidate>& out);

/// The largest logit. Errors: internal (a NaN, or nothing finite).
[[nodiscard]] Result<Candidate> find_largest(std::span<const float> logits);

/// Sums over e^d and d e^d, d being what each logit is below `largest`.
struct ExpSums {
    double weights = 0, weighted = 0;
};
[[nodiscard]] ExpSums exp_sums(std::span<const float> logits, float largest) noexcept;

/// log(sum(exp(logits))), given the largest of them.
[[nodiscard]] double log_sum_exp(std::span<const float> logits, float largest);

}  // namespace tenon::engine
