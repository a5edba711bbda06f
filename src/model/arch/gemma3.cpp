// Gemma 3 (text): four norms a block, a norm on each head's query and key, five layers of six with a window and a
// rotary embedding of their own.
#include <array>

#include "model/arch/gemma.hpp"

namespace tenon::model {
namespace {

constexpr std::array<std::string_view, 2> names{"gemma3", "gemma3_text"};
constexpr std::size_t layers_of_27b = 62;
constexpr double local_base = 10000;

Result<std::unique_ptr<CausalModel>> load(const SourcePtr& source, const LoadOptions& options) {
    TENON_TRY(DecoderSpec spec, read_gemma(*source, options, true));
    TENON_CHECK(read_gemma_attention_scale(*source, layers_of_27b, spec));
    TENON_CHECK(spec.read_window_pattern(*source, 6));
    TENON_TRY(spec.attention_softcap,
              DecoderSpec::read_scale(*source, "attn_logit_softcapping", "attn_logit_softcapping", 0));
    TENON_TRY(spec.logit_softcap,
              DecoderSpec::read_scale(*source, "final_logit_softcapping", "final_logit_softcapping", 0));
    spec.ropes.emplace_back();
    TENON_TRY(spec.ropes.back(),
              Rope::read(*source, spec.head_dim, tensor::RopeStyle::half, {.local = true, .base = local_base}));
    for (std::size_t i = 0; i < spec.layers; ++i) spec.rope_of[i] = spec.windows[i] != 0 ? 1 : 0;
    return load_decoder(source, std::move(spec), options);
}

}  // namespace

extern const Architecture gemma3;
const Architecture gemma3{.names = names, .role = ModelRole::causal, .load_causal = load};

}  // namespace tenon::model
