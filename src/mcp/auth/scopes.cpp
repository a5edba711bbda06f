#include "mcp/auth/scopes.hpp"

#include <algorithm>

namespace tenon::mcp::auth {

std::vector<std::string> united(std::vector<std::string> a, const std::vector<std::string>& b) {
    for (const auto& scope : b)
        if (std::ranges::find(a, scope) == a.end()) a.push_back(scope);
    return a;
}

std::vector<std::string> choose_scopes(const Challenge& challenge, const Discovered& discovered,
                                       const OAuthOptions& options, const std::vector<std::string>& before) {
    auto out = words_of(challenge.scope);
    // The metadata speaks where neither the server nor the caller says what is needed.
    if (out.empty() && options.scopes.empty() && challenge.status != 403 && discovered.scopes_supported)
        out = *discovered.scopes_supported;
    out = united(united(before, out), options.scopes);
    // A refresh token; alone it would mean: nothing but that.
    constexpr std::string_view offline = "offline_access";
    const auto& offered = discovered.server.scopes_supported;
    const bool wanted = options.grant == OAuthGrant::authorization_code && !out.empty();
    if (wanted && std::ranges::find(offered, offline) != offered.end())
        out = united(std::move(out), {std::string(offline)});
    return out;
}

}  // namespace tenon::mcp::auth
