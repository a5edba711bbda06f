// /v1/models, /v1/chat/completions, /v1/completions.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "serve/answer.hpp"
#include "serve/anthropic/routes.hpp"
#include "serve/openai_render.hpp"
#include "serve/openai_request.hpp"
#include "serve/state.hpp"
#include "tenon/base/utf8.hpp"
#include "tenon/net/sse.hpp"

namespace tenon::serve {
namespace {

/// One of `n` answers while it is collected.
struct Choice {
    std::string text, reasoning;
    std::vector<llm::ToolCallPart> calls;
    std::vector<llm::TokenLogprob> logprobs;
    llm::FinishReason finish = llm::FinishReason::stop;
    llm::Usage usage;
};

void add_usage(llm::Usage& sum, const llm::Usage& u, bool first) {
    if (first) {  // the prompt is one, however many answers it gets
        sum.input_tokens += u.input_tokens;
        sum.cached_input_tokens += u.cached_input_tokens;
    }
    sum.output_tokens += u.output_tokens;
    sum.reasoning_tokens += u.reasoning_tokens;
    sum.accepted_prediction_tokens += u.accepted_prediction_tokens;
    sum.rejected_prediction_tokens += u.rejected_prediction_tokens;
}

std::string finish_name(llm::FinishReason reason) {
    return std::string(llm::to_string(reason == llm::FinishReason::cancelled ? llm::FinishReason::stop : reason));
}

json::Object model_object(const ModelEntry& m) {
    return json::Object{{"id", m.name},
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
}

task<Result<void>> send_event(std::shared_ptr<net::ResponseWriter> writer, json::Value value) {
    net::SseEvent event;
    event.data = json::dump(value);
    co_return co_await writer->write(net::sse_encode(event));
}

task<Result<void>> send_done(std::shared_ptr<net::ResponseWriter> writer) {
    net::SseEvent event;
    event.data = "[DONE]";
    TENON_CO_CHECK(co_await writer->write(net::sse_encode(event)));
    co_return co_await writer->finish();
}

/// After the stream has begun an error can only be told inside it.
task<Result<void>> send_stream_error(std::shared_ptr<net::ResponseWriter> writer, Error error) {
    TENON_CO_CHECK(co_await send_event(writer, error_body(api_error(error))));
    co_return co_await writer->finish();
}

llm::GenerationSettings settings_of_choice(llm::GenerationSettings s, std::size_t index) {
    if (s.seed && index > 0) s.seed = *s.seed + index;  // n answers with one seed must differ, and still be repeatable
    return s;
}

/// The stop came from the server (its time limit, its end) or the client's leaving: nobody may take the rest for the
/// whole.
Error cut_short(const State& state) {
    return {ErrorCode::deadline_exceeded,
            fmt::format("the request was ended before its answer was complete; one may take {} s here",
                        state.options.time_limit.count())};
}

/// What a generation has used when nobody listens any more: its stop is under way, and its last event tells.
task<llm::Usage> rest_of(StreamPtr<llm::ChatEvent> events, llm::Usage usage) {
    for (;;) {
        auto event = co_await events->next();
        if (!event || !*event) co_return usage;
        if ((*event)->finish) co_return (*event)->usage;
    }
}

// ---- chat ----

task<Result<void>> chat_whole(StatePtr state, std::shared_ptr<net::ResponseWriter> writer, net::CallContext context,
                              llm::ChatModelPtr model, ChatBody body) {
    json::Array choices;
    llm::Usage usage;
    for (std::size_t i = 0; i < body.n; ++i) {
        llm::ChatRequest request = body.request;
        request.settings = settings_of_choice(request.settings, i);
        auto reply = co_await model->generate(std::move(request), context.call);
        if (!reply) co_return co_await send_response(writer, error_response(reply.error()));
        if (reply->finish == llm::FinishReason::cancelled) {
            add_usage(usage, reply->usage, i == 0);
            state->count_tokens(body.model, usage);
            co_return co_await send_response(writer, error_response(cut_short(*state)));
        }
        std::vector<llm::ToolCallPart> calls;
        std::string reasoning;
        for (auto& part : reply->message.content) {
            if (auto* call = std::get_if<llm::ToolCallPart>(&part))
                calls.push_back(std::move(*call));
            else if (auto* thought = std::get_if<llm::ReasoningPart>(&part))
                reasoning += thought->text;
        }
        const std::string text = reply->message.text();
        json::Object message{{"role", "assistant"}};
        message["content"] = text.empty() && !calls.empty() ? json::Value(nullptr) : json::Value(text);
        message["refusal"] = nullptr;
        if (!reasoning.empty()) message["reasoning_content"] = reasoning;
        if (!calls.empty()) message["tool_calls"] = render_tool_calls(calls);
        json::Object choice{
            {"index", i}, {"message", std::move(message)}, {"finish_reason", finish_name(reply->finish)}};
        choice["logprobs"] =
            body.request.settings.top_logprobs ? render_chat_logprobs(reply->logprobs) : json::Value(nullptr);
        choices.push_back(std::move(choice));
        add_usage(usage, reply->usage, i == 0);
    }
    state->count_tokens(body.model, usage);
    json::Object out{{"id", make_id("chatcmpl-")},
                     {"object", "chat.completion"},
                     {"created", unix_now()},
                     {"model", body.model},
                     {"choices", std::move(choices)},
                     {"usage", render_usage(usage)},
                     {"system_fingerprint", "tenon-" + state->services.version}};
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
    llm::Usage usage;
    bool begun = false;
    for (std::size_t i = 0; i < body.n; ++i) {
        llm::ChatRequest request = body.request;
        request.settings = settings_of_choice(request.settings, i);
        auto events = co_await model->stream(std::move(request), context.call);
        if (!events) {
            if (!begun) co_return co_await send_response(writer, error_response(events.error()));
            co_return co_await send_stream_error(writer, events.error());
        }
        if (!begun) TENON_CO_CHECK(co_await start_events(writer));
        begun = true;
        Steps steps;
        json::Object role{{"role", "assistant"}, {"content", ""}};
        TENON_CO_CHECK(co_await send_event(writer, delta(i, std::move(role), nullptr, nullptr)));
        for (bool more = true; more;) {
            auto event = co_await (*events)->next();
            if (!event) co_return co_await send_stream_error(writer, event.error());
            if (!*event) break;
            auto& e = **event;
            json::Object content;
            if (!e.text.empty()) content["content"] = e.text;
            if (!e.reasoning.empty()) content["reasoning_content"] = e.reasoning;
            if (auto calls = render_call_pieces(steps.of(e)); !calls.empty()) content["tool_calls"] = std::move(calls);
            json::Value logprobs = nullptr;
            if (!e.logprobs.empty()) logprobs = render_chat_logprobs(e.logprobs);
            if (!content.empty() || !logprobs.is_null()) {
                auto sent = co_await send_event(writer, delta(i, std::move(content), std::move(logprobs), nullptr));
                if (!sent) {  // the client has left; what was written for it still counts
                    llm::Usage used;
                    if (e.finish) used = e.usage;
                    used = co_await rest_of(std::move(*events), used);
                    add_usage(usage, used, i == 0);
                    state->count_tokens(body.model, usage);
                    co_return sent;
                }
            }
            if (e.finish == llm::FinishReason::cancelled) {
                add_usage(usage, e.usage, i == 0);
                state->count_tokens(body.model, usage);
                co_return co_await send_stream_error(writer, cut_short(*state));
            }
            if (e.finish) {
                add_usage(usage, e.usage, i == 0);
                TENON_CO_CHECK(co_await send_event(
                    writer, delta(i, json::Object(), nullptr, json::Value(finish_name(*e.finish)))));
                more = false;
            }
        }
    }
    state->count_tokens(body.model, usage);
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
    if (body->model.empty()) body->model = state->services.default_chat_model;
    auto caller = caller_of(http);
    caller.fresh = body->n > 1;
    auto model = co_await state->services.chat_model(body->model, std::move(caller));
    if (!model) {
        auto problem = api_error(model.error());
        if (problem.status == 404) problem.code = "model_not_found";
        problem.param = "model";
        co_return co_await send_response(writer, error_response(problem));
    }
    if (auto able = check_abilities(body->request, **model); !able)
        co_return co_await send_response(writer, error_response(able.error()));
    const RunningGeneration running(state, body->model, context.call.stop);
    if (body->stream) co_return co_await chat_stream(state, writer, context, std::move(*model), std::move(*body));
    co_return co_await chat_whole(state, writer, context, std::move(*model), std::move(*body));
}

// ---- text completion ----

task<Result<void>> completion(StatePtr state, net::HttpRequest http, std::shared_ptr<net::ResponseWriter> writer,
                              net::CallContext context) {
    auto json_body = parse_body(http.body);
    if (!json_body) co_return co_await send_response(writer, error_response(json_body.error()));
    auto body = parse_completion(*json_body, state->options.max_tokens);
    if (!body) co_return co_await send_response(writer, error_response(body.error()));
    if (body->model.empty()) body->model = state->services.default_chat_model;
    auto caller = caller_of(http);
    caller.fresh = body->n > 1;
    auto found = co_await state->services.chat_model(body->model, std::move(caller));
    if (!found) {
        auto problem = api_error(found.error());
        if (problem.status == 404) problem.code = "model_not_found";
        problem.param = "model";
        co_return co_await send_response(writer, error_response(problem));
    }
    const llm::ChatModelPtr model = *found;
    const RunningGeneration running(state, body->model, context.call.stop);
    const std::string id = make_id("cmpl-");
    const std::int64_t created = unix_now();
    const auto object = [&](json::Array choices) {
        return json::Object{{"id", id},
                            {"object", "text_completion"},
                            {"created", created},
                            {"model", body->model},
                            {"choices", std::move(choices)}};
    };
    const bool logprobs = body->settings.top_logprobs.has_value();
    json::Array choices;
    llm::Usage usage;
    std::size_t index = 0;
    bool begun = false;
    for (const auto& prompt : body->prompts) {
        for (std::size_t i = 0; i < body->n; ++i, ++index) {
            llm::CompletionRequest request;
            request.prompt = prompt;
            request.settings = settings_of_choice(body->settings, i);
            auto events = co_await model->complete(std::move(request), context.call);
            if (!events) {
                if (!begun) co_return co_await send_response(writer, error_response(events.error()));
                co_return co_await send_stream_error(writer, events.error());
            }
            if (body->stream && !begun) TENON_CO_CHECK(co_await start_events(writer));
            begun = begun || body->stream;
            Choice choice;
            std::size_t offset = 0;
            if (body->echo) {
                choice.text = prompt;
                offset = utf8::length(prompt);
                if (body->stream) {
                    json::Array one;
                    one.push_back(json::Object{
                        {"index", index}, {"text", prompt}, {"logprobs", nullptr}, {"finish_reason", nullptr}});
                    TENON_CO_CHECK(co_await send_event(writer, object(std::move(one))));
                }
            }
            for (bool more = true; more;) {
                auto event = co_await (*events)->next();
                if (!event) {
                    if (!begun) co_return co_await send_response(writer, error_response(event.error()));
                    co_return co_await send_stream_error(writer, event.error());
                }
                if (!*event) break;
                auto& e = **event;
                if (body->stream && (!e.text.empty() || e.finish)) {
                    json::Array one;
                    json::Object piece{{"index", index}, {"text", e.text}};
                    piece["logprobs"] = logprobs
                                            ? render_completion_logprobs(e.logprobs, offset + utf8::length(choice.text))
                                            : json::Value(nullptr);
                    piece["finish_reason"] = e.finish ? json::Value(finish_name(*e.finish)) : json::Value(nullptr);
                    one.push_back(std::move(piece));
                    TENON_CO_CHECK(co_await send_event(writer, object(std::move(one))));
                }
                choice.text += e.text;
                for (auto& l : e.logprobs) choice.logprobs.push_back(std::move(l));
                if (e.finish == llm::FinishReason::cancelled) {
                    add_usage(usage, e.usage, i == 0);
                    state->count_tokens(body->model, usage);
                    if (!begun) co_return co_await send_response(writer, error_response(cut_short(*state)));
                    co_return co_await send_stream_error(writer, cut_short(*state));
                }
                if (e.finish) {
                    choice.finish = *e.finish;
                    add_usage(usage, e.usage, i == 0);
                    more = false;
                }
            }
            json::Object whole{{"index", index}, {"text", choice.text}, {"finish_reason", finish_name(choice.finish)}};
            whole["logprobs"] = logprobs ? render_completion_logprobs(choice.logprobs, offset) : json::Value(nullptr);
            choices.push_back(std::move(whole));
        }
    }
    state->count_tokens(body->model, usage);
    if (!body->stream) {
        auto out = object(std::move(choices));
        out["usage"] = render_usage(usage);
        co_return co_await send_response(writer, net::HttpResponse::json(json::dump(out)));
    }
    if (body->include_usage) {
        auto last = object(json::Array());
        last["usage"] = render_usage(usage);
        TENON_CO_CHECK(co_await send_event(writer, std::move(last)));
    }
    co_return co_await send_done(writer);
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
            return completion(state, std::move(http), std::move(writer), std::move(context));
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
