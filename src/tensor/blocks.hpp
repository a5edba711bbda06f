// The quantised blocks of GGUF, taken apart into one plain form that every kernel and the packer start from.
//
// A block of `block_elements` weights is w[i] = D[g] * v(q[i]) + M[g], with unsigned codes q, g = i / group; v(q) is
// q - offset, or looked up among sixteen levels. D = factor * d * sc[g] and M = -dmin * mn[g] for super-blocks of 256;
// D = d, M = m for blocks of 32. The IQ types of fewer than four bits, whose codes are entries of a codebook with signs
// apart, are written out as codes of 8 bits; no product of theirs is rounded in float32.
// Source: the GGUF specification and ggml-common.h / ggml-quants.c of llama.cpp (layouts only).
#pragma once

#include <cstddef>
#include <cstdint>

#include "tenon/tensor/dtype.hpp"
#include "tensor/codebooks.hpp"

namespace tenon::tensor {

inline constexpr std::size_t max_block = 256;

/// What the kernels need to know of a quantised type.
struct QuantShape {
    std::size_t elements = 32;            ///< of one stored block: 32 or 256
    std::size_t group = 32;               ///< weights that share a scale: 32 or 16
    int offset = 0;                       ///< subtracted from every code
    int bits = 8;                         ///< of a code
    bool has_min = false;                 ///< M is stored
    bool super = false;                   ///< scales are integers times one float for 256 weights
    const std::int8_t* levels = nullptr;  ///< what codes stand for; null: themselves, less the offset
    float factor = 1.0F;                  ///< of every scale
    bool bf16_scale = false;              ///< d is bfloat16 (an exponent alone), not float16

    [[nodiscard]] constexpr int value(std::uint8_t code) const noexcept {
        return levels != nullptr ? levels[code] : code - offset;
    }
    [[nodiscard]] float scale_of(std::uint16_t d) const noexcept {
        return bf16_scale ? bf16_to_f32(d) : f16_to_f32(d) * factor;
    }
    /// Bytes of the packed scales of 32 columns of 16 rows.
    [[nodiscard]] constexpr std::size_t scale_bytes() const noexcept {
        if (!super) return 0;
        return group == 32 && !has_min ? 16 : 32;
    }
};
/// Codes of 8 bits with a scale for each 16 of 256.
constexpr QuantShape wide_shape(float factor) noexcept { return {256, 16, 128, 8, false, true, nullptr, factor}; }
[[nodiscard]] constexpr QuantShape quant_shape(DType type) noexcept {
    switch (type) {
        case DType::q4_0:
            return {32, 32, 8, 4, false, false};
        case DType::q4_1:
            return {32, 32, 0, 4, true, false};
        case DType::q5_0:
            return {32, 32, 16, 5, false, false};
        case DType::q5_1:
            return {32, 32, 0, 5, true, false};
        case DType::q8_0:
            return {32, 32, 128, 8, false, false};
        case DType::q2_k:
            return {256, 16, 0, 2, true, true};
        case DType::q3_k:
            return {256, 16, 4, 3, false, true};
        case DType::q4_k:
            return {256, 32, 0, 4, true, true};
        case DType::q5_k:
            return {256, 32, 0, 5, true, true};
        case DType::q6_k:
            return {256, 16, 32, 6, false, true};
        case DType::iq4_nl:
            return {32, 32, 128, 4, false, false, iq4_levels};
        case DType::iq4_xs:
            return {256, 32, 128, 4, false, true, iq4_levels};
        case DType::mxfp4:
            return {32, 32, 128, 4, false, false, mxfp4_levels, 1.0F, true};
        case DType::iq2_xxs:
        case DType::iq2_xs:
        case DType::iq2_s:
        case DType::iq1_s:
        case DType::iq1_m:
            return wide_shape(0.125F);
        case DType::iq3_xxs:
            return wide_shape(0.25F);
        case DType::iq3_s:
        case DType::tq1_0:
        case DType::tq2_0:
            return wide_shape(1.0F);
        default:
            return {};
    }
}

struct RawBlock {
    std::uint8_t q[max_block];
    std::uint16_t d = 0;     ///< bits of a float16 (MXFP4: bfloat16)
    std::uint16_t dmin = 0;  ///< float16 bits: m of Q4_1/Q5_1, dmin of the K types
    std::int8_t sc[16];      ///< super-blocks: one per group
    std::uint8_t mn[16];
};
/// Takes one block apart. `type` must be quantised.
void unpack_block(DType type, const std::byte* block, RawBlock& out) noexcept;
/// The part of it that knows the IQ and TQ types of 256.
void unpack_iq_block(DType type, const std::uint8_t* block, RawBlock& out) noexcept;

}  // namespace tenon::tensor
