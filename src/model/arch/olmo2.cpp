// OLMo 2: norms after attention and feed-forward instead of before, and over the whole of the queries and keys.
#include <array>

#include "model/architecture.hpp"
#include "model/decoder.hpp"

namespace tenon::model {
namespace {

constexpr std::array<std::string_view, 1> names{"olmo2"};

Result<std::unique_ptr<CausalModel>> load(const SourcePtr& source, const LoadOptions& options) {
    FolderNames folder;
    folder.attention_norm = folder.feed_forward_norm = {};
    folder.attention_post_norm = "post_attention_layernorm";
    folder.feed_forward_post_norm = "post_feedforward_layernorm";
    TENON_TRY(DecoderSpec spec, DecoderSpec::read(*source, tensor::RopeStyle::half, options, folder));
    return load_decoder(source, std::move(spec), options);
}

}  // namespace

extern const Architecture olmo2;
const Architecture olmo2{.names = names, .role = ModelRole::causal, .load_causal = load};

}  // namespace tenon::model
