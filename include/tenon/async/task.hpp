// The coroutine type of Tenon. Parameters of coroutines are values, never references to temporaries.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <optional>
#include <stop_token>

#include "tenon/base/error.hpp"

namespace tenon {

template <class T>
using task = boost::asio::awaitable<T>;
using Executor = boost::asio::any_io_executor;

using Clock = std::chrono::steady_clock;

/// What every async call takes: when to give up and how to be told to stop.
struct CallOptions {
    std::optional<Clock::time_point> deadline{};
    std::stop_token stop{};

    [[nodiscard]] static CallOptions within(std::chrono::milliseconds time) { return {Clock::now() + time, {}}; }
};

}  // namespace tenon
