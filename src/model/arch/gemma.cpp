// Gemma 1, and what later generations share with it.
#include "model/arch/gemma.hpp"

#include <array>
#include <cmath>

namespace tenon::model {

Result<DecoderSpec> read_gemma(const ModelSource& source, const LoadOptions& options, bool four_norms) {
    FolderNames names;
    if (four_norms) {
        names.attention_post_norm = "post_attention_layernorm";
        names.feed_forward_norm = "pre_feedforward_layernorm";
        names.feed_forward_post_norm = "post_feedforward_layernorm";
    }
    TENON_TRY(DecoderSpec spec, DecoderSpec::read(source, tensor::RopeStyle::half, options, names));
    spec.activation = Activation::gelu_tanh;
    TENON_CHECK(spec.read_activation(source, "hidden_activation"));
    spec.tied = source.boolean("", "tie_word_embeddings").value_or(true);
    spec.embedding_scale = std::sqrt(static_cast<float>(spec.width));
    spec.norm_offset = source.is_gguf() ? 0 : 1;
    if (source.boolean("", "use_bidirectional_attention").value_or(false))
        return fail(ErrorCode::unsupported, "attention in both directions in a model that generates text");
    return spec;
}

Result<void> read_gemma_attention_scale(const ModelSource& source, std::size_t large, DecoderSpec& spec) {
    const std::size_t by_default = spec.layers == large ? spec.width / spec.heads : spec.head_dim;
    TENON_TRY(const float scalar,
              DecoderSpec::read_scale(source, "", "query_pre_attn_scalar", static_cast<double>(by_default)));
    if (!(scalar > 0)) return fail(ErrorCode::corrupt, "query_pre_attn_scalar is zero");
    spec.attention_scale = 1 / std::sqrt(scalar);
    return {};
}

namespace {

constexpr std::array<std::string_view, 1> names{"gemma"};

Result<std::unique_ptr<CausalModel>> load(const SourcePtr& source, const LoadOptions& options) {
    TENON_TRY(DecoderSpec spec, read_gemma(*source, options, false));
    return load_decoder(source, std::move(spec), options);
}

}  // namespace

extern const Architecture gemma;
const Architecture gemma{.names = names, .role = ModelRole::causal, .load_causal = load};

}  // namespace tenon::model
