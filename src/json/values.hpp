// Small questions about JSON values that reading and validating both ask.
#pragma once

#include <cstddef>
#include <string_view>

#include "tenon/json/json.hpp"

namespace tenon::json {

/// "a string", "an integer", "null" …
[[nodiscard]] std::string_view kind_name(const Value& value) noexcept;
/// Code points of valid UTF-8.
[[nodiscard]] std::size_t characters(std::string_view text) noexcept;
/// Up to rounding: 0.3 is a multiple of 0.1.
[[nodiscard]] bool is_multiple(double value, double of) noexcept;
/// As JSON Schema compares: 1 and 1.0 are equal, the order of members does not count.
[[nodiscard]] bool same(const Value& a, const Value& b);
[[nodiscard]] bool all_different(const Array& items);

}  // namespace tenon::json
