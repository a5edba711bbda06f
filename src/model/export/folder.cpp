// safetensors folders under GGUF's names: hyperparameters and tensors as llama.cpp's converter writes them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <span>

#include "model/encoder.hpp"
#include "model/export/export.hpp"
#include "model/rope.hpp"

namespace tenon::model {
namespace {

struct Name {
    std::string_view hf, gguf;
};

constexpr Name decoder_parts[] = {{"self_attn.q_proj", "attn_q"},          {"self_attn.k_proj", "attn_k"},
                                  {"self_attn.v_proj", "attn_v"},          {"self_attn.o_proj", "attn_output"},
                                  {"self_attn.q_norm", "attn_q_norm"},     {"self_attn.k_norm", "attn_k_norm"},
                                  {"mlp.gate_proj", "ffn_gate"},           {"mlp.up_proj", "ffn_up"},
                                  {"mlp.down_proj", "ffn_down"},           {"input_layernorm", "attn_norm"},
                                  {"post_attention_layernorm", "ffn_norm"}};
constexpr Name decoder_whole[] = {{"embed_tokens", "token_embd"}, {"norm", "output_norm"}, {"lm_head", "output"}};

constexpr Name bert_parts[] = {{"attention.self.query", "attn_q"},
                               {"attention.self.key", "attn_k"},
                               {"attention.self.value", "attn_v"},
                               {"attention.output.dense", "attn_output"},
                               {"attention.output.LayerNorm", "attn_output_norm"},
                               {"intermediate.dense", "ffn_up"},
                               {"output.dense", "ffn_down"},
                               {"output.LayerNorm", "layer_output_norm"}};
constexpr Name bert_whole[] = {{"embeddings.word_embeddings", "token_embd"},
                               {"embeddings.position_embeddings", "position_embd"},
                               {"embeddings.token_type_embeddings", "token_types"},
                               {"embeddings.LayerNorm", "token_embd_norm"}};

std::string_view look_up(std::span<const Name> names, std::string_view hf) {
    const auto at = std::ranges::find(names, hf, &Name::hf);
    return at == names.end() ? std::string_view{} : at->gguf;
}

/// GGUF's name of a tensor; empty when there is none.
std::string gguf_name(std::string_view hf, std::string_view layer_prefix, std::span<const Name> parts,
                      std::span<const Name> whole) {
    for (const std::string_view prefix : {"model.", "bert."})
        if (hf.starts_with(prefix)) hf.remove_prefix(prefix.size());
    const std::size_t dot = hf.rfind('.');
    if (dot == std::string_view::npos) return {};
    const std::string_view kind = hf.substr(dot + 1);  // weight, bias
    hf = hf.substr(0, dot);
    if (kind != "weight" && kind != "bias") return {};
    if (!hf.starts_with(layer_prefix)) {
        const std::string_view name = look_up(whole, hf);
        return name.empty() ? std::string() : fmt::format("{}.{}", name, kind);
    }
    hf.remove_prefix(layer_prefix.size());
    std::size_t layer = 0;
    const auto [end, error] = std::from_chars(hf.data(), hf.data() + hf.size(), layer);
    if (error != std::errc{} || end == hf.data() + hf.size() || *end != '.') return {};
    const std::string_view name = look_up(parts, hf.substr(static_cast<std::size_t>(end - hf.data()) + 1));
    return name.empty() ? std::string() : fmt::format("blk.{}.{}.{}", layer, name, kind);
}

/// What a folder may hold that no GGUF needs.
bool is_left_out(std::string_view hf) {
    return hf.ends_with("position_ids") || hf.ends_with("rotary_emb.inv_freq") ||
           hf.find("pooler.") != std::string_view::npos || hf.starts_with("cls.predictions.") ||
           hf.starts_with("cls.seq_relationship.");
}

class Folder {
  public:
    explicit Folder(ExportModel& model) : model_(model), source_(*model.source), meta_(model.metadata) {}

    Result<void> decoder(std::string_view architecture) {
        model_.architecture = architecture;
        general();
        TENON_CHECK(size("block_count", "num_hidden_layers"));
        TENON_CHECK(size("context_length", "max_position_embeddings"));
        TENON_CHECK(size("embedding_length", "hidden_size"));
        TENON_CHECK(size("feed_forward_length", "intermediate_size"));
        TENON_CHECK(size("attention.head_count", "num_attention_heads"));
        if (source_.integer("", "num_key_value_heads"))
            TENON_CHECK(size("attention.head_count_kv", "num_key_value_heads"));
        put("attention.layer_norm_rms_epsilon", static_cast<float>(source_.number("", "rms_norm_eps").value_or(1e-6)));
        const ModelInfo info = source_.basic_info();
        if (source_.integer("", "head_dim")) {
            put("attention.key_length", static_cast<std::uint32_t>(info.head_dim));
            put("attention.value_length", static_cast<std::uint32_t>(info.head_dim));
        }
        put("vocab_size", static_cast<std::uint32_t>(info.vocabulary));
        TENON_CHECK(window(architecture));
        TENON_CHECK(rope(info.head_dim));
        return tensors("layers.", decoder_parts, decoder_whole);
    }

    Result<void> bert() {
        model_.architecture = "bert";
        general();
        TENON_CHECK(size("block_count", "num_hidden_layers"));
        TENON_CHECK(size("embedding_length", "hidden_size"));
        TENON_CHECK(size("feed_forward_length", "intermediate_size"));
        TENON_CHECK(size("attention.head_count", "num_attention_heads"));
        put("attention.layer_norm_epsilon", static_cast<float>(source_.number("", "layer_norm_eps").value_or(1e-12)));
        put("attention.causal", false);
        if (const std::string act = source_.text("", "hidden_act").value_or("gelu"); act != "gelu")
            return fail(ErrorCode::unsupported, fmt::format("GGUF has no way to say the activation '{}'", act));
        TENON_TRY(const EmbeddingSettings settings, read_embedding_settings(source_));
        TENON_TRY(std::size_t longest, source_.size("", "max_position_embeddings"));
        if (settings.max_tokens > 0) longest = std::min(longest, settings.max_tokens);
        put("context_length", static_cast<std::uint32_t>(longest));
        put("pooling_type", settings.pooling == Pooling::mean  ? std::uint32_t{1}
                            : settings.pooling == Pooling::cls ? std::uint32_t{2}
                                                               : std::uint32_t{3});
        meta_.set("tokenizer.ggml.token_type_count",
                  static_cast<std::uint32_t>(source_.integer("", "type_vocab_size").value_or(2)));
        return tensors("encoder.layer.", bert_parts, bert_whole);
    }

  private:
    template <class T>
    void put(std::string_view key, T value) {
        meta_.set(fmt::format("{}.{}", model_.architecture, key), value);
    }
    Result<void> size(std::string_view gguf, std::string_view hf) {
        TENON_TRY(const std::size_t value, source_.size("", hf));
        put(gguf, static_cast<std::uint32_t>(value));
        return {};
    }

    void general() {
        const ModelInfo info = source_.basic_info();
        meta_.set("general.architecture", model_.architecture);
        meta_.set("general.type", "model");
        meta_.set("general.name", info.name);
        if (!info.licence.empty()) meta_.set("general.license", info.licence);
    }

    Result<void> window(std::string_view architecture) {
        const std::int64_t window = source_.integer("", "sliding_window").value_or(0);
        const bool used = source_.boolean("", "use_sliding_window").value_or(architecture == "llama");
        if (window <= 0 || !used) return {};
        if (architecture != "llama")
            return fail(ErrorCode::unsupported,
                        fmt::format("GGUF cannot say that {} uses a sliding window", architecture));
        put("attention.sliding_window", static_cast<std::uint32_t>(window));
        return {};
    }

    Result<void> rope(std::size_t head_dim) {
        const json::Value* parameters = json::find(source_.config(), "rope_parameters");
        if (parameters == nullptr || !parameters->is_object())
            parameters = json::find(source_.config(), "rope_scaling");
        const json::Value none{json::Object{}};
        if (parameters == nullptr || !parameters->is_object()) parameters = &none;
        const double base =
            json::number_or(*parameters, "rope_theta", source_.number("", "rope_theta").value_or(10000));
        put("rope.freq_base", static_cast<float>(base));
        // Reading it checks every number of the scaling.
        TENON_TRY(const Rope read, Rope::read(source_, head_dim, tensor::RopeStyle::half, {}));
        put("rope.dimension_count", static_cast<std::uint32_t>(read.dimension()));
        const std::string_view type =
            json::string_or(*parameters, "rope_type", json::string_or(*parameters, "type", "default"));
        if (type == "default") return {};
        if (type == "llama3") {
            std::vector<float> divisors(read.frequencies().begin(), read.frequencies().end());
            for (std::size_t i = 0; i < divisors.size(); ++i)
                divisors[i] = static_cast<float>(
                    1.0 / std::pow(base, 2.0 * static_cast<double>(i) / static_cast<double>(read.dimension())) /
                    divisors[i]);
            model_.make("rope_freqs.weight", std::move(divisors));
            return {};
        }
        if (type != "linear" && type != "yarn")
            return fail(ErrorCode::unsupported, fmt::format("GGUF has no rope scaling '{}'", type));
        const double factor = json::number_or(*parameters, "factor", 1);
        put("rope.scaling.type", type);
        put("rope.scaling.factor", static_cast<float>(factor));
        if (type == "linear") return {};
        put("rope.scaling.original_context_length",
            static_cast<std::uint32_t>(json::number_or(*parameters, "original_max_position_embeddings",
                                                       source_.number("", "max_position_embeddings").value_or(0))));
        put("rope.scaling.yarn_beta_fast", static_cast<float>(json::number_or(*parameters, "beta_fast", 32)));
        put("rope.scaling.yarn_beta_slow", static_cast<float>(json::number_or(*parameters, "beta_slow", 1)));
        const double usual = factor > 1 ? 0.1 * std::log(factor) + 1 : 1;
        if (std::abs(read.magnitude() / usual - 1) > 1e-6)
            put("rope.scaling.attn_factor", static_cast<float>(read.magnitude() / usual));
        return {};
    }

    Result<void> tensors(std::string_view layer_prefix, std::span<const Name> parts, std::span<const Name> whole) {
        const bool tied = source_.boolean("", "tie_word_embeddings").value_or(false);
        const bool paired = model_.architecture == "llama";
        for (const TensorRecord& record : source_.tensors()) {
            if (is_left_out(record.name)) continue;
            const std::string name = gguf_name(record.name, layer_prefix, parts, whole);
            if (name.empty())
                return fail(ErrorCode::unsupported, fmt::format("tensor {} has no place in a GGUF of architecture {}",
                                                                record.name, model_.architecture));
            if (tied && name == "output.weight") continue;
            std::size_t heads = 0;
            if (paired && name.find(".attn_q.") != std::string::npos) heads = model_.heads;
            if (paired && name.find(".attn_k.") != std::string::npos) heads = model_.kv_heads;
            if (heads > 0 && (record.shape.empty() || record.shape.front() % (2 * heads) != 0))
                return fail(ErrorCode::corrupt, fmt::format("tensor {} is not {} heads", record.name, heads));
            model_.tensors.push_back({name, &record, heads});
        }
        // By layer, as other converters write them; what belongs to none comes first.
        std::ranges::stable_sort(model_.tensors, {}, [](const ExportTensor& tensor) {
            std::size_t layer = 0;
            if (!tensor.name.starts_with("blk.")) return layer;
            std::from_chars(tensor.name.data() + 4, tensor.name.data() + tensor.name.size(), layer);
            return layer + 1;
        });
        return {};
    }

    ExportModel& model_;
    const ModelSource& source_;
    GgufMetadata& meta_;
};

}  // namespace

Result<void> export_folder(ExportModel& model) {
    const std::string& type = model.source->architecture();
    if (json::find(model.source->config(), "quantization_config") != nullptr)
        return fail(ErrorCode::unsupported, "the folder's weights are quantised; take the unquantised files");
    Folder folder(model);
    if (type == "llama" || type == "mistral") {
        TENON_CHECK(folder.decoder("llama"));
    } else if (type == "qwen2" || type == "qwen3") {
        TENON_CHECK(folder.decoder(type));
    } else if (type == "bert") {
        TENON_CHECK(folder.bert());
    } else {
        return fail(ErrorCode::unsupported,
                    fmt::format("cannot write '{}' as GGUF; supported: llama, mistral, qwen2, qwen3, bert", type));
    }
    return export_tokenizer(*model.source, model.metadata);
}

}  // namespace tenon::model
