// The authorization code flow: a user, a browser, and a port of this machine (OAuth 2.1 §4.1). Private to mcp.
#pragma once

#include "mcp/auth/discovery.hpp"
#include "tenon/mcp/oauth.hpp"

namespace tenon::mcp::auth {

/// Errors: those of `oauth`.
[[nodiscard]] task<Result<OAuthToken>> log_in(Fetcher fetcher, Discovered at, std::vector<std::string> scopes,
                                              OAuthOptions options, CallOptions call);

}  // namespace tenon::mcp::auth
