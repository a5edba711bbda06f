#include "mcp/auth/address.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <cstdint>
#include <optional>

namespace tenon::mcp::auth {
namespace {

constexpr std::size_t most_url_bytes = 8192;

std::string lower(std::string_view text) {
    std::string out(text);
    for (auto& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

/// Names and numbers that lead to this machine; nothing for a number that is written in another way than usual, which
/// some resolvers take for an address of this machine too.
std::optional<bool> is_loopback(std::string_view host) {
    if (host.ends_with('.')) host.remove_suffix(1);
    if (host == "localhost" || host.ends_with(".localhost")) return true;
    const bool brackets = host.starts_with('[') && host.ends_with(']');
    if (brackets) host = host.substr(1, host.size() - 2);
    boost::system::error_code wrong;
    const auto address = boost::asio::ip::make_address(std::string(host), wrong);
    if (brackets && (wrong || !address.is_v6())) return std::nullopt;
    if (wrong) {
        const bool name = std::ranges::all_of(host, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
        });
        if (!name || host.empty() || host.starts_with('.') || host.contains("..")) return std::nullopt;
        const auto last = host.substr(host.rfind('.') + 1);
        const bool number = !last.empty() && last.front() >= '0' && last.front() <= '9';
        return number ? std::nullopt : std::optional(false);
    }
    if (address.is_loopback() || address.is_unspecified()) return true;
    if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return false;
    const auto inside = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
    return inside.is_loopback() || inside.is_unspecified();
}

/// What stands behind the host: nothing, or ":8080".
std::optional<std::string> read_port(std::string_view text, bool encrypted) {
    if (text.empty() || text == ":") return encrypted ? "443" : "80";
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), port);
    if (text.front() != ':' || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return std::to_string(port);
}

std::string_view without_slash(std::string_view path) {
    while (path.ends_with('/')) path.remove_suffix(1);
    return path;
}

}  // namespace

std::string Address::origin() const {
    const bool usual = port == (is_encrypted() ? "443" : "80");
    return usual ? fmt::format("{}://{}", scheme, host) : fmt::format("{}://{}:{}", scheme, host, port);
}

// By hand, and strictly: Boost.URL 1.81 takes the host of http://127.0.0.1.example to be 127.0.0.1.
Result<Address> parse_address(std::string_view text) {
    const auto wrong = [&](std::string_view why) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("\"{}\" {}; a URL such as https://host/path is needed", text.substr(0, 200), why));
    };
    if (text.size() > most_url_bytes) return wrong("is too long");
    for (const char c : text)
        if (c <= 0x20 || c >= 0x7F || std::string_view("\"<>\\^`{|}").contains(c))
            return wrong("holds what a URL may not");
    const auto colon = text.find("://");
    if (colon == std::string_view::npos) return wrong("is no URL");
    Address out;
    out.scheme = lower(text.substr(0, colon));
    if (out.scheme != "https" && out.scheme != "http") return wrong("is neither https nor http");
    if (text.contains('#')) return wrong("has a fragment");
    const auto rest = text.substr(colon + 3);
    const auto authority = rest.substr(0, rest.find_first_of("/?"));
    if (authority.contains('@')) return wrong("holds a user name");
    const auto end = authority.starts_with('[') ? authority.find(']') + 1 : authority.find(':');
    out.host = lower(authority.substr(0, end));
    const auto behind = end >= authority.size() ? std::string_view() : authority.substr(end);
    const auto port = read_port(behind, out.is_encrypted());
    if (!port || out.host.empty()) return wrong("names no host and port");
    out.port = *port;
    const auto where = rest.substr(authority.size());
    const auto question = std::min(where.find('?'), where.size());
    out.path = where.substr(0, question);
    out.query = where.substr(question);
    const auto here = is_loopback(out.host);
    if (!here) return wrong("names its host in no usual way");
    out.loopback = *here;
    return out;
}

Result<void> check_reachable(std::string_view url, bool loopback, std::string_view what) {
    const auto address = parse_address(url);
    if (!address) return fail(ErrorCode::protocol, fmt::format("the {} cannot be used", what), address.error());
    if (address->loopback && !loopback)
        return fail(ErrorCode::protocol,
                    fmt::format("the {} {} is of this machine, and the MCP server is not", what, url.substr(0, 200)));
    if (!address->loopback && !address->is_encrypted())
        return fail(ErrorCode::protocol, fmt::format("the {} {} is not https", what, url.substr(0, 200)));
    return {};
}

std::vector<std::string> resource_metadata_urls(const Address& server) {
    const std::string root = server.origin() + "/.well-known/oauth-protected-resource";
    const auto path = without_slash(server.path);
    if (path.empty()) return {root};
    return {root + std::string(path), root};
}

std::vector<std::string> server_metadata_urls(const Address& issuer) {
    const auto origin = issuer.origin();
    const std::string path(without_slash(issuer.path));
    std::vector<std::string> out{origin + "/.well-known/oauth-authorization-server" + path,
                                 origin + "/.well-known/openid-configuration" + path};
    if (!path.empty()) out.push_back(origin + path + "/.well-known/openid-configuration");
    return out;
}

std::string canonical(const Address& server) {
    return server.origin() + (server.path == "/" ? "" : server.path) + server.query;
}

bool covers(const Address& resource, const Address& server) {
    if (resource.scheme != server.scheme || resource.host != server.host || resource.port != server.port) return false;
    const auto path = without_slash(resource.path);
    if (!std::string_view(server.path).starts_with(path)) return false;
    if (!resource.query.empty() && resource.query != server.query) return false;
    return server.path.size() == path.size() || path.empty() || server.path[path.size()] == '/';
}

}  // namespace tenon::mcp::auth
