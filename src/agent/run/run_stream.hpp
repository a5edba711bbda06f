// One run of an agent: the loop of model and tools, as a state machine that is saved after every step.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/run/step_stream.hpp"
#include "tenon/async/channel.hpp"

namespace tenon::agent {

using PartsPtr = std::shared_ptr<const Agent::Parts>;

class RunStream final : public StepStream {
  public:
    /// Begins anew, or goes on from `state`.
    RunStream(PartsPtr parts, State state, RunOptions options, std::vector<Decision> decisions);
    ~RunStream() override { stop_.request_stop(); }

  private:
    struct Done {
        std::size_t index;
        Result<llm::ToolResultPart> result;
        std::chrono::milliseconds time;
    };

    [[nodiscard]] task<Result<void>> begin();
    [[nodiscard]] task<Result<void>> advance() override;
    [[nodiscard]] task<Result<void>> run_out_of_time() override;
    [[nodiscard]] task<Result<void>> ask_model();
    [[nodiscard]] task<Result<void>> hear_model();
    [[nodiscard]] task<Result<void>> heard();
    [[nodiscard]] task<Result<bool>> again_after(Error error);
    [[nodiscard]] task<Result<void>> handle_calls();
    [[nodiscard]] task<Result<void>> ask_people();
    [[nodiscard]] task<Result<void>> start_calls();
    [[nodiscard]] task<Result<void>> collect_call();
    [[nodiscard]] task<Result<void>> finish_call(std::size_t index, llm::ToolResultPart result,
                                                 std::chrono::milliseconds time);
    [[nodiscard]] Result<void> close_calls();
    [[nodiscard]] task<Result<void>> finish(Outcome outcome, std::string answer);

    void decide(const Decision& decision);
    [[nodiscard]] Result<void> save(std::string label);
    [[nodiscard]] std::optional<Outcome> limit_reached() const;
    [[nodiscard]] Result<void> become(const std::string& agent);
    [[nodiscard]] chain::Context context() const;
    [[nodiscard]] const Tool* find_tool(std::string_view name) const;
    static task<void> work(std::shared_ptr<Channel<Done>> channel, Tool tool, llm::ToolCallPart call,
                           ToolContext context, std::size_t index);

    PartsPtr root_, parts_;  ///< the agent that was asked, and the one that has the word
    std::vector<Tool> tools_;
    std::shared_ptr<const Protocol> protocol_;
    State state_;
    std::vector<Decision> decisions_;
    Recollection recalled_;
    std::size_t exchange_begin_ = 0;  ///< first message of this question
    std::stop_source stop_;
    std::optional<std::stop_callback<std::function<void()>>> outer_stop_;
    Span model_span_;

    StreamPtr<llm::ChatEvent> events_;
    llm::ResponseBuilder heard_;
    std::unique_ptr<SpeechFilter> filter_;
    std::size_t tries_ = 0;
    bool spoke_ = false;  ///< text of this answer has been given out

    std::shared_ptr<Channel<Done>> channel_;
    std::vector<bool> started_;
    std::size_t running_ = 0;
};

}  // namespace tenon::agent
