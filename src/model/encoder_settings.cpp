#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "model/encoder.hpp"

namespace tenon::model {
namespace {

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
}

void prefixes_by_name(const ModelSource& source, EmbeddingSettings& out) {
    const std::string name = lower(source.basic_info().name);
    const auto has = [&](std::string_view part) { return name.find(part) != std::string::npos; };
    if (has("e5-") || name == "e5") {
        if (has("instruct")) {
            out.query_prefix =
                "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: ";
        } else {
            out.query_prefix = "query: ";
            out.passage_prefix = "passage: ";
        }
    } else if (has("bge-") && !has("bge-m3")) {
        if (has("-zh")) out.query_prefix = "为这个句子生成表示以用于检索相关文章：";
        if (has("-en")) out.query_prefix = "Represent this sentence for searching relevant passages: ";
    }
}

Result<Pooling> pooling_of(const json::Value& config, const std::filesystem::path& path) {
    struct Mode {
        std::string_view key, name;
        std::optional<Pooling> pooling;
    };
    constexpr Mode modes[] = {
        {"pooling_mode_cls_token", "cls", Pooling::cls},
        {"pooling_mode_mean_tokens", "mean", Pooling::mean},
        {"pooling_mode_lasttoken", "lasttoken", Pooling::last},
        {"pooling_mode_max_tokens", "max", std::nullopt},
        {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", std::nullopt},
        {"pooling_mode_weightedmean_tokens", "weightedmean", std::nullopt},
    };
    std::optional<Pooling> found;
    const std::string_view named = json::string_or(config, "pooling_mode", "");
    for (const Mode& mode : modes) {
        if (named != mode.name && !json::bool_or(config, mode.key, false)) continue;
        if (!mode.pooling || (found && *found != *mode.pooling))
            return fail(ErrorCode::unsupported,
                        fmt::format("{} asks for the pooling '{}'; supported, one at a time: mean, cls, lasttoken",
                                    path.string(), mode.name));
        found = mode.pooling;
    }
    return found.value_or(Pooling::mean);
}

Result<void> read_modules(const std::filesystem::path& folder, EmbeddingSettings& out) {
    std::error_code error;
    if (!std::filesystem::exists(folder / "modules.json", error)) return {};
    TENON_TRY(const json::Value modules, read_json_file(folder / "modules.json"));
    if (!modules.is_array())
        return fail(ErrorCode::corrupt, fmt::format("{} is not a list", (folder / "modules.json").string()));
    for (const json::Value& module : modules.get_array()) {
        std::string_view type = json::string_or(module, "type", "");
        type = type.substr(type.rfind('.') + 1);
        const std::filesystem::path path(std::string(json::string_or(module, "path", "")));
        if (path.is_absolute() || std::ranges::find(path, std::filesystem::path("..")) != path.end())
            return fail(ErrorCode::corrupt,
                        fmt::format("{} points outside its folder", (folder / "modules.json").string()));
        if (type == "Normalize") {
            out.normalise = true;
        } else if (type == "Pooling") {
            TENON_TRY(const json::Value config, read_json_file(folder / path / "config.json"));
            TENON_TRY(out.pooling, pooling_of(config, folder / path / "config.json"));
        } else if (type != "Transformer") {
            return fail(ErrorCode::unsupported,
                        fmt::format("{} uses the module '{}'; supported: Transformer, Pooling, Normalize",
                                    folder.string(), type));
        }
    }
    return {};
}

}  // namespace

Result<EmbeddingSettings> read_embedding_settings(const ModelSource& source) {
    EmbeddingSettings out;
    if (source.is_gguf()) {
        switch (source.integer("pooling_type", "").value_or(1)) {
            case 0:
            case 1:
                out.pooling = Pooling::mean;
                break;
            case 2:
                out.pooling = Pooling::cls;
                break;
            case 3:
                out.pooling = Pooling::last;
                break;
            default:
                return fail(ErrorCode::unsupported,
                            fmt::format("{} is a reranker, not an embedding model", source.path().string()));
        }
        out.normalise = true;
        prefixes_by_name(source, out);
        return out;
    }
    const std::filesystem::path& folder = source.path();
    TENON_CHECK(read_modules(folder, out));
    TENON_TRY(const json::Value transformer, read_json_file(folder / "sentence_bert_config.json"));
    out.max_tokens = static_cast<std::size_t>(
        std::clamp<std::int64_t>(json::integer_or(transformer, "max_seq_length", 0), 0, 1 << 20));
    out.lowercase = json::bool_or(transformer, "do_lower_case", false);
    if (out.max_tokens == 0) {
        TENON_TRY(const json::Value tokenizer, read_json_file(folder / "tokenizer_config.json"));
        const double longest = json::number_or(tokenizer, "model_max_length", 0);
        if (longest >= 2 && longest <= 1 << 20) out.max_tokens = static_cast<std::size_t>(longest);
    }
    TENON_TRY(const json::Value config, read_json_file(folder / "config_sentence_transformers.json"));
    const json::Value* prompts = json::find(config, "prompts");
    if (prompts != nullptr && prompts->is_object() && !prompts->get_object().empty()) {
        out.query_prefix = json::string_or(*prompts, "query", "");
        for (const char* key : {"passage", "document", "corpus"})
            if (out.passage_prefix.empty()) out.passage_prefix = json::string_or(*prompts, key, "");
    }
    if (out.query_prefix.empty() && out.passage_prefix.empty()) prefixes_by_name(source, out);
    return out;
}

}  // namespace tenon::model
