// /openapi.json and /docs of `tenon serve`.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "serve/document/describe.hpp"
#include "serve/state.hpp"

namespace tenon::serve {
namespace {

task<net::HttpResponse> fixed(std::shared_ptr<const std::string> text, std::string_view content_type) {
    net::HttpResponse response{200, {{"Content-Type", std::string(content_type)}}, *text};
    co_return response;
}

bool is_console(std::string_view pattern) { return pattern == "/" || pattern.starts_with("/assets/"); }

}  // namespace

void add_api_document(net::Router& router, const StatePtr& state) {
    using document::KeyHolder;
    App app({.title = "Tenon",
             .version = state->services.version,
             .description = "Local and remote models, documents and answers with citations, for clients of OpenAI, "
                            "Anthropic, Gemini and Ollama."});
    app.authenticate<KeyHolder>([](BearerToken) { return KeyHolder{}; });
    app.authenticate<KeyHolder>([](ApiKey<"x-api-key">) { return KeyHolder{}; });
    app.authenticate<KeyHolder>([](ApiKey<"x-goog-api-key">) { return KeyHolder{}; });
    document::Routes routes(app);
    document::describe_openai(routes);
    document::describe_responses(routes);
    document::describe_anthropic(routes);
    document::describe_gemini(routes);
    document::describe_ollama(routes);
    document::describe_documents(routes);
    document::describe_server(routes);
    const bool keyed = !state->options.api_keys.empty();
    for (const auto& route : router.routes()) {
        const auto [from, to] = routes.all().equal_range({route.method, route.pattern});
        if (from == to && !is_console(route.pattern) && state->options.log)
            state->options.log(LogLevel::error, "serve",
                               fmt::format("{} {} is not in the API document", route.method, route.pattern));
        if (!keyed || route.options.open_access) continue;
        for (auto at = from; at != to; ++at) at->second->secure<KeyHolder>();
    }
    auto document = app.document();
    if (!document) {
        if (state->options.log)
            state->options.log(LogLevel::error, "serve", "no API document: " + document.error().describe());
        return;
    }
    net::RouteOptions open;
    open.open_access = true;
    const auto text = std::make_shared<const std::string>(std::move(*document));
    const auto page = std::make_shared<const std::string>(docs_page());
    router.get(
        "/openapi.json", [text](net::HttpRequest, net::CallContext) { return fixed(text, "application/json"); }, open);
    router.get(
        "/docs", [page](net::HttpRequest, net::CallContext) { return fixed(page, "text/html; charset=utf-8"); }, open);
}

}  // namespace tenon::serve
