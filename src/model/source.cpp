#include "model/source.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <map>

#include "model/folder_config.hpp"

namespace tenon::model {
namespace {

constexpr std::size_t max_size = std::size_t{1} << 24;
constexpr std::size_t max_small_json = std::size_t{64} << 20;

/// general.file_type, llama.cpp's enumeration of mixtures.
std::string_view file_type_name(std::int64_t type) noexcept {
    switch (type) {
        case 0:
            return "F32";
        case 1:
            return "F16";
        case 2:
            return "Q4_0";
        case 3:
            return "Q4_1";
        case 7:
            return "Q8_0";
        case 8:
            return "Q5_0";
        case 9:
            return "Q5_1";
        case 10:
            return "Q2_K";
        case 11:
            return "Q3_K_S";
        case 12:
            return "Q3_K_M";
        case 13:
            return "Q3_K_L";
        case 14:
            return "Q4_K_S";
        case 15:
            return "Q4_K_M";
        case 16:
            return "Q5_K_S";
        case 17:
            return "Q5_K_M";
        case 18:
            return "Q6_K";
        case 21:
            return "Q2_K_S";
        case 25:
            return "IQ4_NL";
        case 30:
            return "IQ4_XS";
        case 32:
            return "BF16";
        case 38:
            return "MXFP4";
        default:
            return {};
    }
}

std::string text_of(const json::Value& value) { return {value.get_string().data(), value.get_string().size()}; }

std::string chat_template_of_folder(const std::filesystem::path& folder) {
    if (auto jinja = read_file(folder / "chat_template.jinja", max_small_json)) return std::move(*jinja);
    for (const char* name : {"chat_template.json", "tokenizer_config.json"}) {
        const auto config = read_json_file(folder / name);
        if (!config) continue;
        const json::Value* found = json::find(*config, "chat_template");
        if (found == nullptr) continue;
        if (found->is_string()) return text_of(*found);
        if (!found->is_array()) continue;
        for (const json::Value& entry : found->get_array())
            if (json::string_or(entry, "name", "") == "default")
                return std::string(json::string_or(entry, "template", ""));
    }
    return {};
}

/// `license:` in the front matter of a model card.
std::string licence_of_folder(const std::filesystem::path& folder) {
    const auto card = read_file(folder / "README.md", max_small_json);
    if (!card || !card->starts_with("---")) return {};
    const std::string_view front = std::string_view(*card).substr(0, card->find("\n---", 3));
    const std::size_t at = front.find("\nlicense:");
    if (at == std::string_view::npos) return {};
    std::string_view value = front.substr(at + 9);
    value = value.substr(0, value.find('\n'));
    while (!value.empty() && (value.front() == ' ' || value.front() == '"')) value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '"' || value.back() == '\r'))
        value.remove_suffix(1);
    return std::string(value);
}

}  // namespace

Result<json::Value> read_json_file(const std::filesystem::path& path) {
    auto text = read_file(path, max_small_json);
    if (!text) {
        if (text.error().code() == ErrorCode::not_found) return json::Value(json::Object{});
        return std::unexpected(std::move(text).error());
    }
    auto value = json::parse(*text);
    if (!value) return fail(ErrorCode::corrupt, fmt::format("{} is not JSON", path.string()), std::move(value).error());
    return value;
}

ModelSource::ModelSource(std::filesystem::path path, std::variant<GgufFile, SafetensorsFile> file)
    : path_(std::move(path)), file_(std::move(file)), config_(std::make_shared<json::Value>()) {}

Result<std::shared_ptr<const ModelSource>> ModelSource::open(const std::filesystem::path& path) {
    std::error_code error;
    if (!std::filesystem::exists(path, error))
        return fail(ErrorCode::not_found, fmt::format("there is no model at {}", path.string()));
    if (!std::filesystem::is_directory(path, error)) {
        if (path.extension() == ".safetensors")
            return fail(ErrorCode::invalid_argument,
                        fmt::format("{} is one file of a model folder; name the folder that holds its config.json",
                                    path.string()));
        TENON_TRY(GgufFile file, GgufFile::open(path));
        const GgufValue* value = file.find("general.architecture");
        if (value == nullptr || !value->string())
            return fail(ErrorCode::corrupt,
                        fmt::format("{} does not name its architecture (general.architecture)", path.string()));
        std::string name(*value->string());
        std::shared_ptr<ModelSource> source(new ModelSource(path, std::move(file)));
        source->architecture_ = std::move(name);
        return source;
    }
    if (!std::filesystem::exists(path / "config.json", error))
        return fail(ErrorCode::not_found,
                    fmt::format("{} is not a model folder: it has no config.json", path.string()));
    TENON_TRY(json::Value config, read_json_file(path / "config.json"));
    config = common_config(std::move(config));
    TENON_TRY(SafetensorsFile file, SafetensorsFile::open_folder(path));
    std::string name(json::string_or(config, "model_type", ""));
    if (name.empty())
        return fail(ErrorCode::corrupt, fmt::format("{} has no model_type", (path / "config.json").string()));
    std::shared_ptr<ModelSource> source(new ModelSource(path, std::move(file)));
    source->architecture_ = std::move(name);
    source->config_ = std::make_shared<json::Value>(std::move(config));
    return source;
}

const GgufValue* ModelSource::gguf_value(std::string_view key) const {
    if (key.empty()) return nullptr;
    return gguf().find(fmt::format("{}.{}", architecture_, key));
}

const json::Value* ModelSource::hf_value(std::string_view key) const {
    if (key.empty()) return nullptr;
    const json::Value* value = json::find(*config_, key);
    return value == nullptr || value->is_null() ? nullptr : value;
}

std::optional<std::int64_t> ModelSource::integer(std::string_view gguf_key, std::string_view hf_key) const {
    if (is_gguf()) {
        const GgufValue* value = gguf_value(gguf_key);
        return value == nullptr ? std::nullopt : value->integer();
    }
    const json::Value* value = hf_value(hf_key);
    if (value == nullptr) return std::nullopt;
    if (value->is_int64()) return value->get_int64();
    if (value->is_double() && value->get_double() == std::floor(value->get_double()) &&
        std::abs(value->get_double()) < 1e15)
        return static_cast<std::int64_t>(value->get_double());
    return std::nullopt;
}

std::optional<double> ModelSource::number(std::string_view gguf_key, std::string_view hf_key) const {
    if (is_gguf()) {
        const GgufValue* value = gguf_value(gguf_key);
        return value == nullptr ? std::nullopt : value->number();
    }
    const json::Value* value = hf_value(hf_key);
    if (value == nullptr || !value->is_number()) return std::nullopt;
    return json::number_or(*config_, hf_key, 0);
}

std::optional<bool> ModelSource::boolean(std::string_view gguf_key, std::string_view hf_key) const {
    if (is_gguf()) {
        const GgufValue* value = gguf_value(gguf_key);
        return value == nullptr ? std::nullopt : value->boolean();
    }
    const json::Value* value = hf_value(hf_key);
    if (value == nullptr || !value->is_bool()) return std::nullopt;
    return value->get_bool();
}

std::optional<std::string> ModelSource::text(std::string_view gguf_key, std::string_view hf_key) const {
    if (is_gguf()) {
        const GgufValue* value = gguf_value(gguf_key);
        if (value == nullptr || !value->string()) return std::nullopt;
        return std::string(*value->string());
    }
    const json::Value* value = hf_value(hf_key);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return text_of(*value);
}

Result<std::size_t> ModelSource::size(std::string_view gguf_key, std::string_view hf_key) const {
    const std::string name = is_gguf() ? fmt::format("{}.{}", architecture_, gguf_key) : std::string(hf_key);
    const auto value = integer(gguf_key, hf_key);
    if (!value) return fail(ErrorCode::corrupt, fmt::format("{} does not say {}", path_.string(), name));
    if (*value < 1 || static_cast<std::uint64_t>(*value) > max_size)
        return fail(ErrorCode::corrupt,
                    fmt::format("{} says {} = {}, which is impossible", path_.string(), name, *value));
    return static_cast<std::size_t>(*value);
}

const TensorRecord* ModelSource::find(std::string_view gguf_name, std::string_view hf_name) const {
    if (is_gguf()) return gguf_name.empty() ? nullptr : gguf().find_tensor(gguf_name);
    if (hf_name.empty()) return nullptr;
    const auto& file = std::get<SafetensorsFile>(file_);
    // The same weights are saved with and without the name of the model around them.
    for (const std::string_view prefix : {"", "model.", "bert.", "roberta.", "transformer.", "language_model.model.",
                                          "model.language_model.", "nomic_bert."})
        if (const TensorRecord* found = file.find_tensor(std::string(prefix).append(hf_name))) return found;
    return nullptr;
}

Result<const TensorRecord*> ModelSource::tensor(std::string_view gguf_name, std::string_view hf_name,
                                                std::initializer_list<std::size_t> shape) const {
    const TensorRecord* found = find(gguf_name, hf_name);
    const std::string_view name = is_gguf() ? gguf_name : hf_name;
    if (found == nullptr) return fail(ErrorCode::corrupt, fmt::format("{} lacks the tensor {}", path_.string(), name));
    if (!std::ranges::equal(found->shape, shape))
        return fail(ErrorCode::corrupt, fmt::format("tensor {} has shape [{}], but the model's sizes ask for [{}]",
                                                    name, fmt::join(found->shape, ", "), fmt::join(shape, ", ")));
    return found;
}

std::span<const TensorRecord> ModelSource::tensors() const noexcept {
    if (const auto* file = std::get_if<GgufFile>(&file_)) return file->tensors();
    return std::get_if<SafetensorsFile>(&file_)->tensors();
}

ModelInfo ModelSource::basic_info() const {
    ModelInfo out;
    out.architecture = architecture_;
    std::map<std::string, std::uint64_t> bytes;
    for (const TensorRecord& record : tensors()) {
        out.parameters += record.elements();
        bytes[record.type_name] += record.data.size();
    }
    out.tensor_types.assign(bytes.begin(), bytes.end());
    std::ranges::stable_sort(out.tensor_types, std::greater{}, [](const auto& entry) { return entry.second; });
    if (!out.tensor_types.empty()) out.quantisation = out.tensor_types.front().first;
    if (is_gguf()) {
        out.format = "gguf";
        out.file_bytes = gguf().file_bytes();
        const auto general = [&](std::string_view key) {
            const GgufValue* value = gguf().find(key);
            return value != nullptr && value->string() ? std::string(*value->string()) : std::string();
        };
        out.name = general("general.name");
        out.licence = general("general.license");
        out.chat_template = general("tokenizer.chat_template");
        if (const GgufValue* type = gguf().find("general.file_type"); type != nullptr && type->integer())
            if (const std::string_view name = file_type_name(*type->integer()); !name.empty()) out.quantisation = name;
        if (const GgufValue* tokens = gguf().find("tokenizer.ggml.tokens");
            tokens != nullptr && tokens->type() == GgufType::array)
            out.vocabulary = tokens->count();
    } else {
        out.format = "safetensors";
        out.file_bytes = std::get<SafetensorsFile>(file_).file_bytes();
        const std::filesystem::path folder = path_.filename().empty() ? path_.parent_path() : path_;
        out.name = folder.filename().string();
        out.licence = licence_of_folder(path_);
        out.chat_template = chat_template_of_folder(path_);
        out.vocabulary =
            static_cast<std::size_t>(std::clamp<std::int64_t>(integer("", "vocab_size").value_or(0), 0, max_size));
    }
    if (out.name.empty()) out.name = path_.stem().string();
    const auto number = [&](std::string_view gguf_key, std::string_view hf_key) {
        return static_cast<std::size_t>(
            std::clamp<std::int64_t>(integer(gguf_key, hf_key).value_or(0), 0, std::int64_t{1} << 32));
    };
    out.context_length = number("context_length", "max_position_embeddings");
    out.embedding_length = number("embedding_length", "hidden_size");
    out.layers = number("block_count", "num_hidden_layers");
    out.heads = number("attention.head_count", "num_attention_heads");
    out.kv_heads = number("attention.head_count_kv", "num_key_value_heads");
    if (out.kv_heads == 0) out.kv_heads = out.heads;
    out.head_dim = number("attention.key_length", "head_dim");
    if (out.head_dim == 0 && out.heads > 0) out.head_dim = out.embedding_length / out.heads;
    out.feed_forward = number("feed_forward_length", "intermediate_size");
    return out;
}

Result<text::TokenizerPtr> ModelSource::tokenizer() const {
    if (is_gguf()) return tokenizer_from_gguf(gguf());
    std::error_code error;
    if (std::filesystem::exists(path_ / "tokenizer.json", error)) {
        TENON_TRY(const std::string tokenizer, read_file(path_ / "tokenizer.json", max_small_json * 4));
        std::string config;
        if (auto text = read_file(path_ / "tokenizer_config.json", max_small_json)) config = std::move(*text);
        auto loaded = text::load_tokenizer_json(tokenizer, config);
        if (!loaded)
            return fail(loaded.error().code(),
                        fmt::format("the tokenizer {} cannot be used", (path_ / "tokenizer.json").string()),
                        loaded.error());
        return loaded;
    }
    if (std::filesystem::exists(path_ / "vocab.txt", error)) {
        TENON_TRY(const std::string vocabulary, read_file(path_ / "vocab.txt", max_small_json));
        TENON_TRY(const json::Value config, read_json_file(path_ / "tokenizer_config.json"));
        return text::load_vocab_txt(vocabulary, json::bool_or(config, "do_lower_case", true));
    }
    return fail(ErrorCode::not_found, fmt::format("{} holds neither tokenizer.json nor vocab.txt", path_.string()));
}

void ModelSource::prefetch() const noexcept {
    std::visit([](const auto& file) { file.prefetch(); }, file_);
}

void ModelSource::release_pages() const noexcept {
    std::visit([](const auto& file) { file.release_pages(); }, file_);
}

}  // namespace tenon::model
