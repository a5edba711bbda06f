// An App behind a real socket: streams, clients that leave, chunked bodies, WebSockets.
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>

#include "tenon/async/signal.hpp"
#include "tenon/serve/app.hpp"
#include "unit/net/loopback.hpp"

namespace tenon::serve {
namespace {

using net::test::eventually;
using net::test::RawSocket;

struct Served {
    Runtime runtime{2};
    std::unique_ptr<RunningApp> server;
    explicit Served(const App& app, net::HttpServerOptions options = {}) {
        options.port = 0;
        auto started = app.start(runtime, std::move(options));
        EXPECT_TRUE(started) << started.error().describe();
        server = std::move(*started);
    }
    ~Served() {
        if (server) sync_wait(runtime, end(server.get()));
    }
    static task<int> end(RunningApp* app) {
        co_await app->shutdown(std::chrono::milliseconds(0));
        co_return 0;
    }
};

std::string get(std::string_view path, std::string_view more = "") {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n" + std::string(more) + "\r\n";
}

task<Result<std::optional<int>>> count_to(std::shared_ptr<int> n, int end) {
    if (*n == end) co_return std::optional<int>{};
    co_return std::optional<int>((*n)++);
}
StreamPtr<int> numbers(int end) {
    return stream_from<int>([n = std::make_shared<int>(0), end]() { return count_to(n, end); });
}

/// Decodes a chunked body; empty when it does not end well.
std::string dechunked(std::string_view response) {
    std::string out;
    auto rest = response.substr(response.find("\r\n\r\n") + 4);
    for (;;) {
        const auto size = std::stoul(std::string(rest.substr(0, rest.find("\r\n"))), nullptr, 16);
        rest.remove_prefix(rest.find("\r\n") + 2);
        if (size == 0) return rest == "\r\n" ? out : "";
        out += rest.substr(0, size);
        rest.remove_prefix(size + 2);
    }
}

TEST(AppNetwork, StreamsEventsAndLines) {
    App app;
    app.get("/events/{count}", [](Path<int> count) { return Events<int>{numbers(*count)}; });
    app.get("/lines", []() { return JsonLines<int>{numbers(3)}; });
    Served served(app);
    RawSocket client(served.server->port());
    client.send(get("/lines", "Connection: close\r\n"));
    EXPECT_EQ(dechunked(client.read_to_end()), "0\n1\n2\n");
    RawSocket many(served.server->port());
    many.send(get("/events/20000", "Connection: close\r\n"));
    const auto body = dechunked(many.read_to_end());
    std::string expected;
    for (int i = 0; i < 20000; ++i) expected += "data: " + std::to_string(i) + "\n\n";
    EXPECT_EQ(body.size(), expected.size());
    EXPECT_TRUE(body == expected);
    RawSocket old(served.server->port());
    old.send("GET /lines HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(old.read_to_end().ends_with("\r\n\r\n0\n1\n2\n"));
    RawSocket twice(served.server->port());  // the connection goes on after a stream
    twice.send(get("/lines") + get("/lines", "Connection: close\r\n"));
    const auto both = twice.read_to_end();
    EXPECT_NE(both.find("HTTP/1.1 200", 10), std::string::npos) << both;
}

TEST(AppNetwork, APieceThatIsWaitedForGoesOutByItself) {
    App app;
    const auto go = std::make_shared<Signal>();
    app.get("/events", [go]() {
        return Events<int>{stream_from<int>([go, n = std::make_shared<int>(0)]() -> task<Result<std::optional<int>>> {
            if (++*n == 3) co_return std::optional<int>{};
            if (*n == 2) TENON_CO_CHECK(co_await go->wait(CallOptions::within(std::chrono::seconds(60))));
            co_return std::optional<int>(*n);
        })};
    });
    Served served(app);
    RawSocket client(served.server->port());
    client.send(get("/events", "Connection: close\r\n"));
    const auto first = client.read_until("data: 1\n\n");
    EXPECT_NE(first.find("data: 1\n\n"), std::string::npos) << first;
    EXPECT_EQ(first.find("data: 2"), std::string::npos);
    go->ring();
    EXPECT_EQ(dechunked(client.read_to_end()), "data: 1\n\ndata: 2\n\n");
}

TEST(AppNetwork, PiecesThatComeWithEveryTurnOfTheLoopAreNotHeldBack) {
    App app;
    const auto gone = std::make_shared<std::atomic<int>>(0);
    app.get("/events/{count}", [gone](Path<int> count, CallOptions call) {  // 0: without end
        const std::shared_ptr<void> alive(nullptr, [gone](void*) { ++*gone; });
        return Events<int>{stream_from<int>([call, alive, end = *count, n = std::make_shared<int>(0)]() {
            return [](CallOptions options, std::shared_ptr<int> at, int last) -> task<Result<std::optional<int>>> {
                if (options.stop.stop_requested()) co_return fail(ErrorCode::cancelled, "the client has left");
                if (*at == last && last != 0) co_return std::optional<int>{};
                co_await boost::asio::post(boost::asio::use_awaitable);
                co_return std::optional<int>(++*at);
            }(call, n, end);
        })};
    });
    Served served(app);
    RawSocket counted(served.server->port());
    counted.send(get("/events/500", "Connection: close\r\n"));
    std::string expected;
    for (int i = 1; i <= 500; ++i) expected += "data: " + std::to_string(i) + "\n\n";
    EXPECT_EQ(dechunked(counted.read_to_end()), expected);
    EXPECT_TRUE(eventually([&] { return *gone == 1; }));
    {
        RawSocket client(served.server->port());
        client.send(get("/events/0"));
        EXPECT_NE(client.read_until("data: 2000\n\n").find("data: 2000\n\n"), std::string::npos);
    }
    EXPECT_TRUE(eventually([&] { return *gone == 2; }));
}

TEST(AppNetwork, AnErrorOfAStreamIsToldOrCutsIt) {
    App app;
    const auto failing = []() {
        return stream_from<int>([n = std::make_shared<int>(0)]() -> task<Result<std::optional<int>>> {
            if (++*n == 2) co_return fail(ErrorCode::unavailable, "the source went away");
            co_return std::optional<int>(*n);
        });
    };
    app.get("/events", [failing]() { return Events<int>{failing()}; });
    app.get("/lines", [failing]() { return JsonLines<int>{failing()}; });
    Served served(app);
    RawSocket told(served.server->port());
    told.send(get("/events", "Connection: close\r\n"));
    EXPECT_NE(
        told.read_to_end().find("event: error\ndata: {\"type\":\"about:blank\",\"title\":\"Service Unavailable\""),
        std::string::npos);
    RawSocket cut(served.server->port());
    cut.send(get("/lines"));
    const auto text = cut.read_to_end();
    EXPECT_NE(text.find("1\n"), std::string::npos);
    EXPECT_FALSE(text.ends_with("0\r\n\r\n"));
    EXPECT_TRUE(cut.ended());
}

TEST(AppNetwork, ALeavingClientStopsTheHandlerAndTheStream) {
    App app;
    std::atomic<int> waiting{0}, stopped{0}, gone{0};
    struct Gone {
        std::atomic<int>* count;
        ~Gone() { ++*count; }
    };
    app.provide<Gone>([&gone]() { return std::make_unique<Gone>(&gone); });
    app.get("/handler", [&](Inject<Gone>, CallOptions call) -> task<Result<int>> {
        ++waiting;
        Signal never;
        auto rung = co_await never.wait(call);
        ++stopped;
        if (!rung) co_return std::unexpected(std::move(rung).error());
        co_return 1;
    });
    app.get("/stream", [&](Inject<Gone>, CallOptions call) {
        return Events<int>{
            stream_from<int>([&, call, n = std::make_shared<int>(0)]() -> task<Result<std::optional<int>>> {
                if (++*n == 1) co_return std::optional<int>(1);
                ++waiting;
                Signal never;
                auto rung = co_await never.wait(call);
                ++stopped;
                if (!rung) co_return std::unexpected(std::move(rung).error());
                co_return std::optional<int>{};
            })};
    });
    Served served(app);
    {
        RawSocket client(served.server->port());
        client.send(get("/handler"));
        EXPECT_TRUE(eventually([&] { return waiting == 1; }));
    }
    EXPECT_TRUE(eventually([&] { return stopped == 1 && gone == 1; }));
    {
        RawSocket client(served.server->port());
        client.send(get("/stream"));
        client.read_until("data: 1");
        EXPECT_TRUE(eventually([&] { return waiting == 2; }));
    }
    EXPECT_TRUE(eventually([&] { return stopped == 2 && gone == 2; }));
}

TEST(AppNetwork, AClientThatDoesNotReadHoldsTheStreamBack) {
    App app;
    const auto made = std::make_shared<std::atomic<int>>(0);
    const auto gone = std::make_shared<std::atomic<bool>>(false);
    app.get("/endless", [made, gone](CallOptions call) {
        const std::shared_ptr<void> alive(nullptr, [gone](void*) { *gone = true; });  // as long as the stream
        return JsonLines<std::string>{
            stream_from<std::string>([made, call, alive]() -> task<Result<std::optional<std::string>>> {
                if (call.stop.stop_requested()) co_return fail(ErrorCode::cancelled, "the client has left");
                ++*made;
                co_return std::optional<std::string>(std::string(10'000, 'x'));
            })};
    });
    app.get("/quick", []() { return 1; });
    net::HttpServerOptions options;
    options.write_timeout = std::chrono::milliseconds(300);
    Served served(app, std::move(options));
    RawSocket client(served.server->port());
    client.send(get("/endless"));
    EXPECT_TRUE(eventually([&] { return *made > 0; }));
    RawSocket other(served.server->port());  // others are served meanwhile
    other.send(get("/quick", "Connection: close\r\n"));
    EXPECT_TRUE(other.read_to_end().ends_with("\r\n\r\n1"));
    // Once the socket's buffers are full nothing more is made, and after the write time-out the connection ends.
    EXPECT_TRUE(eventually([&] {
        RawSocket probe(served.server->port());
        probe.send(get("/quick", "Connection: close\r\n"));
        return !probe.read_to_end().empty() && *made < 100'000;
    }));
    EXPECT_TRUE(eventually([&] { return gone->load(); }));  // before that, reading would let it go on
    EXPECT_NE(client.read_to_end().find("xxx"), std::string::npos);
    EXPECT_TRUE(client.ended());
}

struct Upload2 {
    Upload file;
};
BOOST_DESCRIBE_STRUCT(Upload2, (), (file))

TEST(AppNetwork, ChunkedBodiesOfAnySize) {
    App app;
    app.post("/count",
             [](BodyStream body) -> task<Result<std::uint64_t>> {
                 std::uint64_t bytes = 0;
                 for (;;) {
                     TENON_CO_TRY(const auto piece, co_await body.stream->next());
                     if (!piece) co_return bytes;
                     bytes += piece->size();
                 }
             })
        .max_body_bytes(1 << 20);
    app.post("/file", [](Form<Upload2> form) { return form->file.bytes; }).max_body_bytes(1 << 20);
    app.post("/json", [](Body<std::vector<int>> body) { return body->size(); }).max_body_bytes(1000);
    Served served(app);
    const auto chunked = [&](std::string_view path, std::string_view type, const std::string& body, std::size_t chunk) {
        RawSocket client(served.server->port());
        std::string text = "POST " + std::string(path) +
                           " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: " + std::string(type) +
                           "\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (std::size_t at = 0; at < body.size(); at += chunk) {
            const auto piece = body.substr(at, chunk);
            char size[32];
            std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
            text += size + piece + "\r\n";
        }
        client.send(text + "0\r\n\r\n");
        return client.read_to_end();
    };
    EXPECT_TRUE(chunked("/count", "text/plain", std::string(500'000, 'a'), 7'001).ends_with("\r\n\r\n500000"));
    EXPECT_TRUE(chunked("/count", "text/plain", std::string(300, 'a'), 1).ends_with("\r\n\r\n300"));
    EXPECT_TRUE(chunked("/json", "application/json", "[1,2,3]", 2).ends_with("\r\n\r\n3"));
    const auto form = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n" +
                      std::string(300'000, 'z') + "\r\n--b--\r\n";
    EXPECT_TRUE(chunked("/file", "multipart/form-data; boundary=b", form, 4'096).ends_with("\r\n\r\n300000"));
    EXPECT_TRUE(chunked("/json", "application/json", std::string(5000, ' '), 500).starts_with("HTTP/1.1 413"));
    EXPECT_TRUE(chunked("/file", "multipart/form-data; boundary=b", std::string(2 << 20, '-'), 65'536)
                    .starts_with("HTTP/1.1 413"));
}

// --- WebSockets
// -------------------------------------------------------------------------------------------------------

/// A client's frame (RFC 6455 §5.2).
std::string frame(std::uint8_t opcode, std::string_view data, bool last = true, bool masked = true) {
    std::string out;
    out += static_cast<char>((last ? 0x80 : 0) | opcode);
    const auto mask = static_cast<std::uint8_t>(masked ? 0x80 : 0);
    if (data.size() < 126) {
        out += static_cast<char>(mask | data.size());
    } else {
        out += static_cast<char>(mask | 126);
        out += static_cast<char>(data.size() >> 8);
        out += static_cast<char>(data.size() & 0xFF);
    }
    const std::string key = masked ? std::string("\x12\x34\x56\x78") : std::string();
    out += key;
    for (std::size_t i = 0; i < data.size(); ++i) out += masked ? static_cast<char>(data[i] ^ key[i % 4]) : data[i];
    return out;
}
const std::string upgrade =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
    "dGhlIHNhbXBsZSBub25jZQ==\r\n";

struct Said {
    std::string text;
};
BOOST_DESCRIBE_STRUCT(Said, (), (text))

App echo_app(std::shared_ptr<std::atomic<int>> ended) {
    App app;
    app.websocket("/echo/{room}",
                  [ended](WebSocket socket, Path<int> room) -> task<Result<void>> {
                      const auto done = std::shared_ptr<void>(nullptr, [ended](void*) { ++*ended; });
                      for (;;) {
                          TENON_CO_TRY(auto message, co_await socket.read());
                          if (!message) co_return Result<void>{};
                          if (message->data == "bye") {
                              co_await socket.close(4001, "as you wish");
                              co_return Result<void>{};
                          }
                          TENON_CO_CHECK(co_await socket.send(std::to_string(*room) + ":" + message->data));
                      }
                  })
        .max_body_bytes(1000);
    app.websocket("/json", [](WebSocket socket) -> task<Result<void>> {
        for (;;) {
            TENON_CO_TRY(auto said, co_await socket.read_json<Said>());
            if (!said) co_return Result<void>{};
            said->text += "!";
            TENON_CO_CHECK(co_await socket.send_json(*said));
        }
    });
    return app;
}

TEST(AppNetwork, WebSocketsTalk) {
    const auto ended = std::make_shared<std::atomic<int>>(0);
    const App app = echo_app(ended);
    Served served(app);
    RawSocket client(served.server->port());
    client.send(get("/echo/7", upgrade));
    // The accept key of RFC 6455 §1.3.
    EXPECT_NE(client.read_until("\r\n\r\n").find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos);
    client.send(frame(1, "hello"));
    EXPECT_NE(client.read_until("7:hello").find("\x81\x07"
                                                "7:hello"),
              std::string::npos);
    client.send(frame(1, "frag", false) + frame(9, "ping") + frame(0, "men", false) + frame(0, "ts"));
    const auto text = client.read_until("7:fragments");
    EXPECT_NE(text.find("7:fragments"), std::string::npos);
    EXPECT_NE(text.find("\x8A\x04"
                        "ping"),
              std::string::npos)
        << "a ping between fragments is answered";
    client.send(frame(1, "bye"));
    EXPECT_NE(client.read_until("as you wish")
                  .find("\x0F\xA1"
                        "as you wish"),
              std::string::npos);
    client.send(frame(8, "\x0F\xA1"));
    client.read_to_end();
    EXPECT_TRUE(client.ended());
    EXPECT_TRUE(eventually([&] { return *ended == 1; }));
    RawSocket typed(served.server->port());
    typed.send(get("/json", upgrade));
    typed.read_until("\r\n\r\n");
    typed.send(frame(1, R"({"text":"hi"})"));
    EXPECT_NE(typed.read_until("hi!").find(R"({"text":"hi!"})"), std::string::npos);
    typed.send(frame(1, "rubbish"));  // the handler's error: 1011
    EXPECT_NE(typed.read_until("\x03\xF3").find("\x03\xF3"), std::string::npos);
    typed.send(frame(8, "\x03\xF3"));
}

TEST(AppNetwork, WebSocketsThatBreakTheRules) {
    const auto ended = std::make_shared<std::atomic<int>>(0);
    const App app = echo_app(ended);
    Served served(app);
    int opened = 0;
    /// The code of the close frame that answers what was sent.
    const auto code = [&](const std::string& bytes) {
        RawSocket client(served.server->port());
        client.send(get("/echo/7", upgrade));
        const auto head = client.read_until("\r\n\r\n");
        ++opened;
        client.send(bytes);
        const auto all = client.read_to_end();
        const auto rest = all.substr(all.find("\r\n\r\n") + 4);
        if (rest.size() < 4 || rest[0] != '\x88') return 0;
        return static_cast<int>(static_cast<unsigned char>(rest[2])) << 8 | static_cast<unsigned char>(rest[3]);
    };
    EXPECT_EQ(code(frame(1, "hello", true, false)), 1002) << "not masked";
    EXPECT_EQ(code(frame(1, std::string(2000, 'x'))), 1009) << "over the limit";
    EXPECT_EQ(code(frame(1, std::string(600, 'x'), false) + frame(0, std::string(600, 'x'))), 1009)
        << "over the limit in all";
    EXPECT_EQ(code(frame(1, "\xFF\xFE")), 1007) << "not UTF-8";
    EXPECT_EQ(code(frame(3, "x")), 1002) << "an opcode there is not";
    EXPECT_EQ(code(frame(0, "x")), 1002) << "a continuation of nothing";
    EXPECT_EQ(code(frame(9, "x", false)), 1002) << "a control frame in fragments";
    EXPECT_TRUE(eventually([&] { return *ended == opened; })) << *ended << " of " << opened;
    {
        RawSocket client(served.server->port());
        client.send(get("/echo/7", upgrade));
        client.read_until("\r\n\r\n");
        client.send(frame(1, "half").substr(0, 3));
    }
    EXPECT_TRUE(eventually([&] { return *ended == opened + 1; })) << "a client that is gone ends its handler";
    const auto status = [&](const std::string& request) {
        RawSocket client(served.server->port());
        client.send(request);
        return client.read_until("\r\n\r\n").substr(0, 12);
    };
    EXPECT_EQ(status(get("/echo/7")), "HTTP/1.1 426");
    EXPECT_EQ(status(get("/echo/seven", upgrade)), "HTTP/1.1 422");
    EXPECT_EQ(status(get("/echo/7", upgrade + "Origin: https://evil.example\r\n")), "HTTP/1.1 403");
    EXPECT_EQ(status(get("/echo/7", upgrade + "Origin: http://x\r\n")), "HTTP/1.1 101");
}

TEST(AppNetwork, AShutdownClosesWebSockets) {
    const auto ended = std::make_shared<std::atomic<int>>(0);
    const App app = echo_app(ended);
    auto served = std::make_unique<Served>(app);
    RawSocket client(served->server->port());
    client.send(get("/echo/7", upgrade));
    client.read_until("\r\n\r\n");
    served.reset();
    EXPECT_EQ(*ended, 1);
    EXPECT_NE(client.read_to_end().find("\x03\xE9"), std::string::npos) << "1001, going away";
}

}  // namespace
}  // namespace tenon::serve
