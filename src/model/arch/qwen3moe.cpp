// Qwen3 MoE: Qwen3's attention and experts.
#include <array>

#include "model/architecture.hpp"
#include "model/decoder.hpp"

namespace tenon::model {
namespace {

constexpr std::array<std::string_view, 2> names{"qwen3moe", "qwen3_moe"};

Result<std::unique_ptr<CausalModel>> load(const SourcePtr& source, const LoadOptions& options) {
    TENON_TRY(DecoderSpec spec, DecoderSpec::read(*source, tensor::RopeStyle::half, options));
    if (!source->is_gguf() && !source->boolean("", "use_sliding_window").value_or(false))
        spec.windows.assign(spec.layers, 0);
    // GGUF files do not say: all there are have it on.
    TENON_CHECK(spec.read_experts(*source, source->is_gguf()));
    return load_decoder(source, std::move(spec), options);
}

}  // namespace

extern const Architecture qwen3moe;
const Architecture qwen3moe{.names = names, .role = ModelRole::causal, .load_causal = load};

}  // namespace tenon::model
