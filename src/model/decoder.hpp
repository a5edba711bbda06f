// The decoder that most open models are: RMS norm, rotary grouped-query attention, gated SiLU, residuals.
#pragma once

#include <vector>

#include "model/architecture.hpp"
#include "model/rope.hpp"

namespace tenon::model {

/// Sizes and switches of one decoder.
struct DecoderSpec {
    ModelInfo info;
    std::size_t vocabulary = 0, width = 0, layers = 0, heads = 0, kv_heads = 0, head_dim = 0, hidden = 0;
    float epsilon = 1e-5F;
    Rope rope;
    std::vector<std::size_t> windows;  ///< per layer; 0: the whole past

    /// Reads what all such models share and refuses what this decoder does not compute (experts, logit scaling, other
    /// activations). Errors: corrupt, unsupported.
    [[nodiscard]] static Result<DecoderSpec> read(const ModelSource& source, tensor::RopeStyle style);
};

/// Tensors are looked up under llama's names; biases and q/k norms are used where the file has them.
[[nodiscard]] Result<std::unique_ptr<CausalModel>> load_decoder(const SourcePtr& source, DecoderSpec spec,
                                                                const LoadOptions& options);

}  // namespace tenon::model
