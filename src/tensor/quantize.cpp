// Round-to-nearest quantisation, as the GGML reference does it.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>

#include "tenon/tensor/dtype.hpp"

namespace tenon::tensor {
namespace {

void put_half(std::byte*& out, float value) noexcept {
    const std::uint16_t half = f32_to_f16(value);
    std::memcpy(out, &half, 2);
    out += 2;
}

/// Codes of one block of 32 with 4 or 5 bits: an optional word of fifth bits, then 16 bytes of nibbles.
void put_codes(std::byte*& out, const std::array<int, 32>& q, bool five) noexcept {
    if (five) {
        std::uint32_t high = 0;
        for (std::size_t i = 0; i < 32; ++i) high |= static_cast<std::uint32_t>(q[i] >> 4) << i;
        std::memcpy(out, &high, 4);
        out += 4;
    }
    for (std::size_t i = 0; i < 16; ++i) *out++ = static_cast<std::byte>((q[i] & 15) | (q[i + 16] & 15) << 4);
}

/// Q4_0, Q5_0: the extreme value maps to the lowest code.
void symmetric(std::span<const float, 32> x, int bits, std::byte*& out) noexcept {
    float extreme = 0;
    for (const float v : x)
        if (std::fabs(v) > std::fabs(extreme)) extreme = v;
    const int half = 1 << (bits - 1);
    const float d = extreme / static_cast<float>(-half);
    const float inverse = d != 0 ? 1.0F / d : 0.0F;
    std::array<int, 32> q{};
    for (std::size_t i = 0; i < 32; ++i)
        q[i] = std::min(2 * half - 1, static_cast<int>(x[i] * inverse + static_cast<float>(half) + 0.5F));
    put_half(out, d);
    put_codes(out, q, bits == 5);
}

/// Q4_1, Q5_1: from the minimum to the maximum.
void affine(std::span<const float, 32> x, int bits, std::byte*& out) noexcept {
    const auto [low, high] = std::minmax_element(x.begin(), x.end());
    const int top = (1 << bits) - 1;
    const float d = (*high - *low) / static_cast<float>(top);
    const float inverse = d != 0 ? 1.0F / d : 0.0F;
    std::array<int, 32> q{};
    for (std::size_t i = 0; i < 32; ++i) q[i] = std::min(top, static_cast<int>((x[i] - *low) * inverse + 0.5F));
    put_half(out, d);
    put_half(out, *low);
    put_codes(out, q, bits == 5);
}

void eight(std::span<const float, 32> x, std::byte*& out) noexcept {
    float peak = 0;
    for (const float v : x) peak = std::max(peak, std::fabs(v));
    const float d = peak / 127.0F;
    const float inverse = d != 0 ? 1.0F / d : 0.0F;
    put_half(out, d);
    for (const float v : x) *out++ = static_cast<std::byte>(static_cast<std::int8_t>(std::round(v * inverse)));
}

}  // namespace

Result<void> quantize(DType type, std::span<const float> in, std::byte* blocks) {
    const DTypeInfo& i = info(type);
    if (in.size() % i.block_elements != 0)
        return fail(ErrorCode::invalid_argument,
                    std::string(i.name) + " is stored in blocks of " + std::to_string(i.block_elements) + " values");
    if (type == DType::f32) {
        std::memcpy(blocks, in.data(), in.size_bytes());
        return {};
    }
    if (type == DType::f16 || type == DType::bf16) {
        for (std::size_t at = 0; at < in.size(); ++at) {
            const std::uint16_t v = type == DType::f16 ? f32_to_f16(in[at]) : f32_to_bf16(in[at]);
            std::memcpy(blocks + 2 * at, &v, 2);
        }
        return {};
    }
    for (std::size_t at = 0; at + 32 <= in.size(); at += 32) {
        const std::span<const float, 32> x(in.data() + at, 32);
        switch (type) {
            case DType::q4_0:
                symmetric(x, 4, blocks);
                break;
            case DType::q5_0:
                symmetric(x, 5, blocks);
                break;
            case DType::q4_1:
                affine(x, 4, blocks);
                break;
            case DType::q5_1:
                affine(x, 5, blocks);
                break;
            case DType::q8_0:
                eight(x, blocks);
                break;
            default:
                return fail(ErrorCode::unsupported, "quantising to " + std::string(i.name) + " is not supported");
        }
    }
    return {};
}

}  // namespace tenon::tensor
