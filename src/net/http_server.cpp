#include "tenon/net/http_server.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <unordered_set>

#include "net/connection.hpp"

namespace tenon::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
    using Strand = asio::strand<Executor>;

    Impl(Executor chosen, HttpServerOptions options, Router router)
        : executor(std::move(chosen)),
          strand(asio::make_strand(executor)),
          acceptor(strand),
          changed(strand),
          core(std::make_shared<ServerCore>(std::move(options), std::move(router))) {}

    Executor executor;
    Strand strand;
    asio::basic_socket_acceptor<tcp, Strand> acceptor;
    asio::steady_timer changed;  // signalled when a connection ends
    std::shared_ptr<ServerCore> core;
    std::unordered_set<std::shared_ptr<Connection>> open;
    std::atomic<std::size_t> count{0};
    std::uint16_t port = 0;
    std::string url;

    Result<void> listen();
    task<void> accept_all();
    void serve(Connection::Socket socket);
    task<void> shutdown(std::chrono::milliseconds grace);
    task<bool> wait_empty(std::chrono::milliseconds time);
    void stop_all(bool cut) {
        for (const auto& connection : open) connection->stop(cut);
    }
};

Result<void> HttpServer::Impl::listen() {
    const auto& options = core->options;
    error_code error;
    tcp::resolver resolver(executor);
    const auto found = resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, error);
    if (error || found.empty())
        return fail(ErrorCode::invalid_argument,
                    fmt::format("\"{}\" is not an address to listen on: {}", options.host, error.message()));
    const tcp::endpoint endpoint = found.begin()->endpoint();
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error && endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(false), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error == asio::error::address_in_use)
        return fail(
            ErrorCode::already_exists,
            fmt::format("port {} of {} is in use; choose another, or 0 for any free one", options.port, options.host));
    if (error == asio::error::access_denied)
        return fail(ErrorCode::permission_denied,
                    fmt::format("port {} may not be used by this user; choose one above 1023", options.port));
    if (error)
        return fail(ErrorCode::unavailable,
                    fmt::format("cannot listen on {} port {}: {}", options.host, options.port, error.message()));
    port = acceptor.local_endpoint(error).port();
    const auto address = endpoint.address();
    auto name = address.is_unspecified() ? (address.is_v6() ? "::1" : "127.0.0.1") : address.to_string();
    url = address.is_v6() ? fmt::format("http://[{}]:{}", name, port) : fmt::format("http://{}:{}", name, port);
    return {};
}

task<void> HttpServer::Impl::accept_all() {
    const auto self = shared_from_this();
    while (acceptor.is_open()) {
        error_code error;
        auto socket = co_await acceptor.async_accept(asio::make_strand(executor),
                                                     asio::redirect_error(asio::use_awaitable, error));
        if (error == asio::error::operation_aborted || core->draining) break;
        if (!error) {
            serve(std::move(socket));
            continue;
        }
        // Out of descriptors, most likely: connections must end before the next one can begin.
        asio::steady_timer pause(strand, std::chrono::milliseconds(50));
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
}

void HttpServer::Impl::serve(Connection::Socket socket) {
    const auto connection = std::make_shared<Connection>(std::move(socket), core);
    if (open.size() >= core->options.max_connections) {
        asio::co_spawn(connection->strand(), connection->reject(), asio::detached);
        return;
    }
    open.insert(connection);
    count = open.size();
    asio::co_spawn(connection->strand(), connection->run(),
                   [self = shared_from_this(), connection](const std::exception_ptr& error) {
                       if (error) connection->stop(true);
                       asio::post(self->strand, [self, connection] {
                           self->open.erase(connection);
                           self->count = self->open.size();
                           self->changed.cancel();
                       });
                   });
}

task<bool> HttpServer::Impl::wait_empty(std::chrono::milliseconds time) {
    const auto until = Clock::now() + time;
    while (!open.empty() && Clock::now() < until) {
        changed.expires_at(until);
        error_code ignored;
        co_await changed.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    co_return open.empty();
}

task<void> HttpServer::Impl::shutdown(std::chrono::milliseconds grace) {
    const auto self = shared_from_this();
    core->draining = true;
    error_code ignored;
    acceptor.close(ignored);
    for (const auto& connection : open) connection->drain();
    if (co_await wait_empty(grace)) co_return;
    stop_all(false);
    if (co_await wait_empty(std::chrono::seconds(2))) co_return;
    stop_all(true);
    if (!co_await wait_empty(std::chrono::seconds(5)) && core->options.log)
        core->options.log(LogLevel::warning, "net", fmt::format("{} handlers did not stop when told to", open.size()));
}

HttpServer::HttpServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<HttpServer>> HttpServer::start(Executor executor, HttpServerOptions options, Router router) {
    auto impl = std::make_shared<Impl>(std::move(executor), std::move(options), std::move(router));
    TENON_CHECK(impl->listen());
    asio::co_spawn(impl->strand, impl->accept_all(), asio::detached);
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::~HttpServer() {
    asio::post(impl_->strand, [impl = impl_] {
        impl->core->draining = true;
        error_code ignored;
        impl->acceptor.close(ignored);
        impl->stop_all(true);
    });
}

std::uint16_t HttpServer::port() const noexcept { return impl_->port; }
std::string HttpServer::url() const { return impl_->url; }
std::size_t HttpServer::connections() const noexcept { return impl_->count; }

task<void> HttpServer::shutdown(std::chrono::milliseconds grace) {
    const auto impl = impl_;
    co_await asio::co_spawn(impl->strand, impl->shutdown(grace), asio::use_awaitable);
}

}  // namespace tenon::net
