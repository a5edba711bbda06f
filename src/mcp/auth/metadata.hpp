// What resources and authorization servers say of themselves: text in, native types out. Private to mcp.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/json/json.hpp"

namespace tenon::mcp::auth {

/// OAuth 2.0 Protected Resource Metadata (RFC 9728 §2).
struct ResourceMetadata {
    std::string resource;
    std::vector<std::string> authorization_servers;  ///< issuers
    std::optional<std::vector<std::string>> scopes_supported;
};

/// OAuth 2.0 Authorization Server Metadata (RFC 8414 §2), OpenID Provider Metadata.
struct ServerMetadata {
    std::string issuer;
    std::string authorization_endpoint, token_endpoint, registration_endpoint;
    std::vector<std::string> scopes_supported;
    std::optional<std::vector<std::string>> token_auth_methods;  ///< absent: client_secret_basic
    std::vector<std::string> code_challenge_methods;
    bool client_documents = false;  ///< takes Client ID Metadata Documents
    bool sends_issuer = false;      ///< RFC 9207: with every authorization response
    bool assumed = false;           ///< nobody said any of this
};

/// Errors: protocol.
[[nodiscard]] Result<ResourceMetadata> read_resource_metadata(std::string_view body);
/// Errors: protocol.
[[nodiscard]] Result<ServerMetadata> read_server_metadata(std::string_view body);

/// A JSON object, and none that could exhaust us. Errors: protocol.
[[nodiscard]] Result<json::Value> read_object(std::string_view body, std::string_view what);
/// Words parted by spaces, each once.
[[nodiscard]] std::vector<std::string> words_of(std::string_view text);
/// What somebody else wrote, for our own sentence: one line, no control characters, 200 bytes at most.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace tenon::mcp::auth
