#include "mcp/transport/pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <csignal>

#include "mcp/rpc.hpp"
#include "tenon/async/channel.hpp"

namespace tenon::mcp {
namespace {

namespace asio = boost::asio;
using Strand = asio::strand<Executor>;

/// write(2) to a pipe that nobody reads any more: an error (EPIPE) and no signal, whatever the process does about
/// SIGPIPE.
ssize_t write_quietly(int to, std::string_view bytes) {
    sigset_t broken;
    sigset_t before;
    sigset_t pending;
    ::sigemptyset(&broken);
    ::sigaddset(&broken, SIGPIPE);
    ::sigpending(&pending);
    ::pthread_sigmask(SIG_BLOCK, &broken, &before);
    const ssize_t count = ::write(to, bytes.data(), bytes.size());
    const int code = errno;
    if (count < 0 && code == EPIPE && ::sigismember(&pending, SIGPIPE) == 0) {
        const timespec now{};
        ::sigtimedwait(&broken, nullptr, &now);
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = code;
    return count;
}

/// Standard input and output are shared with whoever started us: their modes are put back.
struct Descriptors {
    Descriptors(const Strand& strand, int reading, int writing)
        : in(strand, reading),
          out(strand, writing),
          in_mode(::fcntl(reading, F_GETFL)),
          out_mode(::fcntl(writing, F_GETFL)) {}
    ~Descriptors() { close(); }
    Descriptors(const Descriptors&) = delete;
    Descriptors& operator=(const Descriptors&) = delete;
    auto& reader() { return in; }
    /// Whether all of it went.
    task<bool> send(std::string text) {
        boost::system::error_code error;
        out.native_non_blocking(true, error);
        std::string_view rest = text;
        while (!rest.empty()) {
            const auto count = write_quietly(out.native_handle(), rest);
            if (count >= 0) {
                rest.remove_prefix(static_cast<std::size_t>(count));
            } else if (errno == EAGAIN) {
                co_await out.async_wait(asio::posix::descriptor_base::wait_write,
                                        asio::redirect_error(asio::use_awaitable, error));
                if (error) co_return false;
            } else if (errno != EINTR) {
                co_return false;
            }
        }
        co_return true;
    }
    void close_writer() {
        if (!out.is_open()) return;
        ::fcntl(out.native_handle(), F_SETFL, out_mode);
        boost::system::error_code ignored;
        out.close(ignored);
    }
    void close() {
        close_writer();
        if (!in.is_open()) return;
        ::fcntl(in.native_handle(), F_SETFL, in_mode);
        boost::system::error_code ignored;
        in.close(ignored);
    }
    asio::posix::stream_descriptor in, out;
    int in_mode, out_mode;
};

struct Socket {
    Socket(const Strand& strand, int handle) : socket(strand, asio::local::stream_protocol(), handle) {}
    auto& reader() { return socket; }
    task<bool> send(std::string text) {
        boost::system::error_code error;
        co_await asio::async_write(socket, asio::buffer(text), asio::redirect_error(asio::use_awaitable, error));
        co_return !error;
    }
    void close_writer() {
        boost::system::error_code ignored;
        if (socket.is_open()) socket.shutdown(asio::socket_base::shutdown_send, ignored);
    }
    void close() {
        boost::system::error_code ignored;
        if (socket.is_open()) socket.close(ignored);
    }
    asio::local::stream_protocol::socket socket;
};

template <class Ends>
class PipeOver final : public MessagePipe, public std::enable_shared_from_this<PipeOver<Ends>> {
  public:
    template <class... Handles>
    explicit PipeOver(const Executor& executor, Handles... handles)
        : strand_(asio::make_strand(executor)), ends_(strand_, handles...) {}

    void start() { asio::co_spawn(strand_, send_all(this->shared_from_this()), asio::detached); }

    void write(std::string line) override {
        line += '\n';
        waiting_ += line.size();
        queue_->push(std::move(line));
    }
    std::size_t backlog() const override { return waiting_; }

    task<Result<void>> read(std::function<void(std::string)> on_line, CallOptions options) override {
        auto self = this->shared_from_this();
        co_return co_await asio::co_spawn(strand_, read_on_strand(std::move(self), std::move(on_line), options),
                                          asio::use_awaitable);
    }

    task<void> finish(CallOptions options) override {
        const auto self = this->shared_from_this();
        queue_->close();
        (void)co_await sent_.wait(options);
    }

    void close() override {
        queue_->close();
        asio::post(strand_, [self = this->shared_from_this()] { self->ends_.close(); });
    }

  private:
    static task<void> send_all(std::shared_ptr<PipeOver> self) {
        for (;;) {
            auto line = co_await self->queue_->next(CallOptions());
            if (!line || !*line) break;
            const auto size = (*line)->size();
            const bool sent = co_await self->ends_.send(std::move(**line));
            self->waiting_ -= size;
            if (!sent) break;  // nobody reads any more; who reads here sees the end too
        }
        self->queue_->close();
        self->ends_.close_writer();
        self->sent_.ring();
    }

    static task<Result<void>> read_on_strand(std::shared_ptr<PipeOver> self, std::function<void(std::string)> on_line,
                                             CallOptions options) {
        // The deadline and the stop token close the reader.
        std::optional<std::stop_callback<std::function<void()>>> on_stop;
        if (options.stop.stop_possible())
            on_stop.emplace(options.stop, [weak = std::weak_ptr(self)] {
                if (const auto alive = weak.lock()) alive->interrupt();
            });
        rpc::LineReader lines;
        std::array<char, 65536> buffer{};
        std::vector<std::string> found;
        for (;;) {
            if (options.stop.stop_requested()) co_return fail(ErrorCode::cancelled, "cancelled by the caller");
            boost::system::error_code error;
            const std::size_t count = co_await self->ends_.reader().async_read_some(
                asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
            if (options.stop.stop_requested()) co_return fail(ErrorCode::cancelled, "cancelled by the caller");
            if (error == asio::error::eof || error == asio::error::connection_reset) co_return Result<void>{};
            if (error == asio::error::operation_aborted) co_return fail(ErrorCode::cancelled, "the pipe was closed");
            if (error == asio::error::bad_descriptor) co_return fail(ErrorCode::cancelled, "the pipe was closed");
            if (error) co_return fail(ErrorCode::io, "cannot read messages: " + error.message());
            found.clear();
            const auto fed = lines.feed(std::string_view(buffer.data(), count), found);
            for (auto& line : found) on_line(std::move(line));
            if (!fed) co_return std::unexpected(fed.error());
        }
    }
    void interrupt() {
        asio::post(strand_, [self = this->shared_from_this()] {
            boost::system::error_code ignored;
            if (self->ends_.reader().is_open()) self->ends_.reader().cancel(ignored);
        });
    }

    Strand strand_;
    Ends ends_;
    std::shared_ptr<Channel<std::string>> queue_ = std::make_shared<Channel<std::string>>();
    std::atomic<std::size_t> waiting_{0};
    Signal sent_;
};

}  // namespace

std::shared_ptr<MessagePipe> MessagePipe::over_descriptors(Executor executor, int in, int out) {
    auto pipe = std::make_shared<PipeOver<Descriptors>>(executor, in, out);
    pipe->start();
    return pipe;
}
std::shared_ptr<MessagePipe> MessagePipe::over_socket(Executor executor, int socket) {
    auto pipe = std::make_shared<PipeOver<Socket>>(executor, socket);
    pipe->start();
    return pipe;
}

}  // namespace tenon::mcp
