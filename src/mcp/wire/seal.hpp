// Random tokens, and texts that come back only as they were given away.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace tenon::mcp {

/// 128 random bits as 32 hexadecimal digits.
[[nodiscard]] std::string random_token();
/// HMAC-SHA-256 (RFC 2104), 64 hexadecimal digits.
[[nodiscard]] std::string hmac_hex(std::string_view key, std::string_view text);
/// Takes as long for every pair of one length.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

/// `text`, valid until `until` and for `purpose` only, readable by whoever carries it.
[[nodiscard]] std::string seal(std::string_view key, std::string_view purpose, std::string_view text,
                               std::chrono::system_clock::time_point until);
/// Nothing: not sealed with this key for this purpose, or too old.
[[nodiscard]] std::optional<std::string> unseal(std::string_view key, std::string_view purpose, std::string_view sealed,
                                                std::chrono::system_clock::time_point now);

}  // namespace tenon::mcp
