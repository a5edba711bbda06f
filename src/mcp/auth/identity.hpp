// Who we are to an authorization server. Private to mcp.
#pragma once

#include "mcp/auth/fetch.hpp"
#include "mcp/auth/metadata.hpp"
#include "tenon/mcp/oauth.hpp"
#include "tenon/net/url.hpp"

namespace tenon::mcp::auth {

[[nodiscard]] std::string_view to_string(ClientAuth auth) noexcept;  ///< "client_secret_basic"
[[nodiscard]] std::optional<ClientAuth> client_auth_from(std::string_view name) noexcept;

/// The best way this client and that server have in common. Errors: unsupported.
[[nodiscard]] Result<ClientAuth> choose_auth(const OAuthClient& client, const ServerMetadata& server);
/// Adds what shows who we are to a token request.
[[nodiscard]] Result<void> show(const OAuthClient& client, const ServerMetadata& server, net::QueryParameters& form,
                                net::Headers& headers);

/// The client of the options, when it is for this server: registered beforehand, or the address of its document.
/// Nothing: it takes registering. Errors: invalid_argument (the options' client is another server's, or malformed).
[[nodiscard]] Result<std::optional<OAuthClient>> known_client(const OAuthOptions& options,
                                                              const ServerMetadata& server);
/// Dynamic Client Registration (RFC 7591). Errors: unsupported (the server has none), permission_denied (it says no),
/// protocol.
[[nodiscard]] task<Result<OAuthClient>> register_client(Fetcher fetcher, ServerMetadata server, std::string name,
                                                        std::string redirect_uri, CallOptions call);

}  // namespace tenon::mcp::auth
