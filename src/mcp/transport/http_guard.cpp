#include "mcp/transport/http_guard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "mcp/rpc.hpp"
#include "mcp/wire/seal.hpp"
#include "tenon/base/hash.hpp"

namespace tenon::mcp {
namespace {

std::string failure_body(int code, std::string_view message) {
    return rpc::encode(rpc::Response{
        std::nullopt, rpc::Outcome(std::unexpect, rpc::Failure{code, std::string(message), std::nullopt})});
}

/// "[::1]:8080" → "::1"
std::string_view without_port(std::string_view host) {
    if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
    return host.substr(0, host.find(':'));
}

}  // namespace

bool HttpGuard::is_host_known(std::string_view host) const {
    const auto name = without_port(host);
    const auto same = [&](std::string_view known) { return net::equals_ignoring_case(known, name); };
    if (options_.hosts.empty()) return same("localhost") || same("127.0.0.1") || same("::1");
    return std::ranges::any_of(options_.hosts, [&](const auto& known) { return known == "*" || same(known); });
}

std::string HttpGuard::base_of(const net::Headers& headers) const {
    if (!options_.resource.empty()) return options_.resource;
    return fmt::format("http://{}{}", headers.find("host").value_or("localhost"), options_.path);
}

Entered HttpGuard::refuse_token(const net::Headers& headers, int status, std::string_view error,
                                std::string_view message) const {
    std::string challenge = "Bearer";
    std::string_view separator = " ";
    const auto add = [&](std::string_view name, std::string_view value) {
        if (value.empty()) return;
        challenge += fmt::format("{}{}=\"{}\"", separator, name, value);
        separator = ", ";
    };
    add("error", error);
    if (!options_.authorization_servers.empty()) {
        const auto base = base_of(headers);
        const auto authority = base.find('/', base.find("://") + 3);
        add("resource_metadata", fmt::format("{}/.well-known/oauth-protected-resource{}", base.substr(0, authority),
                                             authority == std::string::npos ? "" : base.substr(authority)));
    }
    std::string scopes;
    for (const auto& scope : options_.scopes) scopes += (scopes.empty() ? "" : " ") + scope;
    add("scope", scopes);
    Entered out;
    out.status = status;
    out.headers = {{"WWW-Authenticate", challenge}};
    out.body = failure_body(rpc::invalid_request, message);
    return out;
}

task<Entered> HttpGuard::enter(net::Headers headers) const {
    Entered out;
    const auto origin = headers.find("origin");
    const auto scheme = origin ? origin->find("://") : std::string_view::npos;
    const bool foreign = origin && (scheme == std::string_view::npos || !is_host_known(origin->substr(scheme + 3)));
    if (foreign || !is_host_known(headers.find("host").value_or(""))) {
        out.status = 403;
        out.body = failure_body(rpc::invalid_request, "this host or origin is not one this server is known by");
        co_return out;
    }
    if (options_.tokens.empty() && !options_.verify) {
        out.principal.emplace();
        co_return out;
    }
    const auto authorization = headers.find("authorization").value_or("");
    const auto space = authorization.find(' ');
    if (!net::equals_ignoring_case(authorization.substr(0, space), "bearer") || space == std::string_view::npos)
        co_return refuse_token(headers, 401, "", "a token is needed: send Authorization: Bearer");
    const std::string token(authorization.substr(space + 1));
    for (const auto& known : options_.tokens)
        if (equal_in_constant_time(sha256_hex(known), sha256_hex(token))) {
            out.principal = sha256_hex(known);
            co_return out;
        }
    if (!options_.verify) co_return refuse_token(headers, 401, "invalid_token", "the token is not known");
    auto owner = co_await options_.verify(token);
    if (owner) {
        out.principal = std::move(*owner);
        co_return out;
    }
    if (owner.error().code() == ErrorCode::permission_denied)
        co_return refuse_token(headers, 403, "insufficient_scope", owner.error().message());
    co_return refuse_token(headers, 401, "invalid_token", owner.error().message());
}

net::HttpResponse HttpGuard::metadata(const net::Headers& headers) const {
    json::Object out{{"resource", base_of(headers)},
                     {"authorization_servers",
                      json::Array(options_.authorization_servers.begin(), options_.authorization_servers.end())},
                     {"bearer_methods_supported", json::Array{"header"}}};
    if (!options_.scopes.empty()) out["scopes_supported"] = json::Array(options_.scopes.begin(), options_.scopes.end());
    return net::HttpResponse::json(json::dump(out));
}

}  // namespace tenon::mcp
