// Answers that are pulled from a stream: what is there at once goes out together.
#include <fmt/format.h>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <exception>
#include <iterator>

#include "net/connection.hpp"

// GCC 12 takes the coroutine frame's operator delete, once inlined, for one that does not match its operator new.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace tenon::net {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {
constexpr std::size_t most_pending = std::size_t{64} << 10;
}

task<void> Connection::respond_with_stream(HttpResponse response, bool head) {
    const auto body = std::move(response.stream);
    const auto framing = !status_has_body(response.status) ? Framing::none
                         : http_1_0_                       ? Framing::until_close
                                                           : Framing::chunked;
    const bool bare = head || framing == Framing::none;
    pending_ = make_head(response.status, std::move(response.headers), framing, 0);
    bool good = co_await add_to_stream({});
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
        if (framing == Framing::chunked) {
            fmt::format_to(std::back_inserter(pending_), "{:x}\r\n", (**piece).size());
            pending_ += **piece;
            good = co_await add_to_stream("\r\n");
        } else {
            good = co_await add_to_stream(**piece);
        }
    }
    if (!what.empty()) log_failure(what);
    if (good && !bare && framing == Framing::chunked) pending_ += "0\r\n\r\n";
    co_await end_stream();
    answered_ = good && !gone_;
    if (!answered_) keep_alive_ = false;  // the body ends without its last chunk: the client notices
}

/// The bytes go out when this coroutine waits for something, or when too many have gathered.
task<bool> Connection::add_to_stream(std::string_view bytes) {
    pending_ += bytes;
    if (!flush_posted_ && !flushing_ && !gone_) {
        flush_posted_ = true;
        asio::post(strand_, [self = shared_from_this()] {
            self->flush_posted_ = false;
            if (!self->flushing_) self->flush_stream();
        });
    }
    while (pending_.size() >= most_pending && !gone_) {
        watch_ended_.expires_at(Clock::time_point::max());
        error_code ignored;
        co_await watch_ended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    co_return !gone_;
}

void Connection::flush_stream() {
    if (pending_.empty() || gone_) {
        watch_ended_.cancel();
        return;
    }
    writing_.swap(pending_);
    pending_.clear();
    flushing_ = true;
    set_timer(options().write_timeout);
    asio::async_write(socket_, asio::buffer(writing_),
                      asio::bind_executor(strand_, [self = shared_from_this()](const error_code& error, std::size_t) {
                          self->clear_timer();
                          self->flushing_ = false;
                          if (error) self->client_gone();
                          self->flush_stream();
                      }));
    watch_ended_.cancel();  // there is room again
}

task<void> Connection::end_stream() {
    while (flush_posted_ || flushing_ || (!pending_.empty() && !gone_)) {
        if (!flush_posted_ && !flushing_) flush_stream();
        if (!flush_posted_ && !flushing_) break;
        watch_ended_.expires_at(Clock::time_point::max());
        error_code ignored;
        co_await watch_ended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    pending_.clear();
}

}  // namespace tenon::net
