// Several pieces of work at once, and not one left behind.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <vector>

#include "tenon/async/task.hpp"

namespace tenon::chain {

/// Runs all of them on the caller's executor and returns when every one has ended, so that they may refer to the
/// caller's variables. They end early by the stop token their work was given. An exception (a bug) is thrown on when
/// all have ended.
[[nodiscard]] task<void> gather(std::vector<task<void>> work);

/// Waits. Errors: cancelled, deadline_exceeded, each as soon as it happens.
[[nodiscard]] task<Result<void>> pause(std::chrono::milliseconds time, CallOptions options);

/// A stop source that also stops when its parent does. Neither copied nor moved: it lives in the coroutine that waits.
class LinkedStop {
  public:
    explicit LinkedStop(const std::stop_token& parent) {
        if (parent.stop_possible()) link_.emplace(parent, Request{&source_});
    }
    LinkedStop(const LinkedStop&) = delete;
    LinkedStop& operator=(const LinkedStop&) = delete;
    void request() { source_.request_stop(); }
    [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

  private:
    struct Request {
        std::stop_source* source;
        void operator()() const { source->request_stop(); }
    };
    std::stop_source source_;
    std::optional<std::stop_callback<Request>> link_;
};

}  // namespace tenon::chain
