// A run of an agent that plans: the plan, a run for each of its tasks, what is still to be done after each.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/run/run_stream.hpp"

namespace tenon::agent {

class PlanStream final : public StepStream {
  public:
    PlanStream(PartsPtr parts, State state, RunOptions options, std::vector<Decision> decisions);

  private:
    [[nodiscard]] task<Result<void>> advance() override;
    [[nodiscard]] task<Result<void>> run_out_of_time() override;
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
    std::vector<Decision> decisions_;
    Recollection recalled_;
    std::string question_;
    std::unique_ptr<RunStream> task_;
    bool looked_ = true;  ///< the planner has seen the last result
};

}  // namespace tenon::agent
