#include "tensor/pack.hpp"

#include <algorithm>
#include <cstring>

#include "tensor/blocks.hpp"

namespace tenon::tensor {
namespace {

using Byte = std::uint8_t;

std::uint32_t word(const Byte* p) noexcept {
    std::uint32_t v = 0;
    std::memcpy(&v, p, 4);
    return v;
}

/// The planes of one row's 32 codes; four bytes of each plane belong to the row. Words hold four codes each.
template <int bits>
inline void put_codes(const Byte* q, Byte* out, std::size_t row) noexcept {
    std::uint32_t c[8];
    for (std::size_t j = 0; j < 8; ++j) c[j] = word(q + 4 * j);
    const auto put = [&](std::size_t plane, std::uint32_t v) { std::memcpy(out + 64 * plane + 4 * row, &v, 4); };
    if constexpr (bits == 8) {
        for (std::size_t j = 0; j < 8; ++j) put(j, c[j] ^ 0x80808080U);
        return;
    }
    std::size_t plane = 0;
    int taken = 0;
    if (bits >= 4) {
        for (std::size_t i = 0; i < 4; ++i) put(plane++, (c[i] & 0x0F0F0F0FU) | (c[i + 4] & 0x0F0F0F0FU) << 4);
        taken = 4;
    }
    if (bits == 6 || bits <= 3) {
        for (std::size_t i = 0; i < 8; i += 4) {
            std::uint32_t v = 0;
            for (std::size_t k = 0; k < 4; ++k) v |= (c[i + k] >> taken & 0x03030303U) << (2 * k);
            put(plane++, v);
        }
        taken += 2;
    }
    if (taken < bits) {
        std::uint32_t v = 0;
        for (std::size_t j = 0; j < 8; ++j) v |= (c[j] >> taken & 0x01010101U) << j;
        put(plane, v);
    }
}

/// The inverse for one row.
void get_codes(const Byte* in, int bits, std::size_t row, Byte* q) noexcept {
    const auto get = [&](std::size_t plane) { return word(in + 64 * plane + 4 * row); };
    for (std::size_t j = 0; j < 8; ++j) {
        std::uint32_t v = 0;
        if (bits == 8) v = get(j) ^ 0x80808080U;
        if (bits >= 4 && bits < 8) v = get(j % 4) >> (j / 4 * 4) & 0x0F0F0F0FU;
        if (bits == 5) v |= (get(4) >> j & 0x01010101U) << 4;
        if (bits == 6) v |= (get(4 + j / 4) >> (j % 4 * 2) & 0x03030303U) << 4;
        if (bits <= 3) v = get(j / 4) >> (j % 4 * 2) & 0x03030303U;
        if (bits == 3) v |= (get(2) >> j & 0x01010101U) << 2;
        std::memcpy(q + 4 * j, &v, 4);
    }
}

void put_half(Byte* out, std::size_t index, std::uint16_t half) noexcept { std::memcpy(out + 2 * index, &half, 2); }
std::uint16_t get_half(const Byte* in, std::size_t index) noexcept {
    std::uint16_t v = 0;
    std::memcpy(&v, in + 2 * index, 2);
    return v;
}

/// Where a block of 32 keeps its parts, for the types whose codes lie in the order of the planes already.
struct SmallBlock {
    std::size_t high = 0;  ///< the word of fifth bits; 0: none
    std::size_t codes = 0;
};
constexpr SmallBlock small_block(DType type) noexcept {
    switch (type) {
        case DType::q4_0:
        case DType::q8_0:
        case DType::iq4_nl:
            return {0, 2};
        case DType::q4_1:
            return {0, 4};
        case DType::q5_0:
            return {2, 6};
        case DType::q5_1:
            return {4, 8};
        default:
            return {};
    }
}

/// Bit 4j + k of `bits` becomes bit j of byte k.
std::uint32_t fifth_bits_by_plane(std::uint32_t bits) noexcept {
    std::uint32_t out = 0;
    for (unsigned k = 0; k < 4; ++k) {
        std::uint32_t x = bits >> k & 0x11111111U;
        x = (x | x >> 3) & 0x03030303U;
        x = (x | x >> 6) & 0x000F000FU;
        out |= ((x | x >> 12) & 0xFFU) << (8 * k);
    }
    return out;
}

template <DType type>
void pack_small_blocks(const MatrixView& view, const PackedMatrix& shape, std::size_t group, Byte* out) noexcept {
    constexpr QuantShape q = quant_shape(type);
    constexpr SmallBlock parts = small_block(type);
    constexpr std::size_t code_bytes = static_cast<std::size_t>(q.bits) * 64;
    constexpr std::size_t words = q.bits == 8 ? 8 : 4;
    constexpr std::size_t d_step = q.has_min ? 64 : 32;
    const std::size_t block_bytes = info(type).block_bytes;
    const std::size_t blocks = view.columns / 32;
    for (std::size_t r = 0; r < group_rows; ++r) {
        const std::size_t row = group * group_rows + r;
        if (row >= view.rows) break;
        const auto* in = reinterpret_cast<const Byte*>(view.data + row * view.row_bytes());
        for (std::size_t b = 0; b < blocks; ++b, in += block_bytes) {
            std::memcpy(out + b * d_step + 2 * r, in, 2);
            if constexpr (q.has_min) std::memcpy(out + b * d_step + 32 + 2 * r, in + 2, 2);
            Byte* const codes = out + shape.codes_offset + b * code_bytes + 4 * r;
            for (std::size_t w = 0; w < words; ++w) std::memcpy(codes + 64 * w, in + parts.codes + 4 * w, 4);
            if constexpr (parts.high != 0) {
                const std::uint32_t high = fifth_bits_by_plane(word(in + parts.high));
                std::memcpy(codes + 64 * words, &high, 4);
            }
        }
    }
}

template <DType type>
void pack_blocks(const MatrixView& view, const PackedMatrix& shape, std::size_t group, Byte* out) noexcept {
    if constexpr (small_block(type).codes != 0) return pack_small_blocks<type>(view, shape, group, out);
    constexpr QuantShape q = quant_shape(type);
    constexpr std::size_t inner = q.elements / 32;
    constexpr std::size_t code_bytes = static_cast<std::size_t>(q.bits) * 64;
    constexpr std::size_t d_step = q.has_min ? 64 : 32;
    const std::size_t block_bytes = info(type).block_bytes;
    const std::size_t blocks = view.columns / q.elements;
    RawBlock raw;
    for (std::size_t r = 0; r < group_rows; ++r) {
        const std::size_t row = group * group_rows + r;
        if (row >= view.rows) break;
        const std::byte* in = view.data + row * view.row_bytes();
        for (std::size_t b = 0; b < blocks; ++b, in += block_bytes) {
            unpack_block(type, in, raw);
            Byte* d = out + b * d_step;
            put_half(d, r, raw.d);
            if (q.has_min) put_half(d, 16 + r, raw.dmin);
            for (std::size_t i = 0; i < inner; ++i) {
                put_codes<q.bits>(raw.q + 32 * i, out + shape.codes_offset + (b * inner + i) * code_bytes, r);
                if (!q.super) continue;
                Byte* s = out + shape.scales_offset + (b * inner + i) * q.scale_bytes();
                if (q.group == 32) {
                    s[r] = static_cast<Byte>(raw.sc[i]);
                    if (q.has_min) s[16 + r] = raw.mn[i];
                } else {
                    for (std::size_t h = 0; h < 2; ++h)
                        s[16 * h + r] = static_cast<Byte>(static_cast<Byte>(raw.sc[2 * i + h]) |
                                                          (q.has_min ? raw.mn[2 * i + h] << 4 : 0));
                }
            }
        }
    }
}

void pack_quantised(const MatrixView& view, const PackedMatrix& shape, std::size_t group, Byte* out) noexcept {
    switch (view.type) {
        case DType::q4_0:
            return pack_blocks<DType::q4_0>(view, shape, group, out);
        case DType::q4_1:
            return pack_blocks<DType::q4_1>(view, shape, group, out);
        case DType::q5_0:
            return pack_blocks<DType::q5_0>(view, shape, group, out);
        case DType::q5_1:
            return pack_blocks<DType::q5_1>(view, shape, group, out);
        case DType::q8_0:
            return pack_blocks<DType::q8_0>(view, shape, group, out);
        case DType::q2_k:
            return pack_blocks<DType::q2_k>(view, shape, group, out);
        case DType::q3_k:
            return pack_blocks<DType::q3_k>(view, shape, group, out);
        case DType::q4_k:
            return pack_blocks<DType::q4_k>(view, shape, group, out);
        case DType::q5_k:
            return pack_blocks<DType::q5_k>(view, shape, group, out);
        case DType::q6_k:
            return pack_blocks<DType::q6_k>(view, shape, group, out);
        case DType::iq4_nl:
            return pack_blocks<DType::iq4_nl>(view, shape, group, out);
        case DType::iq4_xs:
            return pack_blocks<DType::iq4_xs>(view, shape, group, out);
        case DType::mxfp4:
            return pack_blocks<DType::mxfp4>(view, shape, group, out);
        case DType::iq2_xxs:
            return pack_blocks<DType::iq2_xxs>(view, shape, group, out);
        case DType::iq2_xs:
            return pack_blocks<DType::iq2_xs>(view, shape, group, out);
        case DType::iq2_s:
            return pack_blocks<DType::iq2_s>(view, shape, group, out);
        case DType::iq3_xxs:
            return pack_blocks<DType::iq3_xxs>(view, shape, group, out);
        case DType::iq3_s:
            return pack_blocks<DType::iq3_s>(view, shape, group, out);
        case DType::iq1_s:
            return pack_blocks<DType::iq1_s>(view, shape, group, out);
        case DType::iq1_m:
            return pack_blocks<DType::iq1_m>(view, shape, group, out);
        case DType::tq1_0:
            return pack_blocks<DType::tq1_0>(view, shape, group, out);
        case DType::tq2_0:
            return pack_blocks<DType::tq2_0>(view, shape, group, out);
        default:
            return;
    }
}

}  // namespace

PackedMatrix packed_shape(const MatrixView& view) noexcept {
    PackedMatrix shape;
    shape.type = view.type;
    shape.rows = view.rows;
    shape.columns = view.columns;
    if (!info(view.type).quantised) {
        shape.group_bytes = group_rows * view.columns * info(view.type).block_bytes;
        return shape;
    }
    const QuantShape q = quant_shape(view.type);
    const std::size_t blocks = view.columns / 32;
    shape.factor = q.factor;
    shape.scales_offset = view.columns / q.elements * (q.has_min ? 64 : 32);
    shape.codes_offset = (shape.scales_offset + blocks * q.scale_bytes() + 63) / 64 * 64;
    shape.group_bytes = shape.codes_offset + blocks * static_cast<std::size_t>(q.bits) * 64;
    return shape;
}

void pack_group(const MatrixView& view, const PackedMatrix& shape, std::size_t group, std::uint8_t* out) noexcept {
    if (view.rows < (group + 1) * group_rows) std::memset(out, 0, shape.group_bytes);
    if (info(view.type).quantised) return pack_quantised(view, shape, group, out);
    const std::size_t size = info(view.type).block_bytes;
    const std::size_t rows = std::min(group_rows, view.rows - group * group_rows);
    const std::byte* in = view.data + group * group_rows * view.row_bytes();
    constexpr std::size_t step = 64;  // columns at a time: what is written stays in the first cache
    for (std::size_t base = 0; base < view.columns; base += step)
        for (std::size_t r = 0; r < rows; ++r)
            for (std::size_t c = base; c < std::min(base + step, view.columns); ++c)
                if (size == 4)
                    std::memcpy(out + (c * group_rows + r) * 4, in + r * view.row_bytes() + c * 4, 4);
                else
                    std::memcpy(out + (c * group_rows + r) * 2, in + r * view.row_bytes() + c * 2, 2);
}

void unpack_row(const PackedMatrix& packed, std::size_t row, float* out) noexcept {
    const Byte* group = packed.data + row / group_rows * packed.group_bytes;
    const std::size_t r = row % group_rows;
    if (!info(packed.type).quantised) {
        const std::size_t size = info(packed.type).block_bytes;
        for (std::size_t c = 0; c < packed.columns; ++c)
            dequantize(packed.type, reinterpret_cast<const std::byte*>(group + (c * group_rows + r) * size),
                       {out + c, 1});
        return;
    }
    const QuantShape q = quant_shape(packed.type);
    const std::size_t inner = q.elements / 32;
    const std::size_t code_bytes = static_cast<std::size_t>(q.bits) * 64;
    Byte codes[32];
    for (std::size_t b = 0; b < packed.columns / 32; ++b) {
        get_codes(group + packed.codes_offset + b * code_bytes, q.bits, r, codes);
        const Byte* halfs = group + b / inner * (q.has_min ? 64 : 32);
        const float d = q.scale_of(get_half(halfs, r));
        const float m = q.has_min ? f16_to_f32(get_half(halfs, 16 + r)) : 0.0F;
        const Byte* s = group + packed.scales_offset + b * q.scale_bytes();
        for (std::size_t i = 0; i < 32; ++i) {
            float scale = d;
            float low = m;
            if (q.super && q.group == 32) {
                scale = d * static_cast<float>(q.has_min ? s[r] : static_cast<std::int8_t>(s[r]));
                low = q.has_min ? -(m * static_cast<float>(s[16 + r])) : 0.0F;
            } else if (q.super) {
                const Byte v = s[16 * (i / 16) + r];
                scale = d * static_cast<float>(q.has_min ? v & 15 : static_cast<std::int8_t>(v));
                low = q.has_min ? -(m * static_cast<float>(v >> 4)) : 0.0F;
            }
            out[b * 32 + i] = scale * static_cast<float>(q.value(codes[i])) + low;
        }
    }
}

}  // namespace tenon::tensor
