// The IQ and TQ types taken apart: codebook entries and signs written out as codes of 8 bits around 128.
#include <bit>
#include <cstring>

#include "tensor/blocks.hpp"
#include "tensor/codebooks.hpp"

namespace tenon::tensor {
namespace {

using Byte = std::uint8_t;

template <class T>
T load(const Byte* p) noexcept {
    T v;
    std::memcpy(&v, p, sizeof v);
    return v;
}

Byte code(int value) noexcept { return static_cast<Byte>(value + 128); }

/// Seven signs in seven bits: the eighth makes their number even.
unsigned with_parity(unsigned seven) noexcept { return seven | static_cast<unsigned>(std::popcount(seven) & 1) << 7; }

void put_eight(unsigned entry, unsigned signs, Byte* q) noexcept {
    for (unsigned i = 0; i < 8; ++i) {
        const int level = iq2_levels[entry >> (2 * i) & 3];
        q[i] = code((signs >> i & 1) != 0 ? -level : level);
    }
}

void put_four(unsigned entry, const Byte (&levels)[8], unsigned signs, Byte* q) noexcept {
    for (unsigned i = 0; i < 4; ++i) {
        const int level = levels[entry >> (3 * i) & 7];
        q[i] = code((signs >> i & 1) != 0 ? -level : level);
    }
}

/// -1, 0, 1 and an eighth more or less, times eight.
void put_ternary(unsigned entry, bool less, Byte* q) noexcept {
    for (unsigned i = 0; i < 8; ++i) q[i] = code((static_cast<int>(entry >> (2 * i) & 3) - 1) * 8 + (less ? -1 : 1));
}

/// Scales of four bits, two a byte, as 2 s + 1.
void put_scales_by_sixteen(const Byte* s, RawBlock& out) noexcept {
    for (int g = 0; g < 16; ++g) out.sc[g] = static_cast<std::int8_t>(2 * (s[g / 2] >> (g % 2 * 4) & 15) + 1);
}

void put_scale_for_thirty_two(unsigned scale, std::size_t block, RawBlock& out) noexcept {
    out.sc[2 * block] = out.sc[2 * block + 1] = static_cast<std::int8_t>(2 * scale + 1);
}

void unpack_iq4_xs(const Byte* b, RawBlock& out) noexcept {
    out.d = load<std::uint16_t>(b);
    const unsigned high = load<std::uint16_t>(b + 2);
    for (unsigned g = 0; g < 8; ++g) {
        const unsigned low = b[4 + g / 2] >> (g % 2 * 4) & 15U;
        out.sc[g] = static_cast<std::int8_t>(static_cast<int>(low | (high >> (2 * g) & 3U) << 4) - 32);
        const Byte* qs = b + 8 + 16 * g;
        for (unsigned i = 0; i < 16; ++i) {
            out.q[32 * g + i] = qs[i] & 15;
            out.q[32 * g + 16 + i] = qs[i] >> 4;
        }
    }
}

void unpack_iq2_xxs(const Byte* b, RawBlock& out) noexcept {
    for (std::size_t g = 0; g < 8; ++g) {
        const Byte* entries = b + 2 + 8 * g;
        const auto rest = load<std::uint32_t>(entries + 4);
        put_scale_for_thirty_two(rest >> 28, g, out);
        for (unsigned k = 0; k < 4; ++k)
            put_eight(iq2_xxs_codebook[entries[k]], with_parity(rest >> (7 * k) & 127), out.q + 32 * g + 8 * k);
    }
}

void unpack_iq2_xs(const Byte* b, RawBlock& out) noexcept {
    put_scales_by_sixteen(b + 66, out);
    for (std::size_t k = 0; k < 32; ++k) {
        const unsigned v = load<std::uint16_t>(b + 2 + 2 * k);
        put_eight(iq2_xs_codebook[v & 511], with_parity(v >> 9), out.q + 8 * k);
    }
}

void unpack_iq2_s(const Byte* b, RawBlock& out) noexcept {
    put_scales_by_sixteen(b + 74, out);
    for (std::size_t k = 0; k < 32; ++k) {
        const unsigned entry = b[2 + k] | (b[66 + k / 4] >> (k % 4 * 2) & 3U) << 8;
        put_eight(iq2_s_codebook[entry], b[34 + k], out.q + 8 * k);
    }
}

void unpack_iq3_xxs(const Byte* b, RawBlock& out) noexcept {
    for (std::size_t g = 0; g < 8; ++g) {
        const auto rest = load<std::uint32_t>(b + 66 + 4 * g);
        put_scale_for_thirty_two(rest >> 28, g, out);
        for (unsigned k = 0; k < 8; ++k) {
            const unsigned signs = with_parity(rest >> (7 * (k / 2)) & 127) >> (k % 2 * 4);
            put_four(iq3_xxs_codebook[b[2 + 8 * g + k]], iq3_xxs_levels, signs, out.q + 32 * g + 4 * k);
        }
    }
}

void unpack_iq3_s(const Byte* b, RawBlock& out) noexcept {
    for (std::size_t g = 0; g < 8; ++g) {
        put_scale_for_thirty_two(b[106 + g / 2] >> (g % 2 * 4) & 15U, g, out);
        for (unsigned k = 0; k < 8; ++k) {
            const unsigned entry = b[2 + 8 * g + k] | (b[66 + g] >> k & 1U) << 8;
            const unsigned signs = b[74 + 4 * g + k / 2] >> (k % 2 * 4);
            put_four(iq3_s_codebook[entry], iq3_s_levels, signs, out.q + 32 * g + 4 * k);
        }
    }
}

void unpack_iq1_s(const Byte* b, RawBlock& out) noexcept {
    for (std::size_t g = 0; g < 8; ++g) {
        const unsigned high = load<std::uint16_t>(b + 34 + 2 * g);
        put_scale_for_thirty_two(high >> 12 & 7, g, out);
        for (unsigned k = 0; k < 4; ++k) {
            const unsigned entry = b[2 + 4 * g + k] | (high >> (3 * k) & 7) << 8;
            put_ternary(iq1_codebook[entry], (high & 0x8000U) != 0, out.q + 32 * g + 8 * k);
        }
    }
}

void unpack_iq1_m(const Byte* b, RawBlock& out) noexcept {
    std::uint16_t d = 0;
    for (unsigned i = 0; i < 4; ++i) {
        const unsigned scales = load<std::uint16_t>(b + 48 + 2 * i);
        d = static_cast<std::uint16_t>(d | (scales >> 12) << (4 * i));
        for (unsigned k = 0; k < 4; ++k) out.sc[4 * i + k] = static_cast<std::int8_t>(2 * (scales >> (3 * k) & 7) + 1);
    }
    out.d = d;
    for (std::size_t k = 0; k < 32; ++k) {
        const unsigned high = b[32 + k / 2] >> (k % 2 * 4) & 15U;
        put_ternary(iq1_codebook[b[k] | (high & 7) << 8], (high & 8) != 0, out.q + 8 * k);
    }
}

/// Five ternary digits a byte, as a fraction of 3^5 with the first digit highest.
void unpack_tq1_0(const Byte* b, RawBlock& out) noexcept {
    Byte* q = out.q;
    const auto digits = [&](const Byte* from, std::size_t bytes, int count) {
        unsigned power = 1;
        for (int n = 0; n < count; ++n, power *= 3)
            for (std::size_t i = 0; i < bytes; ++i) {
                const unsigned rest = from[i] * power & 255U;
                *q++ = code(static_cast<int>(rest * 3 >> 8) - 1);
            }
    };
    digits(b, 32, 5);
    digits(b + 32, 16, 5);
    digits(b + 48, 4, 4);
}

void unpack_tq2_0(const Byte* b, RawBlock& out) noexcept {
    for (int i = 0; i < 256; ++i) out.q[i] = code((b[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3) - 1);
}

}  // namespace

void unpack_iq_block(DType type, const std::uint8_t* b, RawBlock& out) noexcept {
    out.d = load<std::uint16_t>(b);
    switch (type) {
        case DType::iq4_xs:
            return unpack_iq4_xs(b, out);
        case DType::iq2_xxs:
            return unpack_iq2_xxs(b, out);
        case DType::iq2_xs:
            return unpack_iq2_xs(b, out);
        case DType::iq2_s:
            return unpack_iq2_s(b, out);
        case DType::iq3_xxs:
            return unpack_iq3_xxs(b, out);
        case DType::iq3_s:
            return unpack_iq3_s(b, out);
        case DType::iq1_s:
            return unpack_iq1_s(b, out);
        case DType::iq1_m:
            return unpack_iq1_m(b, out);
        case DType::tq1_0:
        case DType::tq2_0:
            std::memset(out.sc, 1, sizeof out.sc);
            out.d = load<std::uint16_t>(b + (type == DType::tq1_0 ? 52 : 64));
            return type == DType::tq1_0 ? unpack_tq1_0(b, out) : unpack_tq2_0(b, out);
        default:
            return;
    }
}

}  // namespace tenon::tensor
