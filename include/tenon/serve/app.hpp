// Web services from typed functions: what a handler takes and gives is in its signature, and so is the OpenAPI
// document.
//
//     serve::App app;
//     app.provide(std::make_shared<Database>("users.db"));
//     app.get("/users/{id}", [](Path<int> id, Inject<Database> db) -> task<Result<User>> { … });
//     app.post("/users", [](Body<NewUser> user, Inject<Database> db) -> Result<Created<User>> { … });
//     auto server = app.start(runtime, {.port = 8080});
//
// parameters.hpp says what a handler may take, reply.hpp what it may give. A path that does not fit its handler, and a
// handler that takes or gives what App does not know, do not compile. Requests that do not fit are answered with 422
// and every fault by name; an Error becomes a problem (RFC 9457) with the status of its code. The document is at
// /openapi.json (OpenAPI 3.1), a page to read and try it at /docs, which needs no network.
//
// A handler that does not wait runs on the event loop and must be quick; `.blocking()` moves it to a thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tenon/async/runtime.hpp"
#include "tenon/net/http_server.hpp"
#include "tenon/serve/handler.hpp"

namespace tenon::agent {
class Agent;
}
namespace tenon::rag {
class Answerer;
}

namespace tenon::serve {

using detail::PathFor;
using detail::RuntimePath;

struct AppOptions {
    std::string title = "API";
    std::string version = "0.1.0";
    std::string description{};
    std::string document_path = "/openapi.json";  ///< empty: none
    std::string docs_path = "/docs";              ///< empty: none
    bool refuse_unknown = false;  ///< members of a body and parameters no field is named after are faults
    std::size_t max_form_value_bytes = std::size_t{1} << 20;  ///< of a field that is no file
};

/// Sees every request before its handler and every answer after it. `next` may be called once, or not at all.
using Middleware = std::function<task<net::HttpResponse>(net::HttpRequest, net::CallContext, net::Handler next)>;

struct AppState;  ///< private to the room

/// One route, to be described further: app.get(…).summary("…").tag("users"). Belongs to the App.
class Operation {
  public:
    Operation& summary(std::string text);
    Operation& description(std::string text);
    Operation& tag(std::string name);
    Operation& id(std::string operation_id);  ///< default: from method and path, "get_users_id"
    Operation& deprecated();
    Operation& hidden();  ///< not in the document
    /// Who may call it, when the handler does not ask: nobody without an Auth<T>.
    template <class T>
    Operation& secure() {
        return need(type_key<T>());
    }
    /// Another answer it may give: what clients find in the document.
    template <class T>
    Operation& responds(int status, std::string text) {
        return respond(status, std::move(text), &json::type_of<T>());
    }
    Operation& responds(int status, std::string text) { return respond(status, std::move(text), nullptr); }
    /// What errors look like in the document where `on_error` or a middleware makes them something else than problems.
    template <class T>
    Operation& fails_with() {
        return fail_with(&json::type_of<T>());
    }
    /// Shown in the document, and what the docs page begins with.
    template <class T>
    Operation& example(const T& body) {
        return example_text(json::to_text(body));
    }
    /// The deadline and the stop token of the handler obey it; default: the server's.
    Operation& time_limit(std::chrono::milliseconds time);
    Operation& max_body_bytes(std::size_t bytes);
    /// Runs on a thread of the runtime's pool for work that blocks, not on the event loop.
    Operation& blocking();

    struct Data;
    explicit Operation(std::unique_ptr<Data> data);
    ~Operation();
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;

  private:
    friend class App;
    friend struct AppState;
    Operation& need(TypeKey key);
    Operation& respond(int status, std::string text, const json::Type* type);
    Operation& fail_with(const json::Type* type);
    Operation& example_text(std::string json);
    std::unique_ptr<Data> data_;
};

/// An App that serves. Destroying it cuts every connection; await `shutdown` to end well.
class RunningApp {
  public:
    ~RunningApp();
    RunningApp(const RunningApp&) = delete;
    RunningApp& operator=(const RunningApp&) = delete;
    [[nodiscard]] std::uint16_t port() const noexcept;
    [[nodiscard]] std::string url() const;
    /// Stops accepting, lets requests finish for `grace`, waits for background tasks, runs the on_stop functions.
    [[nodiscard]] task<void> shutdown(std::chrono::milliseconds grace = std::chrono::milliseconds(10'000));
    /// Returns when the process is told to end (SIGINT, SIGTERM).
    [[nodiscard]] task<void> wait_for_signal();

    struct Impl;

  private:
    friend class App;
    explicit RunningApp(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// Routes, what they are given, and what surrounds them. Built by one thread; what serves it afterwards is
/// thread-safe. Nothing may be added once it serves.
class App {
  public:
    explicit App(AppOptions options = AppOptions());
    App(App&&) noexcept;
    App& operator=(App&&) noexcept;
    ~App();

    template <class H>
    Operation& get(std::type_identity_t<PathFor<H>> path, H handler) {
        return route("GET", path, std::move(handler));
    }
    template <class H>
    Operation& post(std::type_identity_t<PathFor<H>> path, H handler) {
        return route("POST", path, std::move(handler));
    }
    template <class H>
    Operation& put(std::type_identity_t<PathFor<H>> path, H handler) {
        return route("PUT", path, std::move(handler));
    }
    template <class H>
    Operation& patch(std::type_identity_t<PathFor<H>> path, H handler) {
        return route("PATCH", path, std::move(handler));
    }
    template <class H>
    Operation& del(std::type_identity_t<PathFor<H>> path, H handler) {
        return route("DELETE", path, std::move(handler));
    }
    /// A WebSocket (RFC 6455): `handler` takes a WebSocket and whatever else handlers take, and gives
    /// task<Result<void>>. What it takes is checked before the connection is upgraded: who may not come in gets 401,
    /// 422 and so on. Pages of other origins are refused as ever.
    template <class H>
    Operation& websocket(std::type_identity_t<PathFor<H>> path, H handler) {
        return route("GET", path, std::move(handler));
    }
    template <class H>
    Operation& route(std::string_view method, std::type_identity_t<PathFor<H>> path, H handler) {
        if constexpr (detail::is_handler<H>()) {
            using T = typename detail::Given<typename detail::SignatureOf<H>::result>::type;
            auto bound = detail::bind_handler<H>(path.text());
            Draft draft;
            for (const auto& parameter : bound.parameters) parameter.kind->declare(draft, parameter);
            detail::ReplyOf<T>::declare(draft);
            using E = detail::HandlerEndpoint<H, net::HttpResponse, detail::FinishReply<T>>;
            return add(method, path.text(), bound.fault, std::make_unique<E>(std::move(handler)),
                       std::move(bound.parameters), std::move(draft));
        } else {
            detail::explain_handler<H>();
        }
    }

    /// A chain behind one line: POST `path` takes what the chain takes and gives {"output": …}; POST `path`/stream
    /// gives its pieces as events {"chunk": …} (the whole output as one when it does not stream). A chain that takes no
    /// described struct takes {"input": …}. Include tenon/serve/chain_route.hpp.
    template <class Chain>
    Operation& serve_chain(std::string path, Chain chain);
    /// POST `path` takes {"question", "history", "user"} and gives {"answer", "outcome", "steps", "tool_calls",
    /// "usage"}; POST `path`/stream gives the steps as events: text, thought, call, result, approval, note, plan,
    /// answer.
    Operation& serve_agent(std::string path, agent::Agent agent);
    /// POST `path` takes {"question", "top_k", "max_tokens"} and gives the answer with its citations
    /// (docs/guide/json.md); POST `path`/stream gives events text and, at the end, answer.
    Operation& serve_answers(std::string path, std::shared_ptr<const rag::Answerer> engine);

    /// What Inject<T> gives: `make` is called once a request that asks for it; it may take what handlers take, other
    /// injected things included, and gives T, a pointer to one, or a Result or task of either. What it gave is
    /// destroyed after the answer has been sent, the last made first. A second provider of T replaces the first.
    template <class T = void, class F>
        requires(!json::detail::is_owner<F>)
    App& provide(F make) {
        return provide_as<T>(std::move(make), false);
    }
    /// The same object for every request.
    template <class T>
    App& provide(std::shared_ptr<T> one) {
        return provide_as<T>([one = std::move(one)]() { return one; }, false);
    }
    /// What Auth<T> gives: `check` takes BearerToken, BasicCredentials or ApiKey<"…"> besides what handlers take, and
    /// fails with unauthenticated (401) or permission_denied (403). Several for one T are alternatives, tried in order.
    template <class T = void, class F>
    App& authenticate(F check) {
        return provide_as<T>(std::move(check), true);
    }

    /// The first one added is the outermost.
    App& use(Middleware middleware);
    /// What an Error is answered with, instead of its problem; nullopt: as ever.
    App& on_error(std::function<std::optional<net::HttpResponse>(const Error&)> map);
    /// Run by `start`, in order, before the first request; an error ends the start.
    App& on_start(std::function<task<Result<void>>()> run);
    /// Run by `shutdown`, the last added first.
    App& on_stop(std::function<task<void>()> run);

    /// The OpenAPI 3.1 document, as JSON text. Errors: those of `router`.
    [[nodiscard]] Result<std::string> document() const;
    /// The routes for a server of one's own. Errors: invalid_argument: something that is asked for is not provided,
    /// providers need each other in a circle, two routes are the same, a path given at run time does not fit.
    [[nodiscard]] Result<net::Router> router(Runtime& runtime) const;
    /// Errors: those of `router`, the on_start functions and HttpServer::start.
    [[nodiscard]] Result<std::unique_ptr<RunningApp>> start(Runtime& runtime,
                                                            net::HttpServerOptions options = {}) const;

  private:
    friend class TestClient;
    using Route = detail::Endpoint<net::HttpResponse>;
    using Maker = detail::Endpoint<std::shared_ptr<void>>;

    template <class T, class F>
    App& provide_as(F make, bool alternative) {
        if constexpr (detail::is_handler<F, false>()) {
            using V = typename detail::Given<typename detail::SignatureOf<F>::result>::type;
            using Made = std::conditional_t<std::is_void_v<T>, typename detail::Pointee<V>::type, T>;
            auto bound = detail::bind_handler<F>("/");
            Draft draft;
            for (const auto& parameter : bound.parameters) parameter.kind->declare(draft, parameter);
            using E = detail::HandlerEndpoint<F, std::shared_ptr<void>, detail::FinishProvided<Made>>;
            add_provider(type_key<Made>(), std::make_unique<E>(std::move(make)), std::move(bound.parameters),
                         std::move(draft), alternative);
        } else {
            detail::explain_handler<F, false>();
        }
        return *this;
    }
    Operation& add(std::string_view method, std::string_view path, detail::PathFault fault,
                   std::unique_ptr<Route> endpoint, std::vector<detail::BoundParameter> parameters, Draft draft);
    void add_provider(TypeKey key, std::unique_ptr<Maker> maker, std::vector<detail::BoundParameter> parameters,
                      Draft draft, bool alternative);

    std::shared_ptr<AppState> state_;
};

}  // namespace tenon::serve
