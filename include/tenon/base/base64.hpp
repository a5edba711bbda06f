// Base64 (RFC 4648 §4).
#pragma once

#include <string>
#include <string_view>

#include "tenon/base/error.hpp"

namespace tenon {

/// With padding, without line breaks.
[[nodiscard]] std::string base64_encode(std::string_view bytes);
/// Takes the standard and the URL alphabet, padding or none, and skips line breaks and spaces. Errors: corrupt.
[[nodiscard]] Result<std::string> base64_decode(std::string_view text);

}  // namespace tenon
