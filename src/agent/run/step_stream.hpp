// What every run of an agent is: a state machine that gives out its steps, within a time of its own.
#pragma once

#include <chrono>
#include <deque>
#include <optional>

#include "agent/run/parts.hpp"

namespace tenon::agent {

class StepStream : public Stream<Step> {
  public:
    [[nodiscard]] task<Result<std::optional<Step>>> next() final;

  protected:
    /// `max_time`: of the run; 0: no limit.
    StepStream(RunOptions options, std::chrono::milliseconds max_time);

    /// One move; steps that come of it go to `ready_`.
    [[nodiscard]] virtual task<Result<void>> advance() = 0;
    /// The run's own time is over: an outcome, while the caller's deadline is an error.
    [[nodiscard]] virtual task<Result<void>> run_out_of_time() = 0;

    RunOptions options_;
    Span span_;
    std::deque<Step> ready_;
    bool begun_ = false, over_ = false;

  private:
    std::optional<Clock::time_point> own_deadline_;
};

}  // namespace tenon::agent
