// Qwen2 (1.5) MoE: Qwen2's attention, experts beside one that every token passes, gated.
#include <array>

#include "model/architecture.hpp"
#include "model/decoder.hpp"

namespace tenon::model {
namespace {

constexpr std::array<std::string_view, 2> names{"qwen2moe", "qwen2_moe"};

Result<std::unique_ptr<CausalModel>> load(const SourcePtr& source, const LoadOptions& options) {
    TENON_TRY(DecoderSpec spec, DecoderSpec::read(*source, tensor::RopeStyle::half, options));
    if (!source->is_gguf() && !source->boolean("", "use_sliding_window").value_or(false))
        spec.windows.assign(spec.layers, 0);
    TENON_CHECK(spec.read_experts(*source, false));
    return load_decoder(source, std::move(spec), options);
}

}  // namespace

extern const Architecture qwen2moe;
const Architecture qwen2moe{.names = names, .role = ModelRole::causal, .load_causal = load};

}  // namespace tenon::model
