// Methods of strings.
#pragma once

#include "text/jinja/builtins.hpp"

namespace tenon::text::jinja {

[[nodiscard]] MethodFn find_string_method(std::string_view name) noexcept;

/// str.replace with a bound on the number of replacements; negative: all.
bool replace_text(Interp& interp, std::string_view text, std::string_view old, std::string_view with,
                  std::int64_t count, Value& out);

}  // namespace tenon::text::jinja
