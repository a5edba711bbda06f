// What templates find by name: filters, tests, global functions, methods of values.
#pragma once

#include <string_view>

#include "text/jinja/ast.hpp"

namespace tenon::text::jinja {

/// Null when there is none of that name.
[[nodiscard]] FilterFn find_filter(std::string_view name) noexcept;
[[nodiscard]] Test find_test(std::string_view name) noexcept;

/// `range`, `namespace`, `raise_exception`…; undefined when there is none.
[[nodiscard]] Value find_global(std::string_view name);

[[nodiscard]] Methods find_methods(std::string_view name) noexcept;

}  // namespace tenon::text::jinja
