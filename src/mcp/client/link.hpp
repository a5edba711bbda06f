// How a client reaches its server. Private to mcp.
#pragma once

#include <memory>

#include "mcp/client/session.hpp"

namespace tenon::mcp {

/// Thread-safe. Destruction ends it; nothing is delivered after.
class Link {
  public:
    virtual ~Link() = default;
    virtual void send(Outgoing message) = 0;
    /// The session that gets what comes. Once, before the first `send`.
    virtual void attach(std::weak_ptr<ClientSession> session) = 0;
    /// Ends it in order.
    [[nodiscard]] virtual task<void> close() = 0;
    /// Arguments travel as headers too, so their rules matter.
    [[nodiscard]] virtual bool has_headers() const noexcept = 0;
};

/// Errors: not_found, permission_denied, invalid_argument (no words), io.
[[nodiscard]] Result<std::shared_ptr<Link>> start_program(Executor executor, Command command, LogSink log);
[[nodiscard]] std::shared_ptr<Link> http_link(Executor executor, Endpoint endpoint,
                                              std::shared_ptr<net::HttpClient> http, LogSink log);
/// Over descriptors somebody else has opened; takes them over.
[[nodiscard]] std::shared_ptr<Link> descriptor_link(Executor executor, int in, int out);

[[nodiscard]] task<Result<ClientPtr>> open_client(std::shared_ptr<Link> link, ClientOptions options, CallOptions call);

}  // namespace tenon::mcp
