// Random values, code challenges (RFC 7636) and signed assertions (RFC 7515, RFC 7523). Private to mcp.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "tenon/base/error.hpp"

namespace tenon::mcp::auth {

/// Base64 with the URL alphabet and no padding (RFC 4648 §5).
[[nodiscard]] std::string base64url(std::string_view bytes);
/// 256 random bits, 43 letters. Errors: internal (the system has none).
[[nodiscard]] Result<std::string> random_text();
/// S256: what is sent ahead of a verifier.
[[nodiscard]] std::string code_challenge(std::string_view verifier);
/// A JWT by which a client shows who it is, good for five minutes. The key is PEM: P-256 (ES256) or RSA (RS256).
/// Errors: invalid_argument (no such key), internal.
[[nodiscard]] Result<std::string> client_assertion(const std::string& private_key, std::string_view client_id,
                                                   std::string_view audience,
                                                   std::chrono::system_clock::time_point now);

}  // namespace tenon::mcp::auth
