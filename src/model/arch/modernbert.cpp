// ModernBERT: norms before each half, no biases, GeGLU, two layers of three see a neighbourhood only and are rotated by
// an embedding of their own.
#include <algorithm>
#include <array>

#include "model/encoder_stack.hpp"

namespace tenon::model {
namespace {

constexpr std::array<std::string_view, 2> names{"modernbert", "modern-bert"};
constexpr std::int64_t usual_neighbourhood = 128;  // both sides together
constexpr std::size_t usual_period = 3;
constexpr double global_base = 160'000, local_base = 10'000;

Result<EncoderSpec> read(const ModelSource& source) {
    FolderNames folder = bert_names();
    folder.embedding = "embeddings.tok_embeddings";
    folder.positions = {};
    folder.output_norm = "final_norm";
    folder.block = "layers";
    folder.attention_post_norm = folder.feed_forward_post_norm = {};
    folder.attention_norm = "attn_norm";
    folder.attention_norm_optional = true;
    folder.feed_forward_norm = "mlp_norm";
    folder.q = folder.k = folder.v = {};
    folder.qkv = "attn.Wqkv";
    folder.o = "attn.Wo";
    folder.up = {};
    folder.gate_up = "mlp.Wi";
    folder.down = "mlp.Wo";
    TENON_TRY(EncoderSpec spec, EncoderSpec::read(source, folder));
    spec.embedding_norm = "embeddings.norm";
    spec.final_norm = true;
    DecoderSpec& body = spec.body;
    TENON_TRY(body.epsilon, DecoderSpec::read_scale(source, "attention.layer_norm_epsilon", "norm_eps", 1e-5));
    TENON_CHECK(body.read_activation(source, "hidden_activation"));
    body.gated = true;
    const std::int64_t around =
        source.integer("attention.sliding_window", "local_attention").value_or(usual_neighbourhood);
    body.windows.assign(body.layers, static_cast<std::size_t>(std::max<std::int64_t>(around / 2, 1)));
    TENON_CHECK(body.read_window_pattern(source, usual_period, true));
    body.ropes = std::vector<Rope>(2);
    TENON_TRY(body.ropes[0], Rope::read(source, body.head_dim, tensor::RopeStyle::half, {.base = global_base}));
    TENON_TRY(body.ropes[1],
              Rope::read(source, body.head_dim, tensor::RopeStyle::half, {.local = true, .base = local_base}));
    for (std::size_t i = 0; i < body.layers; ++i) body.rope_of[i] = body.windows[i] != 0 ? 1 : 0;
    return spec;
}

}  // namespace

extern const Architecture modernbert;
const Architecture modernbert{.names = names, .role = ModelRole::encoder, .read_encoder = read};

}  // namespace tenon::model
