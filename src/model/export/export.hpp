// A model on its way into a GGUF file: its metadata, and where the rows of each tensor come from.
#pragma once

#include <string>
#include <vector>

#include "model/architecture.hpp"
#include "tenon/model/gguf_writer.hpp"
#include "tenon/model/quantize.hpp"

namespace tenon::model {

struct ExportTensor {
    std::string name;                      ///< in GGUF
    const TensorRecord* record = nullptr;  ///< its shape and rows
    /// Heads whose rows go from halves (Hugging Face's order) to neighbouring pairs (GGUF's, for the llama
    /// architecture); 0: none.
    std::size_t paired_heads = 0;

    /// Elements of a row; a vector whose elements are reordered has rows of one.
    [[nodiscard]] std::size_t columns() const noexcept {
        return record->shape.empty() || (record->shape.size() == 1 && paired_heads > 0) ? 1 : record->shape.back();
    }
    [[nodiscard]] std::size_t rows() const noexcept { return columns() == 0 ? 0 : record->elements() / columns(); }
    /// Where row `r` of the written tensor stands in the record.
    [[nodiscard]] std::size_t source_row(std::size_t r) const noexcept;
    /// Row `r` of the written tensor.
    [[nodiscard]] const std::byte* row(std::size_t r) const noexcept;
};

struct ExportModel {
    SourcePtr source;
    std::string architecture;  ///< GGUF's name
    std::size_t layers = 0, heads = 0, kv_heads = 0, experts = 0;
    GgufMetadata metadata;
    std::vector<ExportTensor> tensors;

    /// A tensor that the source does not hold.
    void make(std::string name, std::vector<float> values);

    /// Opens a GGUF file as it is, or a folder under GGUF's names. Errors: those of ModelSource::open, unsupported.
    [[nodiscard]] static Result<ExportModel> open(const std::filesystem::path& path);

  private:
    struct Made {
        TensorRecord record;
        std::vector<float> values;
    };
    std::vector<std::unique_ptr<Made>> made_;
};

/// src/model/export/folder.cpp: metadata and tensors of a safetensors folder. Errors: unsupported, corrupt.
[[nodiscard]] Result<void> export_folder(ExportModel& model);
/// src/model/export/tokenizer.cpp: the tokenizer.* keys. Errors: unsupported, corrupt, not_found.
[[nodiscard]] Result<void> export_tokenizer(const ModelSource& source, GgufMetadata& metadata);

/// The mixture of a name. Errors: invalid_argument (naming the known ones).
struct Mixture;
[[nodiscard]] Result<const Mixture*> find_mixture(std::string_view name);
[[nodiscard]] tensor::DType base_type(const Mixture& mixture) noexcept;
[[nodiscard]] std::uint32_t file_type(const Mixture& mixture) noexcept;
/// The type each tensor takes, in order; tensors that are never quantised keep theirs. Errors: invalid_argument.
[[nodiscard]] Result<std::vector<tensor::DType>> choose_types(const ExportModel& model, const Mixture& mixture,
                                                              const QuantizeOptions& options);

}  // namespace tenon::model
