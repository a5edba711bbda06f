// From a server that lets nobody in to the authorization server that can help. Private to mcp.
#pragma once

#include "mcp/auth/fetch.hpp"
#include "mcp/auth/metadata.hpp"
#include "tenon/mcp/client.hpp"

namespace tenon::mcp::auth {

struct Discovered {
    std::string resource;  ///< what a token is asked for (RFC 8707): as the server writes it
    std::optional<std::vector<std::string>> scopes_supported;
    ServerMetadata server;  ///< checked: it is the issuer's own, and its endpoints may be reached
};
struct DiscoveryOptions {
    std::string issuer{};           ///< preferred where the server names several
    bool assume_endpoints = false;  ///< OAuthOptions::assume_endpoints
};
/// Errors: protocol (metadata breaks its specification, or is somebody else's), unavailable, not_found (there is none).
[[nodiscard]] task<Result<Discovered>> discover(Fetcher fetcher, Challenge challenge, DiscoveryOptions options,
                                                CallOptions call);

}  // namespace tenon::mcp::auth
