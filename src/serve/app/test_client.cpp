#include "tenon/serve/test_client.hpp"

#include <fmt/format.h>

#include "serve/app/state.hpp"
#include "tenon/net/url.hpp"

// GCC 12 takes the coroutine frame's operator delete, once inlined, for one that does not match its operator new.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace tenon::serve {

std::vector<net::SseEvent> TestReply::events() const {
    std::vector<net::SseEvent> out;
    net::SseParser parser;
    (void)parser.feed(body, out);
    return out;
}

struct TestClient::Impl {
    Runtime runtime{2};
    AppRunPtr run;
    Result<net::Router> router = fail(ErrorCode::internal, "not made");
    net::Headers headers;
    std::size_t requests = 0;
};

namespace {

/// A body in two pieces, so that nobody counts on one.
class TextBody final : public Stream<std::string> {
  public:
    explicit TextBody(std::string text) : text_(std::move(text)) {}
    task<Result<std::optional<std::string>>> next() override {
        if (at_ == text_.size()) co_return std::optional<std::string>{};
        auto piece = text_.substr(at_, at_ == 0 ? (text_.size() + 1) / 2 : std::string::npos);
        at_ += piece.size();
        co_return std::optional<std::string>(std::move(piece));
    }

  private:
    std::string text_;
    std::size_t at_ = 0;
};

task<Result<void>> start_all(std::shared_ptr<const AppState> app) {
    for (const auto& function : app->on_start) TENON_CO_CHECK(co_await function());
    co_return Result<void>{};
}
task<int> stop_all(AppRunPtr run) {
    co_await run->wait_for_background();
    const auto& stops = run->app->on_stop;
    for (auto at = stops.rbegin(); at != stops.rend(); ++at) co_await (*at)();
    co_return 0;
}

task<TestReply> call(AppRunPtr run, const net::Route* route, net::HttpRequest request, net::CallContext context) {
    TestReply reply;
    {
        auto response = co_await route->handler(std::move(request), std::move(context));
        reply.status = response.status;
        reply.headers = std::move(response.headers);
        reply.body = std::move(response.body);
        if (response.stream) {
            reply.body.clear();
            for (;;) {
                auto piece = co_await response.stream->next();
                if (!piece) reply.headers.set("X-Cut", piece.error().describe());
                if (!piece || !*piece) break;
                reply.body += **piece;
            }
            response.stream.reset();
        }
    }
    co_await run->wait_for_background();
    co_return reply;
}

TestReply refused(int status, std::string detail) {
    Problem problem;
    problem.status = status;
    problem.detail = std::move(detail);
    auto response = problem_response(std::move(problem));
    return {response.status, std::move(response.headers), std::move(response.body)};
}

}  // namespace

TestClient::TestClient(const App& app) : impl_(std::make_unique<Impl>()) {
    impl_->run = std::make_shared<AppRun>();
    impl_->run->app = app.state_;
    impl_->run->executor = impl_->runtime.executor();
    impl_->run->blocking = impl_->runtime.blocking_executor();
    impl_->router = make_router(impl_->run);
    if (auto started = sync_wait(impl_->runtime, start_all(app.state_)); !started)
        impl_->router = std::unexpected(std::move(started).error());
}

TestClient::~TestClient() { sync_wait(impl_->runtime, stop_all(impl_->run)); }

Runtime& TestClient::runtime() noexcept { return impl_->runtime; }

void TestClient::set_header(std::string name, std::string value) {
    impl_->headers.set(std::move(name), std::move(value));
}

TestReply TestClient::send_json(std::string method, std::string target, std::string body, net::Headers headers) {
    if (!headers.contains("content-type")) headers.add("Content-Type", "application/json");
    return send(std::move(method), std::move(target), std::move(body), std::move(headers));
}

TestReply TestClient::send(std::string method, std::string target, std::string body, net::Headers headers,
                           CallOptions options) {
    if (!impl_->router) return {0, {}, impl_->router.error().describe()};
    auto parsed = net::parse_target(target);
    if (!parsed) return refused(400, parsed.error().message());
    net::HttpRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.path = parsed->path;
    request.query = std::move(parsed->query);
    request.headers = std::move(headers);
    for (const auto& field : impl_->headers)
        if (!request.headers.contains(field.name)) request.headers.add(field.name, field.value);
    request.remote = "test";
    request.request_id = fmt::format("test_{}", ++impl_->requests);
    auto match = impl_->router->match(request.method, parsed->raw_path);
    if (match.route == nullptr)
        return match.allowed.empty()
                   ? refused(404, fmt::format("there is nothing at {}", request.path))
                   : refused(405, fmt::format("{} is not allowed on {}", request.method, request.path));
    request.path_parameters = std::move(match.parameters);
    const auto& route = *match.route;
    if (route.options.max_body_bytes && body.size() > *route.options.max_body_bytes)
        return refused(413, fmt::format("the request's body is longer than {} bytes", *route.options.max_body_bytes));
    if (route.options.stream_body)
        request.body_stream = std::make_unique<TextBody>(std::move(body));
    else
        request.body = std::move(body);
    net::CallContext context{std::move(options), request.request_id};
    if (route.options.time_limit && !context.call.deadline)
        context.call.deadline = Clock::now() + *route.options.time_limit;
    try {
        return sync_wait(impl_->runtime, call(impl_->run, &route, std::move(request), std::move(context)));
    } catch (const std::exception& error) {
        return refused(500, error.what());
    }
}

}  // namespace tenon::serve
