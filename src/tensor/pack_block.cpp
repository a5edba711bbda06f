// Blocks written as GGUF stores them, from their plain form.
#include <cstring>

#include "tensor/quantize_blocks.hpp"

namespace tenon::tensor {
namespace {

using Byte = std::uint8_t;

void put_half(Byte* p, std::uint16_t v) noexcept { std::memcpy(p, &v, 2); }

void put_nibbles(const Byte* q, Byte* out) noexcept {
    for (int i = 0; i < 16; ++i) out[i] = static_cast<Byte>((q[i] & 15) | (q[i + 16] & 15) << 4);
}

void put_fifth_bits(const Byte* q, Byte* out) noexcept {
    std::uint32_t high = 0;
    for (unsigned i = 0; i < 32; ++i) high |= static_cast<std::uint32_t>(q[i] >> 4 & 1) << i;
    std::memcpy(out, &high, 4);
}

/// Two bits of each code (from bit `shift`), four codes 32 apart in a byte.
void put_two_bits(const Byte* q, int shift, Byte* out) noexcept {
    for (int i = 0; i < 64; ++i) {
        const Byte* from = q + i / 32 * 128 + i % 32;
        int v = 0;
        for (int k = 0; k < 4; ++k) v |= (from[32 * k] >> shift & 3) << (2 * k);
        out[i] = static_cast<Byte>(v);
    }
}

/// The 6-bit scales and mins of Q4_K and Q5_K.
void put_k4_scales(const RawBlock& in, Byte* s) noexcept {
    for (int i = 0; i < 4; ++i) {
        s[i] = static_cast<Byte>(in.sc[i] | (in.sc[i + 4] >> 4) << 6);
        s[i + 4] = static_cast<Byte>(in.mn[i] | (in.mn[i + 4] >> 4) << 6);
        s[i + 8] = static_cast<Byte>((in.sc[i + 4] & 15) | (in.mn[i + 4] & 15) << 4);
    }
}

void pack_q3_k(const RawBlock& in, Byte* b) noexcept {
    std::memset(b, 0, 32);
    for (int i = 0; i < 256; ++i) b[i % 32] = static_cast<Byte>(b[i % 32] | (in.q[i] >> 2 & 1) << (i / 32));
    put_two_bits(in.q, 0, b + 32);
    Byte* const s = b + 96;
    std::memset(s, 0, 12);
    for (int g = 0; g < 16; ++g) {
        const int v = in.sc[g] + 32;
        s[g % 8] = static_cast<Byte>(s[g % 8] | (v & 15) << (g / 8 * 4));
        s[8 + g % 4] = static_cast<Byte>(s[8 + g % 4] | (v >> 4) << (g / 4 * 2));
    }
    put_half(b + 108, in.d);
}

void pack_k4(const RawBlock& in, bool five, Byte* b) noexcept {
    put_half(b, in.d);
    put_half(b + 2, in.dmin);
    put_k4_scales(in, b + 4);
    Byte* const high = b + 16;
    Byte* const qs = five ? b + 48 : b + 16;
    if (five) std::memset(high, 0, 32);
    for (int j = 0; j < 4; ++j)
        for (int i = 0; i < 32; ++i) {
            const int first = in.q[j * 64 + i];
            const int second = in.q[j * 64 + 32 + i];
            qs[j * 32 + i] = static_cast<Byte>((first & 15) | (second & 15) << 4);
            if (five) high[i] = static_cast<Byte>(high[i] | (first >> 4) << (2 * j) | (second >> 4) << (2 * j + 1));
        }
}

void pack_q6_k(const RawBlock& in, Byte* b) noexcept {
    for (int half = 0; half < 2; ++half) {
        const Byte* q = in.q + half * 128;
        Byte* const low = b + half * 64;
        for (int i = 0; i < 64; ++i) low[i] = static_cast<Byte>((q[i] & 15) | (q[i + 64] & 15) << 4);
    }
    put_two_bits(in.q, 4, b + 128);
    std::memcpy(b + 192, in.sc, 16);
    put_half(b + 208, in.d);
}

void pack_iq4_xs(const RawBlock& in, Byte* b) noexcept {
    put_half(b, in.d);
    unsigned high = 0;
    std::memset(b + 4, 0, 4);
    for (unsigned g = 0; g < 8; ++g) {
        const auto v = static_cast<unsigned>(in.sc[g] + 32);
        b[4 + g / 2] = static_cast<Byte>(b[4 + g / 2] | (v & 15) << (g % 2 * 4));
        high |= v >> 4 << (2 * g);
        put_nibbles(in.q + 32 * g, b + 8 + 16 * g);
    }
    put_half(b + 2, static_cast<std::uint16_t>(high));
}

}  // namespace

void pack_block(DType type, const RawBlock& in, std::byte* block) noexcept {
    auto* b = reinterpret_cast<Byte*>(block);
    switch (type) {
        case DType::q4_0:
        case DType::iq4_nl:
            put_half(b, in.d);
            return put_nibbles(in.q, b + 2);
        case DType::q4_1:
            put_half(b, in.d);
            put_half(b + 2, in.dmin);
            return put_nibbles(in.q, b + 4);
        case DType::q5_0:
            put_half(b, in.d);
            put_fifth_bits(in.q, b + 2);
            return put_nibbles(in.q, b + 6);
        case DType::q5_1:
            put_half(b, in.d);
            put_half(b + 2, in.dmin);
            put_fifth_bits(in.q, b + 4);
            return put_nibbles(in.q, b + 8);
        case DType::mxfp4: {
            const int exponent = in.d >> 7;  // of a bfloat16 that is a power of two, or its one bit below the exponent
            b[0] = static_cast<Byte>(exponent > 0 ? exponent + 1 : in.d >> 6);
            return put_nibbles(in.q, b + 1);
        }
        case DType::q2_k:
            for (int g = 0; g < 16; ++g) b[g] = static_cast<Byte>(in.sc[g] | in.mn[g] << 4);
            put_two_bits(in.q, 0, b + 16);
            put_half(b + 80, in.d);
            return put_half(b + 82, in.dmin);
        case DType::q3_k:
            return pack_q3_k(in, b);
        case DType::q4_k:
            return pack_k4(in, false, b);
        case DType::q5_k:
            return pack_k4(in, true, b);
        case DType::q6_k:
            return pack_q6_k(in, b);
        case DType::iq4_xs:
            return pack_iq4_xs(in, b);
        default:
            return;
    }
}

}  // namespace tenon::tensor
