// Values of a message that also travel as HTTP headers (2026-07-28, "Streamable HTTP", request metadata). No sockets.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/json/json.hpp"

namespace tenon::mcp::wire {

/// A parameter of a tool marked with `x-mcp-header`.
struct ParameterHeader {
    std::string name;               ///< "Mcp-Param-Region"
    std::vector<std::string> path;  ///< property names from the root of the arguments
    std::string type;               ///< "string", "integer", "boolean"
};

/// Those of a tool's input schema. Errors: invalid_argument (an annotation that breaks the rules: the tool must not be
/// used over HTTP).
[[nodiscard]] Result<std::vector<ParameterHeader>> parameter_headers(const json::Value& input_schema);

/// The header's text for an argument; nothing when there is no value, or none that can travel.
[[nodiscard]] std::optional<std::string> header_value(const ParameterHeader& header, const json::Value& arguments);
/// Whether a header that came says what the arguments say.
[[nodiscard]] bool header_fits(const ParameterHeader& header, const json::Value& arguments,
                               std::optional<std::string_view> sent);

/// As it is when that is safe in a header, else "=?base64?…?=".
[[nodiscard]] std::string encode_header(std::string_view text);
/// Nothing when it is malformed.
[[nodiscard]] std::optional<std::string> decode_header(std::string_view value);

}  // namespace tenon::mcp::wire
