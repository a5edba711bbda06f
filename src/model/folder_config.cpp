#include "model/folder_config.hpp"

#include <boost/json.hpp>

namespace tenon::model {
namespace {

constexpr std::int64_t max_width = 1 << 24;

void take_text_part(json::Object& config) {
    const json::Value* part = config.if_contains("text_config");
    if (part == nullptr || !part->is_object()) return;
    const json::Object text = part->get_object();
    config.erase("text_config");
    for (const auto& [key, value] : text) config[key] = value;
}

void rename(json::Object& config, std::string_view from, std::string_view to) {
    const json::Value* found = config.if_contains(from);
    if (found == nullptr || found->is_null() || config.contains(to)) return;
    const json::Value value = *found;
    config[to] = value;
}

void fill(json::Object& config, std::string_view key, std::int64_t value) {
    json::Value& found = config[key];
    if (found.is_null()) found = value;
}

}  // namespace

json::Value common_config(json::Value config) {
    if (!config.is_object()) return config;
    json::Object& object = config.get_object();
    take_text_part(object);
    const std::string type(json::string_or(config, "model_type", ""));
    if (type == "gpt2") {
        rename(object, "n_embd", "hidden_size");
        rename(object, "n_layer", "num_hidden_layers");
        rename(object, "n_head", "num_attention_heads");
        rename(object, "n_positions", "max_position_embeddings");
        rename(object, "n_inner", "intermediate_size");
        rename(object, "activation_function", "hidden_act");
        if (const std::int64_t width = json::integer_or(config, "hidden_size", 0); width > 0 && width < max_width)
            fill(object, "intermediate_size", 4 * width);
    } else if (type == "nomic_bert") {
        rename(object, "n_embd", "hidden_size");
        rename(object, "n_layer", "num_hidden_layers");
        rename(object, "n_head", "num_attention_heads");
        rename(object, "n_inner", "intermediate_size");
        rename(object, "n_positions", "max_position_embeddings");
        rename(object, "layer_norm_epsilon", "layer_norm_eps");
        rename(object, "rotary_emb_base", "rope_theta");
    } else if (type == "gemma3_text") {
        fill(object, "num_attention_heads", 8);
        fill(object, "num_key_value_heads", 4);
        fill(object, "head_dim", 256);
        fill(object, "query_pre_attn_scalar", 256);
        fill(object, "rope_theta", 1'000'000);
        fill(object, "sliding_window", 4096);
        fill(object, "max_position_embeddings", 131'072);
    }
    return config;
}

}  // namespace tenon::model
