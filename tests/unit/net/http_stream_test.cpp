// Streamed answers, disconnects, time limits, shutdown, uploads: client and server against each other.
#include <gtest/gtest.h>

#include <fstream>

#include "tenon/base/file.hpp"
#include "tenon/net/http_server.hpp"
#include "tenon/net/sse.hpp"
#include "unit/net/loopback.hpp"

namespace tenon::net {
namespace {

using test::eventually;
using test::Loopback;
using test::RawSocket;
using namespace std::chrono_literals;

using Writer = std::shared_ptr<ResponseWriter>;

task<Result<void>> count(HttpRequest request, Writer out, CallContext context) {
    const int n = std::stoi(std::string(request.query_parameter("n").value_or("5")));
    Headers headers{{"Content-Type", "text/event-stream"}};
    TENON_CO_CHECK(co_await out->start(200, std::move(headers)));
    for (int i = 0; i < n; ++i) {
        SseEvent event;
        event.data = std::to_string(i);
        TENON_CO_CHECK(co_await out->write(sse_encode(event)));
    }
    (void)context;
    co_return Result<void>{};
}

/// Waits without writing until it is told to stop.
struct Sleeper {
    std::atomic<int> started{0}, stopped{0};
    task<Result<void>> operator()(HttpRequest, Writer out, CallContext context) {
        ++started;
        if (out) TENON_CO_CHECK(co_await out->start(200, {}));
        auto slept = co_await sleep_for(std::chrono::minutes(5), context.call);
        if (!slept) ++stopped;
        co_return slept;
    }
};

Router sleeper_router(const std::shared_ptr<Sleeper>& sleeper) {
    Router router;
    router.add_streaming("GET", "/stream", [sleeper](HttpRequest request, Writer out, CallContext context) {
        return (*sleeper)(std::move(request), std::move(out), std::move(context));
    });
    router.post("/whole", [sleeper](HttpRequest request, CallContext context) -> task<HttpResponse> {
        auto slept = co_await (*sleeper)(std::move(request), nullptr, std::move(context));
        co_return HttpResponse::text(slept ? "slept" : "stopped", slept ? 200 : 504);
    });
    return router;
}

TEST(HttpStream, ArrivesInPieces) {
    Router router;
    router.add_streaming("GET", "/count", count);
    Loopback loop(std::move(router));
    ClientRequest request;
    request.url = loop.url("/count?n=2000");
    auto response = sync_wait(loop.runtime, loop.client.open(request, CallOptions::within(60s)));
    ASSERT_TRUE(response) << response.error().describe();
    EXPECT_EQ(response->status, 200);
    SseParser parser;
    std::vector<SseEvent> events;
    for (;;) {
        auto chunk = sync_wait(loop.runtime, response->body->next());
        ASSERT_TRUE(chunk) << chunk.error().describe();
        if (!*chunk) break;
        ASSERT_TRUE(parser.feed(**chunk, events));
    }
    ASSERT_EQ(events.size(), 2000U);
    for (std::size_t i = 0; i < events.size(); ++i) ASSERT_EQ(events[i].data, std::to_string(i));
    RawSocket old(loop.server->port());
    old.send("GET /count?n=1 HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(old.read_to_end().ends_with("\r\n\r\ndata: 0\n\n"));
}

TEST(HttpStream, SlowsAWriterDownForASlowReader) {
    auto written = std::make_shared<std::atomic<std::size_t>>(0);
    Router router;
    router.add_streaming("GET", "/flood", [written](HttpRequest, Writer out, CallContext) -> task<Result<void>> {
        TENON_CO_CHECK(co_await out->start(200, {}));
        for (int i = 0; i < 1024; ++i) {
            TENON_CO_CHECK(co_await out->write(std::string(64 << 10, 'x')));
            *written += 64 << 10;
        }
        co_return Result<void>{};
    });
    Loopback loop(std::move(router));
    ClientRequest request;
    request.url = loop.url("/flood");
    auto response = sync_wait(loop.runtime, loop.client.open(request, CallOptions::within(60s)));
    ASSERT_TRUE(response);
    std::size_t before = 1;
    ASSERT_TRUE(eventually([&] {  // nobody reads: it comes to rest
        std::this_thread::sleep_for(100ms);
        return std::exchange(before, written->load()) == written->load();
    }));
    EXPECT_LT(written->load(), std::size_t{32} << 20);
    std::size_t total = 0;
    for (;;) {
        auto chunk = sync_wait(loop.runtime, response->body->next());
        ASSERT_TRUE(chunk) << chunk.error().describe();
        if (!*chunk) break;
        total += (*chunk)->size();
    }
    EXPECT_EQ(total, std::size_t{64} << 20);
}

TEST(HttpStream, DisconnectStopsTheHandlerThoughNothingIsWritten) {
    const auto sleeper = std::make_shared<Sleeper>();
    Loopback loop(sleeper_router(sleeper));
    {
        RawSocket raw(loop.server->port());
        raw.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
        raw.read_until("\r\n\r\n");
    }
    EXPECT_TRUE(eventually([&] { return sleeper->stopped == 1; }));
    {
        RawSocket raw(loop.server->port());
        raw.send("POST /whole HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab");
        ASSERT_TRUE(eventually([&] { return sleeper->started == 2; }));
        raw.reset();
    }
    EXPECT_TRUE(eventually([&] { return sleeper->stopped == 2; }));
    {
        RawSocket raw(loop.server->port());  // a pipelined request does not hide the disconnect
        raw.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\nGET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
        raw.read_until("\r\n\r\n");
    }
    EXPECT_TRUE(eventually([&] { return sleeper->stopped == 3; }));
    EXPECT_TRUE(eventually([&] { return loop.server->connections() == 0; }));
}

TEST(HttpStream, AClientThatLeavesWithItsAnswerIsNotGone) {
    const auto gone = std::make_shared<std::atomic<int>>(0), served = std::make_shared<std::atomic<int>>(0);
    HttpServerOptions options;
    options.on_complete = [gone, served](const AccessRecord& record) {
        *gone += record.client_gone ? 1 : 0;
        ++*served;
    };
    Router router;
    router.post("/wait", [](HttpRequest, CallContext) -> task<HttpResponse> {
        (void)co_await sleep_for(2ms, {});
        co_return HttpResponse::text("done");
    });
    Loopback loop(std::move(router), std::move(options));
    for (int i = 0; i < 200; ++i) {
        RawSocket raw(loop.server->port());
        raw.send("POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab");
        raw.read_until("done");
    }
    ASSERT_TRUE(eventually([&] { return *served == 200; }));
    EXPECT_EQ(*gone, 0);
    {
        RawSocket raw(loop.server->port());
        raw.send("POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab");
        raw.reset();
    }
    ASSERT_TRUE(eventually([&] { return *served == 201; }));
    EXPECT_EQ(*gone, 1);
}

TEST(HttpStream, DroppingTheBodyClosesTheConnection) {
    const auto sleeper = std::make_shared<Sleeper>();
    Loopback loop(sleeper_router(sleeper));
    ClientRequest request;
    request.url = loop.url("/stream");
    auto response = sync_wait(loop.runtime, loop.client.open(request, CallOptions::within(60s)));
    ASSERT_TRUE(response);
    response->body.reset();
    EXPECT_TRUE(eventually([&] { return sleeper->stopped == 1; }));
}

TEST(HttpStream, StopTokenAndDeadlineCloseTheConnection) {
    const auto sleeper = std::make_shared<Sleeper>();
    Loopback loop(sleeper_router(sleeper));
    ClientRequest request;
    request.url = loop.url("/stream");
    std::stop_source source;
    std::jthread stopper([&] {
        EXPECT_TRUE(eventually([&] { return sleeper->started == 1; }));
        source.request_stop();
    });
    const auto begin = Clock::now();
    CallOptions options;
    options.stop = source.get_token();
    auto stopped = loop.send(request, options);
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code(), ErrorCode::cancelled);
    EXPECT_TRUE(eventually([&] { return sleeper->stopped == 1; }));
    auto late = loop.send(request, CallOptions::within(100ms));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code(), ErrorCode::deadline_exceeded);
    EXPECT_TRUE(eventually([&] { return sleeper->stopped == 2; }));
    EXPECT_LT(Clock::now() - begin, 30s);
    auto before = loop.send(request, options);  // already stopped: nothing is sent
    ASSERT_FALSE(before);
    EXPECT_EQ(before.error().code(), ErrorCode::cancelled);
    EXPECT_EQ(sleeper->started, 2);
}

TEST(HttpStream, TimeLimitStopsTheHandler) {
    const auto sleeper = std::make_shared<Sleeper>();
    HttpServerOptions options;
    options.time_limit = 50ms;
    Loopback loop(sleeper_router(sleeper), std::move(options));
    auto response = loop.post("/whole", "x");
    ASSERT_TRUE(response) << response.error().describe();
    EXPECT_EQ(response->status, 504);
    EXPECT_EQ(response->body, "stopped");
}

TEST(HttpStream, ErrorAfterTheStartCutsTheAnswer) {
    Router router;
    router.add_streaming("GET", "/late", [](HttpRequest, Writer out, CallContext) -> task<Result<void>> {
        TENON_CO_CHECK(co_await out->start(200, {}));
        TENON_CO_CHECK(co_await out->write("some"));
        co_return fail(ErrorCode::internal, "broke");
    });
    router.add_streaming("GET", "/early", [](HttpRequest, Writer, CallContext) -> task<Result<void>> {
        co_return std::unexpected(Error(ErrorCode::rate_limited, "busy").with_retry_after(1500));
    });
    Loopback loop(std::move(router));
    auto late = loop.get("/late");
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code(), ErrorCode::unavailable);
    auto early = loop.get("/early");
    ASSERT_TRUE(early);
    EXPECT_EQ(early->status, 429);
    EXPECT_EQ(early->headers.find("retry-after"), "2");
}

TEST(HttpStream, ShutdownLetsRequestsFinish) {
    auto go = std::make_shared<std::atomic<bool>>(false);
    auto started = std::make_shared<std::atomic<bool>>(false);
    Router router;
    router.get("/slow", [go, started](HttpRequest, CallContext context) -> task<HttpResponse> {
        *started = true;
        while (!*go)
            if (!co_await sleep_for(2ms, context.call)) co_return HttpResponse::text("stopped", 503);
        co_return HttpResponse::text("finished");
    });
    Loopback loop(std::move(router));
    RawSocket idle(loop.server->port());
    RawSocket busy(loop.server->port());
    busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return started->load(); }));
    std::jthread shutdown([&] { loop.sync_wait_void(loop.server->shutdown(20s)); });
    EXPECT_EQ(idle.read_to_end(), "");
    EXPECT_TRUE(idle.ended());
    *go = true;
    const auto response = busy.read_to_end();
    EXPECT_NE(response.find("Connection: close"), std::string::npos) << response;
    EXPECT_TRUE(response.ends_with("finished"));
    shutdown.join();
    EXPECT_EQ(loop.server->connections(), 0U);
    auto refused = loop.get("/slow");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::unavailable);
}

TEST(HttpStream, ShutdownStopsWhatDoesNotFinish) {
    const auto sleeper = std::make_shared<Sleeper>();
    Loopback loop(sleeper_router(sleeper));
    RawSocket raw(loop.server->port());
    raw.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return sleeper->started == 1; }));
    loop.sync_wait_void(loop.server->shutdown(50ms));
    EXPECT_EQ(sleeper->stopped, 1);
    EXPECT_EQ(loop.server->connections(), 0U);
}

TEST(HttpStream, UploadsAHundredMegabytes) {
    auto peak = std::make_shared<std::atomic<std::size_t>>(0);
    Router router;
    RouteOptions streamed{.max_body_bytes = std::size_t{200} << 20, .stream_body = true};
    router.post(
        "/stream",
        [peak](HttpRequest request, CallContext) -> task<HttpResponse> {
            std::size_t total = 0;
            for (;;) {
                auto chunk = co_await request.body_stream->next();
                if (!chunk) co_return HttpResponse::text(chunk.error().message(), status_of(chunk.error().code()));
                if (!*chunk) break;
                *peak = std::max(peak->load(), (*chunk)->size());
                total += (*chunk)->size();
            }
            co_return HttpResponse::text(std::to_string(total));
        },
        streamed);
    router.post(
        "/whole",
        [](HttpRequest request, CallContext) -> task<HttpResponse> {
            co_return HttpResponse::text(std::to_string(request.body.size()) + " " +
                                         (request.body.capacity() < request.body.size() * 3 / 2 ? "once" : "more"));
        },
        {.max_body_bytes = std::size_t{200} << 20});
    Loopback loop(std::move(router));
    const std::string body(std::size_t{100} << 20, 'b');
    auto stream = loop.post("/stream", body);
    ASSERT_TRUE(stream) << stream.error().describe();
    EXPECT_EQ(stream->body, std::to_string(body.size()));
    EXPECT_LE(peak->load(), std::size_t{1} << 20);
    auto whole = loop.post("/whole", body);
    ASSERT_TRUE(whole) << whole.error().describe();
    EXPECT_EQ(whole->body, std::to_string(body.size()) + " once");
}

TEST(HttpStream, ServesManyConnectionsAtOnce) {
    Router router;
    router.add_streaming("GET", "/count", count);
    Loopback loop(std::move(router));
    constexpr int many = 200;
    std::atomic<int> right{0}, over{0};
    for (int i = 0; i < many; ++i) {
        ClientRequest request;
        request.url = loop.url("/count?n=50");
        boost::asio::co_spawn(loop.runtime.executor(), loop.client.send(std::move(request), CallOptions::within(120s)),
                              [&](const std::exception_ptr&, const Result<ClientResponse>& response) {
                                  if (response && response->body.ends_with("data: 49\n\n")) ++right;
                                  ++over;
                              });
    }
    EXPECT_TRUE(eventually([&] { return over == many; }));
    EXPECT_EQ(right, many);
}

}  // namespace
}  // namespace tenon::net
