// Granite 3 (dense): llama's block, with embeddings, attention, residuals and logits scaled.
#include <array>

#include "model/architecture.hpp"
#include "model/decoder.hpp"

namespace tenon::model {
namespace {

constexpr std::array<std::string_view, 1> names{"granite"};

Result<std::unique_ptr<CausalModel>> load(const SourcePtr& source, const LoadOptions& options) {
    const auto style = source->is_gguf() ? tensor::RopeStyle::interleaved : tensor::RopeStyle::half;
    TENON_TRY(DecoderSpec spec, DecoderSpec::read(*source, style, options));
    TENON_TRY(spec.embedding_scale, DecoderSpec::read_scale(*source, "embedding_scale", "embedding_multiplier", 1));
    TENON_TRY(spec.residual_scale, DecoderSpec::read_scale(*source, "residual_scale", "residual_multiplier", 1));
    TENON_TRY(spec.attention_scale,
              DecoderSpec::read_scale(*source, "attention.scale", "attention_multiplier", spec.attention_scale));
    TENON_TRY(const float divisor, DecoderSpec::read_scale(*source, "logit_scale", "logits_scaling", 1));
    if (!(divisor > 0)) return fail(ErrorCode::corrupt, "logits cannot be divided by zero (logits_scaling)");
    spec.logit_scale = 1 / divisor;
    return load_decoder(source, std::move(spec), options);
}

}  // namespace

extern const Architecture granite;
const Architecture granite{.names = names, .role = ModelRole::causal, .load_causal = load};

}  // namespace tenon::model
