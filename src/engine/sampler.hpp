// From one row of logits to the next token, and to log-probabilities.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "engine/random.hpp"
#include "tenon/base/error.hpp"
#include "tenon/engine/sampling.hpp"

namespace tenon::engine {

struct Candidate {
    float logit = 0;
    text::TokenId id = text::no_token;
};

/// The `count` largest logits, largest first; equal ones in order of id. `logits` must hold no NaN.
void select_top(std::span<const float> logits, std::size_t count, std::vector<Candidate>& out);

/// The largest logit. Errors: internal (a NaN, or nothing finite).
[[nodiscard]] Result<Candidate> find_largest(std::span<const float> logits);

/// log(sum(exp(logits))), given the largest of them.
[[nodiscard]] double log_sum_exp(std::span<const float> logits, float largest);

/// Errors: invalid_argument, naming the value and its range.
[[nodiscard]] Result<void> validate(const SamplingParams& params, std::size_t vocabulary);

/// Chooses tokens of one sequence. Not safe for concurrent use.
class Sampler {
  public:
    explicit Sampler(SamplingParams params);

    /// `tokens` is the prompt (its first `prompt_tokens`) and what was generated. The repetition penalty looks at both,
    /// presence and frequency penalties at generated tokens only (OpenAI: "sampled prior to the current position"),
    /// all of them within the last `penalty_window` tokens.
    /// `allowed`: a bit a token, or empty: the others are never chosen.
    /// Errors: internal (NaN logits, or no token left to choose).
    [[nodiscard]] Result<text::TokenId> sample(std::span<const float> logits, std::span<const text::TokenId> tokens,
                                               std::size_t prompt_tokens, std::span<const std::uint64_t> allowed = {});

  private:
    [[nodiscard]] std::span<const float> adjust(std::span<const float> logits, std::span<const text::TokenId> tokens,
                                                std::size_t prompt_tokens);
    [[nodiscard]] std::span<const float> forbid(std::span<const float> logits, std::span<const std::uint64_t> allowed);
    void gather(std::span<const float> logits, float largest);
    void cut_top_p(double total);
    [[nodiscard]] text::TokenId draw();

    SamplingParams params_;
    Random random_;
    std::vector<float> adjusted_;
    std::vector<text::TokenId> window_;
    std::vector<Candidate> candidates_;
};

}  // namespace tenon::engine
