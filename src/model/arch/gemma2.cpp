// Gemma 2: four norms a block, every other layer with a window, attention and logits capped.
#include <array>
#include <boost/json.hpp>

#include "model/arch/gemma.hpp"

namespace tenon::model {
namespace {

constexpr std::array<std::string_view, 1> names{"gemma2"};
constexpr std::size_t layers_of_27b = 46;

/// Null in config.json means none.
Result<float> cap(const ModelSource& source, std::string_view key, double fallback) {
    const json::Value* given = source.is_gguf() ? nullptr : json::find(source.config(), key);
    return DecoderSpec::read_scale(source, key, key, given != nullptr && given->is_null() ? 0 : fallback);
}

Result<std::unique_ptr<CausalModel>> load(const SourcePtr& source, const LoadOptions& options) {
    TENON_TRY(DecoderSpec spec, read_gemma(*source, options, true));
    TENON_CHECK(read_gemma_attention_scale(*source, layers_of_27b, spec));
    TENON_CHECK(spec.read_window_pattern(*source, 2));
    TENON_TRY(spec.attention_softcap, cap(*source, "attn_logit_softcapping", 50));
    TENON_TRY(spec.logit_softcap, cap(*source, "final_logit_softcapping", 30));
    return load_decoder(source, std::move(spec), options);
}

}  // namespace

extern const Architecture gemma2;
const Architecture gemma2{.names = names, .role = ModelRole::causal, .load_causal = load};

}  // namespace tenon::model
