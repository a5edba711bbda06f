#include "tenon/net/retry.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>

namespace tenon::net {

namespace asio = boost::asio;
using std::chrono::milliseconds;

bool is_retryable(const Error& error) noexcept {
    return error.code() == ErrorCode::unavailable || error.code() == ErrorCode::rate_limited;
}

std::optional<milliseconds> retry_delay(const RetryPolicy& policy, int attempt, const Error& error,
                                        double uniform) noexcept {
    if (attempt >= policy.max_attempts || !is_retryable(error)) return std::nullopt;
    uniform = std::clamp(uniform, 0.0, 1.0);
    if (const auto asked = error.retry_after_ms()) {
        if (*asked > policy.max_retry_after.count()) return std::nullopt;
        const auto wait = std::max<std::int64_t>(*asked, 0);
        return milliseconds(wait + static_cast<std::int64_t>(uniform * static_cast<double>(wait) / 10));
    }
    const double ceiling = std::min(static_cast<double>(policy.cap.count()),
                                    static_cast<double>(policy.base.count()) *
                                        static_cast<double>(std::uint64_t{1} << std::clamp(attempt - 1, 0, 40)));
    return milliseconds(static_cast<std::int64_t>(uniform * ceiling));
}

namespace {

task<Result<void>> sleep_on_strand(milliseconds time, CallOptions options) {
    const auto strand = co_await asio::this_coro::executor;
    const auto timer = std::make_shared<asio::steady_timer>(strand);
    const auto until = Clock::now() + time;
    const bool too_long = options.deadline && *options.deadline < until;
    timer->expires_at(too_long ? *options.deadline : until);
    std::stop_callback on_stop(options.stop, std::function<void()>([strand, timer] {
                                   asio::post(strand, [timer] { timer->expires_at(Clock::time_point::min()); });
                               }));
    boost::system::error_code error;
    co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, error));
    if (options.stop.stop_requested()) co_return fail(ErrorCode::cancelled, "the caller asked to stop");
    if (too_long) co_return fail(ErrorCode::deadline_exceeded, "time ran out while waiting to try again");
    if (error) co_return fail(ErrorCode::cancelled, "the wait was cancelled");
    co_return Result<void>{};
}

}  // namespace

task<Result<void>> sleep_for(milliseconds time, CallOptions options) {
    if (options.stop.stop_requested()) co_return fail(ErrorCode::cancelled, "the caller asked to stop");
    const auto executor = co_await asio::this_coro::executor;
    co_return co_await asio::co_spawn(asio::make_strand(executor), sleep_on_strand(time, std::move(options)),
                                      asio::use_awaitable);
}

}  // namespace tenon::net
