// The answer of a streaming handler. Private to net.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <utility>

#include "net/connection.hpp"

namespace tenon::net {

/// Runs `work` on the strand: at once when already there, else by a hop.
template <class T>
task<T> on_strand(Connection::Strand strand, task<T> work) {
    if (strand.running_in_this_thread()) co_return co_await std::move(work);
    co_return co_await boost::asio::co_spawn(strand, std::move(work), boost::asio::use_awaitable);
}

class ChunkedWriter final : public ResponseWriter {
  public:
    ChunkedWriter(std::shared_ptr<Connection> connection, bool head)
        : connection_(std::move(connection)), strand_(connection_->strand()), head_(head) {}

    task<Result<void>> start(int status, Headers headers) override;
    task<Result<void>> write(std::string chunk) override;
    task<Result<void>> finish() override;
    bool started() const noexcept override { return started_; }
    /// The handler is over: what it may have kept of the writer answers errors only.
    void detach() { connection_.reset(); }

  private:
    task<Result<void>> start_here(int status, Headers headers);
    task<Result<void>> write_here(std::string chunk);
    task<Result<void>> finish_here();

    std::shared_ptr<Connection> connection_;
    Connection::Strand strand_;
    bool head_;
    Framing framing_ = Framing::chunked;
    bool started_ = false, finished_ = false;
};

}  // namespace tenon::net
