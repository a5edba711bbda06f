// Beam search: the likeliest of all texts that a narrow look-ahead can find.
#pragma once

#include <cstddef>
#include <vector>

#include "tenon/engine/engine.hpp"

namespace tenon::engine {

struct BeamOptions {
    std::size_t width = 4;        ///< texts followed at once, 1 to 10
    std::size_t max_tokens = 16;  ///< at least 1
    double length_penalty = 1;  ///< log-probability / length^penalty, the prompt's tokens counted: above 1 favours long
    bool ignore_eos = false;
};

struct Beam {
    std::vector<text::TokenId> tokens;  ///< of the answer, without the one that ended it
    double logprob = 0;                 ///< of all tokens, the one that ended it included
    double score = 0;
    FinishReason finish = FinishReason::length;
};

/// vLLM's beam search: of each beam's 2 * width likeliest next tokens, the best width texts go on; those that an end
/// token completes are set aside; in the end the best of all. No sampling, no penalties, no grammar.
/// One step after another: `requests`, an answer to each, `take`, until `over`. Keys and values of the beams share
/// pages by their common beginnings, so give the engine a `prefix_block` of 1. Not thread-safe.
class BeamSearch {
  public:
    /// Errors: invalid_argument (empty prompt, a width, length or penalty out of range).
    [[nodiscard]] static Result<BeamSearch> create(std::vector<text::TokenId> prompt, const BeamOptions& options,
                                                   text::TokenizerPtr tokenizer);
    [[nodiscard]] bool over() const noexcept;
    /// One for each beam; the caller adds deadlines and the like.
    [[nodiscard]] std::vector<GenerationRequest> requests() const;
    /// The joined events of each request, in order. Errors: internal (an answer without log-probabilities).
    [[nodiscard]] Result<void> take(const std::vector<GenerationEvent>& answers);
    /// At most `width`, the best first.
    [[nodiscard]] std::vector<Beam> best() const;

  private:
    BeamSearch() = default;
    [[nodiscard]] double score(const Beam& beam) const noexcept;
    void order(std::vector<Beam>& beams) const;

    std::vector<text::TokenId> prompt_;
    BeamOptions options_;
    text::TokenizerPtr tokenizer_;
    std::vector<Beam> beams_, complete_;
    std::size_t steps_ = 0;
};

/// All steps; blocks. Errors: those of `create` and of the engine.
[[nodiscard]] Result<std::vector<Beam>> beam_search(Engine& engine, std::vector<text::TokenId> prompt,
                                                    const BeamOptions& options);

}  // namespace tenon::engine
