// One request on its way through the engine: what it has said, what it still withholds.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/sampler.hpp"
#include "engine/stop_matcher.hpp"
#include "tenon/engine/engine.hpp"

namespace tenon::engine {

/// Belongs to the scheduling thread once accepted.
class Sequence {
  public:
    /// `context`: the most tokens it may ever hold in `pool`. `end_tokens`: those of the model; live as long as the
    /// engine. `breakers`: for DRY, may be null.
    /// `keep`: shifts the context when it is full; see EngineOptions.
    Sequence(GenerationRequest request, GenerationSink sink, text::TokenizerPtr tokenizer,
             std::shared_ptr<model::KvPool> pool, std::size_t context, std::span<const text::TokenId> end_tokens,
             DryBreakersPtr breakers, std::optional<int> keep = std::nullopt);

    [[nodiscard]] const GenerationRequest& request() const noexcept { return request_; }
    [[nodiscard]] model::AdapterUse adapter() const noexcept {
        return {request_.adapter.get(), request_.adapter ? request_.adapter_scale : 1};
    }
    [[nodiscard]] bool cancelled() const noexcept { return request_.cancel.stop_requested(); }
    [[nodiscard]] bool expired(std::chrono::steady_clock::time_point now) const noexcept {
        return request_.deadline && now >= *request_.deadline;
    }
    [[nodiscard]] bool finished() const noexcept { return finished_; }

    /// Its prompt's logits are all needed: nothing of it may come from a cache.
    [[nodiscard]] bool scores_prompt() const noexcept { return request_.prompt_logprobs >= 0; }

    /// Admitted, for the first time or again; `reused` tokens are in the cache already.
    void start(std::size_t reused);
    [[nodiscard]] bool started() const noexcept { return started_at_.has_value(); }
    [[nodiscard]] model::KvCache& cache() noexcept { return cache_; }
    [[nodiscard]] const model::KvCache& cache() const noexcept { return cache_; }
    /// The prompt, then what was generated; after a shift of the context what is left of them.
    [[nodiscard]] std::span<const text::TokenId> tokens() const noexcept { return tokens_; }
    /// Of the tokens, those of the prompt.
    [[nodiscard]] std::size_t prompt_length() const noexcept { return prompt_length_; }
    /// Tokens not yet in the cache: prompt tokens, the one token chosen last, or all of them after a preemption.
    [[nodiscard]] std::span<const text::TokenId> pending() const noexcept {
        return std::span(tokens_).subspan(cache_.length());
    }
    /// What a pass computes: the first `count` pending tokens, and after them the guesses.
    [[nodiscard]] std::span<const text::TokenId> step(std::size_t count) const noexcept {
        return guesses_.empty() ? pending().first(count) : std::span(ahead_).first(count);
    }
    /// Guesses that are of use now: at most `limit`, fewer while they fail, none in the prompt.
    [[nodiscard]] std::size_t useful_guesses(std::size_t limit) const noexcept;
    /// What may follow the tokens; stands until the next `advance`.
    void offer(std::vector<Guess> guesses);
    [[nodiscard]] std::span<const Guess> guesses() const noexcept { return guesses_; }
    void drop_guesses() noexcept { guesses_.clear(); }
    [[nodiscard]] bool in_prompt() const noexcept {
        return cache_.length() + 1 < tokens_.size() || cache_.length() < prompt_length_;
    }

    /// The last `count` tokens of the cache were computed, guesses among them; `rows` are their logits (one row, all
    /// rows or none, as asked). Samples when the prompt is complete, and calls the sink. Guesses that were wrong leave
    /// the cache. May finish the sequence.
    void advance(std::size_t count, std::span<const float> rows, std::size_t vocabulary);
    /// Those that wait for this one to compute the prompt they share.
    void lead(std::vector<std::unique_ptr<Sequence>> followers) { followers_ = std::move(followers); }
    [[nodiscard]] std::span<const std::unique_ptr<Sequence>> followers() const noexcept { return followers_; }
    [[nodiscard]] std::vector<std::unique_ptr<Sequence>> take_followers() { return std::exchange(followers_, {}); }
    /// Begins where the leader has computed the prompt, whose last row of logits this is.
    void follow(const Sequence& leader, std::span<const float> logits);
    /// The last event.
    void finish(FinishReason reason);
    void fail(Error error);

    [[nodiscard]] const Usage& usage() const noexcept { return usage_; }
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    void set_id(std::uint64_t id) noexcept { id_ = id; }
    [[nodiscard]] std::chrono::steady_clock::time_point submitted() const noexcept { return submitted_; }

  private:
    struct Said {
        text::TokenId token;
        std::size_t start;  ///< where its text begins, in bytes of the whole decoded text
        GenerationEvent::Step step;
    };
    [[nodiscard]] Result<void> score_prompt(std::size_t first, std::size_t count, std::span<const float> rows,
                                            std::size_t vocabulary);
    /// `guess`: may be null.
    [[nodiscard]] Result<text::TokenId> choose(std::span<const float> logits, const Guess* guess);
    [[nodiscard]] Result<text::TokenId> sample(std::span<const float> logits, const Guess* guess);
    [[nodiscard]] bool completes_bad_word(text::TokenId token) const;
    [[nodiscard]] bool ends(text::TokenId token) const;
    /// Makes room in a full context; false: it cannot.
    [[nodiscard]] bool shift();
    void say(std::string text, std::size_t certain_until);
    void end(GenerationEvent event);
    [[nodiscard]] TokenLogprob describe(text::TokenId token, double logprob) const;
    [[nodiscard]] Result<GenerationEvent::Step> probabilities(std::span<const float> logits, text::TokenId chosen,
                                                              int alternatives) const;

    GenerationRequest request_;
    GenerationSink sink_;
    text::TokenizerPtr tokenizer_;
    std::span<const text::TokenId> end_tokens_;
    Sampler sampler_;
    StopMatcher stops_;
    text::StreamingDecoder decoder_;
    std::vector<text::TokenId> tokens_;  // the prompt, then what was generated
    std::size_t prompt_length_;
    std::optional<int> keep_;
    std::deque<Said> unsaid_;  // tokens whose text is not certain yet
    std::string tail_;         // of the text: what a bad word may begin in
    std::size_t decoded_bytes_ = 0;
    std::size_t scored_ = 0;  // the last prompt token whose log-probability is known
    std::size_t certain_bytes_ = 0;
    std::vector<Guess> guesses_;
    std::vector<text::TokenId> ahead_;  // the last token and the guesses, when there are any
    std::size_t reach_;                 // guesses worth making
    GenerationEvent event_;             // being filled
    model::KvCache cache_;
    Usage usage_;
    std::vector<std::unique_ptr<Sequence>> followers_;
    std::chrono::steady_clock::time_point submitted_, first_token_;
    std::optional<std::chrono::steady_clock::time_point> started_at_;
    std::uint64_t id_ = 0;
    bool finished_ = false;
};

}  // namespace tenon::engine
