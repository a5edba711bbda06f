// Where a run of an agent stands: all it needs to go on, in this process or another.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"
#include "tenon/llm/message.hpp"

namespace tenon::agent {

/// What a person said to a call that needs approval.
struct Decision {
    std::string call_id;
    bool approved = false;
    std::string reason{};                         ///< told to the model when refused
    std::optional<std::string> arguments_json{};  ///< approved with these instead
};

/// A tool call of the model's last answer, until all of them have results.
struct PendingCall {
    enum class Status : std::uint8_t {
        ready,     ///< may run
        waiting,   ///< for a person
        refused,   ///< by a person
        finished,  ///< `result` is there; never run again
    };
    llm::ToolCallPart call;
    Status status = Status::ready;
    llm::ToolResultPart result{};
};

enum class Outcome : std::uint8_t {
    answered,
    interrupted,   ///< waits for approvals: `resume` with decisions
    out_of_steps,  ///< one of the limits was reached; the state is kept
    out_of_tokens,
    out_of_tool_calls,
    out_of_time,
    refused,  ///< the model or its provider would not answer
};
[[nodiscard]] std::string_view to_string(Outcome outcome) noexcept;

/// What an agent that plans (Agent::plans) has set out to do.
struct PlannedTask {
    enum class Status : std::uint8_t { open, done, failed };
    std::string task;
    Status status = Status::open;
    std::string result{};  ///< what came of it, or why nothing did
};
struct Plan {
    std::vector<PlannedTask> tasks;  ///< those that are over first, in the order they were done
    std::uint64_t rounds = 0;        ///< times it was made or made anew
};
[[nodiscard]] std::string_view to_string(PlannedTask::Status status) noexcept;

struct State {
    std::string run;                     ///< its name among the checkpoints
    std::string agent;                   ///< which agent of a team has the word; empty: the only one
    std::vector<llm::Message> messages;  ///< without the system message
    std::vector<PendingCall> pending;    ///< empty: it is the model's turn
    std::uint64_t steps = 0;             ///< answers the model has given in this run
    std::uint64_t tool_calls = 0;
    llm::Usage usage;
    std::optional<Outcome> outcome;  ///< set when it is over, or interrupted
    std::string answer;
    std::optional<Plan> plan{};   ///< of an agent that plans; its tasks have runs of their own
    std::int64_t checkpoint = 0;  ///< this state's own; 0: not saved

    /// JSON text, as checkpoints hold it (docs/formats/checkpoints.md).
    [[nodiscard]] std::string to_json() const;
    /// Errors: corrupt.
    [[nodiscard]] static Result<State> from_json(std::string_view text);
};

}  // namespace tenon::agent
