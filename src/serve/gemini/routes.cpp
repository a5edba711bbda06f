#include "serve/gemini/routes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "serve/embed.hpp"
#include "serve/gemini/render.hpp"
#include "serve/gemini/request.hpp"
#include "serve/openai_request.hpp"

namespace tenon::serve::gemini {
namespace {

using Writer = std::shared_ptr<net::ResponseWriter>;

/// "qwen:generateContent"; names may hold colons of their own.
struct Target {
    std::string model, action;
};
Target target_of(const net::HttpRequest& http) {
    const auto path = http.path_parameter("target");
    const auto colon = path.rfind(':');
    if (colon == std::string_view::npos) return {std::string(path), {}};
    return {std::string(path.substr(0, colon)), std::string(path.substr(colon + 1))};
}

ApiError nothing_at(std::string message) {
    ApiError out;
    out.status = 404;
    out.message = std::move(message);
    return out;
}

task<Result<void>> generate(StatePtr state, net::HttpRequest http, Writer writer, net::CallContext context,
                            Target target) {
    auto body = parse_body(http.body);
    if (!body) co_return co_await send_response(writer, google_error(body.error()));
    auto asked = read_generate(*body, state->options.max_tokens);
    if (!asked) co_return co_await send_response(writer, google_error(asked.error()));
    asked->question.model = std::move(target.model);
    asked->question.stream = target.action == "streamGenerateContent";
    const auto form = http.query_parameter("alt") == "sse" ? GeminiRenderer::Form::sse : GeminiRenderer::Form::array;
    auto renderer = std::make_shared<GeminiRenderer>(form, asked->thoughts);
    co_return co_await answer(state, caller_of(http), writer, context, std::move(asked->question), renderer);
}

task<net::HttpResponse> count_tokens(StatePtr state, net::HttpRequest http, net::CallContext context, Target target) {
    auto body = parse_body(http.body);
    if (!body) co_return google_error(body.error());
    auto question = read_count(*body);
    if (!question) co_return google_error(question.error());
    auto opened = co_await open_chat_model(state, caller_of(http), std::move(target.model));
    if (!opened) co_return google_error(opened.error());
    auto count = co_await opened->model->count_request_tokens(std::move(question->request), context.call);
    if (!count) co_return google_error(api_error(count.error()));
    co_return net::HttpResponse::json(json::dump(json::Object{{"totalTokens", *count}}));
}

task<net::HttpResponse> embeddings(StatePtr state, net::HttpRequest http, net::CallContext context, Target target) {
    auto body = parse_body(http.body);
    if (!body) co_return google_error(body.error());
    auto asked = read_embed(*body);
    if (!asked) co_return google_error(asked.error());
    const auto dimensions = asked->dimensions;
    auto made = co_await embed(state, caller_of(http), context, std::move(target.model), std::move(asked->texts),
                               asked->kind, dimensions);
    if (!made) co_return google_error(made.error());
    json::Array all;
    for (const auto& row : made->rows) all.push_back(json::Object{{"values", json::Array(row.begin(), row.end())}});
    json::Object out;
    if (target.action == "embedContent")
        out["embedding"] = std::move(all.front());
    else
        out["embeddings"] = std::move(all);
    co_return net::HttpResponse::json(json::dump(out));
}

task<Result<void>> act(StatePtr state, net::HttpRequest http, Writer writer, net::CallContext context) {
    auto target = target_of(http);
    const auto& action = target.action;
    if (action == "generateContent" || action == "streamGenerateContent")
        co_return co_await generate(state, std::move(http), writer, context, std::move(target));
    if (action == "countTokens") {
        auto out = co_await count_tokens(state, std::move(http), context, std::move(target));
        co_return co_await send_response(writer, std::move(out));
    }
    if (action == "embedContent" || action == "batchEmbedContents") {
        auto out = co_await embeddings(state, std::move(http), context, std::move(target));
        co_return co_await send_response(writer, std::move(out));
    }
    auto problem = nothing_at(
        fmt::format("there is no method '{}'; use generateContent, streamGenerateContent, countTokens, embedContent or "
                    "batchEmbedContents",
                    action));
    co_return co_await send_response(writer, google_error(problem));
}

json::Object model_object(const State& state, const ModelEntry& model) {
    const bool embeds = model.role == "embedding";
    json::Array methods;
    if (embeds)
        methods = {"embedContent", "batchEmbedContents"};
    else
        methods = {"generateContent", "streamGenerateContent", "countTokens"};
    return {{"name", "models/" + model.name},
            {"baseModelId", model.name},
            {"version", "1"},
            {"displayName", model.name},
            {"description", fmt::format("{} {}", model.architecture, model.quantisation)},
            {"inputTokenLimit", model.context_length},
            {"outputTokenLimit", embeds ? 0 : state.options.max_tokens},
            {"supportedGenerationMethods", std::move(methods)}};
}

task<net::HttpResponse> list_models(StatePtr state, net::HttpRequest http, net::CallContext) {
    std::size_t size = 50;
    if (const auto given = http.query_parameter("pageSize")) {
        const auto [end, fault] = std::from_chars(given->data(), given->data() + given->size(), size);
        if (fault != std::errc{} || end != given->data() + given->size() || size < 1)
            co_return google_error(bad_param("pageSize", "'pageSize' must be a number from 1").error());
    }
    const auto all = state->services.models();
    auto at = all.begin();
    if (const auto token = http.query_parameter("pageToken"); token && !token->empty())
        at = std::ranges::find(all, *token, &ModelEntry::name);
    json::Array models;
    for (; at != all.end() && models.size() < size; ++at) models.push_back(model_object(*state, *at));
    json::Object out{{"models", std::move(models)}};
    if (at != all.end()) out["nextPageToken"] = at->name;
    co_return net::HttpResponse::json(json::dump(out));
}

task<net::HttpResponse> show_model(StatePtr state, net::HttpRequest http, net::CallContext) {
    const auto name = http.path_parameter("target");
    for (const auto& model : state->services.models())
        if (model.name == name) co_return net::HttpResponse::json(json::dump(model_object(*state, model)));
    co_return google_error(
        nothing_at(fmt::format("the model '{}' is not installed; GET /v1beta/models lists those that are", name)));
}

}  // namespace

void add_routes(net::Router& router, const StatePtr& state) {
    net::RouteOptions generous;
    generous.max_body_bytes = state->options.max_body_bytes;
    router.add_streaming(
        "POST", "/v1beta/models/{target...}",
        [state](net::HttpRequest http, Writer writer, net::CallContext context) {
            return act(state, std::move(http), std::move(writer), std::move(context));
        },
        generous);
    router.get("/v1beta/models", [state](net::HttpRequest http, net::CallContext context) {
        return list_models(state, std::move(http), std::move(context));
    });
    router.get("/v1beta/models/{target...}", [state](net::HttpRequest http, net::CallContext context) {
        return show_model(state, std::move(http), std::move(context));
    });
}

}  // namespace tenon::serve::gemini
