// Lines of messages over a pair of descriptors, or over a socket. Private to mcp.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "tenon/async/task.hpp"

namespace tenon::mcp {

/// Thread-safe. Lives in a shared_ptr; what was written is sent before it ends by itself.
class MessagePipe {
  public:
    virtual ~MessagePipe() = default;
    /// Takes over both descriptors.
    [[nodiscard]] static std::shared_ptr<MessagePipe> over_descriptors(Executor executor, int in, int out);
    /// Takes over a connected stream socket.
    [[nodiscard]] static std::shared_ptr<MessagePipe> over_socket(Executor executor, int socket);

    /// Queues one message, without its line break. Never blocks. Dropped once the pipe has ended.
    virtual void write(std::string line) = 0;
    /// Bytes that wait to be sent.
    [[nodiscard]] virtual std::size_t backlog() const = 0;
    /// Reads until the input ends, giving each line to `on_line` in order. Once. Errors: io, cancelled,
    /// deadline_exceeded, resource_exhausted (a line too long).
    [[nodiscard]] virtual task<Result<void>> read(std::function<void(std::string)> on_line, CallOptions options) = 0;
    /// Sends what waits and then closes the sending side; returns when that is done or `options` give out.
    [[nodiscard]] virtual task<void> finish(CallOptions options) = 0;
    /// Closes both sides at once.
    virtual void close() = 0;
};

}  // namespace tenon::mcp
