// Llama 2 and 3, SmolLM2, Mistral, Mixtral in GGUF, and whatever else is saved under their names.
#include <fmt/format.h>

#include <array>

#include "model/architecture.hpp"
#include "model/decoder.hpp"

namespace tenon::model {
namespace {

constexpr std::array<std::string_view, 2> names{"llama", "mistral"};

/// What other families call llama and is not.
Result<void> refuse_scales(const ModelSource& source) {
    for (const auto& [gguf, hf] : {std::pair{"logit_scale", "logit_scale"},
                                   {"residual_scale", "residual_multiplier"},
                                   {"embedding_scale", "embedding_multiplier"},
                                   {"attention.scale", "attention_multiplier"},
                                   {"attn_logit_softcapping", "attn_logit_softcapping"}})
        if (const auto value = source.number(gguf, hf); value && *value != 1 && *value != 0)
            return fail(ErrorCode::unsupported,
                        fmt::format("{} uses {} = {}, which Tenon does not compute in a model of this name",
                                    source.path().string(), hf, *value));
    return {};
}

Result<std::unique_ptr<CausalModel>> load(const SourcePtr& source, const LoadOptions& options) {
    // Converters to GGUF reorder the rows of q and k, so that rotated pairs are neighbours.
    const auto style = source->is_gguf() ? tensor::RopeStyle::interleaved : tensor::RopeStyle::half;
    TENON_TRY(DecoderSpec spec, DecoderSpec::read(*source, style, options));
    TENON_CHECK(refuse_scales(*source));
    TENON_CHECK(spec.read_experts(*source, true));
    return load_decoder(source, std::move(spec), options);
}

}  // namespace

extern const Architecture llama;
const Architecture llama{.names = names, .role = ModelRole::causal, .load_causal = load};

}  // namespace tenon::model
