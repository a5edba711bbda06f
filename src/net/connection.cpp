#include "net/connection.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <exception>
#include <utility>

#include "net/chunked_writer.hpp"

// GCC 12 takes the coroutine frame's operator delete, once inlined, for one that does not match its operator new.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace tenon::net {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::size_t piece_bytes = std::size_t{64} << 10;
constexpr std::size_t send_slice = std::size_t{1} << 20;
/// An unwanted body up to this long is read and dropped, so that the connection can go on.
constexpr std::uint64_t worth_discarding = 64 << 10;
constexpr std::chrono::milliseconds linger_time{2'000};

/// The body of a route that streams it.
class RequestBody final : public Stream<std::string> {
  public:
    explicit RequestBody(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}
    task<Result<std::optional<std::string>>> next() override {
        const auto connection = connection_;
        co_return co_await on_strand(connection->strand(), read(connection));
    }

  private:
    static task<Result<std::optional<std::string>>> read(std::shared_ptr<Connection> connection) {
        TENON_CO_TRY(auto piece, co_await connection->read_body_some());
        if (piece.empty()) {
            connection->watch_for_close();
            co_return std::optional<std::string>{};
        }
        co_return std::optional<std::string>(std::move(piece));
    }
    std::shared_ptr<Connection> connection_;
};

}  // namespace

Connection::Connection(Socket socket, std::shared_ptr<ServerCore> core)
    : strand_(socket.get_executor()),
      socket_(std::move(socket)),
      core_(std::move(core)),
      timer_(strand_),
      limit_(strand_),
      watch_ended_(strand_) {
    error_code error;
    const auto peer = socket_.remote_endpoint(error);
    if (!error) remote_ = peer.address().to_string();
    socket_.set_option(asio::ip::tcp::no_delay(true), error);
    socket_.non_blocking(true, error);
}

task<void> Connection::run() {
    const auto self = shared_from_this();
    while (co_await serve_one()) {
    }
    close();
}

task<void> Connection::reject() {
    const auto self = shared_from_this();
    keep_alive_ = false;
    co_await refuse(503, "too many connections; try again later");
    close();
}

task<bool> Connection::read_header() {
    error_code error;
    if (buffer_.size() == 0) {
        set_timer(options().keep_alive_timeout);
        const auto got = co_await socket_.async_read_some(buffer_.prepare(piece_bytes / 16),
                                                          asio::redirect_error(asio::use_awaitable, error));
        clear_timer();
        if (error) co_return false;
        buffer_.commit(got);
    }
    // Most headers are there at once.
    buffer_.consume(parser_->put(buffer_.data(), error));
    if (!error && parser_->is_header_done()) co_return true;
    if (error == http::error::need_more) error = {};
    set_timer(options().header_timeout);
    if (!error)
        co_await http::async_read_header(socket_, buffer_, *parser_, asio::redirect_error(asio::use_awaitable, error));
    clear_timer();
    if (!error) co_return true;
    keep_alive_ = false;
    if (timed_out_)
        co_await refuse(408, "the request's header took too long");
    else if (error == http::error::header_limit)
        co_await refuse(431, fmt::format("the request's header is longer than {} bytes", options().max_header_bytes));
    else if (error == http::error::bad_version)
        co_await refuse(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    else if (error.category() == http::make_error_code(http::error::bad_method).category() &&
             error != http::error::end_of_stream && error != http::error::partial_message)
        co_await refuse(400, fmt::format("the request is malformed: {}", error.message()));
    co_return false;
}

task<void> Connection::refuse(int status, std::string message) {
    keep_alive_ = false;
    if (request_id_.empty()) request_id_ = core_->request_id({});
    co_await respond(core_->error(status, std::move(message), record_.path), false);
    co_await linger();
}

task<bool> Connection::serve_one() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(options().max_header_bytes));
    parser_->body_limit(boost::none);
    stop_source_.emplace();
    record_ = {};
    record_.remote = remote_;
    request_headers_.clear();
    request_id_.clear();
    expects_continue_ = http_1_0_ = answered_ = false;
    keep_alive_ = true;
    waiting_ = true;
    if (draining_ || core_->draining) co_return false;
    if (!co_await read_header()) co_return false;
    waiting_ = false;
    const auto begin = Clock::now();
    co_await answer();
    co_await end_watch();
    limit_.cancel();
    if (!gone_ && !body_done()) {
        co_await linger();
        keep_alive_ = false;
    }
    record_.duration = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
    record_.client_gone = gone_ && !answered_;
    if (options().on_complete) options().on_complete(record_);
    co_return keep_alive_ && !gone_;
}

/// Everything between the header and the end of the response.
task<void> Connection::answer() {
    HttpRequest request;
    const auto& message = parser_->get();
    request.method = message.method_string();
    request.target = message.target();
    for (const auto& field : message) request.headers.add(field.name_string(), field.value());
    for (const std::string_view name : {"origin", "expect", "authorization", "x-api-key", "x-goog-api-key"})
        if (const auto value = request.headers.find(name)) request_headers_.add(std::string(name), std::string(*value));
    request_id_ = core_->request_id(request.headers);
    http_1_0_ = message.version() == 10;
    keep_alive_ = message.keep_alive();
    record_.request_id = request.request_id = request_id_;
    record_.method = request.method;
    request.remote = remote_;
    const bool head = request.method == "HEAD";

    auto target = parse_target(request.target);
    if (!target) co_return co_await respond_early(core_->error(400, target.error().message(), record_.path), head);
    record_.path = request.path = target->path;
    request.query = std::move(target->query);
    if (const auto& name = options().key_parameter; !name.empty() && presented_key(request.headers).empty())
        if (const auto key = request.query_parameter(name)) {
            request.headers.set("X-Api-Key", std::string(*key));
            request_headers_.set("X-Api-Key", std::string(*key));
        }
    if (const auto problem = malformed(request); !problem.empty()) {
        keep_alive_ = false;
        co_return co_await respond_early(core_->error(400, problem, record_.path), head);
    }
    auto match = core_->router.match(request.method, target->raw_path);
    if (request.method == "OPTIONS" && match.route == nullptr && (!match.allowed.empty() || request.path == "*"))
        co_return co_await respond_early(core_->options_response(request, std::move(match.allowed)), head);
    if (match.route == nullptr && !match.allowed.empty()) {
        auto response =
            core_->error(405, fmt::format("{} is not allowed on {}", request.method, request.path), record_.path);
        response.headers.set("Allow", fmt::format("{}", fmt::join(match.allowed, ", ")));
        co_return co_await respond_early(std::move(response), head);
    }
    if (!core_->same_origin(request))
        co_return co_await respond_early(
            core_->error(403, "this server does not take requests from pages of other origins", record_.path), head);
    const bool open = match.route != nullptr && match.route->options.open_access;
    if (!open) {
        if (const auto allowed = core_->authorize(request); !allowed) {
            auto response = core_->error(allowed.error(), record_.path);
            if (response.status == 401) response.headers.set("WWW-Authenticate", "Bearer");
            co_return co_await respond_early(std::move(response), head);
        }
    }
    if (match.route == nullptr)
        co_return co_await respond_early(
            core_->error(404, fmt::format("there is nothing at {}", request.path), record_.path), head);

    const Route& route = *match.route;
    record_.route = route.pattern;
    request.path_parameters = std::move(match.parameters);
    body_limit_ = route.options.max_body_bytes.value_or(options().max_body_bytes);
    if (const auto length = parser_->content_length(); length && *length > body_limit_)
        co_return co_await respond_early(core_->error(413, too_long_text(), record_.path), head);
    if (const auto expect = request.headers.find("expect"); expect && !body_done() && !http_1_0_) {
        if (!equals_ignoring_case(*expect, "100-continue"))
            co_return co_await respond_early(core_->error(417, "this expectation cannot be met", record_.path), head);
        expects_continue_ = true;
    }
    watch_wanted_ = true;
    if (route.options.stream_body) {
        request.body_stream = std::make_unique<RequestBody>(shared_from_this());
        if (body_done()) watch_for_close();
    } else {
        if (auto read = co_await read_whole_body(); !read) {
            keep_alive_ = false;
            if (gone_) co_return;
            const auto code = read.error().code();
            const int status = code == ErrorCode::resource_exhausted  ? 413
                               : code == ErrorCode::deadline_exceeded ? 408
                                                                      : 400;
            co_return co_await respond_early(core_->error(status, read.error().message(), record_.path), head);
        } else {
            request.body = std::move(*read);
        }
        watch_soon();
    }
    auto context = make_context(route);
    if (route.streaming) co_return co_await call_streaming(route, std::move(request), std::move(context));
    auto response = co_await call(route, std::move(request), std::move(context));
    if (!response.stream && !response.upgrade) watch_wanted_ = false;
    co_await respond(std::move(response), head);
}

std::string Connection::malformed(const HttpRequest& request) const {
    std::size_t hosts = 0;
    for (const auto& field : request.headers)
        if (equals_ignoring_case(field.name, "host")) ++hosts;
    if (hosts > 1 || (hosts == 0 && !http_1_0_)) return "a request carries exactly one Host header";
    if (const auto coding = request.headers.find("transfer-encoding")) {
        if (request.headers.contains("content-length") || http_1_0_)
            return "a request carries Content-Length or Transfer-Encoding, not both";
        if (!equals_ignoring_case(*coding, "chunked")) return "the only transfer coding understood is chunked";
    }
    return {};
}

std::string Connection::too_long_text() const {
    return fmt::format("the request's body is longer than {} bytes", body_limit_);
}

CallContext Connection::make_context(const Route& route) {
    CallContext context;
    context.request_id = request_id_;
    context.call.stop = stop_source_->get_token();
    const auto limit = route.options.time_limit.value_or(options().time_limit);
    if (limit.count() > 0) {
        context.call.deadline = Clock::now() + limit;
        limit_.expires_at(*context.call.deadline);
        limit_.async_wait(asio::bind_executor(strand_, [source = *stop_source_](const error_code& error) mutable {
            if (!error) source.request_stop();
        }));
    }
    return context;
}

task<HttpResponse> Connection::call(const Route& route, HttpRequest request, CallContext context) {
    std::string what;
    try {
        co_return co_await route.handler(std::move(request), std::move(context));
    } catch (const std::exception& error) {
        what = error.what();
    }
    log_failure(what);
    co_return core_->error(500, "the server failed to answer; its log says why", record_.path);
}

task<void> Connection::call_streaming(const Route& route, HttpRequest request, CallContext context) {
    const bool head = request.method == "HEAD";
    const auto writer = std::make_shared<ChunkedWriter>(shared_from_this(), head);
    Result<void> done = fail(ErrorCode::internal, "the server failed to answer; its log says why");
    std::string what;
    try {
        done = co_await route.streaming(std::move(request), writer, std::move(context));
    } catch (const std::exception& error) {
        what = error.what();
    }
    if (!what.empty()) log_failure(what);
    if (done) done = co_await writer->finish();
    answered_ = done.has_value();
    const bool told = writer->started();
    writer->detach();
    if (done || gone_) co_return;
    if (told)
        keep_alive_ = false;  // the body ends without its last chunk: the client notices
    else
        co_await respond(core_->error(done.error(), record_.path), head);
}

void Connection::log_failure(const std::string& what) const {
    if (options().log)
        options().log(LogLevel::error, "net",
                      fmt::format("{} {} {} failed: {}", request_id_, record_.method, record_.path, what));
}

task<Result<std::string>> Connection::read_whole_body() {
    std::string body;
    while (!body_done()) {
        TENON_CO_TRY(auto piece, co_await read_body_some());
        // A length alone is not believed: memory grows with what has come, then once to its end.
        if (const auto length = parser_->content_length(); length && body.size() >= (std::size_t{1} << 20))
            body.reserve(static_cast<std::size_t>(*length));
        if (body.empty())
            body = std::move(piece);
        else
            body += piece;
    }
    co_return body;
}

task<Result<std::string>> Connection::read_body_some() {
    if (std::exchange(expects_continue_, false) && buffer_.size() == 0)
        TENON_CO_CHECK(co_await send("HTTP/1.1 100 Continue\r\n\r\n", {}));
    std::string piece;
    while (!body_done() && piece.empty()) {
        piece.resize(buffer_.size() > 0 ? std::min(buffer_.size(), piece_bytes) : piece_bytes);
        auto& body = parser_->get().body();
        body.data = piece.data();
        body.size = piece.size();
        error_code error;
        if (buffer_.size() > 0) buffer_.consume(parser_->put(buffer_.data(), error));
        if (error == http::error::need_more) error = {};
        if (!error && !body_done() && body.size == piece.size()) {  // nothing of the body was there
            piece.resize(piece_bytes);
            body.data = piece.data();
            body.size = piece.size();
            set_timer(options().body_timeout);
            co_await http::async_read_some(socket_, buffer_, *parser_,
                                           asio::redirect_error(asio::use_awaitable, error));
            clear_timer();
        }
        if (timed_out_) {
            keep_alive_ = false;
            co_return fail(ErrorCode::deadline_exceeded, "the request's body took too long");
        }
        if (error && error != http::error::need_buffer) {
            const bool broken = error.category() == http::make_error_code(http::error::bad_method).category() &&
                                error != http::error::end_of_stream && error != http::error::partial_message;
            keep_alive_ = false;
            if (broken)
                co_return fail(ErrorCode::invalid_argument,
                               fmt::format("the request's body is malformed: {}", error.message()));
            client_gone();
            co_return fail(ErrorCode::cancelled, "the client closed the connection");
        }
        piece.resize(piece.size() - parser_->get().body().size);
        record_.body_bytes_in += piece.size();
        if (record_.body_bytes_in > body_limit_) {
            keep_alive_ = false;
            co_return fail(ErrorCode::resource_exhausted, too_long_text());
        }
    }
    co_return piece;
}

task<void> Connection::respond_early(HttpResponse response, bool head) {
    const auto length = parser_->content_length();
    body_limit_ = worth_discarding;
    if (!body_done() && length && *length <= worth_discarding && !request_headers_.contains("expect") && keep_alive_)
        while (!body_done())
            if (auto piece = co_await read_body_some(); !piece) break;
    if (!body_done()) keep_alive_ = false;
    if (!gone_) co_await respond(std::move(response), head);
}

std::string Connection::make_head(int status, Headers headers, Framing framing, std::uint64_t length) {
    if (draining_ || core_->draining) keep_alive_ = false;
    if (framing == Framing::until_close || !body_done()) keep_alive_ = false;
    core_->add_cors(request_headers_, headers);
    if (options().add_headers)
        if (const auto key = presented_key(request_headers_); !key.empty()) options().add_headers(key, headers);
    record_.status = status;
    const ResponseHead head{status, framing, length, keep_alive_, http_1_0_, request_id_, options().server_name};
    return format_head(head, headers);
}

task<void> Connection::respond(HttpResponse response, bool head) {
    if (response.upgrade) co_return co_await respond_with_web_socket(std::move(response));
    if (response.stream) co_return co_await respond_with_stream(std::move(response), head);
    const auto framing = status_has_body(response.status) ? Framing::length : Framing::none;
    const auto length = response.body.size();
    if (head || framing == Framing::none) response.body.clear();
    record_.body_bytes_out = response.body.size();
    auto text = make_head(response.status, std::move(response.headers), framing, length);
    const auto sent = co_await send(std::move(text), std::move(response.body));
    answered_ = sent.has_value();
}

task<Result<void>> Connection::send(std::string bytes, std::string more) {
    if (gone_) co_return fail(ErrorCode::cancelled, "the client closed the connection");
    std::size_t at = 0;
    if (bytes.size() + more.size() <= piece_bytes) {  // small answers nearly always fit into the socket's buffer
        error_code error;
        const std::array<asio::const_buffer, 2> all{asio::buffer(bytes), asio::buffer(more)};
        const std::size_t sent = socket_.write_some(all, error);
        if (!error && sent == bytes.size() + more.size()) co_return Result<void>{};
        if (!error || error == asio::error::would_block || error == asio::error::try_again) {
            if (sent >= bytes.size()) at = sent - bytes.size();
            bytes.erase(0, sent);
        }
    }
    bool first = true;
    do {
        const auto slice = std::min(send_slice, more.size() - at);
        const std::array<asio::const_buffer, 2> buffers{
            asio::buffer(std::exchange(first, false) ? std::string_view(bytes) : std::string_view{}),
            asio::buffer(more.data() + at, slice)};
        at += slice;
        error_code error;
        set_timer(options().write_timeout);
        co_await asio::async_write(socket_, buffers, asio::redirect_error(asio::use_awaitable, error));
        clear_timer();
        if (error) {
            client_gone();
            if (timed_out_) co_return fail(ErrorCode::deadline_exceeded, "the client does not read its answer");
            co_return fail(ErrorCode::cancelled, "the client closed the connection");
        }
    } while (at < more.size());
    co_return Result<void>{};
}

/// Lets the client read the answer before the close: data it still sends would turn the close into a reset.
task<void> Connection::linger() {
    error_code error;
    socket_.shutdown(Socket::shutdown_send, error);
    std::string scratch(piece_bytes, '\0');
    set_timer(linger_time);
    while (!error)
        co_await socket_.async_read_some(asio::buffer(scratch), asio::redirect_error(asio::use_awaitable, error));
    clear_timer();
}

void Connection::watch_for_close() {
    if (watching_ || !watch_wanted_ || gone_ || !body_done() || buffer_.size() >= piece_bytes) return;
    watching_ = true;
    auto on_read = [self = shared_from_this()](const error_code& error, std::size_t got) {
        self->watching_ = false;
        if (!error) {
            self->buffer_.commit(got);  // the next request, pipelined
            self->watch_for_close();
        } else if (error != asio::error::operation_aborted) {
            self->client_gone();
        }
        if (!self->watching_) self->watch_ended_.cancel();
    };
    socket_.async_read_some(
        buffer_.prepare(piece_bytes / 16),
        asio::bind_cancellation_slot(watch_cancel_.slot(), asio::bind_executor(strand_, std::move(on_read))));
}

/// When the handler first waits: one that answers at once needs no watch.
void Connection::watch_soon() {
    if (watch_posted_) return;
    watch_posted_ = true;
    asio::post(strand_, [self = shared_from_this()] {
        self->watch_posted_ = false;
        self->watch_for_close();
    });
}

task<void> Connection::end_watch() {
    watch_wanted_ = false;
    if (!watching_) co_return;
    watch_cancel_.emit(asio::cancellation_type::terminal);
    while (watching_) {
        watch_ended_.expires_at(Clock::time_point::max());
        error_code ignored;
        co_await watch_ended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
}

void Connection::set_timer(std::chrono::milliseconds time) {
    timed_out_ = false;
    deadline_ = Clock::now() + time;
    if (!timer_armed_ || timer_.expiry() > deadline_) arm_timer();
}

void Connection::arm_timer() {
    timer_armed_ = true;
    timer_.expires_at(deadline_);
    const auto round = ++timer_round_;
    timer_.async_wait(asio::bind_executor(strand_, [weak = weak_from_this(), round](const error_code&) {
        const auto self = weak.lock();
        if (!self || round != self->timer_round_) return;
        self->timer_armed_ = false;
        if (self->deadline_ == Clock::time_point::max()) return;
        if (Clock::now() < self->deadline_) return self->arm_timer();
        self->timed_out_ = true;
        error_code ignored;
        self->socket_.cancel(ignored);
    }));
}

void Connection::clear_timer() { deadline_ = Clock::time_point::max(); }

void Connection::client_gone() {
    gone_ = true;
    if (stop_source_) stop_source_->request_stop();
}

void Connection::close() {
    error_code ignored;
    socket_.shutdown(Socket::shutdown_both, ignored);
    socket_.close(ignored);
}

void Connection::drain() {
    asio::post(strand_, [self = shared_from_this()] {
        self->draining_ = true;
        if (self->waiting_) self->close();
    });
}

void Connection::stop(bool cut) {
    asio::post(strand_, [self = shared_from_this(), cut] {
        if (self->stop_source_) self->stop_source_->request_stop();
        if (cut) {
            self->gone_ = true;
            self->close();
        }
    });
}

}  // namespace tenon::net
