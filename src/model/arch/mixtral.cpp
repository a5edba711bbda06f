// Mixtral's folders: llama's block with a mixture of experts. Its GGUF files bear llama's name.
#include <array>

#include "model/architecture.hpp"
#include "model/decoder.hpp"

namespace tenon::model {
namespace {

constexpr std::array<std::string_view, 1> names{"mixtral"};

Result<std::unique_ptr<CausalModel>> load(const SourcePtr& source, const LoadOptions& options) {
    FolderNames folder;
    folder.router = "block_sparse_moe.gate";
    folder.experts = "block_sparse_moe.experts";
    folder.expert_gate = "w1";
    folder.expert_up = "w3";
    folder.expert_down = "w2";
    TENON_TRY(DecoderSpec spec, DecoderSpec::read(*source, tensor::RopeStyle::half, options, folder));
    TENON_CHECK(spec.read_experts(*source, true));
    return load_decoder(source, std::move(spec), options);
}

}  // namespace

extern const Architecture mixtral;
const Architecture mixtral{.names = names, .role = ModelRole::causal, .load_causal = load};

}  // namespace tenon::model
