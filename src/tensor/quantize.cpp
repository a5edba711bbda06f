// Quantisation: plain types, blocks of 32 rounded to nearest as the GGML reference does it or fitted to an importance.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>

#include "tenon/tensor/dtype.hpp"
#include "tensor/blocks.hpp"
#include "tensor/fit.hpp"
#include "tensor/quantize_blocks.hpp"

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

/// Blocks of 32 whose codes are even steps of one scale.
void fit_symmetric(const float* x, const float* w, DType type, RawBlock& raw) noexcept {
    const auto half = static_cast<float>(quant_shape(type).offset);
    const fit::EvenCodes codes{-half, half - 1};
    raw.d = f32_to_f16(fit::scale_of<32>(codes, x, w));
    const float d = f16_to_f32(raw.d);
    for (std::size_t i = 0; i < 32; ++i)
        raw.q[i] = static_cast<std::uint8_t>(
            std::clamp(std::nearbyint(d != 0 ? x[i] / d : 0.0F), codes.low, codes.high) + half);
}

void fit_affine(const float* x, const float* w, DType type, RawBlock& raw) noexcept {
    const auto top = static_cast<float>((1 << quant_shape(type).bits) - 1);
    // A minimum of either sign: shifted so that the fit, which allows no positive one, sees none.
    const float shift = std::max(0.0F, *std::min_element(x, x + 32));
    float shifted[32];
    for (std::size_t i = 0; i < 32; ++i) shifted[i] = x[i] - shift;
    const fit::Affine found = fit::affine_of<32>(top, shifted, w);
    raw.d = f32_to_f16(found.scale);
    raw.dmin = f32_to_f16(shift - found.minimum);
    const float d = f16_to_f32(raw.d);
    const float low = f16_to_f32(raw.dmin);
    for (std::size_t i = 0; i < 32; ++i)
        raw.q[i] = static_cast<std::uint8_t>(std::clamp(d != 0 ? std::nearbyint((x[i] - low) / d) : 0.0F, 0.0F, top));
}

/// The place of the level nearest to v.
std::uint8_t nearest(const std::int8_t (&levels)[16], float v) noexcept {
    std::size_t best = 0;
    for (std::size_t i = 1; i < 16; ++i)
        if (std::fabs(static_cast<float>(levels[i]) - v) < std::fabs(static_cast<float>(levels[best]) - v)) best = i;
    return static_cast<std::uint8_t>(best);
}

void fit_iq4_nl(const float* x, const float* w, RawBlock& raw) noexcept {
    raw.d = f32_to_f16(fit::scale_of<32>(fit::LevelCodes(iq4_levels), x, w));
    const float d = f16_to_f32(raw.d);
    for (std::size_t i = 0; i < 32; ++i) raw.q[i] = nearest(iq4_levels, d != 0 ? x[i] / d : 0.0F);
}

/// The scale is a power of two: those around the one that the largest number asks for are tried.
void fit_mxfp4(const float* x, const float* w, RawBlock& raw) noexcept {
    float peak = 0;
    for (std::size_t i = 0; i < 32; ++i) peak = std::max(peak, std::fabs(x[i]));
    raw.d = 0x20;
    std::fill_n(raw.q, 32, std::uint8_t{0});
    if (peak == 0) return;
    const int middle = std::ilogb(peak) - 3;  // the largest level is 12
    float best = HUGE_VALF;
    for (int power = middle - 1; power <= middle + 1; ++power) {
        const int exponent = std::clamp(power + 127, 1, 254);
        const auto d = static_cast<std::uint16_t>(exponent << 7);
        const float scale = bf16_to_f32(d);
        float error = 0;
        std::uint8_t q[32];
        for (std::size_t i = 0; i < 32; ++i) {
            q[i] = nearest(mxfp4_levels, x[i] / scale);
            const float off = scale * static_cast<float>(mxfp4_levels[q[i]]) - x[i];
            error += w[i] * off * off;
        }
        if (!(error < best)) continue;
        best = error;
        raw.d = d;
        std::memcpy(raw.q, q, 32);
    }
}

/// What an error in each number of a block weighs: more where numbers are large.
void weigh(const float* x, std::size_t n, const float* importance, float* w) noexcept {
    float squares = 0;
    for (std::size_t i = 0; i < n; ++i) squares += x[i] * x[i];
    const float mean = squares / static_cast<float>(n);
    const float typical = std::sqrt(mean);
    for (std::size_t i = 0; i < n; ++i)
        w[i] = importance != nullptr ? importance[i] * std::sqrt(mean + x[i] * x[i]) : typical + std::fabs(x[i]);
}

void search(DType type, std::span<const float> in, std::byte* blocks, std::span<const float> importance) noexcept {
    const DTypeInfo& about = info(type);
    RawBlock raw;
    float w[max_block];
    for (std::size_t at = 0; at < in.size(); at += about.block_elements, blocks += about.block_bytes) {
        const float* x = in.data() + at;
        weigh(x, about.block_elements, importance.empty() ? nullptr : importance.data() + at % importance.size(), w);
        if (about.block_elements == max_block)
            quantise_super_block(type, x, w, raw);
        else if (type == DType::iq4_nl)
            fit_iq4_nl(x, w, raw);
        else if (type == DType::mxfp4)
            fit_mxfp4(x, w, raw);
        else if (quant_shape(type).has_min)
            fit_affine(x, w, type, raw);
        else
            fit_symmetric(x, w, type, raw);
        pack_block(type, raw, blocks);
    }
}

void round_to_nearest(DType type, std::span<const float> in, std::byte* blocks) noexcept {
    for (std::size_t at = 0; at < in.size(); at += 32) {
        const std::span<const float, 32> x(in.data() + at, 32);
        if (type == DType::q8_0)
            eight(x, blocks);
        else if (quant_shape(type).has_min)
            affine(x, quant_shape(type).bits, blocks);
        else
            symmetric(x, quant_shape(type).bits, blocks);
    }
}

bool rounds_to_nearest(DType type) noexcept {
    return type == DType::q4_0 || type == DType::q4_1 || type == DType::q5_0 || type == DType::q5_1 ||
           type == DType::q8_0;
}

}  // namespace

bool can_quantize(DType type) noexcept {
    switch (type) {
        case DType::f32:
        case DType::f16:
        case DType::bf16:
        case DType::q2_k:
        case DType::q3_k:
        case DType::q4_k:
        case DType::q5_k:
        case DType::q6_k:
        case DType::iq4_nl:
        case DType::iq4_xs:
        case DType::mxfp4:
            return true;
        default:
            return rounds_to_nearest(type);
    }
}

Result<void> quantize(DType type, std::span<const float> in, std::byte* blocks, std::span<const float> importance) {
    const DTypeInfo& i = info(type);
    if (!can_quantize(type))
        return fail(ErrorCode::unsupported, "quantising to " + std::string(i.name) + " is not supported");
    if (in.size() % i.block_elements != 0 ||
        (!importance.empty() && (importance.size() % i.block_elements != 0 || in.size() % importance.size() != 0)))
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
    if (!std::ranges::all_of(in, [](float v) { return std::isfinite(v); }))
        return fail(ErrorCode::invalid_argument, "a number is infinite or NaN and cannot be quantised");
    if (rounds_to_nearest(type) && (importance.empty() || type == DType::q8_0))
        round_to_nearest(type, in, blocks);
    else
        search(type, in, blocks, importance);
    return {};
}

}  // namespace tenon::tensor
