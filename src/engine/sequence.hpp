// One request on its way through the engine: what it has said, what it still withholds.
#pragma once

#include <chrono>
#include <deque>
#include <span>
#include <vector>

#include "engine/sampler.hpp"
#include "engine/slots.hpp"
#include "engine/stop_matcher.hpp"
#include "tenon/engine/engine.hpp"

namespace tenon::engine {

/// Belongs to the scheduling thread once accepted.
class Sequence {
  public:
    Sequence(GenerationRequest request, GenerationSink sink, text::TokenizerPtr tokenizer);

    [[nodiscard]] const GenerationRequest& request() const noexcept { return request_; }
    [[nodiscard]] bool cancelled() const noexcept { return request_.cancel.stop_requested(); }
    [[nodiscard]] bool expired(std::chrono::steady_clock::time_point now) const noexcept {
        return request_.deadline && now >= *request_.deadline;
    }
    [[nodiscard]] bool finished() const noexcept { return finished_; }

    void start(Slots::Lease lease);
    [[nodiscard]] Slot& slot() const noexcept { return *lease_.slot; }
    [[nodiscard]] bool started() const noexcept { return lease_.slot != nullptr; }
    /// Tokens not yet in the cache: prompt tokens, or the one token chosen last.
    [[nodiscard]] std::span<const text::TokenId> pending() const noexcept;
    [[nodiscard]] bool in_prompt() const noexcept { return slot().tokens.size() < request_.prompt.size(); }

    /// The first `count` pending tokens were computed; `rows` are their logits (one row, all rows or none, as asked).
    /// Samples when the prompt is complete, and calls the sink. May finish the sequence.
    void advance(std::size_t count, std::span<const float> rows, std::size_t vocabulary);
    /// The last event.
    void finish(FinishReason reason);
    void fail(Error error);

    [[nodiscard]] const Usage& usage() const noexcept { return usage_; }

  private:
    struct Said {
        text::TokenId token;
        std::size_t start;  ///< where its text begins, in bytes of the whole decoded text
        GenerationEvent::Step step;
    };
    [[nodiscard]] Result<void> score_prompt(std::size_t first, std::size_t count, std::span<const float> rows,
                                            std::size_t vocabulary);
    [[nodiscard]] Result<void> choose(std::span<const float> logits);
    void say(std::string text, std::size_t certain_until);
    void end(GenerationEvent event);
    [[nodiscard]] TokenLogprob describe(text::TokenId token, double logprob) const;
    [[nodiscard]] Result<GenerationEvent::Step> probabilities(std::span<const float> logits,
                                                              text::TokenId chosen) const;

    GenerationRequest request_;
    GenerationSink sink_;
    text::TokenizerPtr tokenizer_;
    Sampler sampler_;
    StopMatcher stops_;
    text::StreamingDecoder decoder_;
    std::vector<text::TokenId> tokens_;  // the prompt, then what was generated
    std::deque<Said> unsaid_;            // tokens whose text is not certain yet
    std::size_t decoded_bytes_ = 0;
    std::size_t certain_bytes_ = 0;
    GenerationEvent event_;  // being filled
    Slots::Lease lease_;
    Usage usage_;
    std::vector<float> prompt_logprobs_;
    std::chrono::steady_clock::time_point submitted_, started_, first_token_;
    bool finished_ = false;
};

}  // namespace tenon::engine
