// A mutex for coroutines: one at a time, in the order they came. Private to mcp.
#pragma once

#include <deque>
#include <memory>
#include <mutex>

#include "tenon/async/signal.hpp"

namespace tenon::mcp::auth {

/// Thread-safe. Lives in a shared_ptr.
class Turns : public std::enable_shared_from_this<Turns> {
  public:
    /// Passes the turn on when it goes.
    class Turn {
      public:
        explicit Turn(std::shared_ptr<Turns> of) : of_(std::move(of)) {}
        Turn(Turn&&) noexcept = default;
        Turn& operator=(Turn&&) = delete;
        ~Turn() {
            if (of_) of_->pass();
        }

      private:
        std::shared_ptr<Turns> of_;
    };
    /// Errors: cancelled, deadline_exceeded.
    [[nodiscard]] task<Result<Turn>> take(CallOptions call);

  private:
    void pass();
    std::mutex mutex_;
    bool busy_ = false;
    std::deque<std::shared_ptr<Signal>> waiting_;
};

}  // namespace tenon::mcp::auth
