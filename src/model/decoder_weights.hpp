// The tensors of a decoder, ready to multiply.
#pragma once

#include <vector>

#include "model/decoder.hpp"
#include "model/prepare.hpp"

namespace tenon::model {

/// Empty: there is none. Layer norms have a bias, if only of zeros.
struct NormWeights {
    std::vector<float> weight, bias;
    [[nodiscard]] explicit operator bool() const noexcept { return !weight.empty(); }
};

/// A matrix and, unless empty, what is added to its products.
struct Projection {
    tensor::Weight weight;
    std::vector<float> bias;
    [[nodiscard]] const float* bias_or_null() const noexcept { return bias.empty() ? nullptr : bias.data(); }
};

/// One gated (or plain) feed-forward network.
struct Network {
    Projection gate, up, down;
};

struct DecoderLayer {
    NormWeights attention_norm, attention_post_norm, feed_forward_norm, feed_forward_post_norm;
    Projection q, k, v, o;
    std::vector<float> q_norm, k_norm;  ///< of one head or of the whole projection; empty: none
    Network feed_forward;               ///< in a layer with experts: the one all tokens share, if any
    std::vector<Network> experts;       ///< empty: none
    tensor::Weight router;              ///< [experts, width]
    std::vector<float> shared_gate;     ///< [width]; empty: the shared network is not gated
};

struct DecoderWeights {
    tensor::MatrixView embedding;  ///< in the mapped file
    std::vector<float> positions;  ///< [context, width]; empty: none
    std::vector<DecoderLayer> layers;
    NormWeights output_norm;
    tensor::Weight output;
    std::vector<Buffer> copies;

    /// Errors: corrupt (a tensor missing or of another shape), unsupported, resource_exhausted.
    [[nodiscard]] Result<void> load(const ModelSource& source, const DecoderSpec& spec, const LoadOptions& options);
};

/// All layers of `spec`, checked to be there before memory is taken; the loader must run before they are used.
/// Errors: as DecoderWeights::load.
[[nodiscard]] Result<void> read_layers(const ModelSource& source, const DecoderSpec& spec, WeightLoader& loader,
                                       std::vector<DecoderLayer>& into);
/// A norm over the width by its two names without ".weight". Errors: corrupt.
[[nodiscard]] Result<void> read_norm(const ModelSource& source, const DecoderSpec& spec, std::string_view gguf_stem,
                                     std::string_view hf_stem, NormWeights& into);

}  // namespace tenon::model
