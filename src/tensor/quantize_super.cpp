// Quantising super-blocks of 256: the K types and IQ4_XS. Each group is fitted by itself, its scale (and minimum)
// rounded to a whole multiple of the block's, neighbours of that multiple tried, and the block's scale fitted to the
// codes.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "tensor/blocks.hpp"
#include "tensor/fit.hpp"
#include "tensor/quantize_blocks.hpp"

namespace tenon::tensor {
namespace {

using fit::EvenCodes;
using fit::Lanes;
using fit::LevelCodes;

constexpr std::size_t block = 256;
constexpr int rounds = 2;

/// A float as float16 keeps it.
float stored(float v, std::uint16_t& half) noexcept {
    half = f32_to_f16(v);
    return f16_to_f32(half);
}

/// The codes of a block and its error, under whole scales and minimums.
template <std::size_t group, class Codes>
float write_codes(const Codes& codes, const float* x, const float* w, float d, float dmin, const std::int8_t* sc,
                  const std::uint8_t* mn, float* values) noexcept {
    float error = 0;
    for (std::size_t g = 0; g < block / group; ++g) {
        const float scale = d * static_cast<float>(sc[g]);
        const float low = mn != nullptr ? -dmin * static_cast<float>(mn[g]) : 0.0F;
        const Lanes inverse = fit::lanes(scale != 0 ? 1.0F / scale : 0.0F);
        Lanes sum = fit::lanes(0);
        for (std::size_t i = g * group; i < (g + 1) * group; i += 4) {
            const Lanes v = fit::load(x + i);
            const Lanes code = codes.snap((v - fit::lanes(low)) * inverse);
            const Lanes off = fit::lanes(scale) * code + fit::lanes(low) - v;
            sum += fit::load(w + i) * off * off;
            std::memcpy(values + i, &code, sizeof code);
        }
        error += fit::sum(sum);
    }
    return error;
}

/// Scales and minimums both: Q2_K, Q4_K, Q5_K.
template <std::size_t group>
void quantise_affine(float top, int most, const float* x, const float* w, RawBlock& out) noexcept {
    constexpr std::size_t groups = block / group;
    const EvenCodes codes{0, top};
    fit::Affine fitted[groups];
    float scale = 0;
    float minimum = 0;
    for (std::size_t g = 0; g < groups; ++g) {
        fitted[g] = fit::affine_of<group>(top, x + g * group, w + g * group);
        scale = std::max(scale, fitted[g].scale);
        minimum = std::max(minimum, fitted[g].minimum);
    }
    const float limit = static_cast<float>(most);
    float values[block];
    float best = HUGE_VALF;
    float d = stored(scale / limit, out.d);
    float dmin = stored(minimum / limit, out.dmin);
    RawBlock next = out;
    for (int round = 0; round < rounds; ++round) {
        for (std::size_t g = 0; g < groups; ++g) {
            const auto multiple = [&](float v, float unit) {
                return unit > 0 ? static_cast<int>(std::clamp(v / unit + 0.5F, 0.0F, limit)) : 0;
            };
            const int sc = multiple(fitted[g].scale, d);
            const int mn = multiple(fitted[g].minimum, dmin);
            float least = HUGE_VALF;
            for (int s = std::max(0, sc - 1); s <= std::min(most, sc + 1); ++s)
                for (int m = std::max(0, mn - 1); m <= std::min(most, mn + 1); ++m) {
                    const float error = fit::error_of<group>(codes, x + g * group, w + g * group,
                                                             d * static_cast<float>(s), -dmin * static_cast<float>(m));
                    if (!(error < least)) continue;
                    least = error;
                    next.sc[g] = static_cast<std::int8_t>(s);
                    next.mn[g] = static_cast<std::uint8_t>(m);
                }
        }
        const float error = write_codes<group>(codes, x, w, d, dmin, next.sc, next.mn, values);
        if (!(error < best) && round > 0) break;
        best = error;
        for (std::size_t i = 0; i < block; ++i) next.q[i] = static_cast<std::uint8_t>(values[i]);
        out = next;
        // d and dmin that suit these codes: two unknowns over the whole block.
        double aa = 0, ab = 0, bb = 0, ax = 0, bx = 0;
        for (std::size_t i = 0; i < block; ++i) {
            const double a = static_cast<double>(next.sc[i / group]) * values[i];
            const double b = -static_cast<double>(next.mn[i / group]);
            aa += w[i] * a * a, ab += w[i] * a * b, bb += w[i] * b * b;
            ax += w[i] * a * x[i], bx += w[i] * b * x[i];
        }
        const double determinant = aa * bb - ab * ab;
        if (determinant > 1e-12 * aa * bb) {
            d = stored(static_cast<float>((ax * bb - bx * ab) / determinant), next.d);
            dmin = stored(static_cast<float>((bx * aa - ax * ab) / determinant), next.dmin);
        } else if (aa > 0) {
            d = stored(static_cast<float>(ax / aa), next.d);
        }
        if (!(d > 0) || !(dmin >= 0)) break;
    }
}

/// Scales alone, of either sign: Q3_K, Q6_K, IQ4_XS. `write` stores the value of a code.
template <std::size_t group, class Codes, class Write>
void quantise_symmetric(const Codes& codes, int lowest, const float* x, const float* w, RawBlock& out,
                        Write write) noexcept {
    constexpr std::size_t groups = block / group;
    const float least_scale = static_cast<float>(lowest);
    float fitted[groups];
    float extreme = 0;
    for (std::size_t g = 0; g < groups; ++g) {
        fitted[g] = fit::scale_of<group>(codes, x + g * group, w + g * group);
        if (std::fabs(fitted[g]) > std::fabs(extreme)) extreme = fitted[g];
    }
    float values[block];
    float best = HUGE_VALF;
    float d = stored(extreme / least_scale, out.d);
    RawBlock next = out;
    for (int round = 0; round < rounds; ++round) {
        for (std::size_t g = 0; g < groups; ++g) {
            const int sc =
                d != 0 ? static_cast<int>(std::lround(std::clamp(fitted[g] / d, least_scale, -least_scale - 1))) : 0;
            float least = HUGE_VALF;
            for (int s = std::max(lowest, sc - 1); s <= std::min(-lowest - 1, sc + 1); ++s) {
                const float error =
                    fit::error_of<group>(codes, x + g * group, w + g * group, d * static_cast<float>(s), 0.0F);
                if (!(error < least)) continue;
                least = error;
                next.sc[g] = static_cast<std::int8_t>(s);
            }
        }
        const float error = write_codes<group>(codes, x, w, d, 0, next.sc, nullptr, values);
        if (!(error < best) && round > 0) break;
        best = error;
        for (std::size_t i = 0; i < block; ++i) next.q[i] = write(values[i]);
        out = next;
        double aa = 0, ax = 0;
        for (std::size_t i = 0; i < block; ++i) {
            const double a = static_cast<double>(next.sc[i / group]) * values[i];
            aa += w[i] * a * a, ax += w[i] * a * x[i];
        }
        if (!(aa > 0)) break;
        d = stored(static_cast<float>(ax / aa), next.d);
    }
}

}  // namespace

void quantise_super_block(DType type, const float* x, const float* w, RawBlock& out) noexcept {
    const auto lifted = [](int offset) {
        return [offset](float v) { return static_cast<std::uint8_t>(static_cast<int>(v) + offset); };
    };
    switch (type) {
        case DType::q2_k:
            return quantise_affine<16>(3, 15, x, w, out);
        case DType::q4_k:
            return quantise_affine<32>(15, 63, x, w, out);
        case DType::q5_k:
            return quantise_affine<32>(31, 63, x, w, out);
        case DType::q3_k:
            return quantise_symmetric<16>(EvenCodes{-4, 3}, -32, x, w, out, lifted(4));
        case DType::q6_k:
            return quantise_symmetric<16>(EvenCodes{-32, 31}, -128, x, w, out, lifted(32));
        case DType::iq4_xs:
            return quantise_symmetric<32>(LevelCodes(iq4_levels), -32, x, w, out, [](float v) {
                return static_cast<std::uint8_t>(std::ranges::lower_bound(iq4_levels, static_cast<std::int8_t>(v)) -
                                                 std::begin(iq4_levels));
            });
        default:
            return;
    }
}

}  // namespace tenon::tensor
