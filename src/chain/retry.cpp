#include "tenon/chain/retry.hpp"

#include <algorithm>
#include <cmath>

namespace tenon::chain {
namespace {

/// A number in [0, 1) that depends on nothing but its arguments (SplitMix64).
double draw(std::uint64_t seed, std::uint64_t index) {
    std::uint64_t z = seed + (index + 1) * 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    z ^= z >> 31;
    return static_cast<double>(z >> 11) * 0x1.0p-53;
}

bool may_pass(const Error& error) {
    switch (error.code()) {
        case ErrorCode::unavailable:
        case ErrorCode::rate_limited:
        case ErrorCode::protocol:
        case ErrorCode::io:
            return true;
        default:
            return false;
    }
}

}  // namespace

std::optional<std::chrono::milliseconds> RetryPolicy::delay(int attempt, const Error& error) const {
    if (attempt >= attempts) return std::nullopt;
    if (!(retryable ? retryable(error) : may_pass(error))) return std::nullopt;
    const double cap = static_cast<double>(max_delay.count());
    const double full = std::min(cap, static_cast<double>(first_delay.count()) * std::pow(multiplier, attempt - 1));
    const double share = std::clamp(jitter, 0.0, 1.0);
    double ms = full * (1 - share + share * draw(seed, static_cast<std::uint64_t>(attempt)));
    if (const auto asked = error.retry_after_ms()) ms = std::max(ms, static_cast<double>(*asked));
    return std::chrono::milliseconds(static_cast<std::int64_t>(ms));
}

}  // namespace tenon::chain
