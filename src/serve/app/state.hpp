// What an App is made of, what a running one adds, and one request. Private to serve.
#pragma once

#include <atomic>
#include <deque>
#include <optional>
#include <vector>

#include "tenon/async/signal.hpp"
#include "tenon/base/file.hpp"
#include "tenon/serve/app.hpp"
#include "tenon/serve/scope.hpp"

namespace tenon::serve {

struct Operation::Data {
    std::string method, path;
    detail::PathFault fault = detail::PathFault::none;
    std::unique_ptr<detail::Endpoint<net::HttpResponse>> endpoint;
    std::vector<detail::BoundParameter> parameters;
    bool parameters_wait = false;
    Draft draft;
    std::vector<TypeKey> secured_by;
    std::string summary, description, id, example;
    std::string shown_path;             ///< in the document; empty: `path`
    const json::Type* error = nullptr;  ///< of every failure; null: a problem
    std::vector<std::string> tags;
    net::RouteOptions options;
    bool deprecated = false, hidden = false, blocking = false;
    std::string challenge;  ///< of 401, made by `router`
};

struct Provider {
    TypeKey key;
    std::unique_ptr<detail::Endpoint<std::shared_ptr<void>>> maker;
    std::vector<detail::BoundParameter> parameters;
    Draft draft;
    bool alternative = false;
};

struct AppState {
    AppOptions options;
    std::vector<std::unique_ptr<Operation>> operations;
    std::vector<Provider> providers;
    std::vector<Middleware> middleware;
    std::vector<std::function<std::optional<net::HttpResponse>(const Error&)>> on_error;
    std::vector<std::function<task<Result<void>>()>> on_start;
    std::vector<std::function<task<void>()>> on_stop;

    /// Errors: see App::router.
    [[nodiscard]] Result<void> check() const;
    [[nodiscard]] std::vector<const Provider*> providers_of(TypeKey key) const;
    /// Alternatives, each a set of schemes that must all be shown; one empty set: anybody may call.
    [[nodiscard]] std::vector<std::vector<SecurityScheme>> security_of(const Operation::Data& operation) const;
    [[nodiscard]] std::string document() const;

    [[nodiscard]] static Operation::Data& data(Operation& operation) { return *operation.data_; }
};

/// The part of a serving App that changes.
struct AppRun {
    std::shared_ptr<const AppState> app;
    Executor executor, blocking;
    LogSink log;
    std::atomic<std::size_t> background{0};
    Signal idle;

    [[nodiscard]] task<void> wait_for_background();
};
using AppRunPtr = std::shared_ptr<AppRun>;

class Scope : public std::enable_shared_from_this<Scope> {
  public:
    Scope(AppRunPtr for_run, const Operation::Data& of, net::HttpRequest asked, net::CallContext how)
        : run(std::move(for_run)), operation(of), request(std::move(asked)), context(std::move(how)) {}
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

    AppRunPtr run;
    const Operation::Data& operation;
    net::HttpRequest request;
    net::CallContext context;
    net::Headers added;
    std::optional<net::HttpResponse> refusal;
    struct Made {
        TypeKey key;
        std::shared_ptr<void> value;
    };
    std::vector<Made> made;
    std::vector<std::function<task<void>()>> background;
    std::optional<TemporaryDirectory> files;
    WebSocket* socket = nullptr;  ///< among the arguments: where the handler expects it
};

/// Answers one request from its operation.
[[nodiscard]] task<net::HttpResponse> answer(AppRunPtr run, const Operation::Data* operation, net::HttpRequest request,
                                             net::CallContext context);
[[nodiscard]] Result<net::Router> make_router(const AppRunPtr& run);
/// The refusal that lists the faults.
[[nodiscard]] net::HttpResponse faults_response(const std::vector<FieldFault>& faults);
/// What the scope's request is answered with when `error` ended it.
[[nodiscard]] net::HttpResponse error_response_of(Scope& scope, const Error& error);

/// Texts as a value of the type, as forms, queries, paths and headers carry them. False: `fault` says why not.
[[nodiscard]] bool value_from_texts(const json::Type& type, const std::vector<std::string_view>& texts, json::Value& to,
                                    std::string& fault);
/// Reads a field or single value from its texts (none: it was not sent) and adds what is wrong.
void read_texts(const json::Type& type, const json::Rules& rules, const std::vector<std::string_view>& texts, void* to,
                std::string_view in, std::string_view name, std::vector<FieldFault>& faults);

[[nodiscard]] std::string_view docs_page();

}  // namespace tenon::serve
