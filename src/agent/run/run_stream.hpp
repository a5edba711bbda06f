// One run of an agent: the loop of model and tools, as a state machine that is saved after every step.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/run/parts.hpp"
#include "tenon/async/channel.hpp"

namespace tenon::agent {

using PartsPtr = std::shared_ptr<const Agent::Parts>;

class RunStream final : public Stream<Step> {
  public:
    /// Begins anew, or goes on from `state`.
    RunStream(PartsPtr parts, State state, RunOptions options, std::vector<Decision> decisions);
    ~RunStream() override { stop_.request_stop(); }

    [[nodiscard]] task<Result<std::optional<Step>>> next() override;

  private:
    struct Done {
        std::size_t index;
        Result<llm::ToolResultPart> result;
        std::chrono::milliseconds time;
    };

    [[nodiscard]] task<Result<void>> begin();
    [[nodiscard]] task<Result<void>> advance();
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
    RunOptions options_;
    std::vector<Decision> decisions_;
    Recollection recalled_;
    std::size_t exchange_begin_ = 0;  ///< first message of this question
    std::optional<Clock::time_point> own_deadline_;
    std::stop_source stop_;
    std::optional<std::stop_callback<std::function<void()>>> outer_stop_;
    Span span_, model_span_;

    std::deque<Step> ready_;
    StreamPtr<llm::ChatEvent> events_;
    llm::ResponseBuilder heard_;
    std::unique_ptr<SpeechFilter> filter_;
    std::size_t tries_ = 0;
    bool spoke_ = false;  ///< text of this answer has been given out

    std::shared_ptr<Channel<Done>> channel_;
    std::vector<bool> started_;
    std::size_t running_ = 0;
    bool begun_ = false, over_ = false;
};

}  // namespace tenon::agent
