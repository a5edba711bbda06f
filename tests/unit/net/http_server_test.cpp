#include "tenon/net/http_server.hpp"

#include <gtest/gtest.h>

#include <mutex>

#include "unit/net/loopback.hpp"

namespace tenon::net {
namespace {

using test::eventually;
using test::Loopback;
using test::RawSocket;
using namespace std::chrono_literals;

task<HttpResponse> echo(HttpRequest request, CallContext context) {
    std::string query;
    for (const auto& [name, value] : request.query) query += name + "=" + value + ";";
    co_return HttpResponse::text(request.method + " " + request.path + " " + query + " " +
                                 std::string(request.path_parameter("id")) + " " + context.request_id + " " +
                                 request.body);
}

Router echo_router() {
    Router router;
    router.get("/echo/{id}", echo);
    router.post("/echo", echo);
    router.post("/small", echo, {.max_body_bytes = 10});
    return router;
}

std::string status_line(const std::string& response) { return response.substr(0, response.find("\r\n")); }

TEST(HttpServer, AnswersARequest) {
    Loopback loop(echo_router());
    auto response = loop.get("/echo/a%2Fb%20c?x=1&y=%E4%BD%A0+z&flag", {{"X-Request-Id", "abc-1"}});
    ASSERT_TRUE(response) << response.error().describe();
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, "GET /echo/a/b c x=1;y=\xE4\xBD\xA0 z;flag=; a/b c abc-1 ");
    EXPECT_EQ(response->headers.find("x-request-id"), "abc-1");
    response = loop.post("/echo", "the body");
    ASSERT_TRUE(response);
    EXPECT_TRUE(response->body.ends_with(" the body")) << response->body;
    EXPECT_TRUE(response->headers.find("x-request-id")->starts_with("req_"));
}

TEST(HttpServer, KnowsMethodsAndPaths) {
    Loopback loop(echo_router());
    auto missing = loop.get("/nowhere");
    ASSERT_TRUE(missing);
    EXPECT_EQ(missing->status, 404);
    EXPECT_NE(missing->body.find("\"not_found_error\""), std::string::npos);
    auto wrong = loop.post("/echo/1", "x");
    ASSERT_TRUE(wrong);
    EXPECT_EQ(wrong->status, 405);
    EXPECT_EQ(wrong->headers.find("allow"), "GET");
    ClientRequest request;
    request.url = loop.url("/echo/1");
    request.method = "HEAD";
    auto head = loop.send(request);
    ASSERT_TRUE(head) << head.error().describe();
    EXPECT_EQ(head->status, 200);
    EXPECT_EQ(head->body, "");
    EXPECT_NE(head->headers.find("content-length"), "0");
    request.method = "OPTIONS";
    auto options = loop.send(request);
    ASSERT_TRUE(options);
    EXPECT_EQ(options->status, 204);
    EXPECT_EQ(options->headers.find("allow"), "GET, HEAD, OPTIONS");
}

TEST(HttpServer, AnswersPreflights) {
    HttpServerOptions options;
    options.cors.origins = {"https://app.example"};
    options.api_keys = {"secret"};
    Loopback loop(echo_router(), std::move(options));
    ClientRequest request;
    request.method = "OPTIONS";
    request.url = loop.url("/echo");
    request.headers = {{"Origin", "https://app.example"}, {"Access-Control-Request-Method", "POST"}};
    auto response = loop.send(request);
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 204);
    EXPECT_EQ(response->headers.find("access-control-allow-origin"), "https://app.example");
    EXPECT_EQ(response->headers.find("access-control-allow-methods"), "POST, OPTIONS");
    request.headers.set("Origin", "https://evil.example");
    response = loop.send(request);
    ASSERT_TRUE(response);
    EXPECT_FALSE(response->headers.contains("access-control-allow-origin"));
}

TEST(HttpServer, RefusesWhatPagesOfOtherOriginsPost) {
    HttpServerOptions options;
    options.cors.origins = {"https://app.example"};
    Loopback loop(echo_router(), std::move(options));
    const auto status = [&](std::string origin) {
        auto response = loop.post("/echo", "x", {{"Origin", std::move(origin)}, {"Content-Type", "text/plain"}});
        return response ? response->status : -1;
    };
    EXPECT_EQ(status("https://evil.example"), 403);
    EXPECT_EQ(status("null"), 403);
    EXPECT_EQ(status("https://app.example"), 200);
    EXPECT_EQ(status(loop.server->url()), 200);
}

TEST(HttpServer, AsksForAKey) {
    HttpServerOptions options;
    options.api_keys = {"first", "second"};
    Router router = echo_router();
    router.get("/health", echo, {.open_access = true});
    Loopback loop(std::move(router), std::move(options));
    const auto status = [&](std::string_view path, Headers headers) {
        auto response = loop.get(path, std::move(headers));
        return response ? response->status : -1;
    };
    EXPECT_EQ(status("/echo/1", {}), 401);
    EXPECT_EQ(status("/echo/1", {{"Authorization", "Bearer wrong"}}), 401);
    EXPECT_EQ(status("/echo/1", {{"Authorization", "Basic second"}}), 401);
    EXPECT_EQ(status("/echo/1", {{"X-Api-Key", "firs"}}), 401);
    EXPECT_EQ(status("/echo/1", {{"Authorization", "Bearer second"}}), 200);
    EXPECT_EQ(status("/echo/1", {{"X-Api-Key", "first"}}), 200);
    EXPECT_EQ(status("/nowhere", {}), 401);
    EXPECT_EQ(status("/health", {}), 200);
}

TEST(HttpServer, AsksSomebodyElseAboutOtherKeys) {
    HttpServerOptions options;
    options.api_keys = {"owner"};
    options.accept_key = [](const HttpRequest& request, std::string_view key) -> Result<void> {
        if (key != "guest") return fail(ErrorCode::unauthenticated, "who are you?");
        if (request.path != "/echo/1") return fail(ErrorCode::permission_denied, "not for guests");
        return {};
    };
    options.add_headers = [](std::string_view key, Headers& response) { response.set("X-Key", std::string(key)); };
    Loopback loop(echo_router(), std::move(options));
    const auto get = [&](std::string_view path, Headers headers) { return loop.get(path, std::move(headers)).value(); };
    EXPECT_EQ(get("/echo/1", {}).status, 401);
    const auto unknown = get("/echo/1", {{"X-Api-Key", "nobody"}});
    EXPECT_EQ(unknown.status, 401);
    EXPECT_NE(unknown.body.find("who are you?"), std::string::npos);
    const auto guest = get("/echo/1", {{"Authorization", "Bearer guest"}});
    EXPECT_EQ(guest.status, 200);
    EXPECT_EQ(guest.headers.find("x-key"), "guest");
    EXPECT_EQ(get("/echo/2", {{"Authorization", "Bearer guest"}}).status, 403);
    EXPECT_EQ(get("/echo/2", {{"Authorization", "Bearer owner"}}).status, 200);
}

TEST(HttpServer, LimitsBodies) {
    Loopback loop(echo_router());
    auto fits = loop.post("/small", "0123456789");
    ASSERT_TRUE(fits);
    EXPECT_EQ(fits->status, 200);
    auto over = loop.post("/small", "0123456789a");
    ASSERT_TRUE(over) << over.error().describe();
    EXPECT_EQ(over->status, 413);
    auto far_over = loop.post("/small", std::string(20 << 20, 'x'));
    ASSERT_TRUE(far_over) << far_over.error().describe();
    EXPECT_EQ(far_over->status, 413);
    RawSocket raw(loop.server->port());
    raw.send(
        "POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
        "chunked\r\n\r\n8\r\n01234567\r\n8\r\n01234567\r\n0\r\n\r\n");
    EXPECT_EQ(status_line(raw.read_to_end()), "HTTP/1.1 413 Content Too Large");
}

TEST(HttpServer, RefusesMalformedRequests) {
    HttpServerOptions options;
    options.max_header_bytes = 4096;
    Loopback loop(echo_router(), std::move(options));
    const auto answer = [&](std::string_view bytes) {
        RawSocket raw(loop.server->port());
        raw.send(bytes);
        const auto response = raw.read_to_end();
        EXPECT_TRUE(raw.ended()) << bytes.substr(0, 60);
        return status_line(response);
    };
    EXPECT_EQ(answer("nonsense\r\n\r\n"), "HTTP/1.1 400 Bad Request");
    EXPECT_EQ(answer("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 tls hello\r\n\r\n"), "HTTP/1.1 400 Bad Request");
    EXPECT_EQ(answer("GET /echo/1 HTTP/1.1\r\n\r\n"), "HTTP/1.1 400 Bad Request");
    EXPECT_EQ(answer("GET /echo/1 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), "HTTP/1.1 400 Bad Request");
    EXPECT_EQ(answer("GET /echo/1 HTTP/1.1\r\nHost : a\r\n\r\n"), "HTTP/1.1 400 Bad Request");
    EXPECT_EQ(answer("GET /%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), "HTTP/1.1 400 Bad Request");
    EXPECT_EQ(answer("GET /%00 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), "HTTP/1.1 400 Bad Request");
    EXPECT_EQ(answer("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"), "HTTP/1.1 400 Bad Request");
    EXPECT_EQ(answer("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
              "HTTP/1.1 400 Bad Request");
    EXPECT_EQ(
        answer("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        "HTTP/1.1 400 Bad Request");
    EXPECT_EQ(answer("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
              "HTTP/1.1 400 Bad Request");
    EXPECT_EQ(answer("GET /echo/1 HTTP/1.1\r\nHost: a\r\nX: " + std::string(5000, 'x') + "\r\n\r\n"),
              "HTTP/1.1 431 Request Header Fields Too Large");
    EXPECT_EQ(answer("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\nContent-Length: 3\r\n\r\nabc"),
              "HTTP/1.1 417 Expectation Failed");
    EXPECT_EQ(loop.get("/echo/1")->status, 200);
}

TEST(HttpServer, ContinuesWhenAsked) {
    Loopback loop(echo_router());
    RawSocket raw(loop.server->port());
    raw.send(
        "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(raw.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    raw.send("abc");
    const auto response = raw.read_to_end();
    EXPECT_NE(response.find("HTTP/1.1 200 OK"), std::string::npos);
    EXPECT_TRUE(response.ends_with(" abc"));
    RawSocket refused(loop.server->port());
    refused.send("POST /small HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 300\r\n\r\n");
    EXPECT_EQ(status_line(refused.read_to_end()), "HTTP/1.1 413 Content Too Large");
}

TEST(HttpServer, KeepsAliveAndAnswersPipelinesInOrder) {
    Loopback loop(echo_router());
    RawSocket raw(loop.server->port());
    std::string requests;
    for (int i = 0; i < 20; ++i)
        requests += "GET /echo/" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\nX-Request-Id: n" + std::to_string(i) +
                    "\r\n" + (i == 19 ? "Connection: close\r\n" : "") + "\r\n";
    raw.send(requests);
    const auto responses = raw.read_to_end();
    std::size_t at = 0;
    for (int i = 0; i < 20; ++i) {
        at = responses.find("GET /echo/" + std::to_string(i) + " ", at);
        ASSERT_NE(at, std::string::npos) << i;
    }
    RawSocket old(loop.server->port());
    old.send("GET /echo/1 HTTP/1.0\r\n\r\n");
    EXPECT_NE(old.read_to_end().find("Connection: close"), std::string::npos);
    EXPECT_TRUE(old.ended());
}

TEST(HttpServer, CutsSlowHeadersAndBodies) {
    HttpServerOptions options;
    options.header_timeout = 150ms;
    options.body_timeout = 150ms;
    options.keep_alive_timeout = 200ms;
    Loopback loop(echo_router(), std::move(options));
    RawSocket header(loop.server->port());
    std::jthread drip([&](const std::stop_token& stop) {
        for (const char c :
             std::string_view("GET /echo/1 HTTP/1.1\r\nHost: a\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")) {
            if (stop.stop_requested() || !header.send({&c, 1})) return;
            std::this_thread::sleep_for(20ms);
        }
    });
    EXPECT_EQ(status_line(header.read_to_end()), "HTTP/1.1 408 Request Timeout");
    EXPECT_TRUE(header.ended());
    drip.request_stop();
    RawSocket body(loop.server->port());
    body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
    EXPECT_EQ(status_line(body.read_to_end()), "HTTP/1.1 408 Request Timeout");
    RawSocket idle(loop.server->port());
    EXPECT_EQ(idle.read_to_end(), "");
    EXPECT_TRUE(idle.ended());
}

TEST(HttpServer, BoundsConnections) {
    HttpServerOptions options;
    options.max_connections = 3;
    Loopback loop(echo_router(), std::move(options));
    std::vector<std::unique_ptr<RawSocket>> held;
    for (int i = 0; i < 3; ++i) held.push_back(std::make_unique<RawSocket>(loop.server->port()));
    ASSERT_TRUE(eventually([&] { return loop.server->connections() == 3; }));
    RawSocket extra(loop.server->port());
    EXPECT_EQ(status_line(extra.read_to_end()), "HTTP/1.1 503 Service Unavailable");
    held.clear();
    ASSERT_TRUE(eventually([&] { return loop.server->connections() == 0; }));
    EXPECT_EQ(loop.get("/echo/1")->status, 200);
}

TEST(HttpServer, TellsWhenTheAddressIsInUse) {
    Loopback loop(echo_router());
    HttpServerOptions options;
    options.port = loop.server->port();
    auto second = HttpServer::start(loop.runtime.executor(), options, Router());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), ErrorCode::already_exists);
    EXPECT_NE(second.error().message().find(std::to_string(options.port)), std::string::npos);
    options.host = "no such host.invalid";
    auto third = HttpServer::start(loop.runtime.executor(), options, Router());
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().code(), ErrorCode::invalid_argument);
}

TEST(HttpServer, ListensOnIpv6) {
    HttpServerOptions options;
    options.host = "::1";
    options.port = 0;
    Runtime runtime;
    auto server = HttpServer::start(runtime.executor(), options, echo_router());
    if (!server) GTEST_SKIP() << "no IPv6 loopback here: " << server.error().message();
    HttpClient client(runtime.executor());
    ClientRequest request;
    request.url = (*server)->url() + "/echo/6";
    auto response = sync_wait(runtime, client.send(request, CallOptions::within(30s)));
    ASSERT_TRUE(response) << response.error().describe();
    EXPECT_EQ(response->status, 200);
}

task<HttpResponse> throwing(HttpRequest, CallContext) {
    throw std::runtime_error("boom");
    co_return HttpResponse{};
}

TEST(HttpServer, SurvivesAThrowingHandler) {
    std::mutex mutex;
    std::string log;
    HttpServerOptions options;
    options.log = [&](LogLevel, std::string_view, std::string_view message) {
        const std::lock_guard lock(mutex);
        log += message;
    };
    Router router = echo_router();
    router.get("/throw", throwing);
    Loopback loop(std::move(router), std::move(options));
    auto response = loop.get("/throw");
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 500);
    EXPECT_EQ(response->body.find("boom"), std::string::npos);
    const std::lock_guard lock(mutex);
    EXPECT_NE(log.find("boom"), std::string::npos);
}

TEST(HttpServer, NeverLetsAHandlerSplitTheHeader) {
    Router router;
    router.get("/", [](HttpRequest, CallContext) -> task<HttpResponse> {
        HttpResponse response = HttpResponse::text("x");
        response.headers.add("Location", "/a\r\nSet-Cookie: evil=1");
        response.headers.add("Content-Length", "999");
        co_return response;
    });
    Loopback loop(std::move(router));
    auto response = loop.get("/");
    ASSERT_TRUE(response) << response.error().describe();
    EXPECT_FALSE(response->headers.contains("set-cookie"));
    EXPECT_EQ(response->headers.find("content-length"), "1");
}

TEST(Router, PrefersTheMoreSpecificPattern) {
    Router router;
    for (const auto* pattern : {"/{rest...}", "/v1/{id}", "/v1/models", "/v1/models/{name...}", "/v1/{id}/files"})
        router.get(pattern, echo);
    const auto pattern = [&](std::string_view path) {
        const auto match = router.match("GET", path);
        return match.route ? match.route->pattern : "none";
    };
    EXPECT_EQ(pattern("/"), "/{rest...}");
    EXPECT_EQ(pattern("/a/b"), "/{rest...}");
    EXPECT_EQ(pattern("/v1/models"), "/v1/models");
    EXPECT_EQ(pattern("/v1/x"), "/v1/{id}");
    EXPECT_EQ(pattern("/v1/x/files"), "/v1/{id}/files");
    EXPECT_EQ(pattern("/v1/x/other"), "/{rest...}");
    EXPECT_EQ(pattern("/v1/models/a/b"), "/v1/models/{name...}");
    EXPECT_EQ(router.match("GET", "/v1/models/Qwen%2FQ2/x").parameters.front().second, "Qwen/Q2/x");
    EXPECT_EQ(router.match("POST", "/v1/models").allowed, std::vector<std::string>{"GET"});
}

}  // namespace
}  // namespace tenon::net
