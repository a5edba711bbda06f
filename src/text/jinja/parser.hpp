// Tokens → tree.
#pragma once

#include <string_view>

#include "tenon/base/error.hpp"
#include "text/jinja/ast.hpp"

namespace tenon::text::jinja {

/// `max_depth` bounds the nesting of tags and expressions. Errors: corrupt (with the line), unsupported (include,
/// import, extends: a chat template stands alone), resource_exhausted (too deep).
[[nodiscard]] Result<Program> parse_program(std::string_view source, std::size_t max_depth);

}  // namespace tenon::text::jinja
