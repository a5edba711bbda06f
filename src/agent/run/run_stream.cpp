#include "agent/run/run_stream.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tenon/base/hash.hpp"

namespace tenon::agent {

RunStream::RunStream(PartsPtr parts, State state, RunOptions options, std::vector<Decision> decisions)
    : StepStream(std::move(options), parts->max_time),
      root_(std::move(parts)),
      parts_(root_),
      state_(std::move(state)),
      decisions_(std::move(decisions)) {
    if (options_.call.stop.stop_possible())
        outer_stop_.emplace(options_.call.stop,
                            std::function<void()>([source = stop_]() mutable { source.request_stop(); }));
    options_.call.stop = stop_.get_token();
}

chain::Context RunStream::context() const { return {options_.call, options_.tracer, span_.id()}; }

task<Result<void>> RunStream::run_out_of_time() {
    events_.reset();
    auto r = co_await finish(Outcome::out_of_time, {});
    co_return r;
}

task<Result<void>> RunStream::advance() {
    if (!begun_) {
        begun_ = true;
        auto r = co_await begin();
        co_return r;
    }
    if (events_) {
        auto r = co_await hear_model();
        co_return r;
    }
    if (running_ > 0) {
        auto r = co_await collect_call();
        co_return r;
    }
    if (!state_.pending.empty()) {
        auto r = co_await handle_calls();
        co_return r;
    }
    if (const auto limit = limit_reached()) {
        auto r = co_await finish(*limit, {});
        co_return r;
    }
    auto r = co_await ask_model();
    co_return r;
}

task<Result<void>> RunStream::begin() {
    span_ = Span(options_.tracer, "agent " + root_->name, options_.span);
    if (state_.messages.empty()) co_return fail(ErrorCode::invalid_argument, "the agent was asked nothing");
    if (const auto* last = state_.messages.empty() ? nullptr : &state_.messages.back();
        state_.steps == 0 && last->role == llm::Role::user &&
        last->text().find_first_not_of(" \t\r\n") == std::string::npos && last->content.size() <= 1)
        co_return fail(ErrorCode::invalid_argument, "the question is empty");
    TENON_CO_CHECK(become(state_.agent));
    if (state_.outcome && *state_.outcome != Outcome::interrupted && state_.pending.empty() &&
        *state_.outcome == Outcome::answered) {
        over_ = true;
        ready_.emplace_back(Answer{state_.answer, Outcome::answered, state_});
        co_return Result<void>{};
    }
    state_.outcome.reset();
    for (const auto& decision : decisions_) decide(decision);
    for (std::size_t i = 0; i < state_.messages.size(); ++i)
        if (state_.messages[i].role == llm::Role::user) exchange_begin_ = i;
    if (parts_->memory) {
        TENON_CO_TRY(recalled_, co_await parts_->memory->recall(options_.user, state_.messages[exchange_begin_].text(),
                                                                context()));
    }
    if (state_.checkpoint == 0) TENON_CO_CHECK(save("start"));
    co_return Result<void>{};
}

/// Gives another agent of the team the word; the empty name is the one that was asked.
Result<void> RunStream::become(const std::string& agent) {
    std::vector<PartsPtr> seen{root_};
    parts_ = nullptr;
    for (std::size_t i = 0; i < seen.size() && !parts_; ++i) {
        if (agent.empty() || seen[i]->name == agent) parts_ = seen[i];
        for (const auto& other : seen[i]->others)
            if (std::ranges::find(seen, other) == seen.end()) seen.push_back(other);
    }
    if (!parts_) return fail(ErrorCode::not_found, fmt::format("there is no agent named {} in this team", agent));
    state_.agent = agent;
    if (!parts_->model) return fail(ErrorCode::invalid_argument, "the agent has no model");
    Toolbox names;
    tools_.clear();
    for (const auto& tool : parts_->tools) {
        TENON_CHECK(names.add(tool));
        tools_.push_back(tool);
    }
    for (const auto& other : parts_->others) {
        auto handing = Tool::make({transfer_tool(other->name),
                                   fmt::format("Hand the conversation over to {}{}{}", other->name,
                                               other->description.empty() ? "" : ": ", other->description),
                                   {}},
                                  [name = other->name](std::string, ToolContext) -> task<Result<ToolOutput>> {
                                      co_return ToolOutput{"handed over to " + name};
                                  });
        if (!handing) return std::unexpected(handing.error());
        TENON_CHECK(names.add(*handing));
        tools_.push_back(std::move(*handing));
    }
    protocol_ = parts_->protocol;
    if (!protocol_) protocol_ = tools_.empty() || parts_->model->capabilities().tools ? native_tools() : react();
    return {};
}

std::optional<Outcome> RunStream::limit_reached() const {
    if (root_->max_steps > 0 && state_.steps >= root_->max_steps) return Outcome::out_of_steps;
    if (root_->max_tokens > 0 && state_.usage.input_tokens + state_.usage.output_tokens >= root_->max_tokens)
        return Outcome::out_of_tokens;
    return std::nullopt;
}

Result<void> RunStream::save(std::string label) {
    if (!root_->checkpoints) return {};
    auto saved = root_->checkpoints->save({state_.run, 0, state_.checkpoint, std::move(label), state_.to_json(), 0});
    if (!saved) return std::unexpected(std::move(saved).error());
    state_.checkpoint = *saved;
    return {};
}

task<Result<void>> RunStream::finish(Outcome outcome, std::string answer) {
    state_.outcome = outcome;
    state_.answer = answer;
    if (outcome == Outcome::answered && parts_->memory) {
        std::vector<llm::Message> exchange(state_.messages.begin() + static_cast<std::ptrdiff_t>(exchange_begin_),
                                           state_.messages.end());
        TENON_CO_CHECK(co_await parts_->memory->record(options_.user, std::move(exchange), context()));
    }
    TENON_CO_CHECK(save(std::string(to_string(outcome))));
    if (!spoke_ && !answer.empty()) ready_.emplace_back(TextStep{answer});
    span_.set("agent.outcome", std::string(to_string(outcome)));
    span_.set("gen_ai.usage.input_tokens", static_cast<std::int64_t>(state_.usage.input_tokens));
    span_.set("gen_ai.usage.output_tokens", static_cast<std::int64_t>(state_.usage.output_tokens));
    span_.end();
    ready_.emplace_back(Answer{std::move(answer), outcome, state_});
    over_ = true;
    co_return Result<void>{};
}

}  // namespace tenon::agent
