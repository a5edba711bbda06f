// A run of an agent that plans: the plan, a run for each of its tasks, what is still to be done after each.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/run/run_stream.hpp"

namespace tenon::agent {

class PlanStream final : public Stream<Step> {
  public:
    PlanStream(PartsPtr parts, State state, RunOptions options, std::vector<Decision> decisions);

    [[nodiscard]] task<Result<std::optional<Step>>> next() override;

  private:
    [[nodiscard]] task<Result<void>> advance();
    [[nodiscard]] task<Result<void>> begin();
    [[nodiscard]] task<Result<void>> make_plan();
    [[nodiscard]] task<Result<void>> look_again();
    [[nodiscard]] task<Result<void>> conclude();
    [[nodiscard]] Result<void> start_task();
    [[nodiscard]] task<Result<void>> follow_task();
    [[nodiscard]] Result<void> task_ended(Answer answer);
    [[nodiscard]] task<Result<void>> finish(Outcome outcome, std::string answer);

    [[nodiscard]] llm::ChatRequest request_of(std::string_view role, std::string question) const;
    [[nodiscard]] llm::ChatModelPtr planner();
    [[nodiscard]] PlannedTask* open_task();
    [[nodiscard]] std::string task_prompt(const PlannedTask& task) const;
    [[nodiscard]] std::string report() const;
    [[nodiscard]] std::optional<Outcome> limit_reached() const;
    [[nodiscard]] Result<void> save(std::string label);
    [[nodiscard]] chain::Context context() const { return {options_.call, options_.tracer, span_.id()}; }
    void tell() { ready_.emplace_back(PlanStep{*state_.plan}); }

    PartsPtr parts_;
    State state_;
    RunOptions options_;
    std::vector<Decision> decisions_;
    std::optional<Clock::time_point> own_deadline_;
    Recollection recalled_;
    std::string question_;
    Span span_;
    std::deque<Step> ready_;
    std::unique_ptr<RunStream> task_;
    bool begun_ = false, over_ = false, looked_ = true;  ///< `looked_`: the planner has seen the last result
};

}  // namespace tenon::agent
