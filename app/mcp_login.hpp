// How commands and agents get into MCP servers that want a token.
#pragma once

#include <string>

#include "command_line.hpp"
#include "context.hpp"
#include "tenon/mcp/oauth.hpp"

namespace tenon::app {

struct McpLogin {
    bool browser = false;       ///< a person is asked to log in when that is needed
    bool as_client = false;     ///< client credentials
    std::string client_id;      ///< of a registered client, or the https address of its document
    std::string client_secret;  ///< empty: TENON_MCP_CLIENT_SECRET
    std::string client_key;     ///< PEM
    std::string scope;          ///< words
    int redirect_port = 0;

    void declare(CommandLine& sub);
};

/// Tokens of earlier logins are used, and kept under $TENON_HOME/mcp; without `browser` or `as_client` that is all.
/// Errors: invalid_argument, and those of reading the key.
[[nodiscard]] Result<mcp::Authorizer> open_login(Context& context, const McpLogin& login,
                                                 std::optional<mcp::Revision> revision = std::nullopt);
/// How long a client may take to connect, a person's time to log in included.
[[nodiscard]] std::chrono::milliseconds connect_time(const McpLogin& login);
/// Deletes the token of a server. Errors: not_found (there is none), invalid_argument.
[[nodiscard]] Result<void> log_out(Context& context, const std::string& url);

}  // namespace tenon::app
