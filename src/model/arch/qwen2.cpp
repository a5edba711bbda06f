// Qwen2 and Qwen2.5: llama with biases on q, k and v, and rotated halves in both formats.
#include <array>

#include "model/architecture.hpp"
#include "model/decoder.hpp"

namespace tenon::model {
namespace {

constexpr std::array<std::string_view, 1> names{"qwen2"};

Result<std::unique_ptr<CausalModel>> load(const SourcePtr& source, const LoadOptions& options) {
    TENON_TRY(DecoderSpec spec, DecoderSpec::read(*source, tensor::RopeStyle::half, options));
    // config.json names a window that only counts when it is switched on, and then only from some layer on.
    if (!source->is_gguf() && json::find(source->config(), "layer_types") == nullptr) {
        const bool used = source->boolean("", "use_sliding_window").value_or(false);
        const auto first = static_cast<std::size_t>(source->integer("", "max_window_layers").value_or(28));
        for (std::size_t i = 0; i < spec.windows.size(); ++i)
            if (!used || i < first) spec.windows[i] = 0;
    }
    return load_decoder(source, std::move(spec), options);
}

}  // namespace

extern const Architecture qwen2;
const Architecture qwen2{.names = names, .role = ModelRole::causal, .load_causal = load};

}  // namespace tenon::model
