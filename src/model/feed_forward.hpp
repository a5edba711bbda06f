// The second half of a decoder's block: one network, or a mixture of experts.
#pragma once

#include <memory>

#include "model/decoder_weights.hpp"
#include "model/lora.hpp"
#include "tenon/tensor/thread_team.hpp"

namespace tenon::model {

/// Working memory of one model's feed-forward networks and how to compute them. One forward pass at a time.
class FeedForward {
  public:
    /// For at most `tokens` at once. Errors: resource_exhausted.
    [[nodiscard]] Result<void> reserve(const DecoderSpec& spec, std::size_t tokens);
    /// out = network(x), or += when `accumulate`; both [tokens, width]. Every member of the team calls it, all having
    /// passed a barrier since x was written; ends with a barrier. `lora`: what adapters change of it, unless it is a
    /// mixture. `scratch`: as `linear` needs for the widest matrix.
    void compute(tensor::Worker& worker, const DecoderLayer& layer, const LoraLayer& lora, const float* x,
                 std::size_t tokens, float* out, bool accumulate, std::span<std::byte> scratch) const noexcept;

  private:
    using Scratch = std::span<std::byte>;
    /// Which experts each token passes. A token's choices lie at [token * used, (token + 1) * used); `row_of` them are
    /// rows ordered by expert, those of expert e from `begin[e]` to `begin[e + 1]`.
    struct Routing {
        std::unique_ptr<std::uint32_t[]> expert, row_of, begin;
        std::unique_ptr<float[]> weight;
    };

    void activate(tensor::Worker& worker, std::size_t values) const noexcept;
    void dense(tensor::Worker& worker, const Network& network, const LoraLayer& lora, std::size_t hidden,
               const float* x, std::size_t tokens, float* out, bool accumulate, Scratch scratch) const noexcept;
    void mixture(tensor::Worker& worker, const DecoderLayer& layer, const float* x, std::size_t tokens, float* out,
                 bool accumulate, Scratch scratch) const noexcept;
    void choose(const float* scores, std::uint32_t* expert, float* weight) const noexcept;
    void order_by_expert(std::size_t tokens) const noexcept;
    void up_projections(tensor::Worker& worker, const DecoderLayer& layer, const float* x, std::size_t tokens,
                        Scratch scratch) const noexcept;
    void add_shared(tensor::Worker& worker, const DecoderLayer& layer, const float* x, std::size_t tokens, float* out,
                    Scratch scratch) const noexcept;

    std::size_t width_ = 0, hidden_ = 0;
    ExpertSpec experts_;
    Activation activation_ = Activation::silu;
    bool gated_ = true;
    Buffer gate_, up_;
    Buffer scores_, gathered_, outputs_;  // of a mixture
    Routing routing_;
};

}  // namespace tenon::model
