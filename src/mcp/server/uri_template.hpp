// URI templates (RFC 6570) read backwards: which variables make this URI.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon::mcp {

/// Level 1 and 2 expressions: {name} holds no `/`, `?` or `#`; {+name} and {name*} hold anything.
class UriTemplate {
  public:
    /// Errors: invalid_argument (a bracket that is not closed, two expressions without text between, an operator that
    /// is not understood).
    [[nodiscard]] static Result<UriTemplate> parse(std::string_view text);
    /// Values are percent-decoded. Linear in the length of the URI for each expression.
    [[nodiscard]] std::optional<std::map<std::string, std::string>> match(std::string_view uri) const;

  private:
    struct Part {
        std::string literal;  ///< before the variable
        std::string variable;
        bool reserved = false;
    };
    std::vector<Part> parts_;
    std::string tail_;
};

}  // namespace tenon::mcp
