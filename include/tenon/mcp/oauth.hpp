// Tokens for MCP servers: OAuth 2.1 as the protocol's revisions 2025-11-25 and 2026-07-28 profile it. What is found out
// by itself: the server's metadata (RFC 9728) and its authorization server's (RFC 8414, OpenID Connect Discovery).
//
//     mcp::OAuthOptions options;
//     options.visit = [](std::string url, CallOptions) -> task<Result<void>> { … show it to the user … };
//     mcp::Endpoint shop{"https://shop.example/mcp"};
//     shop.authorize = mcp::oauth(http, options);
//     auto client = co_await mcp::connect(shop, http);
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/log.hpp"
#include "tenon/mcp/client.hpp"

namespace tenon::mcp {

/// How a client shows its authorization server who it is (OpenID Connect Core §9).
enum class ClientAuth : std::uint8_t { none, client_secret_basic, client_secret_post, private_key_jwt };

/// A client that an authorization server knows.
struct OAuthClient {
    std::string id;
    std::string secret{};
    /// PEM, of an elliptic curve P-256 (ES256) or RSA (RS256) key: instead of a secret, a signed JWT (RFC 7523).
    std::string private_key{};
    std::string issuer{};              ///< the only authorization server that is shown this client; empty: any
    std::optional<ClientAuth> auth{};  ///< unset: the best one of those the authorization server takes
    // Of clients that were registered by ourselves:
    std::string redirect_uri{};
    std::optional<std::chrono::system_clock::time_point> expires{};  ///< the secret
};

/// What one MCP server lets us in with.
struct OAuthToken {
    std::string access;
    std::string refresh{};  ///< empty: none was given
    std::string issuer;     ///< of the authorization server that gave it
    std::string client_id;  ///< it was given to
    std::vector<std::string> scopes{};
    std::optional<std::chrono::system_clock::time_point> expires{};
};

/// Where tokens and registered clients are kept. Thread-safe. Errors: io, permission_denied, corrupt.
class TokenStore {
  public:
    virtual ~TokenStore() = default;
    /// `server`: canonical_url of an MCP server.
    [[nodiscard]] virtual Result<std::optional<OAuthToken>> token(const std::string& server) = 0;
    [[nodiscard]] virtual Result<void> keep_token(const std::string& server, const OAuthToken& token) = 0;
    virtual Result<void> forget_token(const std::string& server) = 0;
    /// `issuer`: of an authorization server.
    [[nodiscard]] virtual Result<std::optional<OAuthClient>> client(const std::string& issuer) = 0;
    [[nodiscard]] virtual Result<void> keep_client(const std::string& issuer, const OAuthClient& client) = 0;
    virtual Result<void> forget_client(const std::string& issuer) = 0;
};
/// How a server is named when its token is kept: RFC 8707's canonical URI. Errors: invalid_argument.
[[nodiscard]] Result<std::string> canonical_url(std::string_view server);
/// For as long as it lives.
[[nodiscard]] std::shared_ptr<TokenStore> memory_token_store();
/// One file for each token and each client under `folder`, which is made when it is needed; only its owner may read
/// them (0700, 0600). Processes may share it: docs/formats/mcp-tokens.md.
[[nodiscard]] std::shared_ptr<TokenStore> file_token_store(std::filesystem::path folder);

enum class OAuthGrant : std::uint8_t {
    authorization_code,  ///< a user logs in with a browser, which comes back to a port of this machine (RFC 8252)
    client_credentials,  ///< nobody does: the client acts for itself
};

struct OAuthOptions {
    OAuthGrant grant = OAuthGrant::authorization_code;
    /// Registered beforehand. Without `id`: `client_document` where the authorization server takes such, else a client
    /// that is registered by itself (RFC 7591) and kept.
    OAuthClient client{};
    /// URL (https, with a path) of our Client ID Metadata Document; must list http://127.0.0.1/callback, any port.
    std::string client_document{};
    std::string client_name = "Tenon";
    /// Asked for beside those that the server says a request needs; empty: beside those its metadata names.
    std::vector<std::string> scopes{};
    /// Shows the user a page to log in at: https, or of this machine when the MCP server is. Unset: nobody can be
    /// asked, and only kept tokens, fresh ones for them, and client_credentials are to be had.
    std::function<task<Result<void>>(std::string url, CallOptions)> visit{};
    std::chrono::milliseconds login_timeout{300'000};  ///< for the user to come back
    std::uint16_t redirect_port = 0;                   ///< 0: any; some authorization servers want the registered one
    /// Where there is no metadata at all, the server's origin is the authorization server, at /authorize, /token and
    /// /register: the custom of 2025-03-26.
    bool assume_endpoints = false;
    std::shared_ptr<TokenStore> store{};  ///< unset: a memory_token_store
    LogSink log{};                        ///< never hears a token, code or secret
};

/// For Endpoint::authorize. The first answer comes from the store; a token that is refused is refreshed where that can
/// be, else got anew; a lack of scope is answered by asking for those of before and those wanted together, once for
/// each set. Thread-safe: any number of servers and requests; one of them at a time talks to authorization servers.
///
/// Tokens go only to the server they were got for, over https or within this machine. What the server or metadata
/// points to must be https, or of this machine when the MCP server is; authorization servers must offer PKCE (S256).
///
/// Errors: unauthenticated (nobody could be asked; the token is refused all the same; the client is not known),
/// permission_denied (the user or the authorization server says no; a scope that was granted is not enough), protocol
/// (metadata or answers break their specifications), unsupported (no PKCE, no way to register), invalid_argument (a
/// token would travel unencrypted), deadline_exceeded (nobody logged in), cancelled, unavailable, those of the store.
[[nodiscard]] Authorizer oauth(std::shared_ptr<net::HttpClient> http, OAuthOptions options);

}  // namespace tenon::mcp
