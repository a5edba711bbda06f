// The quantised blocks of GGUF, taken apart into one plain form that every kernel and the packer start from.
//
// A block of `block_elements` weights is w[i] = D[g] * (q[i] - offset) + M[g], with unsigned codes q, g = i / group.
// D = d * sc[g] and M = -dmin * mn[g] for the K types (super-blocks of 256); D = d, M = m for blocks of 32.
// Source: the GGUF specification and ggml-common.h / ggml-quants.c of llama.cpp (layouts only).
#pragma once

#include <cstddef>
#include <cstdint>

#include "tenon/tensor/dtype.hpp"

namespace tenon::tensor {

inline constexpr std::size_t max_block = 256;

/// What the kernels need to know of a quantised type.
struct QuantShape {
    std::size_t elements = 32;  ///< of one stored block: 32 or 256
    std::size_t group = 32;     ///< weights that share a scale: 32 or 16
    int offset = 0;             ///< subtracted from every code
    int bits = 8;               ///< of a code
    bool has_min = false;       ///< M is stored
    bool super = false;         ///< scales are integers times one float for 256 weights
};
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
        default:
            return {};
    }
}

struct RawBlock {
    std::uint8_t q[max_block];
    std::uint16_t d = 0;     ///< float16 bits
    std::uint16_t dmin = 0;  ///< float16 bits: m of Q4_1/Q5_1, dmin of the K types
    std::int8_t sc[16];      ///< K types: one per group
    std::uint8_t mn[16];
};
/// Takes one block apart. `type` must be quantised.
void unpack_block(DType type, const std::byte* block, RawBlock& out) noexcept;

}  // namespace tenon::tensor
