#include "tenon/net/http_client.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>

#include "tenon/base/file.hpp"
#include "unit/net/loopback.hpp"

namespace tenon::net {
namespace {

using test::Loopback;
using test::RawSocket;
using namespace std::chrono_literals;

/// A peer that says `answers`, one per connection, and closes; it keeps what it was sent.
class ScriptedServer {
  public:
    explicit ScriptedServer(std::vector<std::string> answers) : answers_(std::move(answers)) {
        listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(listener_, 16), 0);
        socklen_t length = sizeof address;
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
        port_ = ntohs(address.sin_port);
        thread_ = std::jthread([this] { run(); });
    }
    ~ScriptedServer() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
    }
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;
    [[nodiscard]] std::string url(std::string_view path = "/") const {
        return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
    }
    [[nodiscard]] std::vector<std::string> requests() {
        const std::lock_guard lock(mutex_);
        return requests_;
    }

  private:
    void run() {
        for (const auto& answer : answers_) {
            const int client = ::accept(listener_, nullptr, nullptr);
            if (client < 0) return;
            // A client that gives up may keep its connection open: nobody waits for it for long.
            const timeval patience{2, 0};
            ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
            std::string request;
            char bytes[4096];
            while (request.find("\r\n\r\n") == std::string::npos) {
                const auto got = ::recv(client, bytes, sizeof bytes, 0);
                if (got <= 0) break;
                request.append(bytes, static_cast<std::size_t>(got));
            }
            {
                const std::lock_guard lock(mutex_);
                requests_.push_back(request);
            }
            ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
            ::shutdown(client, SHUT_WR);
            while (::recv(client, bytes, sizeof bytes, 0) > 0) {
            }
            ::close(client);
        }
    }
    std::vector<std::string> answers_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::mutex mutex_;
    std::vector<std::string> requests_;
    std::jthread thread_;
};

Result<ClientResponse> fetch(ClientRequest request, HttpClientOptions options = {}) {
    Runtime runtime;
    HttpClient client(runtime.executor(), std::move(options));
    return sync_wait(runtime, client.send(std::move(request), CallOptions::within(30s)));
}

ClientRequest to(std::string url) {
    ClientRequest request;
    request.url = std::move(url);
    return request;
}

TEST(HttpClient, RefusesMalformedRequests) {
    const auto code = [](ClientRequest request) {
        auto response = fetch(std::move(request));
        EXPECT_FALSE(response);
        return response ? ErrorCode::internal : response.error().code();
    };
    EXPECT_EQ(code(to("not a url")), ErrorCode::invalid_argument);
    EXPECT_EQ(code(to("")), ErrorCode::invalid_argument);
    EXPECT_EQ(code(to("file:///etc/passwd")), ErrorCode::invalid_argument);
    auto method = to("http://127.0.0.1:1/");
    method.method = "GET /x HTTP/1.1\r\nX:";
    EXPECT_EQ(code(method), ErrorCode::invalid_argument);
    auto header = to("http://127.0.0.1:1/");
    header.headers.add("X", "a\r\nY: b");
    EXPECT_EQ(code(header), ErrorCode::invalid_argument);
}

TEST(HttpClient, MapsFailures) {
    EXPECT_EQ(fetch(to("http://127.0.0.1:1/")).error().code(), ErrorCode::unavailable);
    {
        ScriptedServer silent({""});
        EXPECT_EQ(fetch(to(silent.url())).error().code(), ErrorCode::unavailable);
    }
    {
        ScriptedServer cut({"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"});
        EXPECT_EQ(fetch(to(cut.url())).error().code(), ErrorCode::unavailable);
    }
    {
        ScriptedServer garbage({"SSH-2.0-OpenSSH_9.2\r\n"});
        EXPECT_EQ(fetch(to(garbage.url())).error().code(), ErrorCode::protocol);
    }
    {
        ScriptedServer chunk({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"});
        EXPECT_FALSE(fetch(to(chunk.url())));
    }
    {
        ScriptedServer flood(
            {"HTTP/1.1 200 OK\r\n" + std::string(40, 'h') + ": " + std::string(600 << 10, 'x') + "\r\n\r\n"});
        EXPECT_FALSE(fetch(to(flood.url())));
    }
}

TEST(HttpClient, LimitsTheBody) {
    ScriptedServer server({"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
                           "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world"});
    auto request = to(server.url());
    request.max_body_bytes = 11;
    auto response = fetch(request);
    ASSERT_TRUE(response) << response.error().describe();
    EXPECT_EQ(response->body, "hello world");
    request.max_body_bytes = 10;
    response = fetch(request);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code(), ErrorCode::resource_exhausted);
}

std::string gzip(std::string_view text) {
    z_stream stream{};
    deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(deflateBound(&stream, text.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

TEST(HttpClient, DecodesGzipWithinTheLimit) {
    const auto packed = gzip(std::string(10 << 20, 'z'));
    const auto answer =
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(packed.size()) + "\r\n\r\n" +
        packed;
    ScriptedServer server({answer, answer});
    auto request = to(server.url());
    auto response = fetch(request);
    ASSERT_TRUE(response) << response.error().describe();
    EXPECT_EQ(response->body.size(), std::size_t{10} << 20);
    request.max_body_bytes = 1 << 20;
    EXPECT_EQ(fetch(request).error().code(), ErrorCode::resource_exhausted);
}

TEST(HttpClient, FollowsRedirectsAndKeepsCredentialsHome) {
    ScriptedServer other({"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"});
    ScriptedServer home(
        {"HTTP/1.1 307 Temporary Redirect\r\nLocation: /second?x=1\r\nContent-Length: 0\r\n\r\n",
         "HTTP/1.1 302 Found\r\nLocation: " + other.url("/third") + "\r\nContent-Length: 4\r\n\r\nbody"});
    auto request = to(home.url("/first"));
    request.method = "POST";
    request.body = "payload";
    request.headers = {{"Authorization", "Bearer secret"}, {"X-Api-Key", "k"}, {"Cookie", "c=1"}, {"X-Other", "o"}};
    auto response = fetch(request);
    ASSERT_TRUE(response) << response.error().describe();
    EXPECT_EQ(response->body, "ok");
    EXPECT_EQ(response->url, other.url("/third"));
    const auto at_home = home.requests();
    ASSERT_EQ(at_home.size(), 2U);
    EXPECT_TRUE(at_home[1].starts_with("POST /second?x=1 "));
    EXPECT_NE(at_home[1].find("Bearer secret"), std::string::npos);
    const auto elsewhere = other.requests().at(0);
    EXPECT_TRUE(elsewhere.starts_with("GET /third "));
    EXPECT_EQ(elsewhere.find("secret"), std::string::npos);
    EXPECT_EQ(elsewhere.find("X-Api-Key"), std::string::npos);
    EXPECT_EQ(elsewhere.find("Cookie"), std::string::npos);
    EXPECT_NE(elsewhere.find("X-Other: o"), std::string::npos);
}

TEST(HttpClient, BoundsRedirects) {
    const std::string again = "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n";
    ScriptedServer loop({again, again, again, again});
    auto request = to(loop.url());
    request.max_redirects = 2;
    EXPECT_EQ(fetch(request).error().code(), ErrorCode::protocol);
    request.max_redirects = 0;
    auto shown = fetch(request);
    ASSERT_TRUE(shown);
    EXPECT_EQ(shown->status, 302);
    ScriptedServer file({"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"});
    EXPECT_EQ(fetch(to(file.url())).error().code(), ErrorCode::protocol);
}

TEST(HttpClient, GoesThroughAProxyOnlyWhenTold) {
    ScriptedServer proxy({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy"});
    HttpClientOptions options;
    options.proxy = proxy.url("");
    auto response = fetch(to("http://model.example/v1?x"), options);
    ASSERT_TRUE(response) << response.error().describe();
    EXPECT_EQ(response->body, "proxy");
    EXPECT_TRUE(proxy.requests().at(0).starts_with("GET http://model.example/v1?x HTTP/1.1"));
    ScriptedServer direct({"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ndirect"});
    options.no_proxy = "127.0.0.1";
    EXPECT_EQ(fetch(to(direct.url()), options)->body, "direct");
}

std::string content() {
    std::string out;
    for (int i = 0; out.size() < (3U << 20); ++i) out += std::to_string(i * 2654435761U) + "\n";
    return out;
}

std::string read_all(const std::filesystem::path& path) { return read_file(path).value_or("unreadable"); }

/// Serves `content()` with ranges; cuts the first `cuts` answers after half a megabyte.
Router file_router(std::shared_ptr<std::atomic<int>> cuts, std::shared_ptr<std::vector<std::string>> ranges) {
    Router router;
    router.add_streaming(
        "GET", "/file",
        [=](HttpRequest request, std::shared_ptr<ResponseWriter> out, CallContext) -> task<Result<void>> {
            const auto whole = content();
            const auto range = request.headers.find("range");
            ranges->emplace_back(range.value_or("none"));
            std::size_t from = 0;
            Headers headers{{"ETag", "\"v1\""}};
            if (range) from = std::stoul(std::string(range->substr(6)));
            if (from >= whole.size() && range) {
                headers.set("Content-Range", "bytes */" + std::to_string(whole.size()));
                co_return co_await out->start(416, headers);
            }
            if (range)
                headers.set("Content-Range", "bytes " + std::to_string(from) + "-" + std::to_string(whole.size() - 1) +
                                                 "/" + std::to_string(whole.size()));
            TENON_CO_CHECK(co_await out->start(range ? 206 : 200, headers));
            const bool cut = cuts->fetch_sub(1) > 0;
            TENON_CO_CHECK(co_await out->write(whole.substr(from, cut ? 512 << 10 : std::string::npos)));
            if (cut) co_return fail(ErrorCode::unavailable, "cut");
            co_return Result<void>{};
        });
    return router;
}

TEST(HttpDownload, ResumesWhereItBrokeOff) {
    auto cuts = std::make_shared<std::atomic<int>>(2);
    auto ranges = std::make_shared<std::vector<std::string>>();
    Loopback loop(file_router(cuts, ranges));
    auto directory = TemporaryDirectory::create();
    ASSERT_TRUE(directory);
    DownloadRequest request;
    request.url = loop.url("/file");
    request.file = directory->path() / "model.part";
    request.retry = {.max_attempts = 2, .base = 1ms, .cap = 1ms};
    std::uint64_t last = 0;
    std::optional<std::uint64_t> total;
    request.progress = [&](std::uint64_t done, std::optional<std::uint64_t> of) {
        EXPECT_GE(done, last);
        last = done;
        total = of;
    };
    auto done = sync_wait(loop.runtime, loop.client.download(request, CallOptions::within(60s)));
    ASSERT_TRUE(done) << done.error().describe();
    EXPECT_EQ(read_all(request.file), content());
    EXPECT_EQ(done->bytes_total, content().size());
    EXPECT_EQ(last, content().size());
    EXPECT_EQ(total, content().size());
    EXPECT_EQ(*ranges, (std::vector<std::string>{"none", "bytes=524288-", "bytes=1048576-"}));
    // Complete already: the server says so with 416.
    auto again = sync_wait(loop.runtime, loop.client.download(request, CallOptions::within(60s)));
    ASSERT_TRUE(again) << again.error().describe();
    EXPECT_EQ(again->resumed_from, content().size());
    EXPECT_EQ(read_all(request.file), content());
}

TEST(HttpDownload, GivesUpAndKeepsWhatCame) {
    auto cuts = std::make_shared<std::atomic<int>>(1);
    Loopback loop(file_router(cuts, std::make_shared<std::vector<std::string>>()));
    auto directory = TemporaryDirectory::create();
    ASSERT_TRUE(directory);
    DownloadRequest request;
    request.url = loop.url("/file");
    request.file = directory->path() / "x";
    request.retry.max_attempts = 1;
    auto cut = sync_wait(loop.runtime, loop.client.download(request, CallOptions::within(60s)));
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().code(), ErrorCode::unavailable);
    EXPECT_EQ(read_all(request.file), content().substr(0, 512 << 10));
    auto done = sync_wait(loop.runtime, loop.client.download(request, CallOptions::within(60s)));
    ASSERT_TRUE(done) << done.error().describe();
    EXPECT_EQ(done->resumed_from, std::uint64_t{512} << 10);
    EXPECT_EQ(read_all(request.file), content());
    request.file = directory->path() / "limited";
    request.max_bytes = 1000;
    EXPECT_EQ(sync_wait(loop.runtime, loop.client.download(request)).error().code(), ErrorCode::resource_exhausted);
    request.url = loop.url("/none");
    EXPECT_EQ(sync_wait(loop.runtime, loop.client.download(request)).error().code(), ErrorCode::not_found);
    request.file = directory->path() / "no" / "such" / "directory";
    EXPECT_EQ(sync_wait(loop.runtime, loop.client.download(request)).error().code(), ErrorCode::io);
}

TEST(HttpDownload, StartsAnewWhenTheServerIgnoresTheRange) {
    auto directory = TemporaryDirectory::create();
    ASSERT_TRUE(directory);
    ScriptedServer server({"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew",
                           "HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-2/3\r\nContent-Length: 3\r\n\r\nbad"});
    DownloadRequest request;
    request.url = server.url();
    request.file = directory->path() / "f";
    ASSERT_TRUE(write_file_atomic(request.file, "older bytes"));
    Runtime runtime;
    HttpClient client(runtime.executor());
    auto done = sync_wait(runtime, client.download(request, CallOptions::within(30s)));
    ASSERT_TRUE(done) << done.error().describe();
    EXPECT_EQ(read_all(request.file), "new");
    EXPECT_EQ(done->resumed_from, 0U);
    EXPECT_EQ(sync_wait(runtime, client.download(request, CallOptions::within(30s))).error().code(),
              ErrorCode::corrupt);
}

TEST(HttpClient, MayGoWhileBodiesAreRead) {
    Router router;
    router.add_streaming(
        "GET", "/", [](HttpRequest, std::shared_ptr<ResponseWriter> out, CallContext context) -> task<Result<void>> {
            TENON_CO_CHECK(co_await out->start(200, {}));
            co_return co_await sleep_for(std::chrono::minutes(5), context.call);
        });
    Loopback loop(std::move(router));
    auto client = std::make_unique<HttpClient>(loop.runtime.executor());
    auto response = sync_wait(loop.runtime, client->open(to(loop.url("/")), CallOptions::within(60s)));
    ASSERT_TRUE(response);
    client.reset();
    auto chunk = sync_wait(loop.runtime, response->body->next());
    ASSERT_FALSE(chunk);
    EXPECT_EQ(chunk.error().code(), ErrorCode::cancelled);
}

TEST(HttpClient, RuntimeMayGoWithRequestsInFlight) {
    auto runtime = std::make_unique<Runtime>();
    Router router;
    auto started = std::make_shared<std::atomic<int>>(0);
    router.get("/", [started](HttpRequest, CallContext context) -> task<HttpResponse> {
        ++*started;
        (void)co_await sleep_for(std::chrono::minutes(5), context.call);
        co_return HttpResponse{};
    });
    HttpServerOptions options;
    options.port = 0;
    auto server = HttpServer::start(runtime->executor(), options, std::move(router));
    ASSERT_TRUE(server);
    auto client = std::make_unique<HttpClient>(runtime->executor());
    for (int i = 0; i < 3; ++i)
        boost::asio::co_spawn(runtime->executor(), client->send(to((*server)->url() + "/")),
                              [](const std::exception_ptr&, const Result<ClientResponse>&) {});
    EXPECT_TRUE(test::eventually([&] { return *started == 3; }));
    client.reset();
    server->reset();
    runtime.reset();
    EXPECT_EQ(*started, 3);
}

}  // namespace
}  // namespace tenon::net
