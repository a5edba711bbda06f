// Scales (and minimums) under which a group of numbers is best written with few codes, in weighted least squares.
//
// For each of some scales around the obvious one the numbers are rounded to codes, and the scale that suits those codes
// best follows in closed form; the best of all is kept and rounded once more. Both are functions of a group of 16
// or 32.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tenon::tensor::fit {

using Lanes = float __attribute__((vector_size(16)));  // four; what every machine has

inline Lanes lanes(float v) noexcept { return Lanes{v, v, v, v}; }
inline Lanes load(const float* p) noexcept {
    Lanes v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
inline float sum(Lanes v) noexcept { return (v[0] + v[1]) + (v[2] + v[3]); }

/// Whole numbers from `low` to `high`.
struct EvenCodes {
    float low, high;
    [[nodiscard]] Lanes snap(Lanes v) const noexcept {
        constexpr float magic = 12582912.0F;  // 1.5 * 2^23: adding it rounds to a whole number
        v = v > lanes(low) ? v : lanes(low);
        v = v < lanes(high) ? v : lanes(high);
        return (v + lanes(magic)) - lanes(magic);
    }
    [[nodiscard]] float step() const noexcept { return 1.0F; }
};

/// Sixteen levels, not evenly apart.
struct LevelCodes {
    explicit LevelCodes(const std::int8_t* ascending) noexcept : low(ascending[0]) {
        for (std::size_t i = 0; i < 15; ++i) {
            bound[i] = 0.5F * static_cast<float>(ascending[i] + ascending[i + 1]);
            rise[i] = static_cast<float>(ascending[i + 1] - ascending[i]);
        }
    }
    [[nodiscard]] Lanes snap(Lanes v) const noexcept {
        Lanes out = lanes(low);
        for (std::size_t i = 0; i < 15; ++i) out += v > lanes(bound[i]) ? lanes(rise[i]) : lanes(0);
        return out;
    }
    [[nodiscard]] float step() const noexcept { return 10.0F; }
    float low;
    std::array<float, 15> bound{}, rise{};
};

/// The weighted squared error of value = scale * code + low.
template <std::size_t n, class Codes>
float error_of(const Codes& codes, const float* x, const float* w, float scale, float low) noexcept {
    const Lanes inverse = lanes(scale != 0 ? 1.0F / scale : 0.0F);
    Lanes error = lanes(0);
    for (std::size_t i = 0; i < n; i += 4) {
        const Lanes v = load(x + i);
        const Lanes off = lanes(scale) * codes.snap((v - lanes(low)) * inverse) + lanes(low) - v;
        error += load(w + i) * off * off;
    }
    return sum(error);
}

/// The best `scale` of value = scale * code; 0 when every number is 0.
template <std::size_t n, class Codes>
float scale_of(const Codes& codes, const float* x, const float* w) noexcept {
    float extreme = 0;
    for (std::size_t i = 0; i < n; ++i)
        if (std::fabs(x[i]) > std::fabs(extreme)) extreme = x[i];
    if (std::fabs(extreme) < 1e-30F) return 0;
    float best = 0;
    float scale = 0;
    const auto attempt = [&](float inverse) {
        Lanes xc = lanes(0);
        Lanes cc = lanes(0);
        for (std::size_t i = 0; i < n; i += 4) {
            const Lanes v = load(x + i);
            const Lanes code = codes.snap(v * lanes(inverse));
            const Lanes weighted = load(w + i) * code;
            xc += weighted * v;
            cc += weighted * code;
        }
        const float product = sum(xc);
        const float square = sum(cc);
        if (!(square > 0) || !(product * product > best * square)) return false;
        best = product * product / square;
        scale = product / square;
        return true;
    };
    for (int k = -9; k <= 9; ++k) attempt((codes.low + 0.1F * static_cast<float>(k) * codes.step()) / extreme);
    for (int k = -4; k <= 4; ++k)
        attempt((0.2F * static_cast<float>(k) * codes.step() - codes.low - codes.step()) / extreme);
    for (int again = 0; again < 2 && scale != 0 && attempt(1.0F / scale); ++again) {
    }
    return scale;
}

struct Affine {
    float scale = 0;
    float minimum = 0;  ///< taken away: never negative
};

/// The best `scale` and `minimum` of value = scale * code - minimum, codes from 0 to `top`.
template <std::size_t n>
Affine affine_of(float top, const float* x, const float* w) noexcept {
    const EvenCodes codes{0, top};
    float low = 0;
    float high = x[0];
    Lanes all = lanes(0);
    Lanes weighted_x = lanes(0);
    for (std::size_t i = 0; i < n; ++i) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    for (std::size_t i = 0; i < n; i += 4) {
        all += load(w + i);
        weighted_x += load(w + i) * load(x + i);
    }
    if (!(high - low > 1e-30F)) return {0, -low};
    const float sw = sum(all);
    const float sx = sum(weighted_x);
    Affine found{(high - low) / top, -low};
    float best = error_of<n>(codes, x, w, found.scale, low);
    const auto attempt = [&](float inverse, float from) {
        Lanes c1 = lanes(0);
        Lanes c2 = lanes(0);
        Lanes xc = lanes(0);
        for (std::size_t i = 0; i < n; i += 4) {
            const Lanes v = load(x + i);
            const Lanes code = codes.snap((v - lanes(from)) * lanes(inverse));
            const Lanes weighted = load(w + i) * code;
            c1 += weighted;
            c2 += weighted * code;
            xc += weighted * v;
        }
        const float l = sum(c1);
        const float l2 = sum(c2);
        const float xl = sum(xc);
        const float determinant = sw * l2 - l * l;
        if (!(determinant > 0)) return false;
        Affine next{(sw * xl - sx * l) / determinant, -(l2 * sx - l * xl) / determinant};
        if (next.minimum < 0) next = {xl / l2, 0};
        if (!(next.scale > 0)) return false;
        const float error = error_of<n>(codes, x, w, next.scale, -next.minimum);
        if (!(error < best)) return false;
        best = error;
        found = next;
        return true;
    };
    for (int k = -10; k <= 10; ++k) attempt((top + 0.1F * static_cast<float>(k)) / (high - low), low);
    for (int again = 0; again < 3 && attempt(1.0F / found.scale, -found.minimum); ++again) {
    }
    return found;
}

}  // namespace tenon::tensor::fit
