#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>

#include "model/decoder.hpp"

namespace tenon::model {
namespace {

/// Features that change the numbers and that this decoder lacks.
Result<void> refuse_unknown_features(const ModelSource& source) {
    const auto refuse = [&](std::string_view what) {
        return fail(ErrorCode::unsupported,
                    fmt::format("{} uses {}, which Tenon does not compute yet", source.path().string(), what));
    };
    if (source.integer("expert_count", "num_local_experts").value_or(0) > 0 ||
        source.integer("", "num_experts").value_or(0) > 0)
        return refuse("a mixture of experts");
    for (const auto& [gguf, hf] : {std::pair{"logit_scale", "logit_scale"},
                                   {"residual_scale", "residual_multiplier"},
                                   {"embedding_scale", "embedding_multiplier"},
                                   {"attention.scale", "attention_multiplier"}})
        if (const auto value = source.number(gguf, hf); value && *value != 1 && *value != 0)
            return refuse(fmt::format("{} = {}", hf, *value));
    if (source.number("attn_logit_softcapping", "attn_logit_softcapping").value_or(0) != 0)
        return refuse("soft-capped attention");
    if (const auto act = source.text("", "hidden_act"); act && *act != "silu" && *act != "swish")
        return refuse(fmt::format("the activation '{}'", *act));
    if (source.find("blk.0.ffn_gate_inp.weight", "layers.0.block_sparse_moe.gate.weight") != nullptr)
        return refuse("a mixture of experts");
    if (!source.is_gguf() && json::find(source.config(), "quantization_config") != nullptr)
        return refuse("weights quantised in safetensors (quantization_config); take the GGUF or the unquantised files");
    return {};
}

}  // namespace

Result<DecoderSpec> DecoderSpec::read(const ModelSource& source, tensor::RopeStyle style) {
    TENON_CHECK(refuse_unknown_features(source));
    DecoderSpec spec;
    TENON_TRY(spec.width, source.size("embedding_length", "hidden_size"));
    TENON_TRY(spec.layers, source.size("block_count", "num_hidden_layers"));
    TENON_TRY(spec.heads, source.size("attention.head_count", "num_attention_heads"));
    TENON_TRY(spec.hidden, source.size("feed_forward_length", "intermediate_size"));
    spec.kv_heads = spec.heads;
    if (source.integer("attention.head_count_kv", "num_key_value_heads")) {
        TENON_TRY(spec.kv_heads, source.size("attention.head_count_kv", "num_key_value_heads"));
    }
    spec.head_dim = spec.width / spec.heads;
    if (source.integer("attention.key_length", "head_dim")) {
        TENON_TRY(spec.head_dim, source.size("attention.key_length", "head_dim"));
    }
    if (spec.heads % spec.kv_heads != 0 || spec.head_dim == 0 || spec.head_dim > 4096 || spec.head_dim % 2 != 0 ||
        spec.layers > 4096)
        return fail(ErrorCode::corrupt,
                    fmt::format("{} layers of {} heads of {} elements over {} key heads are impossible", spec.layers,
                                spec.heads, spec.head_dim, spec.kv_heads));
    if (source.is_gguf() &&
        source.integer("attention.value_length", "").value_or(static_cast<std::int64_t>(spec.head_dim)) !=
            static_cast<std::int64_t>(spec.head_dim))
        return fail(ErrorCode::unsupported, "values of another length than keys");
    const TensorRecord* embedding = source.find("token_embd.weight", "embed_tokens.weight");
    if (embedding == nullptr || embedding->shape.size() != 2)
        return fail(ErrorCode::corrupt, fmt::format("{} lacks the token embedding", source.path().string()));
    spec.vocabulary = embedding->shape[0];
    const double epsilon = source.number("attention.layer_norm_rms_epsilon", "rms_norm_eps").value_or(1e-6);
    if (!(epsilon >= 0) || !(epsilon < 1)) return fail(ErrorCode::corrupt, "the norm's epsilon is impossible");
    spec.epsilon = static_cast<float>(epsilon);
    TENON_TRY(spec.rope, Rope::read(source, spec.head_dim, style));

    const std::int64_t window = source.integer("attention.sliding_window", "sliding_window").value_or(0);
    spec.windows.assign(spec.layers, window > 0 ? static_cast<std::size_t>(window) : 0);
    if (!source.is_gguf())
        if (const json::Value* types = json::find(source.config(), "layer_types");
            types != nullptr && types->is_array() && types->get_array().size() == spec.layers)
            for (std::size_t i = 0; i < spec.layers; ++i) {
                const json::Value& type = types->get_array()[i];
                if (type.is_string() && type.get_string() == "full_attention") spec.windows[i] = 0;
            }

    spec.info = source.basic_info();
    spec.info.role = ModelRole::causal;
    spec.info.head_dim = spec.head_dim;
    spec.info.kv_heads = spec.kv_heads;
    spec.info.vocabulary = spec.vocabulary;
    return spec;
}

}  // namespace tenon::model
