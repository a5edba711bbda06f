#include "tenon/serve/app.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>

#include "serve/app/state.hpp"

// GCC 12 takes the coroutine frame's operator delete, once inlined, for one that does not match its operator new.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace tenon::serve {

namespace asio = boost::asio;

// --- operations
// -------------------------------------------------------------------------------------------------------

Operation::Operation(std::unique_ptr<Data> data) : data_(std::move(data)) {}
Operation::~Operation() = default;
Operation& Operation::summary(std::string text) {
    data_->summary = std::move(text);
    return *this;
}
Operation& Operation::description(std::string text) {
    data_->description = std::move(text);
    return *this;
}
Operation& Operation::tag(std::string name) {
    data_->tags.push_back(std::move(name));
    return *this;
}
Operation& Operation::id(std::string operation_id) {
    data_->id = std::move(operation_id);
    return *this;
}
Operation& Operation::deprecated() {
    data_->deprecated = true;
    return *this;
}
Operation& Operation::hidden() {
    data_->hidden = true;
    return *this;
}
Operation& Operation::time_limit(std::chrono::milliseconds time) {
    data_->options.time_limit = time;
    return *this;
}
Operation& Operation::max_body_bytes(std::size_t bytes) {
    data_->options.max_body_bytes = bytes;
    return *this;
}
Operation& Operation::blocking() {
    data_->blocking = true;
    return *this;
}
Operation& Operation::need(TypeKey key) {
    data_->secured_by.push_back(key);
    return *this;
}
Operation& Operation::respond(int status, std::string text, const json::Type* type) {
    data_->draft.add_response(status, text, type == nullptr ? "" : "application/json", type);
    return *this;
}
Operation& Operation::fail_with(const json::Type* type) {
    data_->error = type;
    return *this;
}
Operation& Operation::example_text(std::string json) {
    data_->example = std::move(json);
    return *this;
}

// --- the app
// ----------------------------------------------------------------------------------------------------------

App::App(AppOptions options) : state_(std::make_shared<AppState>()) { state_->options = std::move(options); }
App::App(App&&) noexcept = default;
App& App::operator=(App&&) noexcept = default;
App::~App() = default;

Operation& App::add(std::string_view method, std::string_view path, detail::PathFault fault,
                    std::unique_ptr<Route> endpoint, std::vector<detail::BoundParameter> parameters, Draft draft) {
    auto data = std::make_unique<Operation::Data>();
    data->method = method;
    data->path = path;
    data->fault = fault;
    data->endpoint = std::move(endpoint);
    data->parameters_wait = detail::waits(parameters);
    data->parameters = std::move(parameters);
    data->options.stream_body = draft.waits_for_body;
    data->draft = std::move(draft);
    state_->operations.push_back(std::make_unique<Operation>(std::move(data)));
    return *state_->operations.back();
}

void App::add_provider(TypeKey key, std::unique_ptr<Maker> maker, std::vector<detail::BoundParameter> parameters,
                       Draft draft, bool alternative) {
    if (!alternative) std::erase_if(state_->providers, [&](const Provider& p) { return p.key == key; });
    state_->providers.push_back({key, std::move(maker), std::move(parameters), std::move(draft), alternative});
}

App& App::use(Middleware middleware) {
    state_->middleware.push_back(std::move(middleware));
    return *this;
}
App& App::on_error(std::function<std::optional<net::HttpResponse>(const Error&)> map) {
    state_->on_error.push_back(std::move(map));
    return *this;
}
App& App::on_start(std::function<task<Result<void>>()> run) {
    state_->on_start.push_back(std::move(run));
    return *this;
}
App& App::on_stop(std::function<task<void>()> run) {
    state_->on_stop.push_back(std::move(run));
    return *this;
}

Result<std::string> App::document() const {
    TENON_CHECK(state_->check());
    return state_->document();
}

namespace {
AppRunPtr make_run(std::shared_ptr<const AppState> state, Runtime& runtime, LogSink log) {
    auto run = std::make_shared<AppRun>();
    run->app = std::move(state);
    run->executor = runtime.executor();
    run->blocking = runtime.blocking_executor();
    run->log = std::move(log);
    return run;
}
}  // namespace

Result<net::Router> App::router(Runtime& runtime) const { return make_router(make_run(state_, runtime, {})); }

// --- answering
// --------------------------------------------------------------------------------------------------------

net::HttpResponse error_response_of(Scope& scope, const Error& error) {
    if (scope.refusal) return std::move(*scope.refusal);
    const auto& app = *scope.run->app;
    if (scope.run->log && net::status_of(error.code()) >= 500)
        scope.run->log(LogLevel::error, "serve",
                       fmt::format("{} {} {}: {}", scope.context.request_id, scope.operation.method,
                                   scope.operation.path, error.describe()));
    for (const auto& map : app.on_error)
        if (auto mapped = map(error)) return std::move(*mapped);
    auto response = problem_response(error);
    if (error.code() == ErrorCode::unauthenticated && !scope.operation.challenge.empty())
        response.headers.set("WWW-Authenticate", scope.operation.challenge);
    return response;
}

namespace {

/// Dropped when the answer has been sent: what is to happen then happens.
class Finisher {
  public:
    explicit Finisher(ScopePtr scope) : scope_(std::move(scope)) {}
    ~Finisher() {
        if (scope_->background.empty()) return;
        const auto run = scope_->run;
        run->background.fetch_add(1);
        asio::co_spawn(run->executor, work(std::move(scope_)), [run](const std::exception_ptr& error) {
            if (error && run->log) run->log(LogLevel::error, "serve", "a background task has thrown");
            if (run->background.fetch_sub(1) == 1) run->idle.ring();
        });
    }
    Finisher(const Finisher&) = delete;
    Finisher& operator=(const Finisher&) = delete;

  private:
    static task<void> work(ScopePtr scope) {
        for (std::size_t i = 0; i < scope->background.size(); ++i) {
            const auto function = std::move(scope->background[i]);
            co_await function();
        }
    }
    ScopePtr scope_;
};

task<Result<net::HttpResponse>> on_thread(const Operation::Data* operation, detail::Arguments* arguments) {
    co_return operation->endpoint->call_now(*arguments);
}

/// Runs when the connection has been upgraded.
task<Result<void>> run_socket(ScopePtr scope, std::shared_ptr<detail::Arguments> arguments,
                              std::shared_ptr<net::WebSocket> socket) {
    *scope->socket = WebSocket(std::move(socket));
    auto done = co_await scope->operation.endpoint->call(*arguments);
    if (done) co_return Result<void>{};
    (void)error_response_of(*scope, done.error());  // for the log
    co_return std::unexpected(std::move(done).error());
}

net::HttpResponse upgraded(const ScopePtr& scope, std::unique_ptr<detail::Arguments> arguments) {
    if (!net::equals_ignoring_case(scope->request.headers.find("upgrade").value_or(""), "websocket")) {
        Problem problem;
        problem.status = 426;
        problem.title = "Upgrade Required";
        problem.detail = "this is a WebSocket: ask for it with Upgrade: websocket";
        auto response = problem_response(std::move(problem));
        response.headers.set("Upgrade", "websocket");
        return response;
    }
    net::HttpResponse response;
    response.max_message_bytes = scope->operation.options.max_body_bytes.value_or(response.max_message_bytes);
    response.upgrade = [scope, kept = std::shared_ptr<detail::Arguments>(std::move(arguments))](
                           std::shared_ptr<net::WebSocket> socket) {
        return run_socket(scope, kept, std::move(socket));
    };
    return response;
}

task<Result<net::HttpResponse>> run_operation(ScopePtr scope, std::unique_ptr<detail::Arguments> arguments) {
    const auto& operation = scope->operation;
    for (const auto key : operation.secured_by) {
        auto found = co_await detail::provided(scope, key);
        if (!found) co_return std::unexpected(std::move(found).error());
    }
    TENON_CO_CHECK(co_await detail::fill(scope, &operation.parameters, arguments.get()));
    if (scope->socket != nullptr) co_return upgraded(scope, std::move(arguments));
    if (operation.endpoint->waits()) co_return co_await operation.endpoint->call(*arguments);
    if (operation.blocking)
        co_return co_await asio::co_spawn(scope->run->blocking, on_thread(&operation, arguments.get()),
                                          asio::use_awaitable);
    co_return operation.endpoint->call_now(*arguments);
}

Result<net::HttpResponse> run_at_once(Scope& scope) {
    const auto& operation = scope.operation;
    const auto arguments = operation.endpoint->arguments();
    TENON_CHECK(detail::fill_now(scope, operation.parameters, *arguments));
    return operation.endpoint->call_now(*arguments);
}

}  // namespace

task<net::HttpResponse> answer(AppRunPtr run, const Operation::Data* operation, net::HttpRequest request,
                               net::CallContext context) {
    const auto scope = std::make_shared<Scope>(std::move(run), *operation, std::move(request), std::move(context));
    Result<net::HttpResponse> given = net::HttpResponse{};
    if (!operation->parameters_wait && !operation->blocking && operation->secured_by.empty() &&
        !operation->endpoint->waits()) {
        given = run_at_once(*scope);
    } else {
        auto arguments = operation->endpoint->arguments();
        given = co_await run_operation(scope, std::move(arguments));
    }
    if (!given) {
        auto response = error_response_of(*scope, given.error());
        given = std::move(response);
    }
    for (const auto& field : scope->added) given->headers.add(field.name, field.value);
    // A plain answer that nobody refers to is over here.
    if (scope.use_count() > 1 || given->stream || !scope->made.empty() || !scope->background.empty() || scope->files)
        given->owner = std::make_shared<Finisher>(scope);
    co_return std::move(*given);
}

// --- serving
// ----------------------------------------------------------------------------------------------------------

struct RunningApp::Impl {
    AppRunPtr run;
    std::unique_ptr<net::HttpServer> http;
    Executor executor;
    bool stopped = false;
};

namespace {

task<Result<void>> start_all(std::shared_ptr<const AppState> app) {
    for (const auto& function : app->on_start) TENON_CO_CHECK(co_await function());
    co_return Result<void>{};
}

}  // namespace

Result<std::unique_ptr<RunningApp>> App::start(Runtime& runtime, net::HttpServerOptions options) const {
    auto impl = std::make_unique<RunningApp::Impl>();
    impl->run = make_run(state_, runtime, options.log);
    impl->executor = runtime.executor();
    TENON_TRY(auto routes, make_router(impl->run));
    TENON_CHECK(sync_wait(runtime, start_all(state_)));
    if (!options.error_response)
        options.error_response = [](int status, std::string message, std::string_view) {
            Problem problem;
            problem.status = status;
            problem.detail = std::move(message);
            return problem_response(std::move(problem));
        };
    TENON_TRY(impl->http, net::HttpServer::start(runtime.executor(), std::move(options), std::move(routes)));
    return std::unique_ptr<RunningApp>(new RunningApp(std::move(impl)));
}

RunningApp::RunningApp(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RunningApp::~RunningApp() = default;
std::uint16_t RunningApp::port() const noexcept { return impl_->http->port(); }
std::string RunningApp::url() const { return impl_->http->url(); }

task<void> RunningApp::shutdown(std::chrono::milliseconds grace) {
    co_await impl_->http->shutdown(grace);
    co_await impl_->run->wait_for_background();
    if (std::exchange(impl_->stopped, true)) co_return;
    const auto& stops = impl_->run->app->on_stop;
    for (auto at = stops.rbegin(); at != stops.rend(); ++at) co_await (*at)();
}

task<void> RunningApp::wait_for_signal() {
    asio::signal_set signals(impl_->executor, SIGINT, SIGTERM);
    co_await signals.async_wait(asio::use_awaitable);
}

}  // namespace tenon::serve
