// Retrying: how long to wait before trying again, and a loop that does.
#pragma once

#include <chrono>
#include <optional>
#include <random>
#include <utility>

#include "tenon/async/task.hpp"

namespace tenon::net {

struct RetryPolicy {
    int max_attempts = 4;  ///< the first included; 1: never try again
    std::chrono::milliseconds base{500};
    std::chrono::milliseconds cap{30'000};
    /// A peer that asks for a longer pause than this is not waited for.
    std::chrono::milliseconds max_retry_after{60'000};
};

/// Whether the same call may succeed later: unavailable and rate_limited only. The caller vouches that repeating the
/// call is harmless (reads, or requests the service treats as such).
[[nodiscard]] bool is_retryable(const Error& error) noexcept;

/// The pause after failed attempt number `attempt` (1, 2, …): what the peer asked for when it did (plus up to a tenth),
/// else uniform in [0, min(cap, base·2^(attempt-1))] ("full jitter"). nullopt: give up.
/// Pure; `uniform` is a random number in [0, 1).
[[nodiscard]] std::optional<std::chrono::milliseconds> retry_delay(const RetryPolicy& policy, int attempt,
                                                                   const Error& error, double uniform) noexcept;

/// Waits. Errors: cancelled, deadline_exceeded, each as soon as it happens.
[[nodiscard]] task<Result<void>> sleep_for(std::chrono::milliseconds time, CallOptions options);

/// Calls `operation()` (→ task<Result<T>>) until it succeeds, fails for good, or `policy` or the deadline gives out;
/// the last error is returned. A pause that would outlast the deadline is not begun. `operation` lives in the
/// coroutine.
template <class Operation>
auto with_retry(RetryPolicy policy, CallOptions options, Operation operation) -> decltype(operation()) {
    std::minstd_rand random{std::random_device{}()};
    for (int attempt = 1;; ++attempt) {
        auto result = co_await operation();
        if (result) co_return result;
        const double uniform = std::uniform_real_distribution<double>(0.0, 1.0)(random);
        const auto delay = retry_delay(policy, attempt, result.error(), uniform);
        if (!delay || (options.deadline && Clock::now() + *delay >= *options.deadline)) co_return result;
        auto slept = co_await sleep_for(*delay, options);
        if (!slept) co_return std::unexpected(std::move(slept).error());
    }
}

}  // namespace tenon::net
