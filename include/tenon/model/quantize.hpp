// Making model files: GGUF from safetensors folders, and GGUF with other weight types.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tenon/base/error.hpp"
#include "tenon/model/model.hpp"
#include "tenon/tensor/dtype.hpp"

namespace tenon::model {

/// How much each input column of a matrix matters: the mean of its squared activations over a text. Tensors are named
/// as in GGUF; a stack of experts has its matrices' columns one after the other.
struct ImportanceMatrix {
    std::unordered_map<std::string, std::vector<float>> columns;
    std::vector<std::string> datasets;  ///< the texts it was collected on
    std::uint32_t chunks = 0;           ///< pieces of text, and the tokens of each
    std::uint32_t chunk_tokens = 0;

    /// llama.cpp's files, both kinds: GGUF and the older ".dat". Errors: not_found, corrupt.
    [[nodiscard]] static Result<ImportanceMatrix> read(const std::filesystem::path& path);
    [[nodiscard]] static Result<ImportanceMatrix> parse(std::span<const std::byte> bytes);
    /// As GGUF, which llama.cpp reads too. Errors: io, resource_exhausted.
    [[nodiscard]] Result<void> write(const std::filesystem::path& path) const;
};

struct ImportanceOptions {
    std::size_t context = 512;   ///< tokens a piece
    std::size_t chunks = 0;      ///< at most so many pieces; 0: the whole text
    bool output_matrix = false;  ///< of output.weight too
    /// After each piece: how many are done, of how many.
    std::function<void(std::size_t, std::size_t)> progress = {};
    std::stop_token stop = {};
};

/// Runs a text through a model from a GGUF file, in pieces as `perplexity` cuts it, and keeps the mean square of each
/// column of what the model's matrices are multiplied with. For one caller at a time.
/// Errors: invalid_argument (the text is shorter than a piece), cancelled, those of `forward`.
[[nodiscard]] Result<ImportanceMatrix> collect_importance(CausalModel& model, tensor::ThreadTeam& team,
                                                          std::span<const text::TokenId> tokens,
                                                          const ImportanceOptions& options);

/// "Q4_K_M", …: names of mixtures that `quantize_model` takes, in the order of their size.
[[nodiscard]] std::span<const std::string_view> quantisation_names() noexcept;

struct ExportProgress {
    std::uint64_t bytes_done = 0, bytes_total = 0;  ///< of the file that is written
    std::string_view tensor;
};

struct QuantizeOptions {
    /// A mixture, as llama.cpp means it: more bits for the tensors that suffer most.
    std::string type = "Q4_K_M";
    bool pure = false;                             ///< no mixture: every matrix in the type itself
    bool requantize = false;                       ///< allow matrices that are quantised already
    const ImportanceMatrix* importance = nullptr;  ///< must outlive the call
    /// The first regular expression found in a tensor's name decides its type.
    std::vector<std::pair<std::string, tensor::DType>> tensor_types = {};
    std::optional<tensor::DType> output_type = {}, embedding_type = {};
    std::size_t threads = 0;  ///< 0: one a processor
    std::function<void(const ExportProgress&)> progress = {};
    std::stop_token stop = {};
};

/// What became, or would become, of each tensor.
struct ExportReport {
    struct Tensor {
        std::string name;
        std::vector<std::uint64_t> shape;
        std::string from, to;
        std::uint64_t bytes_before = 0, bytes_after = 0;
        bool weighted = false;  ///< by the importance matrix
    };
    std::vector<Tensor> tensors;
    std::uint64_t bytes_before = 0, bytes_after = 0, elements = 0;
    [[nodiscard]] double bits_per_weight() const noexcept {
        return elements == 0 ? 0 : 8.0 * static_cast<double>(bytes_after) / static_cast<double>(elements);
    }
};

/// Writes `in` (a GGUF file, the first of a split, or a safetensors folder) as one GGUF file of another type. `out`
/// appears when it is whole. An empty `out` only plans. Errors: invalid_argument (an unknown type, quantised input
/// without `requantize`, an importance matrix of another model, a bad expression, a NaN among the weights), unsupported
/// (the architecture of a folder, a tensor type), corrupt, cancelled, io, resource_exhausted.
[[nodiscard]] Result<ExportReport> quantize_model(const std::filesystem::path& in, const std::filesystem::path& out,
                                                  const QuantizeOptions& options);

}  // namespace tenon::model
