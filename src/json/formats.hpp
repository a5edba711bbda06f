// The formats of JSON Schema 2020-12 validation, section 7.3.
#pragma once

#include <optional>
#include <string_view>

namespace tenon::json {

/// Whether `text` (valid UTF-8) has the format; nothing when the format is unknown here, and then it is a note only.
/// Known: date, time, date-time, duration, email, hostname, ipv4, ipv6, uuid, uri, uri-reference, json-pointer,
/// relative-json-pointer, regex.
[[nodiscard]] std::optional<bool> has_format(std::string_view format, std::string_view text);

}  // namespace tenon::json
