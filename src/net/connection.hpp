// One client's connection to an HttpServer. Private to net; the only places that know Beast are its .cpp files.
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "net/server_core.hpp"

namespace tenon::net {

/// Lives on its own strand: every member is called there, but `stop` and `drain`, which may be called from anywhere.
class Connection : public std::enable_shared_from_this<Connection> {
  public:
    using Strand = boost::asio::strand<Executor>;
    using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Strand>;
    using Parser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;

    Connection(Socket socket, std::shared_ptr<ServerCore> core);

    /// Serves requests until the connection ends.
    [[nodiscard]] task<void> run();
    /// Answers 503 and closes.
    [[nodiscard]] task<void> reject();
    /// Closes the connection when it waits for a request, else after the present one.
    void drain();
    /// Tells the handler to stop; `cut` closes the socket as well.
    void stop(bool cut);

    [[nodiscard]] const Strand& strand() const noexcept { return strand_; }

    // For the response writer and the body stream, on the strand.
    [[nodiscard]] task<Result<void>> send(std::string bytes, std::string more);
    [[nodiscard]] task<Result<std::string>> read_body_some();
    void watch_for_close();
    [[nodiscard]] bool body_done() const { return !parser_ || parser_->is_done(); }
    [[nodiscard]] const HttpServerOptions& options() const noexcept { return core_->options; }

  private:
    friend class ChunkedWriter;
    friend class SocketSession;

    [[nodiscard]] task<bool> serve_one();
    [[nodiscard]] task<bool> read_header();
    [[nodiscard]] task<void> answer();
    [[nodiscard]] task<Result<std::string>> read_whole_body();
    [[nodiscard]] task<HttpResponse> call(const Route& route, HttpRequest request, CallContext context);
    [[nodiscard]] task<void> call_streaming(const Route& route, HttpRequest request, CallContext context);
    [[nodiscard]] task<void> respond(HttpResponse response, bool head);
    /// stream_response.cpp
    [[nodiscard]] task<void> respond_with_stream(HttpResponse response, bool head);
    void flush_soon();
    /// Flushes after the loop's next turn; or looks again after one more, `turns` at most, when there is more than
    /// `seen`.
    void look_after_turn(unsigned turns, std::size_t seen);
    void flush_stream();
    [[nodiscard]] task<void> room_in_stream();
    [[nodiscard]] task<void> end_stream();
    /// web_socket.cpp
    [[nodiscard]] task<void> respond_with_web_socket(HttpResponse response);
    /// Answers without having read the body.
    [[nodiscard]] task<void> respond_early(HttpResponse response, bool head);
    [[nodiscard]] task<void> refuse(int status, std::string message);
    [[nodiscard]] task<void> linger();
    [[nodiscard]] task<void> end_watch();
    [[nodiscard]] std::string make_head(int status, Headers headers, Framing framing, std::uint64_t length);
    [[nodiscard]] std::string malformed(const HttpRequest& request) const;
    [[nodiscard]] std::string too_long_text() const;
    [[nodiscard]] CallContext make_context(const Route& route);
    void log_failure(const std::string& what) const;
    void set_timer(std::chrono::milliseconds time);
    void arm_timer();
    void clear_timer();
    void watch_soon();
    void client_gone();
    void close();

    Strand strand_;
    Socket socket_;
    std::shared_ptr<ServerCore> core_;
    std::string remote_;
    boost::beast::flat_buffer buffer_;
    std::optional<Parser> parser_;

    // Ends the socket operation in progress. It is armed for the earliest time that was ever asked for and looks then:
    // most operations end long before, and cost it nothing.
    boost::asio::steady_timer timer_;
    Clock::time_point deadline_ = Clock::time_point::max();
    std::uint64_t timer_round_ = 0;
    bool timer_armed_ = false;
    bool timed_out_ = false;
    boost::asio::steady_timer limit_;  // of the handler

    // The present request
    std::optional<std::stop_source> stop_source_;
    Headers request_headers_;  ///< those that answers depend on
    std::string request_id_;
    AccessRecord record_;
    std::uint64_t body_limit_ = 0;
    bool expects_continue_ = false, keep_alive_ = true, http_1_0_ = false, gone_ = false, waiting_ = true;
    bool answered_ = false;  ///< the whole answer was handed to the socket: a client may go now
    bool draining_ = false;

    // Pieces of an answer that wait for the socket
    std::string pending_, writing_;
    bool flush_posted_ = false, flushing_ = false, gathers_ = false;
    Clock::time_point flush_by_{};

    // The read that notices a client closing while a handler runs
    bool watching_ = false, watch_wanted_ = false, watch_posted_ = false;
    boost::asio::cancellation_signal watch_cancel_;
    boost::asio::steady_timer watch_ended_;
};

}  // namespace tenon::net
