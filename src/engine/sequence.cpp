#include "engine/sequence.hpp"

#include <algorithm>
#include <utility>

#include "tenon/engine/speculation.hpp"

namespace tenon::engine {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t first_reach = 4;

double milliseconds(SteadyClock::time_point from, SteadyClock::time_point to) {
    return std::chrono::duration<double, std::milli>(to - from).count();
}

}  // namespace

Sequence::Sequence(GenerationRequest request, GenerationSink sink, text::TokenizerPtr tokenizer,
                   std::shared_ptr<model::KvPool> pool, std::size_t context, std::span<const text::TokenId> end_tokens,
                   DryBreakersPtr breakers, std::optional<int> keep)
    : request_(std::move(request)),
      sink_(std::move(sink)),
      tokenizer_(std::move(tokenizer)),
      end_tokens_(end_tokens),
      sampler_(request_.sampling, std::move(breakers)),
      stops_(request_.stop),
      decoder_(tokenizer_, request_.skip_special),
      tokens_(request_.prompt),
      prompt_length_(request_.prompt.size()),
      keep_(keep),
      reach_(first_reach),
      cache_(std::move(pool), context),
      submitted_(SteadyClock::now()) {
    usage_.prompt_tokens = request_.prompt.size();
    // A continuation of text keeps its leading space: the decoder must know that it does not begin the text.
    if (const auto last = tokens_.back(); !tokenizer_->is_control(last)) (void)decoder_.push(last);
    if (scores_prompt()) event_.prompt_logprobs.push_back({describe(tokens_.front(), 0), {}});
}

void Sequence::start(std::size_t reused) {
    if (started()) return;  // again, after a preemption: what the user sees is the first time
    usage_.cached_tokens = reused;
    started_at_ = SteadyClock::now();
}

void Sequence::follow(const Sequence& leader, std::span<const float> logits) {
    if (finished_) return;
    cache_.share(leader.cache().pages(), request_.prompt.size());
    start(request_.prompt.size());
    if (auto chosen = choose(logits, nullptr); !chosen) fail(std::move(chosen).error());
}

void Sequence::advance(std::size_t count, std::span<const float> rows, std::size_t vocabulary) {
    const std::size_t first = cache_.length() - count;
    if (scores_prompt() && first < request_.prompt.size())
        if (auto scored = score_prompt(first, count, rows, vocabulary); !scored) return fail(std::move(scored).error());
    if (cache_.length() < tokens_.size()) return;  // more prompt to come
    const std::size_t known = tokens_.size();
    const std::size_t guessed = cache_.length() - known;
    const auto guesses = std::exchange(guesses_, {});
    if (rows.size() < (guessed + 1) * vocabulary || guesses.size() < guessed) {
        cache_.truncate(known);
        return fail(Error(ErrorCode::internal, "the model returned no logits"));
    }
    rows = rows.last((guessed + 1) * vocabulary);
    usage_.drafted_tokens += guessed;
    std::size_t right = 0;
    std::optional<Error> problem;
    for (std::size_t i = 0; i <= guessed && !finished_; ++i) {
        const Guess* const guess = i < guessed ? &guesses[i] : nullptr;
        const auto chosen = choose(rows.subspan(i * vocabulary, vocabulary), guess);
        if (!chosen) problem = chosen.error();
        if (problem || guess == nullptr || *chosen != guess->token || tokens_.size() == known + i) break;
        ++right;
    }
    cache_.truncate(known + right);
    if (problem) return fail(std::move(*problem));
    if (guessed == 0) return;
    // As transformers does it: two more after a pass where all were right, else one less.
    reach_ = right == guessed ? reach_ + 2 : std::max<std::size_t>(1, reach_ - 1);
}

std::size_t Sequence::useful_guesses(std::size_t limit) const noexcept {
    if (finished_ || in_prompt()) return 0;
    std::size_t count = std::min({request_.draft_max.value_or(limit), most_guesses, reach_});
    // The last token of an answer is never fed back, so it is not guessed either.
    if (request_.max_tokens > 0) count = std::min(count, request_.max_tokens - usage_.completion_tokens - 1);
    return std::min(count, cache_.capacity() - tokens_.size());
}

void Sequence::offer(std::vector<Guess> guesses) {
    guesses_ = std::move(guesses);
    ahead_.assign(1, tokens_.back());
    for (const auto& guess : guesses_) ahead_.push_back(guess.token);
}

Result<void> Sequence::score_prompt(std::size_t first, std::size_t count, std::span<const float> rows,
                                    std::size_t vocabulary) {
    if (rows.size() != count * vocabulary) return tenon::fail(ErrorCode::internal, "the model returned too few logits");
    for (std::size_t i = 0; i < count && first + i + 1 < request_.prompt.size(); ++i) {
        const std::size_t at = first + i + 1;
        if (at <= scored_) continue;  // computed again after a preemption
        scored_ = at;
        const auto row = rows.subspan(i * vocabulary, vocabulary);
        TENON_TRY(auto step, probabilities(row, request_.prompt[at], request_.prompt_logprobs));
        const float own = row[static_cast<std::size_t>(request_.prompt[at])];
        step.chosen.rank = 1 + static_cast<std::size_t>(std::ranges::count_if(row, [&](float x) { return x > own; }));
        for (std::size_t r = 0; r < step.top.size(); ++r) step.top[r].rank = r + 1;
        event_.prompt_logprobs.push_back(std::move(step));
    }
    return {};
}

TokenLogprob Sequence::describe(text::TokenId token, double logprob) const {
    return {token, tokenizer_->token_bytes(token), static_cast<float>(logprob)};
}

Result<GenerationEvent::Step> Sequence::probabilities(std::span<const float> logits, text::TokenId chosen,
                                                      int alternatives) const {
    TENON_TRY(const Candidate largest, find_largest(logits));
    const double norm = log_sum_exp(logits, largest.logit);
    GenerationEvent::Step step{describe(chosen, static_cast<double>(logits[static_cast<std::size_t>(chosen)]) - norm),
                               {}};
    std::vector<Candidate> top;
    select_top(logits, static_cast<std::size_t>(alternatives), top);
    for (const auto& c : top) step.top.push_back(describe(c.id, static_cast<double>(c.logit) - norm));
    return step;
}

bool Sequence::ends(text::TokenId token) const {
    return (!request_.ignore_eos && tokenizer_->is_end_of_generation(token)) ||
           std::ranges::find(request_.stop_tokens, token) != request_.stop_tokens.end();
}

bool Sequence::completes_bad_word(text::TokenId token) const {
    if (tokenizer_->is_control(token)) return false;
    const std::string text = tail_ + tokenizer_->token_bytes(token);
    return std::ranges::any_of(request_.bad_words, [&](const auto& w) { return text.find(w) != std::string::npos; });
}

// A token that would complete a bad word is drawn again: the others keep their odds.
Result<text::TokenId> Sequence::sample(std::span<const float> logits, const Guess* guess) {
    text::TokenMask mask;
    if (request_.constraint) {
        TENON_TRY(mask, request_.constraint->mask());
    }
    const std::span<const std::uint64_t> allowed = mask ? std::span(*mask) : std::span<const std::uint64_t>();
    std::vector<text::TokenId> forbidden;
    if (usage_.completion_tokens < request_.min_tokens) {
        forbidden.assign(end_tokens_.begin(), end_tokens_.end());
        forbidden.insert(forbidden.end(), request_.stop_tokens.begin(), request_.stop_tokens.end());
    }
    if (guess != nullptr && request_.bad_words.empty())
        return sampler_.check(*guess, logits, tokens_, prompt_length_, allowed, forbidden);
    for (;;) {
        TENON_TRY(const auto token, sampler_.sample(logits, tokens_, prompt_length_, allowed, forbidden));
        if (request_.bad_words.empty() || !completes_bad_word(token)) return token;
        forbidden.push_back(token);
    }
}

Result<text::TokenId> Sequence::choose(std::span<const float> logits, const Guess* guess) {
    TENON_TRY(const auto token, sample(logits, guess));
    if (guess != nullptr && token == guess->token) ++usage_.accepted_tokens;
    if (usage_.completion_tokens++ == 0) first_token_ = SteadyClock::now();
    if (ends(token)) {
        if (request_.include_stop) {
            const std::string piece = decoder_.push(token);
            decoded_bytes_ += piece.size();
            std::string text = stops_.push(piece);
            certain_bytes_ += text.size();
            say(std::move(text), certain_bytes_);
        }
        finish(FinishReason::stop);
        return token;
    }
    if (!request_.bad_words.empty() && !tokenizer_->is_control(token)) {
        std::size_t longest = 0;
        for (const auto& word : request_.bad_words) longest = std::max(longest, word.size());
        tail_ += tokenizer_->token_bytes(token);
        if (tail_.size() > longest) tail_.erase(0, tail_.size() - longest);
    }
    if (request_.constraint) TENON_CHECK(request_.constraint->accept(token));
    Said said{token, decoded_bytes_, {}};
    if (request_.top_logprobs >= 0) {
        TENON_TRY(said.step, probabilities(logits, token, request_.top_logprobs));
    }
    tokens_.push_back(token);
    unsaid_.push_back(std::move(said));
    const std::string piece = decoder_.push(token);
    decoded_bytes_ += piece.size();
    std::string text = stops_.push(piece);
    if (stops_.matched() && request_.include_stop) text += stops_.match();
    certain_bytes_ += text.size();
    say(std::move(text), certain_bytes_);
    if (stops_.matched()) {
        unsaid_.clear();
        finish(FinishReason::stop);
    } else if (request_.constraint && request_.constraint->finished()) {
        finish(FinishReason::stop);
    } else if (usage_.completion_tokens == request_.max_tokens || (tokens_.size() > cache_.capacity() && !shift())) {
        finish(FinishReason::length);
    } else if (!event_.text.empty()) {
        sink_(std::exchange(event_, {}));
    }
    return token;
}

bool Sequence::shift() {
    if (!keep_) return false;
    const auto left = shift_context(tokens_.size(), cache_.capacity(), *keep_, prompt_length_);
    if (!left) return false;
    const auto at = [&](std::size_t i) { return tokens_.begin() + static_cast<std::ptrdiff_t>(i); };
    tokens_.erase(at(left->keep), at(left->from));
    prompt_length_ = std::min(prompt_length_, left->keep) + std::max(prompt_length_, left->from) - left->from;
    cache_.truncate(left->keep);
    return true;
}

void Sequence::say(std::string text, std::size_t certain_until) {
    event_.text += text;
    for (; !unsaid_.empty() && unsaid_.front().start < certain_until; unsaid_.pop_front()) {
        event_.tokens.push_back(unsaid_.front().token);
        if (request_.top_logprobs >= 0) event_.logprobs.push_back(std::move(unsaid_.front().step));
    }
}

void Sequence::finish(FinishReason reason) {
    if (finished_) return;
    if (!stops_.matched()) {
        std::string rest = stops_.push(decoder_.finish());
        if (!stops_.matched()) rest += stops_.finish();
        say(std::move(rest), decoded_bytes_ + 1);
        if (stops_.matched() && reason == FinishReason::length) reason = FinishReason::stop;
    }
    event_.finish = reason;
    event_.stop_string = stops_.match();
    end(std::exchange(event_, {}));
}

void Sequence::fail(Error error) {
    if (finished_) return;
    event_.error = std::move(error);
    end(std::exchange(event_, {}));
}

void Sequence::end(GenerationEvent event) {
    finished_ = true;
    const auto now = SteadyClock::now();
    const auto started = started_at_.value_or(now);
    const auto first = usage_.completion_tokens > 0 ? first_token_ : now;
    event.usage = usage_;
    event.timings = {milliseconds(submitted_, started), milliseconds(started, first), milliseconds(first, now)};
    sink_(std::move(event));
}

}  // namespace tenon::engine
