#include "mcp/auth/identity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "mcp/auth/address.hpp"
#include "mcp/auth/crypto.hpp"
#include "mcp/auth/tokens.hpp"
#include "tenon/base/base64.hpp"

namespace tenon::mcp::auth {
namespace {

constexpr std::array names{std::pair{ClientAuth::none, std::string_view("none")},
                           std::pair{ClientAuth::client_secret_basic, std::string_view("client_secret_basic")},
                           std::pair{ClientAuth::client_secret_post, std::string_view("client_secret_post")},
                           std::pair{ClientAuth::private_key_jwt, std::string_view("private_key_jwt")}};

bool takes(const ServerMetadata& server, ClientAuth auth) {
    // RFC 8414 §2: where nothing is said, client_secret_basic; public clients show nothing in any case.
    if (!server.token_auth_methods) return auth != ClientAuth::client_secret_post;
    return std::ranges::find(*server.token_auth_methods, to_string(auth)) != server.token_auth_methods->end();
}

/// What to be registered for: nothing to keep secret where that will do.
ClientAuth wanted_auth(const ServerMetadata& server) {
    if (server.assumed || !server.token_auth_methods) return ClientAuth::none;
    for (const auto auth : {ClientAuth::none, ClientAuth::client_secret_basic, ClientAuth::client_secret_post})
        if (takes(server, auth)) return auth;
    return ClientAuth::none;
}

Result<OAuthClient> client_from(std::string_view body) {
    TENON_TRY(const auto value, read_object(body, "registration"));
    OAuthClient out;
    out.id = json::string_or(value, "client_id", "");
    out.secret = json::string_or(value, "client_secret", "");
    if (out.id.empty()) return fail(ErrorCode::protocol, "the registration gives no \"client_id\"");
    out.auth = client_auth_from(json::string_or(value, "token_endpoint_auth_method", ""));
    if (out.auth && *out.auth != ClientAuth::none && out.secret.empty()) out.auth.reset();
    const auto until = json::integer_or(value, "client_secret_expires_at", 0);
    if (!out.secret.empty() && until > 0)
        out.expires = std::chrono::system_clock::time_point(std::chrono::seconds(std::min(until, latest_second)));
    return out;
}

}  // namespace

std::string_view to_string(ClientAuth auth) noexcept {
    for (const auto& [value, name] : names)
        if (value == auth) return name;
    return "";
}
std::optional<ClientAuth> client_auth_from(std::string_view name) noexcept {
    for (const auto& [value, known] : names)
        if (known == name) return value;
    return std::nullopt;
}

Result<ClientAuth> choose_auth(const OAuthClient& client, const ServerMetadata& server) {
    if (client.auth) return *client.auth;
    if (!client.private_key.empty()) return ClientAuth::private_key_jwt;
    if (!client.secret.empty())
        for (const auto auth : {ClientAuth::client_secret_basic, ClientAuth::client_secret_post})
            if (takes(server, auth)) return auth;
    if (client.secret.empty() || takes(server, ClientAuth::none)) return ClientAuth::none;
    return fail(ErrorCode::unsupported,
                fmt::format("the authorization server {} takes no client with a secret; it may want a private key",
                            printable(server.issuer)));
}

Result<void> show(const OAuthClient& client, const ServerMetadata& server, net::QueryParameters& form,
                  net::Headers& headers) {
    TENON_TRY(const auto auth, choose_auth(client, server));
    if (auth == ClientAuth::client_secret_basic) {
        // RFC 6749 §2.3.1: both are form-encoded first.
        const auto pair = net::percent_encode(client.id) + ":" + net::percent_encode(client.secret);
        headers.set("Authorization", "Basic " + base64_encode(pair));
        return {};
    }
    form.emplace_back("client_id", client.id);
    if (auth == ClientAuth::client_secret_post) form.emplace_back("client_secret", client.secret);
    if (auth == ClientAuth::private_key_jwt) {
        TENON_TRY(auto assertion,
                  client_assertion(client.private_key, client.id, server.issuer, std::chrono::system_clock::now()));
        form.emplace_back("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        form.emplace_back("client_assertion", std::move(assertion));
    }
    return {};
}

Result<std::optional<OAuthClient>> known_client(const OAuthOptions& options, const ServerMetadata& server) {
    const auto& client = options.client;
    if (!client.id.empty()) {
        if (!client.issuer.empty() && client.issuer != server.issuer)
            return fail(ErrorCode::invalid_argument,
                        fmt::format("the client {} is one of {}, and the MCP server now sends us to {}",
                                    printable(client.id), client.issuer, printable(server.issuer)));
        return client;
    }
    if (options.client_document.empty() || !server.client_documents) return std::nullopt;
    const auto address = parse_address(options.client_document);
    if (!address || !address->is_encrypted() || address->path.empty() || address->path == "/")
        return fail(ErrorCode::invalid_argument,
                    fmt::format("\"{}\" is no address of a client's document; it must be https, with a path",
                                printable(options.client_document)));
    OAuthClient out;
    out.id = options.client_document;
    return out;
}

task<Result<OAuthClient>> register_client(Fetcher fetcher, ServerMetadata server, std::string name,
                                          std::string redirect_uri, CallOptions call) {
    if (server.registration_endpoint.empty())
        co_return fail(ErrorCode::unsupported,
                       fmt::format("the authorization server {} registers no clients by itself; register one there "
                                   "and give its client id",
                                   printable(server.issuer)));
    const json::Object wanted{{"client_name", name},
                              {"redirect_uris", json::Array{json::Value(redirect_uri)}},
                              {"grant_types", json::Array{"authorization_code", "refresh_token"}},
                              {"response_types", json::Array{"code"}},
                              {"token_endpoint_auth_method", to_string(wanted_auth(server))},
                              {"application_type", "native"}};
    net::Headers headers;
    headers.set("Content-Type", "application/json");
    TENON_CO_TRY(const auto response, co_await fetcher.post(server.registration_endpoint, std::move(headers),
                                                            json::dump(wanted), std::move(call)));
    if (response.status != 200 && response.status != 201)
        co_return std::unexpected(refusal(response, fmt::format("registering at {}", printable(server.issuer))));
    TENON_CO_TRY(auto client, client_from(response.body));
    client.issuer = server.issuer;
    client.redirect_uri = std::move(redirect_uri);
    co_return client;
}

}  // namespace tenon::mcp::auth
