#include "tenon/agent/state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/value.hpp>

#include "tenon/json/json.hpp"
#include "tenon/llm/message_json.hpp"

namespace tenon::agent {
namespace {

constexpr std::int64_t form = 1;

constexpr std::array outcomes{
    std::pair{Outcome::answered, std::string_view("answered")},
    std::pair{Outcome::interrupted, std::string_view("interrupted")},
    std::pair{Outcome::out_of_steps, std::string_view("out_of_steps")},
    std::pair{Outcome::out_of_tokens, std::string_view("out_of_tokens")},
    std::pair{Outcome::out_of_tool_calls, std::string_view("out_of_tool_calls")},
    std::pair{Outcome::out_of_time, std::string_view("out_of_time")},
    std::pair{Outcome::refused, std::string_view("refused")},
};
constexpr std::array<std::string_view, 3> task_statuses{"open", "done", "failed"};
constexpr std::array<std::string_view, 4> statuses{"ready", "waiting", "refused", "finished"};

json::Value message_value(llm::ContentPart part) {
    json::Value value;
    const llm::Message message{llm::Role::tool, {std::move(part)}, {}};
    llm::write_messages({&message, 1}, value);
    return value;
}

template <class Part>
Result<Part> part_of(const json::Value* from) {
    if (from != nullptr) {
        TENON_TRY(auto messages, llm::read_messages(*from));
        if (messages.size() == 1 && messages[0].content.size() == 1)
            if (auto* part = std::get_if<Part>(&messages[0].content[0])) return std::move(*part);
    }
    return fail(ErrorCode::corrupt, "a pending call is not of this form");
}

std::uint64_t count_of(const json::Value& from, std::string_view key) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, json::integer_or(from, key, 0)));
}

}  // namespace

std::string_view to_string(Outcome outcome) noexcept {
    const auto at = std::ranges::find(outcomes, outcome, [](const auto& p) { return p.first; });
    return at == outcomes.end() ? "answered" : at->second;
}

std::string_view to_string(PlannedTask::Status status) noexcept {
    return task_statuses[static_cast<std::size_t>(status)];
}

std::string State::to_json() const {
    json::Object out{{"form", form}, {"run", run}, {"agent", agent}};
    json::Value said;
    llm::write_messages(messages, said);
    out["messages"] = std::move(said);
    json::Array calls;
    for (const auto& p : pending) {
        json::Object call{{"call", message_value(p.call)}, {"status", statuses[static_cast<std::size_t>(p.status)]}};
        if (p.status == PendingCall::Status::finished || p.status == PendingCall::Status::refused)
            call["result"] = message_value(p.result);
        calls.emplace_back(std::move(call));
    }
    out["pending"] = std::move(calls);
    out["steps"] = steps;
    out["tool_calls"] = tool_calls;
    out["usage"] = json::Object{{"input_tokens", usage.input_tokens},
                                {"cached_input_tokens", usage.cached_input_tokens},
                                {"output_tokens", usage.output_tokens},
                                {"reasoning_tokens", usage.reasoning_tokens},
                                {"cache_write_tokens", usage.cache_write_tokens}};
    if (outcome) out["outcome"] = std::string(to_string(*outcome));
    if (!answer.empty()) out["answer"] = answer;
    if (plan) {
        json::Array tasks;
        for (const auto& t : plan->tasks)
            tasks.push_back(json::Object{{"task", t.task}, {"status", to_string(t.status)}, {"result", t.result}});
        out["plan"] = json::Object{{"rounds", plan->rounds}, {"tasks", std::move(tasks)}};
    }
    return json::dump(json::Value(std::move(out)));
}

Result<State> State::from_json(std::string_view text) {
    TENON_TRY(const auto value, json::parse(text));
    if (json::integer_or(value, "form", 0) != form)
        return fail(ErrorCode::corrupt, "this is not the state of an agent's run, or one of another version of Tenon");
    State state;
    state.run = json::string_or(value, "run", "");
    state.agent = json::string_or(value, "agent", "");
    const auto* messages = json::find(value, "messages");
    if (messages == nullptr) return fail(ErrorCode::corrupt, "the state has no messages");
    TENON_TRY(state.messages, llm::read_messages(*messages));
    if (const auto* pending = json::find(value, "pending"); pending != nullptr && pending->is_array()) {
        for (const auto& item : pending->get_array()) {
            PendingCall call;
            const auto status = std::ranges::find(statuses, json::string_or(item, "status", ""));
            if (status == statuses.end()) return fail(ErrorCode::corrupt, "a pending call has no status");
            call.status = static_cast<PendingCall::Status>(status - statuses.begin());
            TENON_TRY(call.call, part_of<llm::ToolCallPart>(json::find(item, "call")));
            if (const auto* result = json::find(item, "result")) {
                TENON_TRY(call.result, part_of<llm::ToolResultPart>(result));
            } else if (call.status == PendingCall::Status::finished) {
                return fail(ErrorCode::corrupt, "a finished call has no result");
            }
            state.pending.push_back(std::move(call));
        }
    }
    state.steps = count_of(value, "steps");
    state.tool_calls = count_of(value, "tool_calls");
    if (const auto* usage = json::find(value, "usage")) {
        state.usage.input_tokens = count_of(*usage, "input_tokens");
        state.usage.cached_input_tokens = count_of(*usage, "cached_input_tokens");
        state.usage.output_tokens = count_of(*usage, "output_tokens");
        state.usage.reasoning_tokens = count_of(*usage, "reasoning_tokens");
        state.usage.cache_write_tokens = count_of(*usage, "cache_write_tokens");
    }
    if (const auto name = json::string_or(value, "outcome", ""); !name.empty()) {
        const auto at = std::ranges::find(outcomes, name, [](const auto& p) { return p.second; });
        if (at == outcomes.end()) return fail(ErrorCode::corrupt, fmt::format("there is no outcome '{}'", name));
        state.outcome = at->first;
    }
    state.answer = json::string_or(value, "answer", "");
    if (const auto* plan = json::find(value, "plan")) {
        auto& out = state.plan.emplace();
        out.rounds = count_of(*plan, "rounds");
        const auto* tasks = json::find(*plan, "tasks");
        if (tasks == nullptr || !tasks->is_array()) return fail(ErrorCode::corrupt, "the plan has no tasks");
        for (const auto& item : tasks->get_array()) {
            const auto status = std::ranges::find(task_statuses, json::string_or(item, "status", ""));
            if (status == task_statuses.end()) return fail(ErrorCode::corrupt, "a planned task has no status");
            out.tasks.push_back({std::string(json::string_or(item, "task", "")),
                                 static_cast<PlannedTask::Status>(status - task_statuses.begin()),
                                 std::string(json::string_or(item, "result", ""))});
        }
    }
    return state;
}

}  // namespace tenon::agent
