// JSON values and text. Boost.JSON underneath: insertion order kept, numbers as int64, uint64 or double.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstddef>
#include <string>
#include <string_view>

#include "tenon/base/error.hpp"

namespace tenon::json {

using Value = boost::json::value;
using Object = boost::json::object;
using Array = boost::json::array;

struct ParseOptions {
    std::size_t max_depth = 128;
    std::size_t max_bytes = std::size_t{1} << 30;
};

/// RFC 8259, strict UTF-8. Errors: corrupt, with the byte offset of the fault; resource_exhausted (too long).
[[nodiscard]] Result<Value> parse(std::string_view text, const ParseOptions& options = {});

/// Compact text, non-ASCII characters as they are; invalid UTF-8 in strings is replaced by U+FFFD, doubles shortest
/// round-trip.
[[nodiscard]] std::string dump(const Value& value);
/// Indented text, as Python's json.dumps(indent=n, ensure_ascii=False).
[[nodiscard]] std::string dump_pretty(const Value& value, int indent = 2);

/// Lookups that never throw; null when the path is missing or of another type.
[[nodiscard]] const Value* find(const Value& value, std::string_view key) noexcept;
[[nodiscard]] std::string_view string_or(const Value& value, std::string_view key, std::string_view otherwise) noexcept;
[[nodiscard]] double number_or(const Value& value, std::string_view key, double otherwise) noexcept;
[[nodiscard]] std::int64_t integer_or(const Value& value, std::string_view key, std::int64_t otherwise) noexcept;
[[nodiscard]] bool bool_or(const Value& value, std::string_view key, bool otherwise) noexcept;

}  // namespace tenon::json
