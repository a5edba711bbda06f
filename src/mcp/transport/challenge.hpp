// WWW-Authenticate (RFC 9110 §11.6.1, RFC 6750 §3), as MCP servers use it. Private to mcp.
#pragma once

#include "tenon/mcp/client.hpp"
#include "tenon/net/headers.hpp"

namespace tenon::mcp {

/// What the header says; its fields stay empty where it says nothing. Never fails.
[[nodiscard]] Challenge read_challenge(int status, const net::Headers& headers);
/// A 403 that another token could mend.
[[nodiscard]] bool is_scope_challenge(const net::Headers& headers);

}  // namespace tenon::mcp
