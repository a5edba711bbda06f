#include "tenon/async/channel.hpp"

#include <gtest/gtest.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <thread>
#include <vector>

#include "tenon/async/runtime.hpp"
#include "tenon/async/worker.hpp"

namespace tenon {
namespace {

using namespace std::chrono_literals;
using Numbers = std::shared_ptr<Channel<int>>;

task<Result<std::vector<int>>> collect(Numbers channel, CallOptions options) {
    std::vector<int> out;
    for (;;) {
        TENON_CO_TRY(const auto value, co_await channel->next(options));
        if (!value) co_return out;
        out.push_back(*value);
    }
}

TEST(Channel, CarriesValuesFromThreadsInOrder) {
    Runtime runtime(2);
    const auto channel = std::make_shared<Channel<int>>();
    constexpr int count = 20000;
    std::jthread producer([&] {
        for (int i = 0; i < count; ++i) channel->push(i);
        channel->close();
    });
    const auto got = sync_wait(runtime, collect(channel, CallOptions::within(60s)));
    ASSERT_TRUE(got);
    ASSERT_EQ(got->size(), static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) ASSERT_EQ((*got)[static_cast<std::size_t>(i)], i);
}

TEST(Channel, ManyProducersLoseNothing) {
    Runtime runtime(2);
    const auto channel = std::make_shared<Channel<int>>();
    std::vector<std::jthread> producers;
    std::atomic<int> left = 4;
    for (int t = 0; t < 4; ++t)
        producers.emplace_back([&] {
            for (int i = 0; i < 2000; ++i) channel->push(1);
            if (--left == 0) channel->close();
        });
    EXPECT_EQ(sync_wait(runtime, collect(channel, {}))->size(), 8000U);
}

TEST(Channel, DeliversWhatCameBeforeTheError) {
    Runtime runtime(1);
    const auto channel = std::make_shared<Channel<int>>();
    channel->push(1);
    channel->close(Error(ErrorCode::io, "gone"));
    channel->push(2);  // dropped
    EXPECT_EQ(sync_wait(runtime, channel->next({})).value(), 1);
    EXPECT_EQ(sync_wait(runtime, channel->next({})).error().code(), ErrorCode::io);
    EXPECT_EQ(sync_wait(runtime, channel->next({})).value(), std::nullopt);
}

TEST(Channel, GivesUpAtTheDeadlineAndCanBeAskedAgain) {
    Runtime runtime(1);
    const auto channel = std::make_shared<Channel<int>>();
    EXPECT_EQ(sync_wait(runtime, channel->next(CallOptions::within(10ms))).error().code(),
              ErrorCode::deadline_exceeded);
    EXPECT_EQ(sync_wait(runtime, channel->next(CallOptions::within(-10ms))).error().code(),
              ErrorCode::deadline_exceeded);
    channel->push(5);
    EXPECT_EQ(sync_wait(runtime, channel->next(CallOptions::within(-10ms))).value(), 5);
}

TEST(Channel, StopTokenEndsTheWait) {
    Runtime runtime(1);
    const auto channel = std::make_shared<Channel<int>>();
    std::stop_source stop;
    std::jthread later([&] {
        std::this_thread::sleep_for(10ms);
        stop.request_stop();
    });
    EXPECT_EQ(sync_wait(runtime, channel->next({{}, stop.get_token()})).error().code(), ErrorCode::cancelled);
    EXPECT_EQ(sync_wait(runtime, channel->next({{}, stop.get_token()})).error().code(), ErrorCode::cancelled);
}

task<bool> first_to_end(Numbers channel) {
    using namespace boost::asio::experimental::awaitable_operators;
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, 10ms);
    const auto winner = co_await (channel->next({}) || timer.async_wait(boost::asio::use_awaitable));
    co_return winner.index() == 1;
}

TEST(Channel, ObeysAsioCancellation) {
    Runtime runtime(1);
    EXPECT_TRUE(sync_wait(runtime, first_to_end(std::make_shared<Channel<int>>())));
}

// A ring, a deadline and a stop that come at about the same time: whoever wins, nothing hangs and no value is lost.
TEST(Channel, SurvivesRaces) {
    Runtime runtime(2);
    for (int round = 0; round < 300; ++round) {
        const auto channel = std::make_shared<Channel<int>>();
        std::stop_source stop;
        std::jthread pusher([&] { channel->push(1); });
        std::jthread stopper([&] { stop.request_stop(); });
        const auto got = sync_wait(
            runtime, channel->next({Clock::now() + std::chrono::microseconds(round % 100), stop.get_token()}));
        pusher.join();
        if (got)
            EXPECT_EQ(*got, 1);
        else
            EXPECT_EQ(sync_wait(runtime, channel->next({})).value(), 1);
    }
}

TEST(Worker, RunsJobsInOrderOnItsThread) {
    std::vector<int> order;
    std::thread::id id;
    {
        std::promise<void> done;
        Worker worker;
        for (int i = 0; i < 100; ++i) worker.run([&, i] { order.push_back(i); });
        worker.run([&] {
            id = std::this_thread::get_id();
            done.set_value();
        });
        done.get_future().wait();
    }
    ASSERT_EQ(order.size(), 100U);
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
    EXPECT_NE(id, std::this_thread::get_id());
}

}  // namespace
}  // namespace tenon
