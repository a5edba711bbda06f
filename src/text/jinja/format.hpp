// Text forms of values: floats as Python prints them, printf-style and brace formatting, JSON, HTML escaping.
#pragma once

#include <string>
#include <string_view>

#include "text/jinja/interp.hpp"

namespace tenon::text::jinja {

/// repr(float): shortest text that reads back equal.
[[nodiscard]] std::string float_repr(double value);
/// str.__repr__ with Python's choice of quotes.
void string_repr(std::string_view text, std::string& out);
/// & < > ' " as entities, as markupsafe.escape.
[[nodiscard]] std::string escape_html(std::string_view text);

/// format % arguments.
bool percent_format(Interp& interp, std::string_view format, const Value& arguments, std::string& out);
/// str.format.
bool brace_format(Interp& interp, std::string_view format, const Args& args, std::string& out);

struct JsonStyle {
    bool ensure_ascii = false;
    bool sort_keys = false;
    bool multiline = false;
    std::string indent;
    std::string item_separator = ", ", key_separator = ": ";
};
/// json.dumps. Errors: values JSON cannot hold.
bool to_json(Interp& interp, const Value& value, const JsonStyle& style, std::string& out, std::uint32_t depth = 0);

}  // namespace tenon::text::jinja
