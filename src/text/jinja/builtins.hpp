// What templates find by name: filters, tests, global functions, methods of values.
#pragma once

#include <string_view>

#include "text/jinja/ast.hpp"

namespace tenon::text::jinja {

/// Null when there is none of that name.
[[nodiscard]] FilterFn find_filter(std::string_view name) noexcept;
[[nodiscard]] TestFn find_test(std::string_view name) noexcept;

/// `range`, `namespace`, `raise_exception`…; undefined when there is none.
[[nodiscard]] Value find_global(std::string_view name);

using MethodFn = bool (*)(Interp&, const Value& self, Args&, Value& out);
/// A method of a string, list, tuple or dict; null when there is none.
/// Methods that would change the value exist but refuse: `refused` is then true.
[[nodiscard]] MethodFn find_method(Kind kind, std::string_view name, bool& refused) noexcept;

}  // namespace tenon::text::jinja
