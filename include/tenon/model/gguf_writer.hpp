// Writing GGUF files, version 3, little-endian. Follows ggml's docs/gguf.md.
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "tenon/base/error.hpp"
#include "tenon/base/file.hpp"
#include "tenon/model/gguf.hpp"

namespace tenon::model {

template <class T>
concept GgufNumber = std::is_arithmetic_v<T> && sizeof(T) <= 8;

/// The number GGUF gives a C++ type.
template <GgufNumber T>
constexpr GgufType gguf_type_of() noexcept {
    if constexpr (std::same_as<T, bool>) return GgufType::boolean;
    if constexpr (std::floating_point<T>) return sizeof(T) == 4 ? GgufType::f32 : GgufType::f64;
    constexpr bool negative = std::is_signed_v<T>;
    if constexpr (sizeof(T) == 1) return negative ? GgufType::i8 : GgufType::u8;
    if constexpr (sizeof(T) == 2) return negative ? GgufType::i16 : GgufType::u16;
    if constexpr (sizeof(T) == 4) return negative ? GgufType::i32 : GgufType::u32;
    return negative ? GgufType::i64 : GgufType::u64;
}

/// Metadata in the making, in the order in which keys were first set; a key set again takes the new value.
class GgufMetadata {
  public:
    template <GgufNumber T>
    void set(std::string_view key, T value) {
        set_raw(key, gguf_type_of<T>(), {reinterpret_cast<const char*>(&value), sizeof value});
    }
    void set(std::string_view key, std::string_view text);
    void set(std::string_view key, const char* text) { set(key, std::string_view(text)); }
    template <GgufNumber T>
    void set_array(std::string_view key, std::span<const T> values) {
        set_array_raw(key, gguf_type_of<T>(), values.size(),
                      {reinterpret_cast<const char*>(values.data()), values.size_bytes()});
    }
    void set_array(std::string_view key, std::span<const std::string> texts);
    /// As it stands in another file.
    void copy(std::string_view key, const GgufValue& value);
    void erase(std::string_view key);

    struct Entry {
        std::string key;
        std::string bytes;  ///< type and payload as the file holds them
    };
    [[nodiscard]] std::span<const Entry> entries() const noexcept { return entries_; }

  private:
    void set_raw(std::string_view key, GgufType type, std::string_view payload);
    void set_array_raw(std::string_view key, GgufType element, std::uint64_t count, std::string_view payload);
    std::vector<Entry> entries_;
};

/// A tensor to be written: the shape has its outermost dimension first, as in TensorRecord.
struct GgufTensor {
    std::string name;
    tensor::DType type = tensor::DType::f32;
    std::vector<std::uint64_t> shape;
    [[nodiscard]] std::uint64_t bytes() const noexcept;
};

/// Writes one file from front to back: nothing but the header is held in memory. The file appears under its name when
/// `finish` succeeds; until then, and if it never comes to that, there is none.
class GgufWriter {
  public:
    static constexpr std::size_t alignment = 32;
    /// Writes the header; general.alignment and the keys of split files are left out of the metadata.
    /// Errors: invalid_argument (no name or a name twice, more than 4 dimensions, rows that are not whole blocks), io.
    [[nodiscard]] static Result<GgufWriter> create(const std::filesystem::path& path, const GgufMetadata& metadata,
                                                   std::span<const GgufTensor> tensors);
    /// The next bytes of the tensors' data, which come in the order given to `create`; a tensor may come in pieces, but
    /// a piece never spans two. Errors: invalid_argument (more than the tensor holds), io, resource_exhausted.
    [[nodiscard]] Result<void> write(std::span<const std::byte> data);
    /// Errors: invalid_argument (tensors are missing), io.
    [[nodiscard]] Result<void> finish();

  private:
    explicit GgufWriter(AtomicFile file) : file_(std::move(file)) {}
    void skip_to_next() noexcept;
    AtomicFile file_;
    std::vector<std::uint64_t> sizes_;
    std::size_t tensor_ = 0;
    std::uint64_t written_ = 0;  ///< of the current tensor
};

}  // namespace tenon::model
