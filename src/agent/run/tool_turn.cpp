// The tools' part of a run: approvals, calls side by side, results kept the moment they are there.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include "agent/run/run_stream.hpp"

namespace tenon::agent {
namespace {

constexpr std::string_view transfer_prefix = "transfer_to_";

llm::ToolResultPart failure(const llm::ToolCallPart& call, std::string why) {
    return {call.id, call.name, std::move(why), true, {}};
}

}  // namespace

std::string transfer_tool(const std::string& name) {
    std::string out(transfer_prefix);
    for (const char c : name) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        out += plain ? c : '_';
    }
    return out.substr(0, 64);
}

const Tool* RunStream::find_tool(std::string_view name) const {
    const auto at = std::ranges::find(tools_, name, [](const Tool& t) -> std::string_view { return t.name(); });
    return at == tools_.end() ? nullptr : &*at;
}

void RunStream::decide(const Decision& decision) {
    for (auto& pending : state_.pending) {
        if (pending.call.id != decision.call_id || pending.status != PendingCall::Status::waiting) continue;
        if (decision.approved) {
            pending.status = PendingCall::Status::ready;
            if (decision.arguments_json) pending.call.arguments_json = *decision.arguments_json;
        } else {
            pending.status = PendingCall::Status::refused;
            pending.result =
                failure(pending.call, "the user refused this call" +
                                          (decision.reason.empty() ? std::string() : ": " + decision.reason));
        }
    }
}

task<Result<void>> RunStream::handle_calls() {
    using enum PendingCall::Status;
    started_.resize(state_.pending.size(), false);
    const auto has = [&](PendingCall::Status status) {
        return std::ranges::any_of(state_.pending, [&](const auto& p) { return p.status == status; });
    };
    if (root_->approver && has(waiting)) TENON_CO_CHECK(co_await ask_people());
    if (has(ready)) {
        if (root_->max_tool_calls > 0 && state_.tool_calls >= root_->max_tool_calls) {
            auto r = co_await finish(Outcome::out_of_tool_calls, {});
            co_return r;
        }
        auto r = co_await start_calls();
        co_return r;
    }
    if (has(waiting)) {
        ApprovalStep asked;
        for (const auto& p : state_.pending)
            if (p.status == waiting) asked.calls.push_back(p.call);
        ready_.emplace_back(std::move(asked));
        spoke_ = true;  // there is nothing to say
        auto r = co_await finish(Outcome::interrupted, {});
        co_return r;
    }
    auto closed = close_calls();
    if (closed && !state_.outcome) co_return closed;
    if (!closed) co_return closed;
    auto r = co_await finish(*state_.outcome, std::move(state_.answer));
    co_return r;
}

task<Result<void>> RunStream::ask_people() {
    for (std::size_t i = 0; i < state_.pending.size(); ++i) {
        if (state_.pending[i].status != PendingCall::Status::waiting) continue;
        auto asked = root_->approver;
        Decision decision = co_await asked(state_.pending[i].call);
        decision.call_id = state_.pending[i].call.id;
        decide(decision);
    }
    auto saved = save("approval");
    co_return saved;
}

task<void> RunStream::work(std::shared_ptr<Channel<Done>> channel, Tool tool, llm::ToolCallPart call,
                           ToolContext context, std::size_t index) {
    const auto began = Clock::now();
    auto result = co_await tool.call(std::move(call), std::move(context));
    channel->push(
        {index, std::move(result), std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began)});
}

task<Result<void>> RunStream::start_calls() {
    const auto executor = co_await boost::asio::this_coro::executor;
    if (!channel_) channel_ = std::make_shared<Channel<Done>>();
    for (std::size_t i = 0; i < state_.pending.size(); ++i) {
        auto& pending = state_.pending[i];
        if (pending.status != PendingCall::Status::ready || started_[i]) continue;
        const Tool* tool = find_tool(pending.call.name);
        const bool alone = tool != nullptr && !tool->policy().concurrent;
        if (running_ >= root_->concurrency || (alone && running_ > 0)) break;
        started_[i] = true;
        ready_.emplace_back(CallStep{pending.call});
        std::optional<llm::ToolResultPart> at_once;
        if (tool == nullptr) {
            std::string names;
            for (const auto& t : tools_) names += (names.empty() ? "" : ", ") + t.name();
            at_once = failure(pending.call, fmt::format("there is no tool named {}; {}", pending.call.name,
                                                        names.empty() ? "there are none" : "there are " + names));
        }
        for (auto& middleware : parts_->middleware) {
            if (at_once) break;
            auto allowed = co_await middleware->before_tool(state_, pending.call, context());
            if (allowed) continue;
            if (allowed.error().code() == ErrorCode::cancelled) co_return allowed;
            at_once = failure(pending.call, allowed.error().describe());
        }
        if (at_once) {
            TENON_CO_CHECK(co_await finish_call(i, std::move(*at_once), std::chrono::milliseconds(0)));
            continue;
        }
        ToolContext given;
        static_cast<chain::Context&>(given) = context();
        given.run = state_.run;
        ++running_;
        boost::asio::co_spawn(executor, work(channel_, *tool, pending.call, std::move(given), i),
                              [](std::exception_ptr error) {
                                  if (error) std::rethrow_exception(error);
                              });
        if (alone) break;
    }
    co_return Result<void>{};
}

task<Result<void>> RunStream::collect_call() {
    TENON_CO_TRY(auto done, co_await channel_->next(options_.call));
    if (!done) co_return fail(ErrorCode::internal, "the results of the tools ended early");
    --running_;
    if (!done->result) co_return std::unexpected(std::move(done->result).error());
    TENON_CO_CHECK(co_await finish_call(done->index, std::move(*done->result), done->time));
    auto more = co_await start_calls();
    co_return more;
}

task<Result<void>> RunStream::finish_call(std::size_t index, llm::ToolResultPart result,
                                          std::chrono::milliseconds time) {
    for (auto at = parts_->middleware.rbegin(); at != parts_->middleware.rend(); ++at)
        TENON_CO_CHECK(co_await (*at)->after_tool(state_, result, context()));
    auto& pending = state_.pending[index];
    pending.result = result;
    pending.status = PendingCall::Status::finished;
    ++state_.tool_calls;
    // Kept before anybody hears of it: a finished call is never run again.
    TENON_CO_CHECK(save("tool " + pending.call.name));
    ready_.emplace_back(ResultStep{std::move(result), time});
    co_return Result<void>{};
}

/// All calls have results: they join the conversation.
Result<void> RunStream::close_calls() {
    std::vector<llm::ToolResultPart> results;
    std::optional<std::string> answer, next;
    for (auto& pending : state_.pending) {
        const Tool* tool = find_tool(pending.call.name);
        if (tool != nullptr && tool->policy().is_answer && !pending.result.is_error) answer = pending.result.content;
        for (const auto& other : parts_->others)
            if (pending.call.name == transfer_tool(other->name) && !pending.result.is_error) next = other->name;
        results.push_back(std::move(pending.result));
    }
    state_.pending.clear();
    for (auto& message : protocol_->results(results)) state_.messages.push_back(std::move(message));
    if (next) {
        ready_.emplace_back(NoteStep{fmt::format("{} hands over to {}", parts_->name, *next)});
        TENON_CHECK(become(*next));
    }
    if (answer) {
        state_.outcome = Outcome::answered;
        state_.answer = std::move(*answer);
        return {};
    }
    return {};
}

}  // namespace tenon::agent
