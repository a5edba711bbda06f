// WebSockets by Beast, on the connection's socket.
#include "tenon/net/web_socket.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <exception>
#include <utility>

#include "net/chunked_writer.hpp"
#include "net/connection.hpp"

// GCC 12 takes the coroutine frame's operator delete, once inlined, for one that does not match its operator new.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace tenon::net {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;

namespace {

/// The connection's socket under an executor that Beast understands.
struct Layer {
    using executor_type = Executor;
    Connection::Socket& socket;
    [[nodiscard]] executor_type get_executor() const { return socket.get_executor(); }
    template <class Buffers, class Handler>
    auto async_read_some(const Buffers& buffers, Handler&& handler) {
        return socket.async_read_some(buffers, std::forward<Handler>(handler));
    }
    template <class Buffers, class Handler>
    auto async_write_some(const Buffers& buffers, Handler&& handler) {
        return socket.async_write_some(buffers, std::forward<Handler>(handler));
    }
};
template <class Handler>
void async_teardown(boost::beast::role_type, Layer& layer, Handler&& handler) {
    error_code error;
    layer.socket.shutdown(Connection::Socket::shutdown_send, error);
    asio::post(layer.get_executor(), [h = std::forward<Handler>(handler)]() mutable { h(error_code()); });
}
void beast_close_socket(Layer& layer) {
    error_code ignored;
    layer.socket.close(ignored);
}

}  // namespace

/// Every member runs on the connection's strand but the three of WebSocket, which go there.
class SocketSession final : public WebSocket, public std::enable_shared_from_this<SocketSession> {
  public:
    SocketSession(std::shared_ptr<Connection> connection, std::size_t max_message_bytes)
        : connection_(std::move(connection)),
          strand_(connection_->strand()),
          stream_(Layer{connection_->socket_}),
          free_(strand_) {
        stream_.read_message_max(max_message_bytes);
        websocket::stream_base::timeout times{};
        times.handshake_timeout = connection_->options().header_timeout;
        times.idle_timeout = connection_->options().keep_alive_timeout * 2;
        times.keep_alive_pings = true;  // a silent peer is pinged; one that does not answer is gone
        stream_.set_option(times);
        stream_.set_option(websocket::stream_base::decorator(
            [name = connection_->options().server_name, id = connection_->request_id_](websocket::response_type& r) {
                r.set(boost::beast::http::field::server, name);
                r.set("X-Request-Id", id);
            }));
    }

    task<error_code> accept() {
        error_code error;
        co_await stream_.async_accept(connection_->parser_->get(), asio::redirect_error(asio::use_awaitable, error));
        open_ = !error;
        co_return error;
    }

    task<Result<std::optional<WebSocketMessage>>> read() override {
        const auto self = shared_from_this();
        co_return co_await on_strand(strand_, read_here());
    }
    task<Result<void>> send(WebSocketMessage message) override {
        const auto self = shared_from_this();
        co_return co_await on_strand(strand_, send_here(std::move(message)));
    }
    task<void> close(std::uint16_t code, std::string reason) override {
        const auto self = shared_from_this();
        (void)co_await on_strand(strand_, close_here(code, std::move(reason)));
    }

    /// On any thread: whoever waits is woken with an end.
    void stop() {
        asio::post(strand_, [self = shared_from_this()] {
            if (!std::exchange(self->open_, false)) return;
            self->stream_.async_close(websocket::close_code::going_away, [self](const error_code&) {});
        });
    }
    /// The handler is over: what it may have kept of the socket answers errors only.
    void detach() { open_ = false; }

  private:
    task<Result<std::optional<WebSocketMessage>>> read_here() {
        if (!open_) co_return fail(ErrorCode::cancelled, "the WebSocket is closed");
        boost::beast::flat_buffer buffer;
        error_code error;
        co_await stream_.async_read(buffer, asio::redirect_error(asio::use_awaitable, error));
        if (!error) {
            WebSocketMessage message{boost::beast::buffers_to_string(buffer.data()), stream_.got_binary()};
            connection_->record_.body_bytes_in += message.data.size();
            co_return std::optional<WebSocketMessage>(std::move(message));
        }
        const bool stopped = !std::exchange(open_, false);
        if (error == websocket::error::closed && !stopped) co_return std::optional<WebSocketMessage>{};
        if (error == websocket::error::message_too_big || error == websocket::error::buffer_overflow)
            co_return fail(ErrorCode::resource_exhausted, "the client sent a message over the limit");
        if (error.category() == websocket::make_error_code(websocket::error::closed).category())
            co_return fail(ErrorCode::protocol, "the client breaks the WebSocket protocol: " + error.message());
        connection_->client_gone();
        co_return fail(ErrorCode::cancelled, "the client closed the connection");
    }

    task<Result<void>> send_here(WebSocketMessage message) {
        while (sending_) {
            free_.expires_at(Clock::time_point::max());
            error_code ignored;
            co_await free_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        }
        if (!open_) co_return fail(ErrorCode::cancelled, "the WebSocket is closed");
        sending_ = true;
        stream_.binary(message.binary);
        error_code error;
        co_await stream_.async_write(asio::buffer(message.data), asio::redirect_error(asio::use_awaitable, error));
        sending_ = false;
        free_.cancel();
        if (error) {
            open_ = false;
            co_return fail(ErrorCode::cancelled, "the client closed the connection");
        }
        connection_->record_.body_bytes_out += message.data.size();
        co_return Result<void>{};
    }

    task<Result<void>> close_here(std::uint16_t code, std::string reason) {
        if (!std::exchange(open_, false)) co_return Result<void>{};
        if (reason.size() > 120) reason.resize(120);
        websocket::close_reason why(static_cast<websocket::close_code>(code), reason);
        error_code ignored;
        co_await stream_.async_close(why, asio::redirect_error(asio::use_awaitable, ignored));
        co_return Result<void>{};
    }

    std::shared_ptr<Connection> connection_;
    Connection::Strand strand_;
    websocket::stream<Layer, false> stream_;
    asio::steady_timer free_;  // signalled when a message has been sent
    bool open_ = false, sending_ = false;
};

task<void> Connection::respond_with_web_socket(HttpResponse response) {
    co_await end_watch();
    clear_timer();
    keep_alive_ = false;
    record_.status = 101;
    if (buffer_.size() > 0) co_return;  // frames before the handshake (RFC 6455 §4.1)
    const auto session = std::make_shared<SocketSession>(shared_from_this(), response.max_message_bytes);
    if (co_await session->accept()) co_return;
    answered_ = true;
    std::string what;
    Result<void> done{};
    {
        const std::stop_callback stopping(stop_source_->get_token(), [weak = std::weak_ptr(session)] {
            if (const auto it = weak.lock()) it->stop();
        });
        try {
            done = co_await response.upgrade(session);
        } catch (const std::exception& error) {
            what = error.what();
        }
    }
    if (!what.empty()) log_failure(what);
    std::uint16_t code = 1000;
    std::string reason;
    if (!what.empty() || !done) {
        code = 1011;
        reason = "the server failed";
    }
    co_await session->close(code, std::move(reason));
    session->detach();
}

}  // namespace tenon::net
