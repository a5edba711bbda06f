// /v1/models, /v1/chat/completions.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "serve/answer.hpp"
#include "serve/anthropic/routes.hpp"
#include "serve/choices.hpp"
#include "serve/openai_events.hpp"
#include "serve/openai_render.hpp"
#include "serve/openai_request.hpp"
#include "serve/state.hpp"

namespace tenon::serve {
namespace {

json::Object model_object(const ModelEntry& m) {
    json::Object out{{"id", m.name},
                     {"object", "model"},
                     {"created", m.created},
                     {"owned_by", "tenon"},
                     {"role", m.role},
                     {"loaded", m.loaded},
                     {"architecture", m.architecture},
                     {"quantisation", m.quantisation},
                     {"licence", m.licence},
                     {"context_length", m.context_length},
                     {"memory_bytes", m.memory_bytes}};
    if (!m.parent.empty()) out["parent"] = m.parent;
    return out;
}

// ---- chat ----

task<Result<void>> chat_whole(StatePtr state, std::shared_ptr<net::ResponseWriter> writer, net::CallContext context,
                              llm::ChatModelPtr model, ChatBody body) {
    auto opened = co_await model->stream_choices(body.request, body.n, context.call);
    if (!opened) co_return co_await send_response(writer, error_response(opened.error()));
    Choices answers(std::move(*opened));
    std::vector<llm::ResponseBuilder> builders(body.n);
    for (;;) {
        auto piece = co_await answers.next();
        if (!piece) co_return co_await send_response(writer, error_response(piece.error()));
        if (!*piece) break;
        builders[(*piece)->index].add(std::move((*piece)->event));
    }
    json::Array choices;
    json::Value prompt_logprobs = nullptr;
    std::vector<llm::Usage> usages(body.n);
    bool whole = true;
    for (std::size_t i = 0; i < body.n; ++i) {
        auto reply = builders[i].take();
        usages[i] = reply.usage;
        whole = whole && reply.finish != llm::FinishReason::cancelled;
        if (body.request.settings.prompt_logprobs && i == 0)
            prompt_logprobs = render_prompt_logprobs(reply.prompt_logprobs, *body.request.settings.prompt_logprobs);
        std::vector<llm::ToolCallPart> calls;
        std::string reasoning;
        for (auto& part : reply.message.content) {
            if (auto* call = std::get_if<llm::ToolCallPart>(&part))
                calls.push_back(std::move(*call));
            else if (auto* thought = std::get_if<llm::ReasoningPart>(&part))
                reasoning += thought->text;
        }
        const std::string text = reply.message.text();
        json::Object message{{"role", "assistant"}};
        message["content"] = text.empty() && !calls.empty() ? json::Value(nullptr) : json::Value(text);
        message["refusal"] = nullptr;
        if (!reasoning.empty()) message["reasoning_content"] = reasoning;
        if (!calls.empty()) message["tool_calls"] = render_tool_calls(calls);
        json::Object choice{
            {"index", i}, {"message", std::move(message)}, {"finish_reason", finish_name(reply.finish)}};
        choice["logprobs"] =
            body.request.settings.top_logprobs ? render_chat_logprobs(reply.logprobs) : json::Value(nullptr);
        choices.push_back(std::move(choice));
    }
    const llm::Usage usage = usage_of_prompt(usages);
    state->count_tokens(body.model, usage);
    if (!whole) co_return co_await send_response(writer, error_response(cut_short(*state)));
    json::Object out{{"id", make_id("chatcmpl-")},
                     {"object", "chat.completion"},
                     {"created", unix_now()},
                     {"model", body.model},
                     {"choices", std::move(choices)},
                     {"usage", render_usage(usage)},
                     {"system_fingerprint", "tenon-" + state->services.version}};
    if (body.request.settings.prompt_logprobs) out["prompt_logprobs"] = std::move(prompt_logprobs);
    co_return co_await send_response(writer, net::HttpResponse::json(json::dump(out)));
}

task<Result<void>> chat_stream(StatePtr state, std::shared_ptr<net::ResponseWriter> writer, net::CallContext context,
                               llm::ChatModelPtr model, ChatBody body) {
    const std::string id = make_id("chatcmpl-");
    const std::int64_t created = unix_now();
    const auto chunk = [&](json::Array choices) {
        json::Object out{{"id", id},
                         {"object", "chat.completion.chunk"},
                         {"created", created},
                         {"model", body.model},
                         {"system_fingerprint", "tenon-" + state->services.version},
                         {"choices", std::move(choices)}};
        if (body.include_usage) out["usage"] = nullptr;
        return out;
    };
    const auto delta = [&](std::size_t index, json::Object content, json::Value logprobs, json::Value finish) {
        json::Array choices;
        choices.push_back(json::Object{{"index", index},
                                       {"delta", std::move(content)},
                                       {"logprobs", std::move(logprobs)},
                                       {"finish_reason", std::move(finish)}});
        return chunk(std::move(choices));
    };
    auto opened = co_await model->stream_choices(body.request, body.n, context.call);
    if (!opened) co_return co_await send_response(writer, error_response(opened.error()));
    TENON_CO_CHECK(co_await start_events(writer));
    for (std::size_t i = 0; i < body.n; ++i) {
        json::Object role{{"role", "assistant"}, {"content", ""}};
        TENON_CO_CHECK(co_await send_event(writer, delta(i, std::move(role), nullptr, nullptr)));
    }
    Choices answers(std::move(*opened));
    std::vector<Steps> steps(body.n);
    std::vector<llm::Usage> usages(body.n);
    bool whole = true;
    for (;;) {
        auto piece = co_await answers.next();
        if (!piece) co_return co_await send_stream_error(writer, piece.error());
        if (!*piece) break;
        const std::size_t i = (*piece)->index;
        auto& e = (*piece)->event;
        if (e.finish) usages[i] = e.usage;
        json::Object content;
        if (!e.text.empty()) content["content"] = e.text;
        if (!e.reasoning.empty()) content["reasoning_content"] = e.reasoning;
        if (auto calls = render_call_pieces(steps[i].of(e)); !calls.empty()) content["tool_calls"] = std::move(calls);
        json::Value logprobs = nullptr;
        if (!e.logprobs.empty()) logprobs = render_chat_logprobs(e.logprobs);
        Result<void> sent;
        if (!content.empty() || !logprobs.is_null())
            sent = co_await send_event(writer, delta(i, std::move(content), std::move(logprobs), nullptr));
        if (e.finish == llm::FinishReason::cancelled)
            whole = false;
        else if (e.finish && sent)
            sent = co_await send_event(writer, delta(i, json::Object(), nullptr, json::Value(finish_name(*e.finish))));
        if (!sent) {  // the client has left; what was written for it still counts
            co_await wait_for_usage(answers, usages);
            state->count_tokens(body.model, usage_of_prompt(usages));
            co_return sent;
        }
    }
    const llm::Usage usage = usage_of_prompt(usages);
    state->count_tokens(body.model, usage);
    if (!whole) co_return co_await send_stream_error(writer, cut_short(*state));
    if (body.include_usage) {
        auto last = chunk(json::Array());
        last["usage"] = render_usage(usage);
        TENON_CO_CHECK(co_await send_event(writer, std::move(last)));
    }
    co_return co_await send_done(writer);
}

task<Result<void>> chat(StatePtr state, net::HttpRequest http, std::shared_ptr<net::ResponseWriter> writer,
                        net::CallContext context) {
    auto json_body = parse_body(http.body);
    if (!json_body) co_return co_await send_response(writer, error_response(json_body.error()));
    auto body = parse_chat(*json_body, state->options.max_tokens);
    if (!body) co_return co_await send_response(writer, error_response(body.error()));
    auto caller = caller_of(http);
    caller.fresh = body->n > 1;
    auto opened = co_await open_chat_model(state, std::move(caller), body->model);
    if (!opened) co_return co_await send_response(writer, error_response(opened.error()));
    body->model = std::move(opened->name);
    if (auto able = check_abilities(body->request, *opened->model); !able)
        co_return co_await send_response(writer, error_response(able.error()));
    if (auto able = check_scores(body->request.settings, *opened->model); !able)
        co_return co_await send_response(writer, error_response(able.error()));
    const RunningGeneration running(state, body->model, context.call.stop);
    if (body->stream)
        co_return co_await chat_stream(state, writer, context, std::move(opened->model), std::move(*body));
    co_return co_await chat_whole(state, writer, context, std::move(opened->model), std::move(*body));
}

task<net::HttpResponse> list_models(StatePtr state, net::HttpRequest http, net::CallContext context) {
    if (anthropic::speaks(http)) co_return anthropic::list_models(*state, http, context.request_id);
    json::Array data;
    for (const auto& m : state->services.models()) data.push_back(model_object(m));
    co_return net::HttpResponse::json(json::dump(json::Object{{"object", "list"}, {"data", std::move(data)}}));
}

task<net::HttpResponse> show_model(StatePtr state, net::HttpRequest http, net::CallContext context) {
    const std::string name(http.path_parameter("id"));
    if (anthropic::speaks(http)) co_return anthropic::show_model(*state, name, context.request_id);
    for (const auto& m : state->services.models())
        if (m.name == name) co_return net::HttpResponse::json(json::dump(model_object(m)));
    ApiError e;
    e.status = 404;
    e.message = fmt::format("the model '{}' is not installed; GET /v1/models lists those that are", name);
    e.code = "model_not_found";
    e.param = "model";
    co_return error_response(e);
}

}  // namespace

void add_openai_routes(net::Router& router, const StatePtr& state) {
    net::RouteOptions generous;
    generous.max_body_bytes = state->options.max_body_bytes;
    router.add_streaming(
        "POST", "/v1/chat/completions",
        [state](net::HttpRequest http, std::shared_ptr<net::ResponseWriter> writer, net::CallContext context) {
            return chat(state, std::move(http), std::move(writer), std::move(context));
        },
        generous);
    router.add_streaming(
        "POST", "/v1/completions",
        [state](net::HttpRequest http, std::shared_ptr<net::ResponseWriter> writer, net::CallContext context) {
            return text_completion(state, std::move(http), std::move(writer), std::move(context));
        },
        generous);
    router.get("/v1/models", [state](net::HttpRequest http, net::CallContext context) {
        return list_models(state, std::move(http), std::move(context));
    });
    router.get("/v1/models/{id...}", [state](net::HttpRequest http, net::CallContext context) {
        return show_model(state, std::move(http), std::move(context));
    });
}

}  // namespace tenon::serve
