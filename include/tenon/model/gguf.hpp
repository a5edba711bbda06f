// GGUF files, versions 2 and 3, little-endian. Follows ggml's docs/gguf.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
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

/// Metadata value types, with the file's numbers.
enum class GgufType : std::uint8_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

[[nodiscard]] std::string_view to_string(GgufType type) noexcept;

/// One metadata value: a checked view into the file. Readers convert; nothing is copied until asked for.
class GgufValue {
  public:
    GgufValue(GgufType type, GgufType element, std::uint64_t count, std::span<const std::byte> raw) noexcept
        : type_(type), element_(element), count_(count), raw_(raw) {}
    [[nodiscard]] GgufType type() const noexcept { return type_; }
    /// Of an array: the type of its elements and how many there are.
    [[nodiscard]] GgufType element_type() const noexcept { return element_; }
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

    /// Any integer type (or boolean) that fits; floats are not integers.
    [[nodiscard]] std::optional<std::int64_t> integer() const noexcept;
    /// Any integer or floating-point type.
    [[nodiscard]] std::optional<double> number() const noexcept;
    [[nodiscard]] std::optional<bool> boolean() const noexcept;
    [[nodiscard]] std::optional<std::string_view> string() const noexcept;
    /// Arrays of strings; of numbers (any numeric type); of arrays. Absent when the elements are of another kind.
    [[nodiscard]] std::optional<std::vector<std::string_view>> strings() const;
    [[nodiscard]] std::optional<std::vector<double>> numbers() const;
    [[nodiscard]] std::optional<std::vector<GgufValue>> values() const;
    /// The payload's bytes as stored: for byte arrays.
    [[nodiscard]] std::span<const std::byte> raw() const noexcept { return raw_; }

  private:
    GgufType type_;
    GgufType element_;
    std::uint64_t count_;
    std::span<const std::byte> raw_;
};

/// An opened GGUF file (or all files of a split). Everything is bounds-checked when opened: counts, strings, nesting of
/// arrays, alignment, every tensor inside the file, no two overlapping, no name twice. Immutable; safe for concurrent
/// reads.
class GgufFile {
  public:
    using Entry = std::pair<std::string_view, GgufValue>;

    /// Maps the file; when it is the first of a split ("…-00001-of-00003.gguf"), its companions too.
    /// Errors: not_found, io, corrupt, unsupported (version 1, big-endian, a tensor type without a name),
    /// invalid_argument (a later part of a split: the message names the first).
    [[nodiscard]] static Result<GgufFile> open(const std::filesystem::path& path);
    /// Reads from memory, which must outlive the object; a split file is read alone. Same errors.
    [[nodiscard]] static Result<GgufFile> parse(std::span<const std::byte> bytes);

    GgufFile(GgufFile&&) noexcept = default;
    GgufFile& operator=(GgufFile&&) noexcept = default;

    [[nodiscard]] std::uint32_t version() const noexcept { return version_; }
    [[nodiscard]] std::uint64_t file_bytes() const noexcept { return file_bytes_; }
    [[nodiscard]] std::span<const Entry> metadata() const noexcept { return metadata_; }
    [[nodiscard]] const GgufValue* find(std::string_view key) const noexcept;
    [[nodiscard]] std::span<const TensorRecord> tensors() const noexcept { return tensors_; }
    [[nodiscard]] const TensorRecord* find_tensor(std::string_view name) const noexcept;
    /// A hint to the kernel to read everything ahead, and one that mapped pages are no longer needed in memory.
    void prefetch() const noexcept;
    void release_pages() const noexcept;

  private:
    GgufFile() = default;
    [[nodiscard]] Result<void> append(std::span<const std::byte> bytes, bool first);
    [[nodiscard]] Result<void> open_companions(const std::filesystem::path& path);

    std::vector<MappedFile> files_;
    std::uint32_t version_ = 0;
    std::uint64_t file_bytes_ = 0;
    std::vector<Entry> metadata_;
    std::unordered_map<std::string_view, std::size_t> keys_;
    std::vector<TensorRecord> tensors_;
    std::unordered_map<std::string, std::size_t> names_;
};

}  // namespace tenon::model
