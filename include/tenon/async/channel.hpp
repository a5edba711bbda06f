// A queue from any thread to one coroutine.
#pragma once

#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "tenon/async/signal.hpp"

namespace tenon {

/// Unbounded: whoever pushes must be bounded by other means. `push` and `close` may be called from any thread and never
/// block; `next` by one coroutine at a time. Lives in a shared_ptr between its two ends.
template <class T>
class Channel {
  public:
    /// Dropped after `close`.
    void push(T value) {
        {
            const std::scoped_lock lock(mutex_);
            if (closed_) return;
            queue_.push_back(std::move(value));
        }
        signal_.ring();
    }
    /// The end: what was pushed before is still delivered, then nullopt, or the error.
    void close() { end(std::nullopt); }
    void close(Error error) { end(std::move(error)); }

    [[nodiscard]] std::size_t size() const {
        const std::scoped_lock lock(mutex_);
        return queue_.size();
    }

    /// The next value; nullopt at the end. Errors: the one it was closed with, deadline_exceeded, cancelled.
    [[nodiscard]] task<Result<std::optional<T>>> next(CallOptions options) {
        for (;;) {
            if (auto ready = take()) co_return std::move(*ready);
            if (auto rung = co_await signal_.wait(options); !rung) {
                co_return std::unexpected(std::move(rung).error());
            }
        }
    }

  private:
    void end(std::optional<Error> error) {
        {
            const std::scoped_lock lock(mutex_);
            if (closed_) return;
            closed_ = true;
            error_ = std::move(error);
        }
        signal_.ring();
    }
    std::optional<Result<std::optional<T>>> take() {
        const std::scoped_lock lock(mutex_);
        if (!queue_.empty()) {
            std::optional<T> value(std::move(queue_.front()));
            queue_.pop_front();
            return Result<std::optional<T>>(std::move(value));
        }
        if (!closed_) return std::nullopt;
        if (error_) return Result<std::optional<T>>(std::unexpected(std::move(*std::exchange(error_, std::nullopt))));
        return Result<std::optional<T>>(std::optional<T>());
    }

    mutable std::mutex mutex_;
    std::deque<T> queue_;
    std::optional<Error> error_;
    bool closed_ = false;
    Signal signal_;
};

}  // namespace tenon
