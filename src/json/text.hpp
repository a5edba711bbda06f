// JSON text to structs and back without values in between: the quick way of what is valid. Private to json.
#pragma once

#include <string>
#include <string_view>

#include "tenon/json/reflect.hpp"

namespace tenon::json {

/// A string with quotes and escapes; invalid UTF-8 becomes U+FFFD.
void append_string(std::string& out, std::string_view text);
/// Shortest round-trip; null when it is not finite.
void append_number(std::string& out, double number);

namespace detail {

/// True: the text is JSON that fits the type and its rules, and the object holds it. False says nothing: the text is
/// wrong, or holds something that only the thorough way understands (variants, patterns, a name that occurs twice). The
/// object is then to be read again.
[[nodiscard]] bool read_quickly(const Type& type, std::string_view text, void* object, const ReadOptions& options);

}  // namespace detail
}  // namespace tenon::json
