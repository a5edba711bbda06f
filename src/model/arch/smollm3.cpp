// SmolLM3: llama's block, every fourth layer without positions (NoPE).
#include <array>
#include <boost/json.hpp>

#include "model/architecture.hpp"
#include "model/decoder.hpp"

namespace tenon::model {
namespace {

constexpr std::array<std::string_view, 1> names{"smollm3"};
constexpr std::int64_t usual_interval = 4;

/// In config.json's no_rope_layers a 1 stands for a layer that is rotated.
Result<void> read_rotated_layers(const ModelSource& source, DecoderSpec& spec) {
    const json::Value* given = source.is_gguf() ? nullptr : json::find(source.config(), "no_rope_layers");
    if (given != nullptr && given->is_array()) {
        if (given->get_array().size() != spec.layers)
            return fail(ErrorCode::corrupt, "no_rope_layers has another length than there are layers");
        for (std::size_t i = 0; i < spec.layers; ++i)
            if (given->get_array()[i] == 0) spec.rope_of[i] = DecoderSpec::no_rope;
        return {};
    }
    const std::int64_t interval = source.integer("", "no_rope_layer_interval").value_or(usual_interval);
    if (interval < 1) return fail(ErrorCode::corrupt, "no_rope_layer_interval is impossible");
    for (std::size_t i = 0; i < spec.layers; ++i)
        if ((i + 1) % static_cast<std::size_t>(interval) == 0) spec.rope_of[i] = DecoderSpec::no_rope;
    return {};
}

Result<std::unique_ptr<CausalModel>> load(const SourcePtr& source, const LoadOptions& options) {
    const auto style = source->is_gguf() ? tensor::RopeStyle::interleaved : tensor::RopeStyle::half;
    TENON_TRY(DecoderSpec spec, DecoderSpec::read(*source, style, options));
    TENON_CHECK(read_rotated_layers(*source, spec));
    return load_decoder(source, std::move(spec), options);
}

}  // namespace

extern const Architecture smollm3;
const Architecture smollm3{.names = names, .role = ModelRole::causal, .load_causal = load};

}  // namespace tenon::model
