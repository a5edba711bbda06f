// Decoder-only transformers, described as data: sizes, norms, activation, scales, windows, rotary embeddings, experts.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "model/architecture.hpp"
#include "model/rope.hpp"

namespace tenon::model {

/// How activations are normalised: divided by their root mean square, or to mean 0 and variance 1.
enum class NormKind : std::uint8_t { rms, layer };
enum class Activation : std::uint8_t { silu, gelu, gelu_tanh };

/// What a Hugging Face folder calls the tensors; those of a block follow "<block>.N.". An empty name: the model has
/// none. GGUF has one name for each, and lacks those that are empty here.
struct FolderNames {
    std::string_view embedding = "embed_tokens", positions, output_norm = "norm", block = "layers";
    std::string_view attention_norm = "input_layernorm", attention_post_norm;
    std::string_view feed_forward_norm = "post_attention_layernorm", feed_forward_post_norm;
    std::string_view gguf_attention_post_norm = "post_attention_norm", gguf_feed_forward_post_norm = "post_ffw_norm";
    bool attention_norm_optional = false;  ///< some layers have none
    std::string_view q = "self_attn.q_proj", k = "self_attn.k_proj", v = "self_attn.v_proj", o = "self_attn.o_proj";
    std::string_view qkv = "self_attn.qkv_proj";  ///< where q, k and v are one matrix
    std::string_view q_norm = "self_attn.q_norm", k_norm = "self_attn.k_norm";
    std::string_view gate = "mlp.gate_proj", up = "mlp.up_proj", down = "mlp.down_proj";
    std::string_view gate_up = "mlp.gate_up_proj";                  ///< where gate and up are one matrix
    bool transposed = false;                                        ///< a block's matrices are stored inputs first
    std::string_view router = "mlp.gate", experts = "mlp.experts";  ///< those of expert E follow "<experts>.E."
    std::string_view expert_gate = "gate_proj", expert_up = "up_proj", expert_down = "down_proj";
    std::string_view shared = "mlp.shared_expert", shared_gate = "mlp.shared_expert_gate";
};

inline constexpr std::size_t max_experts_used = 64;

/// A mixture of experts: each token passes the `used` likeliest of `count` feed-forward networks, weighted by the
/// router's softmax, and, where there is one, a network that all tokens share.
struct ExpertSpec {
    std::size_t count = 0, used = 0, hidden = 0;
    std::size_t shared_hidden = 0;  ///< 0: none
    bool normalise = false;         ///< the weights of the chosen sum to 1
};

/// Sizes and switches of one decoder.
struct DecoderSpec {
    ModelInfo info;
    std::size_t vocabulary = 0, width = 0, layers = 0, heads = 0, kv_heads = 0, head_dim = 0, hidden = 0;
    FolderNames names;

    NormKind norm = NormKind::rms;
    float epsilon = 1e-5F;
    float norm_offset = 0;  ///< added to the weights of every norm
    Activation activation = Activation::silu;
    bool gated = true;  ///< down(act(gate(x)) * up(x)); otherwise down(act(up(x)))
    bool tied = false;  ///< of a folder: the output matrix is the embedding

    ExpertSpec experts;  ///< of the layers that have a router

    float embedding_scale = 1;
    float attention_scale = 0;  ///< of the products of queries and keys
    float residual_scale = 1;   ///< of what a block's two halves add
    float logit_scale = 1;
    float attention_softcap = 0, logit_softcap = 0;  ///< 0: none

    std::vector<std::size_t> windows;   ///< per layer; 0: the whole past
    std::vector<Rope> ropes;            ///< one, or one for each kind of layer, or none
    std::vector<std::uint8_t> rope_of;  ///< per layer: which of `ropes`; `no_rope`: none
    static constexpr std::uint8_t no_rope = 255;

    /// Reads what all such models share: sizes, norm, windows, one rotary embedding for all layers; refuses weights no
    /// decoder reads. `names.embedding` must be set. Errors: corrupt, unsupported.
    [[nodiscard]] static Result<DecoderSpec> read(const ModelSource& source, tensor::RopeStyle style,
                                                  const LoadOptions& options, FolderNames names = FolderNames());
    /// Activation by the name config.json gives it. Errors: unsupported.
    [[nodiscard]] Result<void> read_activation(const ModelSource& source, std::string_view hf_key);
    /// Width, layers, heads, their length, hidden units and vocabulary. Errors: corrupt, unsupported.
    [[nodiscard]] Result<void> read_sizes(const ModelSource& source);
    /// Windows of layers that alternate: from config.json's layer_types or GGUF's sliding_window_pattern, else all but
    /// the last (or the first) of every `period` layers. Errors: corrupt, unsupported.
    [[nodiscard]] Result<void> read_window_pattern(const ModelSource& source, std::size_t period, bool first = false);
    /// Experts, if the file has any. `normalise` is what holds where it does not say. Errors: corrupt.
    [[nodiscard]] Result<void> read_experts(const ModelSource& source, bool normalise);
    /// A factor or a bound, finite and not negative; `fallback` when the file does not say. Errors: corrupt.
    [[nodiscard]] static Result<float> read_scale(const ModelSource& source, std::string_view gguf_key,
                                                  std::string_view hf_key, double fallback);
};

/// Biases, norms of queries and keys (of each head or of the whole projection) and fused matrices are taken as the file
/// has them.
[[nodiscard]] Result<std::unique_ptr<CausalModel>> load_decoder(const SourcePtr& source, DecoderSpec spec,
                                                                const LoadOptions& options);

}  // namespace tenon::model
