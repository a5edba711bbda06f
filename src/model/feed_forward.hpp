// The second half of a decoder's block.
#pragma once

#include "model/decoder_weights.hpp"
#include "tenon/tensor/thread_team.hpp"

namespace tenon::model {

/// Working memory of one model's feed-forward networks and how to compute them. One forward pass at a time.
class FeedForward {
  public:
    /// For at most `tokens` at once. Errors: resource_exhausted.
    [[nodiscard]] Result<void> reserve(const DecoderSpec& spec, std::size_t tokens);
    /// out = network(x), or += when `accumulate`; both [tokens, width]. Every member of the team calls it, all having
    /// passed a barrier since x was written; ends with a barrier.
    void compute(tensor::Worker& worker, const DecoderLayer& layer, const float* x, std::size_t tokens, float* out,
                 bool accumulate, std::span<std::byte> scratch) const noexcept;

  private:
    void activate(tensor::Worker& worker, std::size_t values) const noexcept;

    std::size_t width_ = 0, hidden_ = 0;
    Activation activation_ = Activation::silu;
    bool gated_ = true;
    Buffer gate_, up_;
};

}  // namespace tenon::model
