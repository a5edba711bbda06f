// The token endpoint (OAuth 2.1 §3.2). Private to mcp.
#pragma once

#include "mcp/auth/fetch.hpp"
#include "mcp/auth/metadata.hpp"
#include "tenon/mcp/oauth.hpp"
#include "tenon/net/url.hpp"

namespace tenon::mcp::auth {

/// Times further away are as good as never, and fit any clock.
inline constexpr std::int64_t latest_second = 32'503'680'000;  // the year 3000

/// application/x-www-form-urlencoded.
[[nodiscard]] std::string encode_form(const net::QueryParameters& form);

/// Asks for a token: `form` without what shows who we are. `scopes` are those it is for. Errors: unauthenticated
/// (invalid_grant, invalid_client …), permission_denied (access_denied, invalid_scope …), unavailable, protocol.
[[nodiscard]] task<Result<OAuthToken>> request_token(Fetcher fetcher, ServerMetadata server, OAuthClient client,
                                                     net::QueryParameters form, CallOptions call);
/// What a token endpoint answered. Errors: protocol.
[[nodiscard]] Result<OAuthToken> read_token(std::string_view body, std::chrono::system_clock::time_point now);

/// The error of an answer that is not the one wished for (OAuth 2.1 §3.2.4): "… failed: invalid_grant (…)".
[[nodiscard]] Error refusal(const net::ClientResponse& response, std::string_view what);
[[nodiscard]] ErrorCode code_of(std::string_view oauth_error) noexcept;

}  // namespace tenon::mcp::auth
