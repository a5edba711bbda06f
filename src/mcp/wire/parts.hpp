// Small pieces that several types share. Private to wire/.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mcp/wire/wire.hpp"

namespace tenon::mcp::wire::detail {

/// Left out when it is empty.
void put(json::Object& to, std::string_view key, const std::string& text);
void put_meta(json::Object& to, const std::string& meta);
void put(json::Object& to, const std::vector<Icon>& icons);
void put(json::Object& to, const Annotations& annotations);
[[nodiscard]] std::vector<std::string> strings_in(const json::Value& from, std::string_view key);
[[nodiscard]] std::vector<Icon> icons_in(const json::Value& from);
[[nodiscard]] Annotations annotations_in(const json::Value& from);
[[nodiscard]] std::optional<double> number_in(const json::Value& from, std::string_view key);
[[nodiscard]] std::optional<bool> bool_in(const json::Value& from, std::string_view key);
[[nodiscard]] Result<std::string> bytes_in(const json::Value& from, std::string_view key);

}  // namespace tenon::mcp::wire::detail
