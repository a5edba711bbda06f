#include "tenon/net/retry.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "tenon/async/runtime.hpp"
#include "tenon/net/http_client.hpp"

namespace tenon::net {
namespace {

using std::chrono::milliseconds;

Error failing(ErrorCode code = ErrorCode::unavailable) { return {code, "down"}; }

TEST(RetryDelay, GrowsTwofoldUnderFullJitterToTheCap) {
    const RetryPolicy policy{.max_attempts = 100, .base = milliseconds(100), .cap = milliseconds(1000)};
    EXPECT_EQ(retry_delay(policy, 1, failing(), 1.0), milliseconds(100));
    EXPECT_EQ(retry_delay(policy, 2, failing(), 1.0), milliseconds(200));
    EXPECT_EQ(retry_delay(policy, 4, failing(), 1.0), milliseconds(800));
    EXPECT_EQ(retry_delay(policy, 5, failing(), 1.0), milliseconds(1000));
    EXPECT_EQ(retry_delay(policy, 99, failing(), 1.0), milliseconds(1000));
    EXPECT_EQ(retry_delay(policy, 3, failing(), 0.5), milliseconds(200));
    EXPECT_EQ(retry_delay(policy, 3, failing(), 0.0), milliseconds(0));
}

TEST(RetryDelay, HonoursWhatThePeerAsks) {
    const RetryPolicy policy;
    EXPECT_EQ(retry_delay(policy, 1, failing(ErrorCode::rate_limited).with_retry_after(2000), 0.0), milliseconds(2000));
    EXPECT_EQ(retry_delay(policy, 1, failing(ErrorCode::rate_limited).with_retry_after(2000), 1.0), milliseconds(2200));
    EXPECT_FALSE(retry_delay(policy, 1, failing(ErrorCode::rate_limited).with_retry_after(3'600'000), 0.0));
}

TEST(RetryDelay, GivesUp) {
    const RetryPolicy policy{.max_attempts = 3};
    EXPECT_TRUE(retry_delay(policy, 2, failing(), 0.5));
    EXPECT_FALSE(retry_delay(policy, 3, failing(), 0.5));
    for (const auto code : {ErrorCode::invalid_argument, ErrorCode::cancelled, ErrorCode::deadline_exceeded,
                            ErrorCode::unauthenticated, ErrorCode::protocol, ErrorCode::not_found})
        EXPECT_FALSE(retry_delay(policy, 1, failing(code), 0.5));
}

task<Result<int>> succeed_at(std::shared_ptr<int> calls, int at, ErrorCode code) {
    if (++*calls < at) co_return fail(code, "not yet");
    co_return *calls;
}

TEST(WithRetry, TriesUntilItWorks) {
    Runtime runtime;
    const RetryPolicy policy{.max_attempts = 4, .base = milliseconds(1), .cap = milliseconds(2)};
    const auto run = [&](int at, ErrorCode code) {
        const auto calls = std::make_shared<int>(0);
        auto result =
            sync_wait(runtime, with_retry(policy, {}, [calls, at, code] { return succeed_at(calls, at, code); }));
        return std::pair(result.has_value(), *calls);
    };
    EXPECT_EQ(run(1, ErrorCode::unavailable), std::pair(true, 1));
    EXPECT_EQ(run(3, ErrorCode::unavailable), std::pair(true, 3));
    EXPECT_EQ(run(9, ErrorCode::rate_limited), std::pair(false, 4));
    EXPECT_EQ(run(2, ErrorCode::invalid_argument), std::pair(false, 1));
}

TEST(WithRetry, DoesNotWaitPastTheDeadline) {
    Runtime runtime;
    const RetryPolicy policy{.max_attempts = 4, .base = milliseconds(60'000), .cap = milliseconds(60'000)};
    const auto calls = std::make_shared<int>(0);
    const auto begin = Clock::now();
    auto result =
        sync_wait(runtime, with_retry(policy, CallOptions::within(milliseconds(5)), [calls]() -> task<Result<int>> {
                      ++*calls;
                      co_return std::unexpected(Error(ErrorCode::rate_limited, "slow down").with_retry_after(30'000));
                  }));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), ErrorCode::rate_limited);
    EXPECT_EQ(*calls, 1);
    EXPECT_LT(Clock::now() - begin, std::chrono::seconds(10));
}

TEST(SleepFor, StopsAtOnce) {
    Runtime runtime;
    std::stop_source source;
    std::jthread stopper([&] {
        std::this_thread::sleep_for(milliseconds(30));
        source.request_stop();
    });
    const auto begin = Clock::now();
    auto slept = sync_wait(runtime, sleep_for(std::chrono::minutes(5), {{}, source.get_token()}));
    ASSERT_FALSE(slept);
    EXPECT_EQ(slept.error().code(), ErrorCode::cancelled);
    EXPECT_LT(Clock::now() - begin, std::chrono::seconds(30));
    auto late = sync_wait(runtime, sleep_for(std::chrono::minutes(5), CallOptions::within(milliseconds(10))));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code(), ErrorCode::deadline_exceeded);
    EXPECT_TRUE(sync_wait(runtime, sleep_for(milliseconds(1), {})));
}

TEST(RetryAfter, ReadsSecondsDatesAndMilliseconds) {
    const auto now = std::chrono::system_clock::from_time_t(784'111'777);  // Sun, 06 Nov 1994 08:49:37 GMT
    const auto at = [&](std::string name, std::string value) {
        return retry_after_ms(Headers{{std::move(name), std::move(value)}}, now);
    };
    EXPECT_EQ(at("Retry-After", "120"), 120'000);
    EXPECT_EQ(at("retry-after", " 1.5 "), 1'500);
    EXPECT_EQ(at("Retry-After", "Sun, 06 Nov 1994 08:50:37 GMT"), 60'000);
    EXPECT_EQ(at("Retry-After", "Sunday, 06-Nov-94 08:49:47 GMT"), 10'000);
    EXPECT_EQ(at("Retry-After", "Sun, 06 Nov 1994 08:00:00 GMT"), 0);
    EXPECT_EQ(at("Retry-After", "Wed, 21 Oct 9030 07:28:00 GMT"), 1'000'000'000'000);
    EXPECT_EQ(at("retry-after-ms", "250"), 250);
    EXPECT_EQ(at("Retry-After", "soon"), std::nullopt);
    EXPECT_EQ(at("Retry-After", "-5"), std::nullopt);
    EXPECT_EQ(at("Retry-After", ""), std::nullopt);
    EXPECT_EQ(at("Other", "5"), std::nullopt);
}

TEST(StatusError, MapsTheStatus) {
    EXPECT_EQ(status_error(401, {}, "").code(), ErrorCode::unauthenticated);
    EXPECT_EQ(status_error(404, {}, "").code(), ErrorCode::not_found);
    EXPECT_EQ(status_error(422, {}, "").code(), ErrorCode::invalid_argument);
    EXPECT_EQ(status_error(529, {}, "").code(), ErrorCode::unavailable);
    const auto limited = status_error(429, {{"Retry-After", "3"}}, "quota");
    EXPECT_EQ(limited.code(), ErrorCode::rate_limited);
    EXPECT_EQ(limited.retry_after_ms(), 3000);
    EXPECT_NE(limited.message().find("quota"), std::string::npos);
}

}  // namespace
}  // namespace tenon::net
