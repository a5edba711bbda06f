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
    iq4_nl,
    iq4_xs,
    mxfp4,
    iq2_xxs,
    iq2_xs,
    iq2_s,
    iq3_xxs,
    iq3_s,
    iq1_s,
    iq1_m,
    tq1_0,
    tq2_0,
};
inline constexpr std::size_t dtype_count = 30;

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
/// Whether `quantize` writes this type: F32, F16, BF16, Q4_0 … Q8_0, Q2_K … Q6_K, IQ4_NL, IQ4_XS, MXFP4.
[[nodiscard]] bool can_quantize(DType type) noexcept;
/// Writes numbers in a type. Q4_0, Q4_1, Q5_0, Q5_1 and Q8_0 round to nearest as the GGML reference does, byte for
/// byte; the others search for the scales with the least squared error, weighted towards large numbers. `importance`
/// says how much an error in each column counts (mean squared activations: an importance matrix), one positive number a
/// column, and then all types but Q8_0 search; empty: all columns alike. `in` is then whole rows.
/// Errors: unsupported (the type), invalid_argument (not whole blocks or rows; a number that is infinite or NaN).
[[nodiscard]] Result<void> quantize(DType type, std::span<const float> in, std::byte* blocks,
                                    std::span<const float> importance = {});

[[nodiscard]] float f16_to_f32(std::uint16_t half) noexcept;
[[nodiscard]] std::uint16_t f32_to_f16(float value) noexcept;
[[nodiscard]] float bf16_to_f32(std::uint16_t value) noexcept;
[[nodiscard]] std::uint16_t f32_to_bf16(float value) noexcept;

}  // namespace tenon::tensor
