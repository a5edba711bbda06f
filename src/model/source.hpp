// A model on disk, whatever its format: hyperparameters and tensors under two names, GGUF's and Hugging Face's.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "tenon/json/json.hpp"
#include "tenon/model/gguf.hpp"
#include "tenon/model/model.hpp"
#include "tenon/model/safetensors.hpp"

namespace tenon::model {

/// Immutable once opened. Everything an architecture asks for has the name it bears in GGUF (the part after
/// "<architecture>.") and the one in config.json; an empty name means the format does not have it.
class ModelSource {
  public:
    /// A GGUF file or a folder with config.json. Errors: not_found, corrupt, unsupported.
    [[nodiscard]] static Result<std::shared_ptr<const ModelSource>> open(const std::filesystem::path& path);

    [[nodiscard]] bool is_gguf() const noexcept { return std::holds_alternative<GgufFile>(file_); }
    [[nodiscard]] const GgufFile& gguf() const { return std::get<GgufFile>(file_); }
    /// config.json; null for GGUF.
    [[nodiscard]] const json::Value& config() const noexcept { return *config_; }
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    /// general.architecture, or config.json's model_type.
    [[nodiscard]] const std::string& architecture() const noexcept { return architecture_; }

    [[nodiscard]] std::optional<std::int64_t> integer(std::string_view gguf_key, std::string_view hf_key) const;
    [[nodiscard]] std::optional<double> number(std::string_view gguf_key, std::string_view hf_key) const;
    [[nodiscard]] std::optional<bool> boolean(std::string_view gguf_key, std::string_view hf_key) const;
    [[nodiscard]] std::optional<std::string> text(std::string_view gguf_key, std::string_view hf_key) const;
    /// A size that must be there, at least 1 and at most 2^24. Errors: corrupt (missing, out of range).
    [[nodiscard]] Result<std::size_t> size(std::string_view gguf_key, std::string_view hf_key) const;

    [[nodiscard]] const TensorRecord* find(std::string_view gguf_name, std::string_view hf_name) const;
    /// A tensor of exactly this shape. Errors: corrupt (missing, another shape).
    [[nodiscard]] Result<const TensorRecord*> tensor(std::string_view gguf_name, std::string_view hf_name,
                                                     std::initializer_list<std::size_t> shape) const;
    [[nodiscard]] std::span<const TensorRecord> tensors() const noexcept;

    /// What metadata say, without the architecture's own part.
    [[nodiscard]] ModelInfo basic_info() const;
    [[nodiscard]] Result<text::TokenizerPtr> tokenizer() const;

    void prefetch() const noexcept;
    void release_pages() const noexcept;

  private:
    ModelSource(std::filesystem::path path, std::variant<GgufFile, SafetensorsFile> file);
    [[nodiscard]] const GgufValue* gguf_value(std::string_view key) const;
    [[nodiscard]] const json::Value* hf_value(std::string_view key) const;

    std::filesystem::path path_;
    std::variant<GgufFile, SafetensorsFile> file_;
    std::shared_ptr<const json::Value> config_;
    std::string architecture_;
};

/// A small JSON file of a model folder; an empty object when absent. Errors: corrupt, io.
[[nodiscard]] Result<json::Value> read_json_file(const std::filesystem::path& path);

/// src/model/gguf_tokenizer.cpp: the vocabulary inside GGUF metadata.
[[nodiscard]] Result<text::TokenizerPtr> tokenizer_from_gguf(const GgufFile& file);

}  // namespace tenon::model
