#pragma once

#include "tenon/json/json.hpp"
#include "tenon/json/type.hpp"

namespace tenon::json::detail {

/// As `write`, for a field that has rules: a variant's tag is written.
void write_with_rules(const Type& type, const void* object, const Rules& rules, Value& to);

}  // namespace tenon::json::detail
