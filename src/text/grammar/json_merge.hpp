// Schemas that must hold at once, as one schema.
#pragma once

#include "tenon/json/json.hpp"

namespace tenon::text::grammar {

/// A keyword that only describes.
[[nodiscard]] bool is_note(std::string_view keyword) noexcept;

/// Both at once. Errors: unsupported (keywords that cannot be joined).
[[nodiscard]] Result<json::Value> both(const json::Value& a, const json::Value& b);

}  // namespace tenon::text::grammar
