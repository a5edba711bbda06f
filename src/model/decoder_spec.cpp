#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>

#include "model/decoder.hpp"

namespace tenon::model {
namespace {

constexpr std::size_t max_layers = 4096;
constexpr std::size_t max_head_dim = 4096;
constexpr std::size_t max_experts = 1024;

Result<void> refuse_quantised_folders(const ModelSource& source) {
    if (!source.is_gguf() && json::find(source.config(), "quantization_config") != nullptr)
        return fail(ErrorCode::unsupported,
                    fmt::format("{} holds weights quantised in safetensors (quantization_config), which Tenon does not "
                                "read; take the GGUF or the unquantised files",
                                source.path().string()));
    return {};
}

}  // namespace

Result<void> DecoderSpec::read_sizes(const ModelSource& source) {
    TENON_TRY(width, source.size("embedding_length", "hidden_size"));
    TENON_TRY(layers, source.size("block_count", "num_hidden_layers"));
    TENON_TRY(heads, source.size("attention.head_count", "num_attention_heads"));
    TENON_TRY(hidden, source.size("feed_forward_length", "intermediate_size"));
    kv_heads = heads;
    if (source.integer("attention.head_count_kv", "num_key_value_heads")) {
        TENON_TRY(kv_heads, source.size("attention.head_count_kv", "num_key_value_heads"));
    }
    head_dim = width / heads;
    if (source.integer("attention.key_length", "head_dim")) {
        TENON_TRY(head_dim, source.size("attention.key_length", "head_dim"));
    }
    if (heads % kv_heads != 0 || head_dim == 0 || head_dim > max_head_dim || head_dim % 2 != 0 || layers > max_layers)
        return fail(ErrorCode::corrupt,
                    fmt::format("{} layers of {} heads of {} elements over {} key heads are impossible", layers, heads,
                                head_dim, kv_heads));
    if (source.is_gguf() &&
        source.integer("attention.value_length", "").value_or(static_cast<std::int64_t>(head_dim)) !=
            static_cast<std::int64_t>(head_dim))
        return fail(ErrorCode::unsupported, "values of another length than keys");
    const TensorRecord* embedding = source.find("token_embd.weight", fmt::format("{}.weight", names.embedding));
    if (embedding == nullptr || embedding->shape.size() != 2)
        return fail(ErrorCode::corrupt, fmt::format("{} lacks the token embedding", source.path().string()));
    vocabulary = embedding->shape[0];
    return {};
}

Result<float> DecoderSpec::read_scale(const ModelSource& source, std::string_view gguf_key, std::string_view hf_key,
                                      double fallback) {
    const double value = source.number(gguf_key, hf_key).value_or(fallback);
    if (!(value >= 0) || !(value < 1e6))
        return fail(ErrorCode::corrupt, fmt::format("{} says {} = {}, which is impossible", source.path().string(),
                                                    source.is_gguf() ? gguf_key : hf_key, value));
    return static_cast<float>(value);
}

Result<void> DecoderSpec::read_activation(const ModelSource& source, std::string_view hf_key) {
    const auto name = source.text("", hf_key);
    if (!name) return {};
    if (*name == "silu" || *name == "swish") {
        activation = Activation::silu;
    } else if (*name == "gelu") {
        activation = Activation::gelu;
    } else if (*name == "gelu_new" || *name == "gelu_pytorch_tanh" || *name == "gelu_fast") {
        activation = Activation::gelu_tanh;
    } else {
        return fail(ErrorCode::unsupported, fmt::format("{} uses the activation '{}'; supported: silu, gelu, gelu_new",
                                                        source.path().string(), *name));
    }
    return {};
}

Result<void> DecoderSpec::read_experts(const ModelSource& source, bool normalise) {
    const char* const hf_count =
        !source.is_gguf() && source.integer("", "num_local_experts") ? "num_local_experts" : "num_experts";
    if (source.integer("expert_count", hf_count).value_or(0) == 0) return {};
    TENON_TRY(experts.count, source.size("expert_count", hf_count));
    TENON_TRY(experts.used, source.size("expert_used_count", "num_experts_per_tok"));
    experts.hidden = hidden;
    if (source.integer("expert_feed_forward_length", "moe_intermediate_size")) {
        TENON_TRY(experts.hidden, source.size("expert_feed_forward_length", "moe_intermediate_size"));
    }
    if (source.integer("expert_shared_feed_forward_length", "shared_expert_intermediate_size").value_or(0) != 0) {
        TENON_TRY(experts.shared_hidden,
                  source.size("expert_shared_feed_forward_length", "shared_expert_intermediate_size"));
    }
    if (experts.count > max_experts || experts.used > experts.count || experts.used > max_experts_used)
        return fail(ErrorCode::corrupt,
                    fmt::format("{} of {} experts at a time are impossible", experts.used, experts.count));
    experts.normalise = source.boolean("expert_weights_norm", "norm_topk_prob").value_or(normalise);
    return {};
}

Result<void> DecoderSpec::read_window_pattern(const ModelSource& source, std::size_t period, bool first) {
    std::vector<bool> whole(layers);
    const auto alternate = [&](std::size_t every) {
        for (std::size_t i = 0; i < layers; ++i) whole[i] = (first ? i : i + 1) % every == 0;
    };
    alternate(period);
    if (source.is_gguf()) {
        const GgufValue* pattern = source.gguf().find(source.architecture() + ".attention.sliding_window_pattern");
        if (pattern != nullptr && pattern->type() == GgufType::array) {
            const auto elements = pattern->values();
            if (!elements || elements->size() != layers)
                return fail(ErrorCode::corrupt, fmt::format("{} has a sliding_window_pattern of another length than "
                                                            "its {} layers",
                                                            source.path().string(), layers));
            for (std::size_t i = 0; i < layers; ++i) whole[i] = !(*elements)[i].integer().value_or(0);
        } else if (pattern != nullptr && pattern->integer().value_or(0) > 0) {
            alternate(static_cast<std::size_t>(*pattern->integer()));
        }
    } else if (const json::Value* types = json::find(source.config(), "layer_types")) {
        if (!types->is_array() || types->get_array().size() != layers)
            return fail(ErrorCode::corrupt, fmt::format("{} has layer_types of another length than its {} layers",
                                                        source.path().string(), layers));
        for (std::size_t i = 0; i < layers; ++i) {
            const json::Value& type = types->get_array()[i];
            whole[i] = type.is_string() && type.get_string() == "full_attention";
            if (!whole[i] && !(type.is_string() && type.get_string() == "sliding_attention"))
                return fail(ErrorCode::unsupported,
                            fmt::format("{} has a layer of type {}; supported: full_attention, sliding_attention",
                                        source.path().string(), boost::json::serialize(type)));
        }
    } else {
        for (const char* key : {"sliding_window_pattern", "global_attn_every_n_layers"})
            if (const std::int64_t every = source.integer("", key).value_or(0); every > 0)
                alternate(static_cast<std::size_t>(every));
    }
    for (std::size_t i = 0; i < layers; ++i)
        if (whole[i]) windows[i] = 0;
    return {};
}

Result<DecoderSpec> DecoderSpec::read(const ModelSource& source, tensor::RopeStyle style, const LoadOptions& options,
                                      FolderNames names) {
    TENON_CHECK(refuse_quantised_folders(source));
    DecoderSpec spec;
    spec.names = names;
    TENON_CHECK(spec.read_sizes(source));
    const double epsilon = source.number("attention.layer_norm_rms_epsilon", "rms_norm_eps").value_or(1e-6);
    if (!(epsilon >= 0) || !(epsilon < 1)) return fail(ErrorCode::corrupt, "the norm's epsilon is impossible");
    spec.epsilon = static_cast<float>(epsilon);
    TENON_CHECK(spec.read_activation(source, "hidden_act"));
    spec.tied = source.boolean("", "tie_word_embeddings").value_or(false);
    spec.attention_scale = 1.0F / std::sqrt(static_cast<float>(spec.head_dim));
    spec.rope_of.assign(spec.layers, 0);
    spec.ropes.emplace_back();
    TENON_TRY(spec.ropes.front(), Rope::read(source, spec.head_dim, style, {.context = options.context}));
    const std::int64_t window = source.integer("attention.sliding_window", "sliding_window").value_or(0);
    spec.windows.assign(spec.layers, window > 0 ? static_cast<std::size_t>(window) : 0);
    if (!source.is_gguf() && json::find(source.config(), "layer_types") != nullptr)
        TENON_CHECK(spec.read_window_pattern(source, 1));

    spec.info = source.basic_info();
    spec.info.role = ModelRole::causal;
    spec.info.head_dim = spec.head_dim;
    spec.info.kv_heads = spec.kv_heads;
    spec.info.vocabulary = spec.vocabulary;
    return spec;
}

}  // namespace tenon::model
