// A thread that does one thing after another, away from the event loop.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace tenon {

/// Runs jobs on its own thread, in order. Thread-safe. Destruction finishes the running job, drops the others, and
/// joins; a dropped job is destroyed without being run.
class Worker {
  public:
    Worker();
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    void run(std::move_only_function<void()> job);
    [[nodiscard]] std::size_t waiting() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon
