// URLs of servers, and where a server may send us. Private to mcp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon::mcp::auth {

/// An absolute http or https URL without user, password or fragment.
struct Address {
    std::string scheme, host;  ///< in lower case
    std::string port;          ///< never empty
    std::string path, query;   ///< as written; empty or beginning with '/', '?'
    bool loopback = false;     ///< this machine: localhost, 127.0.0.0/8, 0.0.0.0, ::1, ::

    /// "https://host" or "https://host:8443".
    [[nodiscard]] std::string origin() const;
    [[nodiscard]] bool is_encrypted() const noexcept { return scheme == "https"; }
};
/// Errors: invalid_argument.
[[nodiscard]] Result<Address> parse_address(std::string_view url);

/// Where tokens, codes and metadata may travel: https, and within this machine when `loopback`. `what` names it in the
/// error. Errors: protocol.
[[nodiscard]] Result<void> check_reachable(std::string_view url, bool loopback, std::string_view what);

/// Where a server's metadata may be, the first one first (RFC 9728 §3.1, then the root).
[[nodiscard]] std::vector<std::string> resource_metadata_urls(const Address& server);
/// Where an authorization server's may be (RFC 8414 §3.1 and §5, OpenID Connect Discovery §4).
[[nodiscard]] std::vector<std::string> server_metadata_urls(const Address& issuer);
/// The canonical URI of an MCP server (RFC 8707 §2).
[[nodiscard]] std::string canonical(const Address& server);
/// Whether a token for `resource` is meant for `server` too: same origin, and its path is the beginning of the
/// server's.
[[nodiscard]] bool covers(const Address& resource, const Address& server);

}  // namespace tenon::mcp::auth
