// A server on a free port of the loopback interface, and a raw socket to be rude to it with.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "tenon/async/runtime.hpp"
#include "tenon/net/http_client.hpp"
#include "tenon/net/http_server.hpp"

namespace tenon::net::test {

using namespace std::chrono_literals;

/// Polls until `done()` or two minutes have passed: a busy machine is slow, not wrong.
inline bool eventually(const std::function<bool()>& done) {
    const auto until = Clock::now() + 120s;
    while (Clock::now() < until) {
        if (done()) return true;
        std::this_thread::sleep_for(5ms);
    }
    return done();
}

struct Loopback {
    Runtime runtime{2};
    std::unique_ptr<HttpServer> server;
    HttpClient client{runtime.executor()};

    explicit Loopback(Router router, HttpServerOptions options = {}) {
        options.port = 0;
        auto started = HttpServer::start(runtime.executor(), std::move(options), std::move(router));
        EXPECT_TRUE(started) << started.error().describe();
        server = std::move(*started);
    }
    ~Loopback() {
        if (server) sync_wait_void(server->shutdown(0ms));
    }
    void sync_wait_void(task<void> work) {
        std::promise<void> done;
        boost::asio::co_spawn(runtime.executor(), std::move(work),
                              [&](const std::exception_ptr&) { done.set_value(); });
        done.get_future().get();
    }
    [[nodiscard]] std::string url(std::string_view path) const { return server->url() + std::string(path); }
    Result<ClientResponse> send(ClientRequest request, CallOptions options = CallOptions::within(60s)) {
        return sync_wait(runtime, client.send(std::move(request), std::move(options)));
    }
    Result<ClientResponse> get(std::string_view path, Headers headers = {}) {
        ClientRequest request;
        request.url = url(path);
        request.headers = std::move(headers);
        return send(std::move(request));
    }
    Result<ClientResponse> post(std::string_view path, std::string body, Headers headers = {}) {
        ClientRequest request;
        request.method = "POST";
        request.url = url(path);
        request.body = std::move(body);
        request.headers = std::move(headers);
        return send(std::move(request));
    }
};

class RawSocket {
  public:
    explicit RawSocket(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    ~RawSocket() { close(); }
    RawSocket(const RawSocket&) = delete;
    RawSocket& operator=(const RawSocket&) = delete;

    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    /// Reads until `text` has come, the peer closes, or ten seconds have passed.
    std::string read_until(std::string_view text) {
        return read([&] { return received_.find(text) != std::string::npos; });
    }
    std::string read_to_end() {
        return read([] { return false; });
    }
    [[nodiscard]] bool ended() const noexcept { return ended_; }
    void close() {
        if (socket_ >= 0) ::close(socket_);
        socket_ = -1;
    }
    /// Closing sends a reset instead of an end.
    void reset() {
        const linger hard{1, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close();
    }

  private:
    std::string read(const std::function<bool()>& enough) {
        const auto until = Clock::now() + 30s;
        while (!enough() && !ended_ && Clock::now() < until) {
            pollfd wait{socket_, POLLIN, 0};
            if (::poll(&wait, 1, 100) <= 0) continue;
            char bytes[65536];
            const auto got = ::recv(socket_, bytes, sizeof bytes, 0);
            if (got <= 0)
                ended_ = true;
            else
                received_.append(bytes, static_cast<std::size_t>(got));
        }
        return received_;
    }
    int socket_;
    std::string received_;
    bool ended_ = false;
};

}  // namespace tenon::net::test
