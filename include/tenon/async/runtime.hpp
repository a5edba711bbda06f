// The event loop and its threads.
#pragma once

#include <exception>
#include <functional>
#include <future>
#include <memory>

#include <boost/asio/co_spawn.hpp>
#include "tenon/async/task.hpp"

namespace tenon {

/// An io_context run by its own threads until destruction. Thread-safe.
class Runtime {
  public:
    explicit Runtime(unsigned threads = 2);
    ~Runtime();
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    /// Ends the event loop: tasks that have not finished are left where they are. Idempotent; the destructor does it
    /// too.
    void stop();

    [[nodiscard]] Executor executor() const;
    /// Runs blocking work (file parsing, indexing) on a thread of its own pool, away from the event loop.
    [[nodiscard]] Executor blocking_executor() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Runs a task to its end from ordinary code. Must not be called on one of the runtime's own threads.
template <class T>
T sync_wait(Runtime& runtime, task<T> work) {
    std::promise<T> promise;
    auto future = promise.get_future();
    boost::asio::co_spawn(runtime.executor(), std::move(work), [&promise](std::exception_ptr error, auto... value) {
        if (error)
            promise.set_exception(error);
        else
            promise.set_value(std::move(value)...);
    });
    return future.get();
}

}  // namespace tenon
