// Llama 2 and 3, SmolLM2, Mistral, and whatever else is saved under their names.
#include <array>

#include "model/architecture.hpp"
#include "model/decoder.hpp"

namespace tenon::model {
namespace {

constexpr std::array<std::string_view, 2> names{"llama", "mistral"};

Result<std::unique_ptr<CausalModel>> load(const SourcePtr& source, const LoadOptions& options) {
    // Converters to GGUF reorder the rows of q and k, so that rotated pairs are neighbours.
    const auto style = source->is_gguf() ? tensor::RopeStyle::interleaved : tensor::RopeStyle::half;
    TENON_TRY(DecoderSpec spec, DecoderSpec::read(*source, style, options));
    return load_decoder(source, std::move(spec), options);
}

}  // namespace

extern const Architecture llama;
const Architecture llama{.names = names, .role = ModelRole::causal, .load_causal = load};

}  // namespace tenon::model
