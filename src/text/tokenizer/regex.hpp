// Regular expressions of tokenizer files on PCRE2: Unicode properties, JIT, meanings as in Oniguruma and Rust's regex.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "tenon/base/error.hpp"
#include "text/tokenizer/components.hpp"

namespace tenon::text::tok {

/// Immutable and safe to use from many threads.
class Regex {
  public:
    /// Errors: corrupt (the pattern does not compile; the message says where).
    [[nodiscard]] static Result<Regex> compile(std::string_view pattern);
    /// Calls visit(begin, end) for each non-empty match within `range`, as if the text around it did not exist.
    /// A pattern that exhausts PCRE2's match limits stops matching there: the rest counts as unmatched.
    void for_each_match(std::string_view text, Span range,
                        const std::function<void(std::size_t, std::size_t)>& visit) const;

  private:
    struct Code;
    explicit Regex(std::shared_ptr<const Code> code) : code_(std::move(code)) {}
    std::shared_ptr<const Code> code_;
};

[[nodiscard]] std::string escape_regex(std::string_view literal);

}  // namespace tenon::text::tok
