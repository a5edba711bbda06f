// Nomic BERT: BERT's block with rotated positions, a gated feed-forward and no biases. nomic-embed-text.
#include <array>

#include "model/encoder_stack.hpp"

namespace tenon::model {
namespace {

constexpr std::array<std::string_view, 2> names{"nomic-bert", "nomic_bert"};

Result<EncoderSpec> read(const ModelSource& source) {
    FolderNames folder = bert_names();
    folder.positions = {};
    folder.block = "encoder.layers";
    folder.attention_post_norm = "norm1";
    folder.feed_forward_post_norm = "norm2";
    folder.q = folder.k = folder.v = {};
    folder.qkv = "attn.Wqkv";
    folder.o = "attn.out_proj";
    folder.gate = "mlp.fc12";
    folder.up = "mlp.fc11";
    folder.down = "mlp.fc2";
    TENON_TRY(EncoderSpec spec, EncoderSpec::read(source, folder));
    spec.embedding_norm = "emb_ln";
    spec.body.activation = Activation::silu;
    spec.body.gated = true;
    spec.body.ropes.emplace_back();
    TENON_TRY(spec.body.ropes.front(), Rope::read(source, spec.body.head_dim, tensor::RopeStyle::half, {.base = 1000}));
    spec.body.rope_of.assign(spec.body.layers, 0);
    return spec;
}

}  // namespace

extern const Architecture nomic_bert;
const Architecture nomic_bert{.names = names, .role = ModelRole::encoder, .read_encoder = read};

}  // namespace tenon::model
