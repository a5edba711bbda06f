// Helpers several filter files share.
#pragma once

#include <vector>

#include "text/jinja/builtins.hpp"
#include "text/jinja/interp.hpp"

namespace tenon::text::jinja {

/// Follows "a.b.0" (or an int) into `item`, as the `attribute=` argument of filters does.
bool follow(Interp& interp, const Value& path, const Value& item, Value& out);
/// The text of a string as it is, of anything else its str.
bool soft_text(Interp& interp, const Value& value, std::string& out);

FilterFn find_text_filter(std::string_view name) noexcept;
FilterFn find_sequence_filter(std::string_view name) noexcept;
FilterFn find_order_filter(std::string_view name) noexcept;
FilterFn find_number_filter(std::string_view name) noexcept;

}  // namespace tenon::text::jinja
