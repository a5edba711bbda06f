// Element types of tensors: plain numbers and the block-quantised types of GGUF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "tenon/base/error.hpp"

namespace tenon::tensor {

/// Values are ours; `from_ggml` maps GGUF's numbers.
enum class DType : std::uint8_t {
    f32,
    f16,
    bf16,
    f64,
    i8,
    i16,
    i32,
    i64,
    q4_0,
    q4_1,
    q5_0,
    q5_1,
    q8_0,
    q2_k,
    q3_k,
    q4_k,
    q5_k,
    q6_k,
};

struct DTypeInfo {
    std::string_view name;       ///< "F32", "Q4_K", …
    std::size_t block_elements;  ///< elements a block holds; 1 for plain types
    std::size_t block_bytes;
    bool quantised;
    std::uint32_t ggml_type;  ///< GGUF's number
};

[[nodiscard]] const DTypeInfo& info(DType type) noexcept;
[[nodiscard]] std::optional<DType> from_ggml(std::uint32_t ggml_type) noexcept;
/// Name of any GGUF type number, also of those we cannot read ("IQ2_XXS"): for error messages.
[[nodiscard]] std::string_view ggml_type_name(std::uint32_t ggml_type) noexcept;

/// Bytes of `elements` consecutive elements; `elements` must be a multiple of the block.
[[nodiscard]] constexpr std::size_t bytes_of(const DTypeInfo& i, std::size_t elements) noexcept {
    return elements / i.block_elements * i.block_bytes;
}

/// Expands to float32. `out.size()` must be a multiple of the block. The scalar reference; pure.
void dequantize(DType type, const std::byte* blocks, std::span<float> out) noexcept;
/// Quantises as the GGML reference does (round to nearest); for tests and `tenon quantize`. Supports f16, bf16, q4_0,
/// q4_1, q5_0, q5_1, q8_0.
[[nodiscard]] Result<void> quantize(DType type, std::span<const float> in, std::byte* blocks);

[[nodiscard]] float f16_to_f32(std::uint16_t half) noexcept;
[[nodiscard]] std::uint16_t f32_to_f16(float value) noexcept;
[[nodiscard]] float bf16_to_f32(std::uint16_t value) noexcept;
[[nodiscard]] std::uint16_t f32_to_bf16(float value) noexcept;

}  // namespace tenon::tensor
