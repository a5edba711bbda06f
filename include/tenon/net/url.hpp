// Percent-encoding, query strings and request targets (RFC 3986, RFC 9112 §3.2; WHATWG urlencoded).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon::net {

using QueryParameters = std::vector<std::pair<std::string, std::string>>;

/// Errors: invalid_argument (a % without two hexadecimal digits).
[[nodiscard]] Result<std::string> percent_decode(std::string_view text);
/// Everything but RFC 3986 "unreserved" becomes %XX.
[[nodiscard]] std::string percent_encode(std::string_view text);
/// "a=1&b=x+y": pairs in order, '+' as a space; a broken escape stays as it is.
[[nodiscard]] QueryParameters parse_query(std::string_view text);

struct Target {
    std::string raw_path;  ///< still encoded, begins with '/'
    std::string path;      ///< decoded
    QueryParameters query;
};

/// origin-form, absolute-form, or "*" (its path is "*"). Errors: invalid_argument.
[[nodiscard]] Result<Target> parse_target(std::string_view target);

/// The host of an absolute URL, as a connection to it is made; without brackets or port. Errors: invalid_argument.
[[nodiscard]] Result<std::string> host_of(std::string_view url);
/// An absolute URL from a base and a reference to it (RFC 3986 §5.2), as in a Location field. Errors: invalid_argument.
[[nodiscard]] Result<std::string> resolve_reference(std::string_view base, std::string_view reference);

}  // namespace tenon::net
