// Which scopes to ask for (the protocol's scope selection strategy and step-up). Private to mcp.
#pragma once

#include "mcp/auth/discovery.hpp"
#include "tenon/mcp/oauth.hpp"

namespace tenon::mcp::auth {

/// `before`: those asked for earlier at the same authorization server; they are not given up. Empty: let it decide.
[[nodiscard]] std::vector<std::string> choose_scopes(const Challenge& challenge, const Discovered& discovered,
                                                     const OAuthOptions& options,
                                                     const std::vector<std::string>& before);
/// Both, each once, in order.
[[nodiscard]] std::vector<std::string> united(std::vector<std::string> a, const std::vector<std::string>& b);

}  // namespace tenon::mcp::auth
