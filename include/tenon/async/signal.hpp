// The bridge from threads to a coroutine: any thread rings, one coroutine waits.
#pragma once

#include <memory>

#include "tenon/async/task.hpp"

namespace tenon {

/// An event that resets itself: each `wait` consumes the rings before it. Thread-safe, one waiter at a time.
/// The executor of the waiting coroutine must outlive the wait.
class Signal {
  public:
    Signal();
    ~Signal();
    Signal(const Signal&) = delete;
    Signal& operator=(const Signal&) = delete;

    /// Never blocks.
    void ring();
    /// Returns when rung. Errors: deadline_exceeded, cancelled (the stop token, or Asio's own cancellation); a ring
    /// that was there before either wins.
    [[nodiscard]] task<Result<void>> wait(CallOptions options);

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace tenon
