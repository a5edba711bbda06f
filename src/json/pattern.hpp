// Regular expressions of JSON Schema: ECMA-262 with the `u` flag, run by PCRE2 within limits.
#pragma once

#include <memory>
#include <string_view>

#include "tenon/base/error.hpp"

namespace tenon::json {

/// Immutable; `find` may be called from many threads.
class Pattern {
  public:
    /// Errors: invalid_argument (the message gives the place of the fault).
    [[nodiscard]] static Result<Pattern> compile(std::string_view expression);

    enum class Outcome { no, yes, too_costly };
    /// Whether it matches somewhere in valid UTF-8.
    [[nodiscard]] Outcome find(std::string_view text) const;

  private:
    struct Code;
    explicit Pattern(std::shared_ptr<const Code> code) : code_(std::move(code)) {}
    std::shared_ptr<const Code> code_;
};

}  // namespace tenon::json
