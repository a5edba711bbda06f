// WebSockets (RFC 6455) on the server's side: whole messages; pings, fragments and closing are taken care of.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tenon/async/task.hpp"

namespace tenon::net {

struct WebSocketMessage {
    std::string data;  ///< valid UTF-8 when it is text
    bool binary = false;
};

/// One reader at a time; `send` and `close` may be called from any thread, also while a read waits.
class WebSocket {
  public:
    virtual ~WebSocket() = default;
    /// The next message; nullopt when the other side has closed. Errors: protocol (it breaks RFC 6455),
    /// resource_exhausted (a message over the limit; it is told so with 1009), cancelled (the connection is gone, or
    /// the server ends).
    [[nodiscard]] virtual task<Result<std::optional<WebSocketMessage>>> read() = 0;
    /// Returns when the message is handed to the system. Errors: cancelled (it is closed).
    [[nodiscard]] virtual task<Result<void>> send(WebSocketMessage message) = 0;
    /// The closing handshake. Idempotent.
    [[nodiscard]] virtual task<void> close(std::uint16_t code, std::string reason) = 0;
};

}  // namespace tenon::net
