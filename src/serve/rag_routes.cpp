// POST /v1/search and POST /v1/ask.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "serve/openai_request.hpp"
#include "serve/state.hpp"
#include "tenon/net/sse.hpp"
#include "tenon/rag/answer.hpp"
#include "tenon/serve/render.hpp"

namespace tenon::serve {
namespace {

ApiResult<std::string> text_of(const json::Value& body, const char* key) {
    const auto* value = json::find(body, key);
    if (value == nullptr || !value->is_string() ||
        json::string_or(body, key, "").find_first_not_of(" \t\r\n") == std::string_view::npos)
        return bad_param(key, fmt::format("'{}' must be a string that says something", key),
                         value == nullptr ? "missing_required_parameter" : "invalid_value");
    return std::string(json::string_or(body, key, ""));
}

ApiResult<std::size_t> count_of(const json::Value& body, const char* key, std::size_t otherwise, std::size_t most) {
    const auto* value = json::find(body, key);
    if (value == nullptr || value->is_null()) return otherwise;
    const std::int64_t n = value->is_number() ? json::integer_or(body, key, -1) : -1;
    if (n < 1 || static_cast<std::size_t>(n) > most)
        return bad_param(key, fmt::format("'{}' must be a whole number from 1 to {}", key, most));
    return static_cast<std::size_t>(n);
}

/// The retriever of a base, with the embedder it was made with.
task<Result<std::shared_ptr<const rag::Retriever>>> open_retriever(StatePtr state, std::string name) {
    TENON_CO_TRY(auto base, state->services.store->get(name));
    TENON_CO_TRY(const auto info, base->info());
    llm::EmbedderPtr embedder;
    if (!info.embedding_model.empty()) {
        TENON_CO_TRY(embedder, co_await state->services.embedder(info.embedding_model, Caller()));
    }
    co_return std::make_shared<const rag::Retriever>(std::move(base), std::move(embedder),
                                                     state->services.runtime->blocking_executor());
}

net::HttpResponse base_error(const Error& error) {
    auto problem = api_error(error);
    if (problem.status == 404) problem.param = "from";
    return error_response(problem);
}

task<net::HttpResponse> search(StatePtr state, net::HttpRequest http, net::CallContext context) {
    auto body = parse_body(http.body);
    if (!body) co_return error_response(body.error());
    auto query = text_of(*body, "query");
    if (!query) co_return error_response(query.error());
    auto from = text_of(*body, "from");
    if (!from) co_return error_response(from.error());
    auto top_k = count_of(*body, "top_k", 5, 1000);
    if (!top_k) co_return error_response(top_k.error());
    auto retriever = co_await open_retriever(state, *from);
    if (!retriever) co_return base_error(retriever.error());
    rag::RetrieveOptions how;
    how.top_k = *top_k;
    const auto mode = json::string_or(*body, "mode", "hybrid");
    if (mode == "text")
        how.mode = rag::RetrieveMode::text;
    else if (mode == "vector")
        how.mode = rag::RetrieveMode::vector;
    else if (mode != "hybrid") {
        const auto problem = bad_param("mode", "'mode' must be hybrid, text or vector");
        co_return error_response(problem.error());
    }
    auto found = co_await (*retriever)->retrieve(std::move(*query), how, context.call);
    if (!found) co_return error_response(found.error());
    co_return net::HttpResponse::json(json::dump(render_results(*found)));
}

task<Result<void>> ask(StatePtr state, net::HttpRequest http, std::shared_ptr<net::ResponseWriter> writer,
                       net::CallContext context) {
    auto body = parse_body(http.body);
    if (!body) co_return co_await send_response(writer, error_response(body.error()));
    auto question = text_of(*body, "question");
    if (!question) co_return co_await send_response(writer, error_response(question.error()));
    auto from = text_of(*body, "from");
    if (!from) co_return co_await send_response(writer, error_response(from.error()));
    rag::AnswerOptions options;
    auto top_k = count_of(*body, "top_k", options.top_k, 100);
    if (!top_k) co_return co_await send_response(writer, error_response(top_k.error()));
    auto most = count_of(*body, "max_tokens", options.max_tokens, state->options.max_tokens);
    if (!most) co_return co_await send_response(writer, error_response(most.error()));
    options.top_k = *top_k;
    options.max_tokens = *most;
    options.temperature = json::number_or(*body, "temperature", 0);
    if (const auto* history = json::find(*body, "history"); history != nullptr && !history->is_null()) {
        auto turns = parse_messages(*history, "history");
        if (!turns) co_return co_await send_response(writer, error_response(turns.error()));
        options.history = std::move(*turns);
    }
    std::string name(json::string_or(*body, "model", ""));
    if (name.empty()) name = state->services.default_chat_model;
    auto retriever = co_await open_retriever(state, *from);
    if (!retriever) co_return co_await send_response(writer, base_error(retriever.error()));
    auto model = co_await state->services.chat_model(name, caller_of(http));
    if (!model) {
        auto problem = api_error(model.error());
        if (problem.status == 404) problem.code = "model_not_found";
        problem.param = "model";
        co_return co_await send_response(writer, error_response(problem));
    }
    const rag::Answerer answerer(*retriever, *model);
    const RunningGeneration running(state, name, context.call.stop);
    const auto finished = [&](const rag::Answer& answer) {
        state->count_tokens(name, answer.usage);
        state->metrics.add("tenon_questions_total", "Questions to documents.",
                           {{"answered", answer.answerable ? "yes" : "no"}});
    };
    if (!json::bool_or(*body, "stream", false)) {
        auto answer = co_await answerer.answer(std::move(*question), std::move(options), context.call);
        if (!answer) co_return co_await send_response(writer, error_response(answer.error()));
        finished(*answer);
        co_return co_await send_response(writer, net::HttpResponse::json(json::dump(render_answer(*answer))));
    }
    auto events = co_await answerer.stream(std::move(*question), std::move(options), context.call);
    if (!events) co_return co_await send_response(writer, error_response(events.error()));
    TENON_CO_CHECK(co_await start_events(writer));
    for (;;) {
        auto event = co_await (*events)->next();
        net::SseEvent out;
        if (!event) {
            out.event = "error";
            out.data = json::dump(error_body(api_error(event.error())));
            TENON_CO_CHECK(co_await writer->write(net::sse_encode(out)));
            co_return co_await writer->finish();
        }
        if (!*event) co_return co_await writer->finish();
        auto& e = **event;
        if (!e.text.empty()) {
            out.data = json::dump(json::Object{{"text", e.text}});
            TENON_CO_CHECK(co_await writer->write(net::sse_encode(out)));
        }
        if (e.answer) {
            finished(*e.answer);
            net::SseEvent whole;
            whole.event = "answer";
            whole.data = json::dump(render_answer(*e.answer));
            TENON_CO_CHECK(co_await writer->write(net::sse_encode(whole)));
        }
    }
}

}  // namespace

void add_rag_routes(net::Router& router, const StatePtr& state) {
    router.post("/v1/search", [state](net::HttpRequest http, net::CallContext context) {
        return search(state, std::move(http), std::move(context));
    });
    router.add_streaming(
        "POST", "/v1/ask",
        [state](net::HttpRequest http, std::shared_ptr<net::ResponseWriter> writer, net::CallContext context) {
            return ask(state, std::move(http), std::move(writer), std::move(context));
        });
}

}  // namespace tenon::serve
