// The pieces of JSON texts that schemas are put together from.
#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <string_view>

#include "tenon/text/grammar.hpp"
#include "text/grammar/expression.hpp"

namespace tenon::text::grammar {

struct NumberBounds {
    std::optional<double> low, high;
    bool low_open = false, high_open = false;  ///< the bound itself is out
};

class JsonParts {
  public:
    JsonParts(Builder& builder, const JsonGrammarOptions& options) : b_(builder), options_(options) {}

    [[nodiscard]] ExprId space();
    [[nodiscard]] ExprId comma() { return b_.sequence({b_.text(","), space()}); }
    /// `"key": `
    [[nodiscard]] ExprId key(std::string_view name);
    [[nodiscard]] ExprId literal(const boost::json::value& value);
    /// One character of a string, some written as escapes.
    [[nodiscard]] static ExprId character(Builder& builder, const CharSet& set);
    [[nodiscard]] ExprId any_string();
    /// A string, as a key, that is none of these.
    [[nodiscard]] ExprId other_key(const std::vector<std::string>& names);
    [[nodiscard]] ExprId string(ExprId inside) { return b_.sequence({b_.text("\""), inside, b_.text("\"")}); }
    [[nodiscard]] ExprId string(std::uint32_t least, std::uint32_t most);
    [[nodiscard]] ExprId any_value();
    [[nodiscard]] ExprId any_object();
    [[nodiscard]] ExprId any_array();

    /// Errors: invalid_argument (no number lies there).
    [[nodiscard]] Result<ExprId> integer(const NumberBounds& bounds);
    [[nodiscard]] Result<ExprId> number(const NumberBounds& bounds);

    /// The regular expression of a format; nothing when it is only a note; empty when it cannot be held to.
    [[nodiscard]] static std::optional<std::string_view> format(std::string_view name);

  private:
    [[nodiscard]] ExprId digit(char low, char high) {
        return b_.characters({{static_cast<char32_t>(low), static_cast<char32_t>(high)}});
    }
    [[nodiscard]] ExprId any_digits(std::size_t count, std::size_t decimals);
    [[nodiscard]] ExprId same_length(std::string_view low, std::string_view high, std::size_t decimals);
    [[nodiscard]] ExprId magnitude(std::uint64_t low, std::uint64_t high, std::size_t decimals);
    [[nodiscard]] std::optional<ExprId> whole_range(std::int64_t low, std::int64_t high, std::size_t decimals);
    [[nodiscard]] std::optional<ExprId> decimal_side(double low, bool low_open, double high, bool high_open);
    [[nodiscard]] ExprId key_not_in(const std::vector<std::u32string>& names, std::size_t at);
    void define_values();

    Builder& b_;
    const JsonGrammarOptions& options_;
    std::optional<RuleId> space_, string_, value_, object_, array_;
};

}  // namespace tenon::text::grammar
