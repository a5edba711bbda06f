#include "tensor/blocks.hpp"

#include <cstring>

namespace tenon::tensor {
namespace {

using Byte = std::uint8_t;

std::uint16_t half_at(const Byte* p) noexcept {
    std::uint16_t v = 0;
    std::memcpy(&v, p, 2);
    return v;
}

std::uint32_t word_at(const Byte* p) noexcept {
    std::uint32_t v = 0;
    std::memcpy(&v, p, 4);
    return v;
}

/// 32 codes of four bits: low nibbles are the first 16, high nibbles the last; `high` holds a fifth bit each.
/// Four codes at a time in a word (little-endian): the product spreads four bits over its bytes.
void nibbles(const Byte* qs, std::uint32_t high, Byte* q) noexcept {
    const auto fifth = [&](int at) { return ((high >> at & 15U) * 0x00204081U & 0x01010101U) << 4; };
    for (int i = 0; i < 16; i += 4) {
        const std::uint32_t w = word_at(qs + i);
        const std::uint32_t first = (w & 0x0F0F0F0FU) | fifth(i);
        const std::uint32_t second = (w >> 4 & 0x0F0F0F0FU) | fifth(i + 16);
        std::memcpy(q + i, &first, 4);
        std::memcpy(q + i + 16, &second, 4);
    }
}

/// The 6-bit scales and mins of Q4_K and Q5_K.
void k4_scales(const Byte* s, RawBlock& out) noexcept {
    for (int i = 0; i < 4; ++i) {
        out.sc[i] = static_cast<std::int8_t>(s[i] & 63);
        out.mn[i] = s[i + 4] & 63;
        out.sc[i + 4] = static_cast<std::int8_t>((s[i + 8] & 15) | (s[i] >> 6 << 4));
        out.mn[i + 4] = static_cast<Byte>((s[i + 8] >> 4) | (s[i + 4] >> 6 << 4));
    }
}

void unpack_q2_k(const Byte* b, RawBlock& out) noexcept {
    const Byte* qs = b + 16;
    out.d = half_at(b + 80);
    out.dmin = half_at(b + 82);
    for (int g = 0; g < 16; ++g) {
        out.sc[g] = static_cast<std::int8_t>(b[g] & 15);
        out.mn[g] = b[g] >> 4;
    }
    for (int i = 0; i < 256; ++i) out.q[i] = qs[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3;
}

void unpack_q3_k(const Byte* b, RawBlock& out) noexcept {
    const Byte* high = b;
    const Byte* qs = b + 32;
    const Byte* s = b + 96;
    out.d = half_at(b + 108);
    for (int g = 0; g < 16; ++g) {
        const int low = s[g % 8] >> (g / 8 * 4) & 15;
        const int top = s[8 + g % 4] >> (g / 4 * 2) & 3;
        out.sc[g] = static_cast<std::int8_t>((low | top << 4) - 32);
    }
    for (int i = 0; i < 256; ++i) {
        const int low = qs[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3;
        out.q[i] = static_cast<Byte>(low | (high[i % 32] >> (i / 32) & 1) << 2);
    }
}

void unpack_q4_k(const Byte* b, RawBlock& out) noexcept {
    out.d = half_at(b);
    out.dmin = half_at(b + 2);
    k4_scales(b + 4, out);
    const Byte* qs = b + 16;
    for (int j = 0; j < 4; ++j)
        for (int i = 0; i < 32; ++i) {
            out.q[j * 64 + i] = qs[j * 32 + i] & 15;
            out.q[j * 64 + 32 + i] = qs[j * 32 + i] >> 4;
        }
}

void unpack_q5_k(const Byte* b, RawBlock& out) noexcept {
    out.d = half_at(b);
    out.dmin = half_at(b + 2);
    k4_scales(b + 4, out);
    const Byte* high = b + 16;
    const Byte* qs = b + 48;
    for (int j = 0; j < 4; ++j)
        for (int i = 0; i < 32; ++i) {
            out.q[j * 64 + i] = static_cast<Byte>((qs[j * 32 + i] & 15) | (high[i] >> (2 * j) & 1) << 4);
            out.q[j * 64 + 32 + i] = static_cast<Byte>((qs[j * 32 + i] >> 4) | (high[i] >> (2 * j + 1) & 1) << 4);
        }
}

void unpack_q6_k(const Byte* b, RawBlock& out) noexcept {
    std::memcpy(out.sc, b + 192, 16);
    out.d = half_at(b + 208);
    for (int half = 0; half < 2; ++half) {
        const Byte* low = b + half * 64;
        const Byte* high = b + 128 + half * 32;
        Byte* q = out.q + half * 128;
        for (int i = 0; i < 32; ++i) {
            q[i] = static_cast<Byte>((low[i] & 15) | (high[i] & 3) << 4);
            q[i + 32] = static_cast<Byte>((low[i + 32] & 15) | (high[i] >> 2 & 3) << 4);
            q[i + 64] = static_cast<Byte>((low[i] >> 4) | (high[i] >> 4 & 3) << 4);
            q[i + 96] = static_cast<Byte>((low[i + 32] >> 4) | (high[i] >> 6) << 4);
        }
    }
}

}  // namespace

void unpack_block(DType type, const std::byte* block, RawBlock& out) noexcept {
    const auto* b = reinterpret_cast<const Byte*>(block);
    switch (type) {
        case DType::q4_0:
            out.d = half_at(b);
            return nibbles(b + 2, 0, out.q);
        case DType::q4_1:
            out.d = half_at(b);
            out.dmin = half_at(b + 2);
            return nibbles(b + 4, 0, out.q);
        case DType::q5_0:
            out.d = half_at(b);
            return nibbles(b + 6, word_at(b + 2), out.q);
        case DType::q5_1:
            out.d = half_at(b);
            out.dmin = half_at(b + 2);
            return nibbles(b + 8, word_at(b + 4), out.q);
        case DType::q8_0:
            out.d = half_at(b);
            for (int i = 0; i < 32; ++i) out.q[i] = b[2 + i] ^ 0x80;
            return;
        case DType::q2_k:
            return unpack_q2_k(b, out);
        case DType::q3_k:
            return unpack_q3_k(b, out);
        case DType::q4_k:
            return unpack_q4_k(b, out);
        case DType::q5_k:
            return unpack_q5_k(b, out);
        case DType::q6_k:
            return unpack_q6_k(b, out);
        case DType::iq4_nl:
            out.d = half_at(b);
            return nibbles(b + 2, 0, out.q);
        case DType::mxfp4:
            // 2^(e - 128), for the levels are doubled; the lowest two exponents are subnormal.
            out.d = static_cast<std::uint16_t>(b[0] < 2 ? 0x20 << b[0] : (b[0] - 1) << 7);
            return nibbles(b + 1, 0, out.q);
        default:
            return unpack_iq_block(type, b, out);
    }
}

}  // namespace tenon::tensor
