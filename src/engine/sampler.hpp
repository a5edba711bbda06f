// From one row of logits to the next token, and to log-probabilities.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "engine/dry.hpp"
#include "engine/logits.hpp"
#include "engine/random.hpp"
#include "tenon/base/error.hpp"
#include "tenon/engine/sampling.hpp"

namespace tenon::engine {

/// Errors: invalid_argument, naming the value and its range.
[[nodiscard]] Result<void> validate(const SamplingParams& params, std::size_t vocabulary);

/// A token and how likely it was.
struct Odds {
    text::TokenId id = text::no_token;
    double probability = 0;
};

/// A guess at the next token, and what it was drawn from; without odds: nothing else could have been guessed.
struct Guess {
    text::TokenId token = text::no_token;
    std::vector<Odds> odds{};
};

/// Chooses tokens of one sequence. Not safe for concurrent use.
class Sampler {
  public:
    /// `breakers`: see DryBreakers; null: DRY knows none.
    explicit Sampler(SamplingParams params, DryBreakersPtr breakers = nullptr);

    /// `tokens` is the prompt (its first `prompt_tokens`) and what was generated. The repetition penalty looks at both,
    /// presence and frequency penalties at generated tokens only (OpenAI: "sampled prior to the current position"),
    /// all of them within the last `penalty_window` tokens.
    /// `allowed`: a bit a token, or empty: the others are never chosen; nor are the `forbidden`.
    /// Errors: internal (NaN logits, or no token left to choose).
    [[nodiscard]] Result<text::TokenId> sample(std::span<const float> logits, std::span<const text::TokenId> tokens,
                                               std::size_t prompt_tokens, std::span<const std::uint64_t> allowed = {},
                                               std::span<const text::TokenId> forbidden = {});

    /// `sample` for who was given a guess: chooses from the same distribution, and the guess as often as that allows
    /// (Leviathan et al. 2023, appendix A.1). A guess without odds is not even looked at: the token is the one that
    /// `sample` would have given.
    [[nodiscard]] Result<text::TokenId> check(const Guess& guess, std::span<const float> logits,
                                              std::span<const text::TokenId> tokens, std::size_t prompt_tokens,
                                              std::span<const std::uint64_t> allowed = {},
                                              std::span<const text::TokenId> forbidden = {});
    /// A guess for another sampler to check.
    [[nodiscard]] Result<Guess> guess(std::span<const float> logits, std::span<const text::TokenId> tokens,
                                      std::size_t prompt_tokens);

    /// What `sample` draws from, in no order: the probability of each is the softmax of its logit among them. Valid
    /// until the next call.
    [[nodiscard]] Result<std::span<const Candidate>> candidates(std::span<const float> logits,
                                                                std::span<const text::TokenId> tokens,
                                                                std::size_t prompt_tokens,
                                                                std::span<const std::uint64_t> allowed = {},
                                                                std::span<const text::TokenId> forbidden = {});
    /// One of the candidates was chosen; what mirostat learns from. `sample` does this by itself.
    void observe(text::TokenId chosen);

  private:
    struct Change {  ///< of one token's logit
        text::TokenId id;
        float factor, minus;
    };
    using Tokens = std::span<const text::TokenId>;

    [[nodiscard]] std::span<float> own_row();
    void forbid(std::span<const std::uint64_t> allowed);
    void apply(const std::vector<Change>& changes);
    void sort();
    void gather(float least);  ///< every logit from there on
    void take(SamplerStep step, Tokens tokens, std::size_t prompt_tokens);
    void penalise(Tokens tokens, std::size_t prompt_tokens);
    void dry(Tokens tokens);
    void top_n_sigma();
    void top_k(std::size_t count);
    void typical_p();
    void top_p();
    void min_p();
    void xtc();
    void temperature();
    void scale(float by);
    void mirostat();
    [[nodiscard]] float largest() const;
    /// Into weights_; gives their sum.
    double weigh();
    [[nodiscard]] text::TokenId draw();
    [[nodiscard]] text::TokenId draw_weighted(double total);

    SamplingParams params_;
    DryBreakersPtr breakers_;
    Random random_;
    double mu_;                    // mirostat's bound on surprise
    std::span<const float> row_;   // all logits; until `gathered_`
    bool gathered_ = false;        // the choice is in candidates_
    bool sorted_ = false;          // largest first
    std::vector<float> adjusted_;  // a row of our own
    std::vector<text::TokenId> window_;
    std::vector<Candidate> candidates_;
    std::vector<double> weights_;
    std::vector<double> guessed_;  // by token; zeros between two calls
};

}  // namespace tenon::engine
