// Phi-3, 3.5 and 4 (mini): llama's block with fused projections, a part of each head rotated, LongRoPE.
#include <array>

#include "model/architecture.hpp"
#include "model/decoder.hpp"

namespace tenon::model {
namespace {

constexpr std::array<std::string_view, 1> names{"phi3"};

Result<std::unique_ptr<CausalModel>> load(const SourcePtr& source, const LoadOptions& options) {
    TENON_TRY(DecoderSpec spec, DecoderSpec::read(*source, tensor::RopeStyle::half, options));
    return load_decoder(source, std::move(spec), options);
}

}  // namespace

extern const Architecture phi3;
const Architecture phi3{.names = names, .role = ModelRole::causal, .load_causal = load};

}  // namespace tenon::model
