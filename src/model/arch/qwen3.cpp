// Qwen3: llama's block with a norm on each head's query and key, and rotated halves in both formats.
#include <array>

#include "model/architecture.hpp"
#include "model/decoder.hpp"

namespace tenon::model {
namespace {

constexpr std::array<std::string_view, 1> names{"qwen3"};

Result<std::unique_ptr<CausalModel>> load(const SourcePtr& source, const LoadOptions& options) {
    TENON_TRY(DecoderSpec spec, DecoderSpec::read(*source, tensor::RopeStyle::half, options));
    if (!source->is_gguf() && !source->boolean("", "use_sliding_window").value_or(false))
        spec.windows.assign(spec.layers, 0);
    return load_decoder(source, std::move(spec), options);
}

}  // namespace

extern const Architecture qwen3;
const Architecture qwen3{.names = names, .role = ModelRole::causal, .load_causal = load};

}  // namespace tenon::model
