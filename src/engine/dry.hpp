// DRY: what would go on with a repetition becomes less likely (pi6am 2024, as llama.cpp has it).
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "tenon/engine/sampling.hpp"

namespace tenon::engine {

/// Where repetitions end: token sequences that hold one of the breaker strings, by their first token.
class DryBreakers {
  public:
    /// Looks at the whole vocabulary. A string longer than 40 bytes is cut there.
    DryBreakers(const text::Tokenizer& tokenizer, const std::vector<std::string>& strings);
    explicit DryBreakers(const std::vector<std::vector<text::TokenId>>& sequences);

    /// What may follow the first token; null: no sequence begins with it.
    [[nodiscard]] const std::vector<std::vector<text::TokenId>>* tails(text::TokenId first) const;
    /// The token alone is one.
    [[nodiscard]] bool breaks(text::TokenId token) const;

  private:
    void add(text::TokenId first, std::vector<text::TokenId> tail);
    std::unordered_map<text::TokenId, std::vector<std::vector<text::TokenId>>> sequences_;
};
using DryBreakersPtr = std::shared_ptr<const DryBreakers>;

/// Keeps the last breakers that were made. Thread-safe.
class DryBreakerCache {
  public:
    [[nodiscard]] DryBreakersPtr of(const text::Tokenizer& tokenizer, const std::vector<std::string>& strings);

  private:
    std::mutex mutex_;
    std::vector<std::pair<std::vector<std::string>, DryBreakersPtr>> kept_;
};

/// What each token that would go on with a repetition loses; `breakers` may be null.
[[nodiscard]] std::vector<std::pair<text::TokenId, float>> dry_penalties(std::span<const text::TokenId> tokens,
                                                                         const SamplingParams& params,
                                                                         const DryBreakers* breakers);

}  // namespace tenon::engine
