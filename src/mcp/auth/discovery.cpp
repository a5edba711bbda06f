#include "mcp/auth/discovery.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "mcp/auth/address.hpp"

namespace tenon::mcp::auth {
namespace {

/// The metadata at the first of these addresses that has some; nothing where none has. What no server meant for us,
/// such as a web page for every address, counts as none.
template <class T>
task<Result<std::optional<T>>> first_of(Fetcher fetcher, std::vector<std::string> urls,
                                        Result<T> (*read)(std::string_view), CallOptions call) {
    for (const auto& url : urls) {
        TENON_CO_TRY(const auto response, co_await fetcher.get(url, call));
        if (response.status >= 500)
            co_return fail(ErrorCode::unavailable, fmt::format("{} answered {}", url, response.status));
        const auto type = response.headers.find("content-type").value_or("");
        if (response.status != 200 || type.starts_with("text/html")) continue;
        TENON_CO_TRY(auto found, read(response.body));
        co_return std::optional<T>(std::move(found));
    }
    co_return std::optional<T>();
}

task<Result<std::optional<ResourceMetadata>>> resource_of(Fetcher fetcher, Challenge challenge, Address server,
                                                          CallOptions call) {
    if (challenge.resource_metadata.empty())
        co_return co_await first_of(fetcher, resource_metadata_urls(server), read_resource_metadata, std::move(call));
    std::vector<std::string> named{challenge.resource_metadata};
    TENON_CO_TRY(auto found, co_await first_of(fetcher, std::move(named), read_resource_metadata, std::move(call)));
    if (!found)
        co_return fail(ErrorCode::protocol, fmt::format("the MCP server's metadata is not where it says, at {}",
                                                        printable(challenge.resource_metadata)));
    co_return found;
}

ServerMetadata usual_endpoints(const std::string& origin) {
    ServerMetadata out;
    out.issuer = origin;
    out.authorization_endpoint = origin + "/authorize";
    out.token_endpoint = origin + "/token";
    out.registration_endpoint = origin + "/register";
    out.assumed = true;
    return out;
}

Result<void> check_endpoints(const ServerMetadata& server, bool loopback) {
    TENON_CHECK(check_reachable(server.token_endpoint, loopback, "token endpoint"));
    if (!server.authorization_endpoint.empty())
        TENON_CHECK(check_reachable(server.authorization_endpoint, loopback, "authorization endpoint"));
    if (!server.registration_endpoint.empty())
        TENON_CHECK(check_reachable(server.registration_endpoint, loopback, "registration endpoint"));
    return {};
}

}  // namespace

task<Result<Discovered>> discover(Fetcher fetcher, Challenge challenge, DiscoveryOptions options, CallOptions call) {
    TENON_CO_TRY(const auto server, parse_address(challenge.server));
    TENON_CO_TRY(auto about, co_await resource_of(fetcher, challenge, server, call));
    Discovered out;
    std::string issuer = server.origin();
    if (about) {
        const auto resource = parse_address(about->resource);
        if (!resource || !covers(*resource, server))
            co_return fail(ErrorCode::protocol, fmt::format("the metadata of {} is of another server, {}",
                                                            challenge.server, printable(about->resource)));
        out.resource = about->resource;
        out.scopes_supported = std::move(about->scopes_supported);
        const auto& named = about->authorization_servers;
        issuer = std::ranges::find(named, options.issuer) != named.end() ? options.issuer : named.front();
        TENON_CO_CHECK(check_reachable(issuer, fetcher.loopback(), "authorization server"));
    } else {
        out.resource = canonical(server);
    }
    TENON_CO_TRY(const auto address, parse_address(issuer));
    TENON_CO_TRY(auto found,
                 co_await first_of(fetcher, server_metadata_urls(address), read_server_metadata, std::move(call)));
    if (!found && !about && options.assume_endpoints) found = usual_endpoints(issuer);
    if (!found)
        co_return fail(ErrorCode::not_found,
                       about ? fmt::format("the authorization server {} says nothing about itself", printable(issuer))
                             : fmt::format("{} does not say where one gets a token for it", challenge.server));
    const bool same = found->issuer == issuer || (!about && found->issuer == issuer + "/");
    if (!same)
        co_return fail(ErrorCode::protocol, fmt::format("the metadata of the authorization server {} is of another, {}",
                                                        printable(issuer), printable(found->issuer)));
    TENON_CO_CHECK(check_endpoints(*found, fetcher.loopback()));
    out.server = std::move(*found);
    co_return out;
}

}  // namespace tenon::mcp::auth
