// Who may come in over HTTP. Private to mcp.
#pragma once

#include <optional>
#include <string>

#include "tenon/mcp/server.hpp"
#include "tenon/net/http_message.hpp"

namespace tenon::mcp {

/// Lets a request in, or says how it is refused.
struct Entered {
    std::optional<std::string> principal{};  ///< who it is; empty: anybody
    int status = 0;
    net::Headers headers{};
    std::string body{};
};

/// Host and Origin (DNS rebinding), then the token (RFC 6750). Thread-safe.
class HttpGuard {
  public:
    explicit HttpGuard(const HttpOptions& options) : options_(options) {}
    [[nodiscard]] task<Entered> enter(net::Headers headers) const;
    /// RFC 9728.
    [[nodiscard]] net::HttpResponse metadata(const net::Headers& headers) const;

  private:
    [[nodiscard]] bool is_host_known(std::string_view host) const;
    [[nodiscard]] std::string base_of(const net::Headers& headers) const;
    [[nodiscard]] Entered refuse_token(const net::Headers& headers, int status, std::string_view error,
                                       std::string_view message) const;
    const HttpOptions& options_;
};

}  // namespace tenon::mcp
