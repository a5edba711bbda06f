// The model's part of a run: asking it, hearing it out, understanding it.
#include <fmt/format.h>

#include <iterator>

#include "agent/run/run_stream.hpp"

namespace tenon::agent {

task<Result<void>> RunStream::ask_model() {
    llm::ChatRequest request;
    request.settings = options_.settings;
    request.messages = state_.messages;
    // Middleware sees what is on offer, and may narrow it.
    for (const auto& tool : tools_) request.tools.push_back(tool.definition());
    for (auto& middleware : parts_->middleware)
        TENON_CO_CHECK(co_await middleware->before_model(state_, request, context()));
    request.messages.insert(request.messages.begin(), recalled_.turns.begin(), recalled_.turns.end());
    std::string system = parts_->instructions;
    if (!recalled_.notes.empty()) system += (system.empty() ? "" : "\n\n") + recalled_.notes;
    std::vector<Tool> offered;
    for (const auto& d : request.tools)
        if (const auto* tool = find_tool(d.name)) offered.push_back(*tool);
    request.tools.clear();
    protocol_->prepare(request, system, offered);
    model_span_ = Span(options_.tracer, "model " + parts_->model->name(), span_.id());
    filter_ = protocol_->filter();
    heard_ = {};
    auto events = co_await parts_->model->stream(std::move(request), options_.call);
    if (events) {
        events_ = std::move(*events);
        co_return Result<void>{};
    }
    TENON_CO_TRY(const bool again, co_await again_after(events.error()));
    if (!again) co_return std::unexpected(std::move(events).error());
    co_return Result<void>{};
}

/// Whether the model is to be asked again after a failure.
task<Result<bool>> RunStream::again_after(Error error) {
    model_span_.end(&error);
    events_.reset();
    ++tries_;
    if (error.code() == ErrorCode::cancelled || error.code() == ErrorCode::deadline_exceeded) co_return false;
    for (auto& middleware : parts_->middleware) {
        TENON_CO_TRY(const bool again, co_await middleware->after_failure(state_, error, tries_, context()));
        if (!again) continue;
        if (spoke_) ready_.emplace_back(NoteStep{"the answer broke off and is begun again"});
        spoke_ = false;
        co_return true;
    }
    co_return false;
}

task<Result<void>> RunStream::hear_model() {
    auto event = co_await events_->next();
    if (!event) {
        TENON_CO_TRY(const bool again, co_await again_after(event.error()));
        if (!again) co_return std::unexpected(std::move(event).error());
        co_return Result<void>{};
    }
    if (*event) {
        auto piece = filter_->add(**event);
        if (!piece.thought.empty()) ready_.emplace_back(ThoughtStep{std::move(piece.thought)});
        if (!piece.text.empty()) {
            spoke_ = true;
            ready_.emplace_back(TextStep{std::move(piece.text)});
        }
        heard_.add(std::move(**event));
        co_return Result<void>{};
    }
    events_.reset();
    auto r = co_await heard();
    co_return r;
}

task<Result<void>> RunStream::heard() {
    auto piece = filter_->finish();
    if (!piece.thought.empty()) ready_.emplace_back(ThoughtStep{std::move(piece.thought)});
    if (!piece.text.empty()) {
        spoke_ = true;
        ready_.emplace_back(TextStep{std::move(piece.text)});
    }
    auto response = heard_.take();
    model_span_.set("gen_ai.usage.input_tokens", static_cast<std::int64_t>(response.usage.input_tokens));
    model_span_.set("gen_ai.usage.output_tokens", static_cast<std::int64_t>(response.usage.output_tokens));
    model_span_.end();
    // What the provider cut off in the middle of a stop is no answer.
    if (response.finish == llm::FinishReason::cancelled)
        co_return fail(options_.call.stop.stop_requested() ? ErrorCode::cancelled : ErrorCode::unavailable,
                       "the model stopped before it had answered");
    state_.usage += response.usage;
    ++state_.steps;
    tries_ = 0;
    for (auto at = parts_->middleware.rbegin(); at != parts_->middleware.rend(); ++at)
        TENON_CO_CHECK(co_await (*at)->after_model(state_, response, context()));
    const auto reason = response.finish;
    Turn turn = protocol_->read(std::move(response), state_.steps, tools_);
    state_.messages.push_back(std::move(turn.message));
    if (!turn.calls.empty()) {
        spoke_ = false;
        for (auto& call : turn.calls) {
            PendingCall pending{std::move(call)};
            const Tool* tool = find_tool(pending.call.name);
            // Nobody is asked about a call that cannot be made: the model is told what is wrong with it.
            if (tool != nullptr && tool->policy().approval && !tool->fault_in(pending.call.arguments_json))
                pending.status = PendingCall::Status::waiting;
            state_.pending.push_back(std::move(pending));
        }
        started_.assign(state_.pending.size(), false);
        auto saved = save("model");
        co_return saved;
    }
    if (!turn.complaint.empty()) {
        spoke_ = false;
        state_.messages.push_back(llm::Message::user(std::move(turn.complaint)));
        auto saved = save("model");
        co_return saved;
    }
    const auto outcome = reason == llm::FinishReason::content_filter ? Outcome::refused : Outcome::answered;
    auto r = co_await finish(outcome, std::move(turn.answer));
    co_return r;
}

}  // namespace tenon::agent
