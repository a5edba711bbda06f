#include "serve/ollama/routes.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <chrono>

#include "serve/embed.hpp"
#include "serve/ollama/render.hpp"
#include "serve/ollama/request.hpp"
#include "serve/openai_request.hpp"

namespace tenon::serve::ollama {
namespace {

using Writer = std::shared_ptr<net::ResponseWriter>;

task<Result<void>> chat(StatePtr state, net::HttpRequest http, Writer writer, net::CallContext context) {
    auto body = parse_body(http.body);
    if (!body) co_return co_await send_response(writer, error_line(body.error()));
    auto question = read_chat(*body, state->options.max_tokens);
    if (!question) co_return co_await send_response(writer, error_line(question.error()));
    auto renderer = std::make_shared<OllamaRenderer>(OllamaRenderer::Kind::chat);
    co_return co_await answer(state, caller_of(http), writer, context, std::move(*question), renderer);
}

task<Result<void>> generate(StatePtr state, net::HttpRequest http, Writer writer, net::CallContext context) {
    auto body = parse_body(http.body);
    if (!body) co_return co_await send_response(writer, error_line(body.error()));
    auto asked = read_generate(*body, state->options.max_tokens);
    if (!asked) co_return co_await send_response(writer, error_line(asked.error()));
    if (asked->load_only) {
        auto opened = co_await open_chat_model(state, caller_of(http), std::move(asked->question.model));
        if (!opened) co_return co_await send_response(writer, error_line(opened.error()));
        const json::Object loaded{{"model", opened->name},
                                  {"created_at", now_text()},
                                  {"response", ""},
                                  {"done", true},
                                  {"done_reason", "load"}};
        co_return co_await send_response(writer, net::HttpResponse::json(json::dump(loaded)));
    }
    auto renderer = std::make_shared<OllamaRenderer>(OllamaRenderer::Kind::generate);
    co_return co_await answer(state, caller_of(http), writer, context, std::move(asked->question), renderer);
}

json::Array numbers(const std::vector<float>& row) { return json::Array(row.begin(), row.end()); }

task<net::HttpResponse> embeddings(StatePtr state, net::HttpRequest http, net::CallContext context, bool older) {
    const auto begun = std::chrono::steady_clock::now();
    auto body = parse_body(http.body);
    if (!body) co_return error_line(body.error());
    auto asked = read_embed(*body);
    if (!asked) co_return error_line(asked.error());
    const auto dimensions = asked->dimensions;
    auto made = co_await embed(state, caller_of(http), context, std::move(asked->model), std::move(asked->inputs),
                               llm::EmbedKind::passage, dimensions);
    if (!made) co_return error_line(made.error());
    if (older)
        co_return net::HttpResponse::json(
            json::dump(json::Object{{"embedding", made->rows.empty() ? json::Array() : numbers(made->rows.front())}}));
    json::Array rows;
    for (const auto& row : made->rows) rows.push_back(numbers(row));
    const auto took = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - begun);
    co_return net::HttpResponse::json(json::dump(json::Object{{"model", made->model},
                                                              {"embeddings", std::move(rows)},
                                                              {"total_duration", took.count()},
                                                              {"load_duration", 0},
                                                              {"prompt_eval_count", made->usage.input_tokens}}));
}

json::Object details(const ModelEntry& model) {
    return {{"parent_model", ""},           {"format", "gguf"},
            {"family", model.architecture}, {"families", json::Array{model.architecture}},
            {"parameter_size", ""},         {"quantization_level", model.quantisation}};
}

json::Object model_object(const ModelEntry& model) {
    return {{"name", model.name},
            {"model", model.name},
            {"size", model.memory_bytes},
            {"digest", ""},
            {"modified_at", time_text(model.created)},
            {"details", details(model)}};
}

task<net::HttpResponse> tags(StatePtr state, net::HttpRequest, net::CallContext) {
    json::Array models;
    for (const auto& model : state->services.models()) models.push_back(model_object(model));
    co_return net::HttpResponse::json(json::dump(json::Object{{"models", std::move(models)}}));
}

task<net::HttpResponse> running(StatePtr state, net::HttpRequest, net::CallContext) {
    json::Array models;
    for (const auto& model : state->services.models()) {
        if (!model.loaded) continue;
        auto object = model_object(model);
        object.erase("modified_at");
        object["size_vram"] = 0;
        object["context_length"] = model.context_length;
        object["expires_at"] = "9999-12-31T23:59:59Z";  // a model goes when another needs its memory
        models.push_back(std::move(object));
    }
    co_return net::HttpResponse::json(json::dump(json::Object{{"models", std::move(models)}}));
}

task<net::HttpResponse> show(StatePtr state, net::HttpRequest http, net::CallContext) {
    auto body = parse_body(http.body);
    if (!body) co_return error_line(body.error());
    const auto name = plain_name(std::string(json::string_or(*body, "model", json::string_or(*body, "name", ""))));
    for (const auto& model : state->services.models()) {
        if (model.name != name) continue;
        json::Array abilities;
        if (model.role == "embedding") {
            abilities.emplace_back("embedding");
        } else {
            abilities.emplace_back("completion");
            auto opened = co_await open_chat_model(state, caller_of(http), name);
            if (!opened) co_return error_line(opened.error());
            const auto can = opened->model->capabilities();
            if (can.tools) abilities.emplace_back("tools");
            if (can.images) abilities.emplace_back("vision");
            if (can.reasoning) abilities.emplace_back("thinking");
        }
        json::Object info{{"general.architecture", model.architecture}};
        info[model.architecture + ".context_length"] = model.context_length;
        co_return net::HttpResponse::json(json::dump(json::Object{{"license", model.licence},
                                                                  {"modelfile", ""},
                                                                  {"parameters", ""},
                                                                  {"template", ""},
                                                                  {"modified_at", time_text(model.created)},
                                                                  {"details", details(model)},
                                                                  {"model_info", std::move(info)},
                                                                  {"capabilities", std::move(abilities)}}));
    }
    ApiError problem;
    problem.status = 404;
    problem.message = fmt::format("model '{}' not found; GET /api/tags lists those that are installed", name);
    co_return error_line(problem);
}

task<net::HttpResponse> version(StatePtr state, net::HttpRequest, net::CallContext) {
    co_return net::HttpResponse::json(json::dump(json::Object{{"version", state->services.version}}));
}

task<net::HttpResponse> elsewhere(StatePtr, net::HttpRequest, net::CallContext) {
    ApiError problem;
    problem.status = 501;
    problem.message =
        "models are not managed over this API; on the server's machine `tenon pull NAME` installs one and `tenon "
        "models "
        "remove NAME` removes it";
    co_return error_line(problem);
}

}  // namespace

void add_routes(net::Router& router, const StatePtr& state) {
    net::RouteOptions generous;
    generous.max_body_bytes = state->options.max_body_bytes;
    const auto bind = [&](auto handler) {
        return [state, handler](net::HttpRequest http, net::CallContext context) {
            return handler(state, std::move(http), std::move(context));
        };
    };
    const auto streaming = [&](auto handler) {
        return [state, handler](net::HttpRequest http, Writer writer, net::CallContext context) {
            return handler(state, std::move(http), std::move(writer), std::move(context));
        };
    };
    router.add_streaming("POST", "/api/chat", streaming(chat), generous);
    router.add_streaming("POST", "/api/generate", streaming(generate), generous);
    for (const bool older : {false, true})
        router.post(
            older ? "/api/embeddings" : "/api/embed",
            [state, older](net::HttpRequest http, net::CallContext context) {
                return embeddings(state, std::move(http), std::move(context), older);
            },
            generous);
    router.get("/api/tags", bind(tags));
    router.get("/api/ps", bind(running));
    router.get("/api/version", bind(version));
    router.post("/api/show", bind(show));
    for (const char* path : {"/api/pull", "/api/push", "/api/create", "/api/copy"}) router.post(path, bind(elsewhere));
    router.add("DELETE", "/api/delete", bind(elsewhere));
}

}  // namespace tenon::serve::ollama
