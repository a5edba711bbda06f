// Answers that are pulled from a stream: what is there at once, or comes faster than the loop turns, goes out together.
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <exception>

#include "net/connection.hpp"

// GCC 12 takes the coroutine frame's operator delete, once inlined, for one that does not match its operator new.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace tenon::net {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {
constexpr std::size_t most_pending = std::size_t{64} << 10;
/// Pieces are gathered while every turn of the loop brings another, up to so many bytes, turns and milliseconds. Turns
/// are what makes it fair: the busier the loop, the more a write must be worth, and an idle one hardly delays anything.
constexpr std::size_t worth_a_write = std::size_t{16} << 10;
constexpr unsigned most_turns = 16;
constexpr std::chrono::milliseconds most_delay{20};

void append_chunk(std::string& out, std::string_view piece) {
    char size[20];
    const auto end = std::to_chars(size, size + sizeof size, piece.size(), 16).ptr;
    out.append(size, end);
    out += "\r\n";
    out += piece;
    out += "\r\n";
}
}  // namespace

task<void> Connection::respond_with_stream(HttpResponse response, bool head) {
    const auto body = std::move(response.stream);
    const auto framing = !status_has_body(response.status) ? Framing::none
                         : http_1_0_                       ? Framing::until_close
                                                           : Framing::chunked;
    const bool bare = head || framing == Framing::none;
    pending_ = make_head(response.status, std::move(response.headers), framing, 0);
    gathers_ = false;
    flush_soon();
    bool good = !gone_;
    std::string what;
    while (good && !bare) {
        Result<std::optional<std::string>> piece = std::optional<std::string>{};
        try {
            piece = co_await body->next();
        } catch (const std::exception& error) {
            what = error.what();
        }
        if (!what.empty() || !piece || !*piece) {
            good = what.empty() && piece.has_value();
            break;
        }
        if ((**piece).empty()) continue;
        record_.body_bytes_out += (**piece).size();
        if (framing == Framing::chunked)
            append_chunk(pending_, **piece);
        else
            pending_ += **piece;
        flush_soon();
        if (pending_.size() >= most_pending) co_await room_in_stream();
        good = !gone_;
    }
    if (!what.empty()) log_failure(what);
    if (good && !bare && framing == Framing::chunked) pending_ += "0\r\n\r\n";
    co_await end_stream();
    answered_ = good && !gone_;
    if (!answered_) keep_alive_ = false;  // the body ends without its last chunk: the client notices
}

/// The bytes go out when this coroutine waits for something that takes longer than a turn of the loop, or when many
/// have gathered.
void Connection::flush_soon() {
    if (flush_posted_ || flushing_ || gone_) return;
    flush_by_ = Clock::now() + most_delay;
    look_after_turn(gathers_ ? most_turns : 1, 0);
}

void Connection::look_after_turn(unsigned turns, std::size_t seen) {
    flush_posted_ = true;
    asio::post(strand_, [self = shared_from_this(), turns, seen] {
        self->flush_posted_ = false;
        if (self->flushing_) return;
        const auto size = self->pending_.size();
        if (turns > 1 && size > seen && size < worth_a_write && Clock::now() < self->flush_by_)
            self->look_after_turn(turns - 1, size);
        else
            self->flush_stream();
    });
}

task<void> Connection::room_in_stream() {
    while (pending_.size() >= most_pending && !gone_) {
        watch_ended_.expires_at(Clock::time_point::max());
        error_code ignored;
        co_await watch_ended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
}

void Connection::flush_stream() {
    std::size_t sent = 0;
    gathers_ = true;                    // what came first goes out at once
    if (!pending_.empty() && !gone_) {  // it nearly always fits into the socket's buffer
        error_code error;
        sent = socket_.write_some(asio::buffer(pending_), error);
        if (error && error != asio::error::would_block && error != asio::error::try_again) client_gone();
    }
    if (gone_ || sent == pending_.size()) {
        pending_.clear();
        watch_ended_.cancel();
        return;
    }
    writing_.swap(pending_);
    pending_.clear();
    flushing_ = true;
    set_timer(options().write_timeout);
    asio::async_write(socket_, asio::buffer(writing_) + sent,
                      asio::bind_executor(strand_, [self = shared_from_this()](const error_code& error, std::size_t) {
                          self->clear_timer();
                          self->flushing_ = false;
                          if (error) self->client_gone();
                          if (!self->pending_.empty()) self->flush_soon();
                          self->watch_ended_.cancel();
                      }));
    watch_ended_.cancel();  // there is room again
}

task<void> Connection::end_stream() {
    while (flushing_ || (!pending_.empty() && !gone_)) {
        if (!flushing_) {
            flush_stream();
            continue;
        }
        watch_ended_.expires_at(Clock::time_point::max());
        error_code ignored;
        co_await watch_ended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    pending_.clear();
}

}  // namespace tenon::net
