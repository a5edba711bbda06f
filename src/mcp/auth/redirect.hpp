// Where the user's browser comes back to: one port of this machine, for one login (RFC 8252 §7.3). Private to mcp.
#pragma once

#include <memory>
#include <string>

#include "mcp/auth/metadata.hpp"
#include "tenon/async/channel.hpp"
#include "tenon/net/http_server.hpp"

namespace tenon::mcp::auth {

/// Answers of others than the one that knows `state` are turned away, and the wait goes on.
class RedirectListener {
  public:
    /// `port` 0: any. Errors: already_exists (the port is taken), those of HttpServer::start.
    [[nodiscard]] static Result<std::unique_ptr<RedirectListener>> open(Executor executor, std::uint16_t port,
                                                                        std::string state);
    [[nodiscard]] std::string uri() const;
    /// Errors: deadline_exceeded, cancelled.
    [[nodiscard]] task<Result<net::QueryParameters>> wait(CallOptions call);
    /// Lets the last page go out.
    [[nodiscard]] task<void> close();

  private:
    using Answers = Channel<net::QueryParameters>;
    RedirectListener(std::unique_ptr<net::HttpServer> server, std::shared_ptr<Answers> answers)
        : server_(std::move(server)), answers_(std::move(answers)) {}
    std::unique_ptr<net::HttpServer> server_;
    std::shared_ptr<Answers> answers_;
};

/// The code of an authorization response. Checks who it is from first (RFC 9207 §2.4): only then is its error told.
/// Errors: protocol (from somebody else, or malformed), permission_denied, unavailable …
[[nodiscard]] Result<std::string> read_response(const net::QueryParameters& answer, const ServerMetadata& server);

}  // namespace tenon::mcp::auth
