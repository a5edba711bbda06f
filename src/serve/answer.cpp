#include "serve/answer.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <map>

#include "tenon/net/sse.hpp"

namespace tenon::serve {
namespace {

/// The stop came from the server (its time limit, its end) or the client's leaving: nobody may take the rest for the
/// whole.
ApiError cut_short(const State& state) {
    return api_error({ErrorCode::deadline_exceeded,
                      fmt::format("the request was ended before its answer was complete; one may take {} s here",
                                  state.options.time_limit.count())});
}

/// What a generation has used when nobody listens any more: its stop is under way, and its last event tells.
task<llm::Usage> rest_of(StreamPtr<llm::ChatEvent> events, llm::Usage usage) {
    for (;;) {
        auto event = co_await events->next();
        if (!event || !*event) co_return usage;
        if ((*event)->finish) co_return (*event)->usage;
    }
}

ApiError model_problem(const Error& error) {
    auto problem = api_error(error);
    if (problem.status == 404) problem.code = "model_not_found";
    problem.param = "model";
    return problem;
}

task<Result<StreamPtr<llm::ChatEvent>>> ask(llm::ChatModelPtr model, Question question, CallOptions options) {
    if (question.completion) co_return co_await model->complete(std::move(*question.completion), options);
    co_return co_await model->stream(std::move(question.request), options);
}

task<Result<llm::ChatResponse>> ask_whole(llm::ChatModelPtr model, Question question, CallOptions options) {
    if (!question.completion) co_return co_await model->generate(std::move(question.request), options);
    TENON_CO_TRY(const auto events, co_await ask(model, std::move(question), options));
    llm::ResponseBuilder answer;
    for (;;) {
        TENON_CO_TRY(auto event, co_await events->next());
        if (!event) break;
        answer.add(std::move(*event));
    }
    co_return answer.take();
}

task<Result<void>> send_whole(StatePtr state, std::shared_ptr<net::ResponseWriter> writer, net::CallContext context,
                              OpenedModel opened, Question question, std::shared_ptr<AnswerRenderer> renderer) {
    auto reply = co_await ask_whole(opened.model, std::move(question), context.call);
    if (!reply) co_return co_await send_response(writer, renderer->error(api_error(reply.error())));
    state->count_tokens(opened.name, reply->usage);
    if (reply->finish == llm::FinishReason::cancelled)
        co_return co_await send_response(writer, renderer->error(cut_short(*state)));
    co_return co_await send_response(writer, renderer->whole(*reply));
}

task<Result<void>> send_stream(StatePtr state, std::shared_ptr<net::ResponseWriter> writer, net::CallContext context,
                               OpenedModel opened, Question question, std::shared_ptr<AnswerRenderer> renderer) {
    auto events = co_await ask(opened.model, std::move(question), context.call);
    if (!events) co_return co_await send_response(writer, renderer->error(api_error(events.error())));
    net::Headers headers = renderer->stream_headers();
    TENON_CO_CHECK(co_await writer->start(200, std::move(headers)));
    std::string bytes = renderer->begin();
    llm::Usage usage;
    for (bool more = true; more;) {
        auto event = co_await (*events)->next();
        if (!event) {
            bytes += renderer->failure(api_error(event.error()));
            TENON_CO_CHECK(co_await writer->write(std::move(bytes)));
            co_return co_await writer->finish();
        }
        llm::ChatEvent last;
        last.finish = llm::FinishReason::stop;  // of a model that forgot to say so
        const llm::ChatEvent& e = *event ? **event : last;
        more = !e.finish;
        if (e.finish == llm::FinishReason::cancelled) {
            state->count_tokens(opened.name, e.usage);
            bytes += renderer->failure(cut_short(*state));
            TENON_CO_CHECK(co_await writer->write(std::move(bytes)));
            co_return co_await writer->finish();
        }
        if (e.finish) usage = e.usage;
        bytes += renderer->event(e);
        if (bytes.empty()) continue;
        auto sent = co_await writer->write(std::exchange(bytes, {}));
        if (!sent) {  // the client has left; what was written for it still counts
            if (more) usage = co_await rest_of(std::move(*events), usage);
            state->count_tokens(opened.name, usage);
            co_return sent;
        }
    }
    state->count_tokens(opened.name, usage);
    co_return co_await writer->finish();
}

}  // namespace

task<ApiResult<OpenedModel>> open_chat_model(StatePtr state, Caller caller, std::string name) {
    if (name.empty()) name = state->services.default_chat_model;
    auto model = co_await state->services.chat_model(name, std::move(caller));
    if (!model) co_return std::unexpected(model_problem(model.error()));
    co_return OpenedModel{std::move(name), std::move(*model)};
}

task<ApiResult<OpenedEmbedder>> open_embedder(StatePtr state, Caller caller, std::string name) {
    if (name.empty()) name = state->services.default_embedding_model;
    auto embedder = co_await state->services.embedder(name, std::move(caller));
    if (!embedder) co_return std::unexpected(model_problem(embedder.error()));
    co_return OpenedEmbedder{std::move(name), std::move(*embedder)};
}

task<ApiResult<OpenedReranker>> open_reranker(StatePtr state, Caller caller, std::string name) {
    if (!state->services.reranker) co_return std::unexpected(plain_error(404, "this server has no rerankers"));
    auto reranker = co_await state->services.reranker(name, std::move(caller));
    if (!reranker) co_return std::unexpected(model_problem(reranker.error()));
    co_return OpenedReranker{std::move(name), std::move(*reranker)};
}

ApiResult<void> check_abilities(const llm::ChatRequest& request, const llm::ChatModel& model) {
    const auto& reasoning = request.reasoning;
    if (!reasoning || model.capabilities().reasoning) return {};
    const bool off = reasoning->effort == llm::ReasoningSettings::Effort::none || reasoning->budget_tokens == 0U;
    const bool asked = reasoning->effort || reasoning->budget_tokens;
    if (!asked || off) return {};
    return bad_param(
        "reasoning",
        fmt::format("the model '{}' cannot be told how hard to think; leave that out, or ask another model",
                    model.name()),
        "unsupported_parameter");
}

task<Result<void>> answer(StatePtr state, Caller caller, std::shared_ptr<net::ResponseWriter> writer,
                          net::CallContext context, Question question, std::shared_ptr<AnswerRenderer> renderer) {
    auto opened = co_await open_chat_model(state, std::move(caller), std::move(question.model));
    if (!opened) co_return co_await send_response(writer, renderer->error(opened.error()));
    if (auto able = check_abilities(question.request, *opened->model); !able)
        co_return co_await send_response(writer, renderer->error(able.error()));
    renderer->model = opened->name;
    const RunningGeneration running(state, opened->name, context.call.stop);
    if (question.stream)
        co_return co_await send_stream(state, writer, context, std::move(*opened), std::move(question), renderer);
    co_return co_await send_whole(state, writer, context, std::move(*opened), std::move(question), renderer);
}

void name_tool_results(std::vector<llm::Message>& messages) {
    std::map<std::string, std::string> names;
    for (auto& message : messages)
        for (auto& part : message.content) {
            if (const auto* call = std::get_if<llm::ToolCallPart>(&part)) names[call->id] = call->name;
            auto* result = std::get_if<llm::ToolResultPart>(&part);
            if (result == nullptr || !result->name.empty()) continue;
            if (const auto known = names.find(result->call_id); known != names.end()) result->name = known->second;
        }
}

std::string sse(std::string_view name, const json::Value& data) {
    net::SseEvent event;
    event.event = name;
    event.data = json::dump(data);
    return net::sse_encode(event);
}

net::Headers event_stream_headers() {
    net::Headers headers;
    headers.add("Content-Type", "text/event-stream; charset=utf-8");
    headers.add("Cache-Control", "no-cache");
    headers.add("X-Accel-Buffering", "no");
    return headers;
}

}  // namespace tenon::serve
