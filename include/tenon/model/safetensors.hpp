// safetensors files (https://huggingface.co/docs/safetensors, format section), one or sharded.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tenon/base/error.hpp"
#include "tenon/base/file.hpp"
#include "tenon/model/tensor_record.hpp"

namespace tenon::model {

/// The tensors of one safetensors file or of all shards of a folder. Checked when opened: the header's length (at most
/// 100 MB) and JSON, every tensor inside the file with exactly the bytes its shape needs, no overlap, no gap, no name
/// twice. Immutable; safe for concurrent reads.
class SafetensorsFile {
  public:
    /// Errors: not_found, io, corrupt.
    [[nodiscard]] static Result<SafetensorsFile> open(const std::filesystem::path& path);
    /// A folder with `model.safetensors`, or `model.safetensors.index.json` and its shards. Shard names are plain file
    /// names.
    [[nodiscard]] static Result<SafetensorsFile> open_folder(const std::filesystem::path& folder);
    /// Reads from memory, which must outlive the object.
    [[nodiscard]] static Result<SafetensorsFile> parse(std::span<const std::byte> bytes);

    SafetensorsFile(SafetensorsFile&&) noexcept = default;
    SafetensorsFile& operator=(SafetensorsFile&&) noexcept = default;

    [[nodiscard]] std::uint64_t file_bytes() const noexcept { return file_bytes_; }
    [[nodiscard]] std::span<const TensorRecord> tensors() const noexcept { return tensors_; }
    [[nodiscard]] const TensorRecord* find_tensor(std::string_view name) const noexcept;
    /// The header's `__metadata__` strings.
    [[nodiscard]] std::span<const std::pair<std::string, std::string>> metadata() const noexcept { return metadata_; }
    void prefetch() const noexcept;
    void release_pages() const noexcept;

  private:
    SafetensorsFile() = default;
    [[nodiscard]] Result<void> append(std::span<const std::byte> bytes);

    std::vector<MappedFile> files_;
    std::uint64_t file_bytes_ = 0;
    std::vector<TensorRecord> tensors_;
    std::unordered_map<std::string, std::size_t> names_;
    std::vector<std::pair<std::string, std::string>> metadata_;
};

}  // namespace tenon::model
