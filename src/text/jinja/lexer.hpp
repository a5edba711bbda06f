// Template source → tokens, with the whitespace rules of trim_blocks and lstrip_blocks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon::text::jinja {

enum class TokenType : std::uint8_t {
    data,
    variable_begin,
    variable_end,
    block_begin,
    block_end,
    name,
    string,
    integer,
    floating,
    op,
    end,
};

struct Token {
    TokenType type = TokenType::end;
    int line = 1;
    std::string text;  ///< the name, the decoded string, the operator, or template data
    std::int64_t integer = 0;
    double floating = 0;
};

/// Errors: corrupt, with the line.
[[nodiscard]] Result<std::vector<Token>> tokenize(std::string_view source);

}  // namespace tenon::text::jinja
