#include "engine/logits.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace tenon::engine {
namespace {

constexpr std::size_t lanes = 16;  // independent maxima, so that the loop becomes vector instructions
constexpr std::size_t block = 64;  // logits per block maximum in select_top

bool has_nan(std::span<const float> values) noexcept {
    std::array<std::int32_t, lanes> bad{};
    std::size_t i = 0;
    for (; i + lanes <= values.size(); i += lanes)
        for (std::size_t j = 0; j < lanes; ++j) bad[j] |= values[i + j] != values[i + j] ? 1 : 0;
    std::int32_t any = 0;
    for (; i < values.size(); ++i) any |= values[i] != values[i] ? 1 : 0;
    for (const std::int32_t b : bad) any |= b;
    return any != 0;
}

/// e^x for x in [-87, 0] to seven digits, without branches, so that loops over it become vector instructions: 2^n from
/// the exponent's bits times a polynomial for 2^f (Cephes' coefficients of e^f).
inline float fast_exp(float x) noexcept {
    x = x < -87.F ? -87.F : x;
    const float scaled = x * 1.44269504F;
    const float shifted = scaled + 12582912.F;  // 1.5 * 2^23: rounds to a whole number
    const float n = shifted - 12582912.F;
    const float f = x - n * 0.693359375F - n * -2.12194440e-4F;
    float p = 1.9875691500e-4F;
    p = p * f + 1.3981999507e-3F;
    p = p * f + 8.3334519073e-3F;
    p = p * f + 4.1665795894e-2F;
    p = p * f + 1.6666665459e-1F;
    p = p * f + 5.0000001201e-1F;
    p = p * f * f + f + 1.F;
    const auto bits = (static_cast<std::int32_t>(n) + 127) << 23;
    return p * std::bit_cast<float>(bits);
}

}  // namespace

float maximum(std::span<const float> values) noexcept {
    std::array<float, lanes> best;
    best.fill(-infinity);
    std::size_t i = 0;
    for (; i + lanes <= values.size(); i += lanes)
        for (std::size_t j = 0; j < lanes; ++j) best[j] = values[i + j] > best[j] ? values[i + j] : best[j];
    float largest = -infinity;
    for (; i < values.size(); ++i) largest = std::max(largest, values[i]);
    for (const float b : best) largest = std::max(largest, b);
    return largest;
}

ExpSums exp_sums(std::span<const float> logits, float largest) noexcept {
    ExpSums sums;
    std::size_t i = 0;
    while (i + lanes <= logits.size()) {
        std::array<float, lanes> weights{}, weighted{};
        const std::size_t end = std::min(i + 64 * lanes, logits.size() / lanes * lanes);  // float32 holds so many
        for (; i < end; i += lanes)
            for (std::size_t j = 0; j < lanes; ++j) {
                const float d = logits[i + j] - largest;
                const float bounded = d < negligible ? negligible : d;
                const float w = d < negligible ? 0.F : fast_exp(bounded);
                weights[j] += w;
                weighted[j] += w * bounded;
            }
        for (std::size_t j = 0; j < lanes; ++j) {
            sums.weights += static_cast<double>(weights[j]);
            sums.weighted += static_cast<double>(weighted[j]);
        }
    }
    for (; i < logits.size(); ++i) {
        const double d = static_cast<double>(logits[i]) - static_cast<double>(largest);
        if (d < static_cast<double>(negligible)) continue;
        sums.weights += std::exp(d);
        sums.weighted += d * std::exp(d);
    }
    return sums;
}

Result<Candidate> find_largest(std::span<const float> logits) {
    if (has_nan(logits))
        return fail(ErrorCode::internal,
                    "the model computed a logit that is not a number; its file may be damaged: verify it");
    const float largest = maximum(logits);
    if (largest == -infinity)
        return fail(ErrorCode::internal, "every token is forbidden; remove logit biases or loosen the grammar");
    const auto at = std::find(logits.begin(), logits.end(), largest);
    return Candidate{largest, static_cast<text::TokenId>(at - logits.begin())};
}

void select_top(std::span<const float> logits, std::size_t count, std::vector<Candidate>& out) {
    out.clear();
    count = std::min(count, logits.size());
    if (count == 0) return;
    float threshold = -infinity;
    const std::size_t blocks = logits.size() / block;
    std::vector<float> maxima(blocks);
    for (std::size_t b = 0; b < blocks; ++b) maxima[b] = maximum(logits.subspan(b * block, block));
    if (count < blocks) {
        // At least `count` logits are as large as the count-th largest block maximum.
        std::vector<float> sorted = maxima;
        std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(count - 1), sorted.end(),
                         std::greater<>{});
        threshold = sorted[count - 1];
    }
    const auto scan = [&](std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < to; ++i)
            if (logits[i] >= threshold) out.push_back({logits[i], static_cast<text::TokenId>(i)});
    };
    for (std::size_t b = 0; b < blocks; ++b)
        if (maxima[b] >= threshold) scan(b * block, (b + 1) * block);
    scan(blocks * block, logits.size());
    const auto middle = out.begin() + static_cast<std::ptrdiff_t>(count);
    if (out.size() > 4 * count) std::nth_element(out.begin(), middle, out.end(), before);
    if (out.size() > 4 * count) out.resize(count);
    std::partial_sort(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count), out.end(), before);
    out.resize(count);
}

double log_sum_exp(std::span<const float> logits, float largest) {
    return static_cast<double>(largest) + std::log(exp_sums(logits, largest).weights);
}

}  // namespace tenon::engine
