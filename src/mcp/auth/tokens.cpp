#include "mcp/auth/tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "mcp/auth/identity.hpp"

namespace tenon::mcp::auth {
namespace {

/// RFC 6750 §2.1: what may stand behind "Bearer".
bool is_bearer(std::string_view token) {
    return !token.empty() && std::ranges::all_of(token, [](char c) { return c > 0x20 && c < 0x7F; });
}

}  // namespace

std::string encode_form(const net::QueryParameters& form) {
    std::string out;
    for (const auto& [name, value] : form) {
        if (!out.empty()) out += '&';
        out += net::percent_encode(name) + "=" + net::percent_encode(value);
    }
    return out;
}

ErrorCode code_of(std::string_view error) noexcept {
    for (const std::string_view denied : {"access_denied", "invalid_scope", "unauthorized_client", "consent_required"})
        if (error == denied) return ErrorCode::permission_denied;
    for (const std::string_view later : {"temporarily_unavailable", "server_error", "slow_down"})
        if (error == later) return ErrorCode::unavailable;
    for (const std::string_view missing : {"unsupported_grant_type", "unsupported_response_type"})
        if (error == missing) return ErrorCode::unsupported;
    return ErrorCode::unauthenticated;
}

Error refusal(const net::ClientResponse& response, std::string_view what) {
    if (response.status >= 500 || response.status == 429)
        return net::status_error(response.status, response.headers, fmt::format("{} failed", what));
    const auto body = read_object(response.body, "answer");
    const std::string error = body ? printable(json::string_or(*body, "error", "")) : std::string();
    if (error.empty()) return Error(ErrorCode::protocol, fmt::format("{} failed: status {}", what, response.status));
    const auto detail = printable(json::string_or(*body, "error_description", ""));
    return Error(code_of(error),
                 fmt::format("{} failed: {}{}", what, error, detail.empty() ? "" : fmt::format(" ({})", detail)));
}

Result<OAuthToken> read_token(std::string_view body, std::chrono::system_clock::time_point now) {
    TENON_TRY(const auto value, read_object(body, "token endpoint's answer"));
    OAuthToken out;
    out.access = json::string_or(value, "access_token", "");
    if (!is_bearer(out.access)) return fail(ErrorCode::protocol, "the authorization server gave no usable token");
    const auto type = json::string_or(value, "token_type", "");
    if (!net::equals_ignoring_case(type, "bearer"))
        return fail(ErrorCode::protocol,
                    fmt::format("the authorization server gave a token of type \"{}\", not Bearer", printable(type)));
    out.refresh = json::string_or(value, "refresh_token", "");
    out.scopes = words_of(json::string_or(value, "scope", ""));
    const auto seconds = json::number_or(value, "expires_in", -1);
    if (seconds >= 0 && seconds < static_cast<double>(latest_second) / 4)
        out.expires = now + std::chrono::seconds(static_cast<std::int64_t>(seconds));
    return out;
}

task<Result<OAuthToken>> request_token(Fetcher fetcher, ServerMetadata server, OAuthClient client,
                                       net::QueryParameters form, CallOptions call) {
    net::Headers headers;
    headers.set("Content-Type", "application/x-www-form-urlencoded");
    TENON_CO_CHECK(show(client, server, form, headers));
    TENON_CO_TRY(const auto response,
                 co_await fetcher.post(server.token_endpoint, std::move(headers), encode_form(form), std::move(call)));
    if (response.status != 200)
        co_return std::unexpected(refusal(response, fmt::format("getting a token from {}", printable(server.issuer))));
    TENON_CO_TRY(auto token, read_token(response.body, std::chrono::system_clock::now()));
    token.issuer = server.issuer;
    token.client_id = client.id;
    co_return token;
}

}  // namespace tenon::mcp::auth
