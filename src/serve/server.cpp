#include "tenon/serve/server.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include "serve/anthropic/render.hpp"
#include "serve/anthropic/routes.hpp"
#include "serve/gemini/render.hpp"
#include "serve/gemini/routes.hpp"
#include "serve/measured_model.hpp"
#include "serve/ollama/render.hpp"
#include "serve/ollama/routes.hpp"
#include "serve/responses/routes.hpp"
#include "serve/state.hpp"
#include "tenon/net/http_server.hpp"

namespace tenon::serve {

struct Server::Impl {
    StatePtr state;
    std::unique_ptr<net::HttpServer> http;
};

namespace {

/// Errors of HTTP itself, in the words of the protocol that the path belongs to.
net::HttpResponse http_error(int status, std::string message, std::string_view path) {
    auto problem = plain_error(status, std::move(message));
    if (path.starts_with("/v1/messages")) return anthropic::error_response(problem, {});
    if (path.starts_with("/v1beta/")) return gemini::google_error(problem);
    if (path.starts_with("/api/")) return ollama::error_line(problem);
    return error_response(problem);
}

task<net::HttpResponse> health(StatePtr state) {
    const double up = std::chrono::duration<double>(std::chrono::steady_clock::now() - state->started).count();
    co_return net::HttpResponse::json(
        json::dump(json::Object{{"status", "ok"}, {"version", state->services.version}, {"uptime_seconds", up}}));
}

task<net::HttpResponse> metrics(StatePtr state) {
    auto response = net::HttpResponse::text(state->metrics.render());
    response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    co_return response;
}

void record(State& state, const net::AccessRecord& r) {
    // Unknown paths share one label, so that a scanner cannot fill the memory.
    const std::string route = r.route.empty() ? "other" : r.route;
    state.metrics.add("tenon_http_requests_total", "HTTP requests.",
                      {{"route", route}, {"method", r.method}, {"status", std::to_string(r.status)}});
    state.metrics.observe("tenon_http_request_seconds", "Time from the request's header to the end of its answer.",
                          {{"route", route}}, std::chrono::duration<double>(r.duration).count(),
                          observe::Metrics::latency_buckets());
    if (r.client_gone)
        state.metrics.add("tenon_http_clients_gone_total", "Requests whose client went away first.",
                          {{"route", route}});
    if (state.options.log)
        state.options.log(LogLevel::info, "serve",
                          fmt::format("{} {} {} {} {:.1f} ms{} {}", r.remote, r.method, r.path, r.status,
                                      std::chrono::duration<double, std::milli>(r.duration).count(),
                                      r.client_gone ? " (client gone)" : "", r.request_id));
}

task<Result<llm::ChatModelPtr>> open_measured(decltype(Services::chat_model) open, std::weak_ptr<State> state,
                                              std::string name, Caller caller) {
    TENON_CO_TRY(auto model, co_await open(name, std::move(caller)));
    co_return measured(std::move(model), std::move(name), std::move(state));
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(Services services, ServerOptions options) {
    auto impl = std::make_unique<Impl>();
    impl->state = std::make_shared<State>();
    State& state = *impl->state;
    state.services = std::move(services);
    state.options = std::move(options);
    state.services.chat_model = [open = std::move(state.services.chat_model), weak = std::weak_ptr<State>(impl->state)](
                                    std::string name, Caller caller) {
        return open_measured(open, weak, std::move(name), std::move(caller));
    };
    state.metrics.on_render([weak = std::weak_ptr<State>(impl->state)](observe::Metrics& all) {
        const auto s = weak.lock();
        if (!s) return;
        if (s->services.refresh_metrics) s->services.refresh_metrics(all);
        refresh_engine_metrics(s->services, all);
        double loaded = 0, bytes = 0;
        for (const auto& m : s->services.models()) {
            if (!m.loaded) continue;
            loaded += 1;
            bytes += static_cast<double>(m.memory_bytes);
        }
        all.set("tenon_models_loaded", "Models in memory.", {}, loaded);
        all.set("tenon_models_memory_bytes", "Memory the loaded models are reckoned to take.", {}, bytes);
        all.set("tenon_models_memory_budget_bytes", "Memory that loaded models may take; 0: no bound.", {},
                static_cast<double>(s->services.memory_budget));
        all.set("tenon_uptime_seconds", "Time since the server started.", {},
                std::chrono::duration<double>(std::chrono::steady_clock::now() - s->started).count());
        all.set("tenon_info", "The program.", {{"version", s->services.version}}, 1);
    });

    net::Router router;
    add_openai_routes(router, impl->state);
    add_embedding_route(router, impl->state);
    add_token_routes(router, impl->state);
    add_adapter_routes(router, impl->state);
    add_rerank_route(router, impl->state);
    anthropic::add_routes(router, impl->state);
    responses::add_routes(router, impl->state);
    gemini::add_routes(router, impl->state);
    ollama::add_routes(router, impl->state);
    add_rag_routes(router, impl->state);
    add_knowledge_routes(router, impl->state);
    add_console_routes(router);
    net::RouteOptions open;
    open.open_access = true;
    router.get(
        "/health", [s = impl->state](net::HttpRequest, net::CallContext) { return health(s); }, open);
    router.get("/metrics", [s = impl->state](net::HttpRequest, net::CallContext) { return metrics(s); });
    add_api_document(router, impl->state);
    if (state.services.add_routes) state.services.add_routes(router);

    net::HttpServerOptions http;
    http.host = state.options.host;
    http.port = state.options.port;
    http.max_body_bytes = state.options.max_body_bytes;
    http.time_limit = state.options.time_limit;
    http.api_keys = state.options.api_keys;
    http.accept_key = state.services.accept_key;
    http.add_headers = state.services.add_headers;
    http.cors.origins = state.options.cors_origins;
    http.error_response = http_error;
    http.key_parameter = "key";  // as Gemini's clients may send it
    http.on_complete = [s = impl->state](const net::AccessRecord& r) { record(*s, r); };
    http.log = state.options.log;
    TENON_TRY(impl->http,
              net::HttpServer::start(state.services.runtime->executor(), std::move(http), std::move(router)));
    return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;
std::uint16_t Server::port() const noexcept { return impl_->http->port(); }
std::string Server::url() const { return impl_->http->url(); }
task<void> Server::shutdown() { co_await impl_->http->shutdown(impl_->state->options.shutdown_grace); }

}  // namespace tenon::serve
