// GPT-2: layer norms, learned positions, one matrix for q, k and v, a feed-forward without gate.
#include <array>

#include "model/architecture.hpp"
#include "model/decoder.hpp"

namespace tenon::model {
namespace {

constexpr std::array<std::string_view, 1> names{"gpt2"};

constexpr FolderNames folder_names() {
    FolderNames folder;
    folder.embedding = "wte";
    folder.positions = "wpe";
    folder.output_norm = "ln_f";
    folder.block = "h";
    folder.attention_norm = "ln_1";
    folder.feed_forward_norm = "ln_2";
    folder.q = folder.k = folder.v = folder.q_norm = folder.k_norm = folder.gate = folder.gate_up = {};
    folder.qkv = "attn.c_attn";
    folder.o = "attn.c_proj";
    folder.up = "mlp.c_fc";
    folder.down = "mlp.c_proj";
    folder.transposed = true;
    return folder;
}

Result<std::unique_ptr<CausalModel>> load(const SourcePtr& source, const LoadOptions& options) {
    if (source->boolean("", "scale_attn_by_inverse_layer_idx").value_or(false) ||
        !source->boolean("", "scale_attn_weights").value_or(true))
        return fail(ErrorCode::unsupported, "attention of GPT-2 scaled in another way than by the heads' length");
    TENON_TRY(DecoderSpec spec, DecoderSpec::read(*source, tensor::RopeStyle::half, options, folder_names()));
    spec.norm = NormKind::layer;
    TENON_TRY(spec.epsilon,
              DecoderSpec::read_scale(*source, "attention.layer_norm_epsilon", "layer_norm_epsilon", 1e-5));
    spec.activation = Activation::gelu_tanh;
    TENON_CHECK(spec.read_activation(*source, "hidden_act"));
    spec.gated = false;
    spec.tied = source->boolean("", "tie_word_embeddings").value_or(true);
    spec.ropes.clear();
    spec.rope_of.assign(spec.layers, DecoderSpec::no_rope);
    return load_decoder(source, std::move(spec), options);
}

}  // namespace

extern const Architecture gpt2;
const Architecture gpt2{.names = names, .role = ModelRole::causal, .load_causal = load};

}  // namespace tenon::model
