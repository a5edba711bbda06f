// Grammars as expressions, the form every front end writes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon::text::grammar {

using ExprId = std::uint32_t;
using RuleId = std::uint32_t;
inline constexpr std::uint32_t unbounded = 0xFFFFFFFF;
inline constexpr char32_t last_character = 0x10FFFF;

struct Range {
    char32_t low, high;
    bool operator==(const Range&) const = default;
    auto operator<=>(const Range&) const = default;
};

/// Sorted, disjoint, without surrogates.
class CharSet {
  public:
    CharSet() = default;
    CharSet(std::initializer_list<Range> ranges) {
        for (const auto& r : ranges) add(r.low, r.high);
    }
    void add(char32_t low, char32_t high) { ranges_.push_back({low, high}); }
    void add(char32_t c) { add(c, c); }
    void add(const CharSet& other) { ranges_.insert(ranges_.end(), other.ranges_.begin(), other.ranges_.end()); }
    [[nodiscard]] CharSet complement() const;
    [[nodiscard]] CharSet minus(const CharSet& other) const;
    [[nodiscard]] bool contains(char32_t c) const;
    [[nodiscard]] std::vector<Range> ranges() const;  ///< normal form

  private:
    std::vector<Range> ranges_;
};

struct Expr {
    enum class Kind : std::uint8_t { bytes, characters, sequence, choice, repeat, rule } kind;
    std::string bytes;          // of `bytes`; empty: the empty text
    std::vector<Range> ranges;  // of `characters`; none: nothing at all
    std::vector<ExprId> parts;  // of `sequence`, `choice`, `repeat`
    std::uint32_t least = 0, most = 0;
    RuleId rule = 0;
};

struct Rules {
    std::vector<Expr> expressions;
    std::vector<ExprId> bodies;  // by rule
    std::vector<std::string> names;
    std::vector<bool> defined;
    RuleId root = 0;
};

/// Makes expressions. Everything is checked later, when the network is built.
class Builder {
  public:
    Rules rules;

    ExprId text(std::string_view bytes);
    ExprId empty() { return text(""); }
    ExprId nothing() { return characters(CharSet()); }
    ExprId characters(const CharSet& set);
    ExprId sequence(std::vector<ExprId> parts);
    ExprId choice(std::vector<ExprId> parts);
    ExprId repeat(ExprId part, std::uint32_t least, std::uint32_t most = unbounded);
    ExprId optional(ExprId part) { return repeat(part, 0, 1); }
    ExprId rule(RuleId id);
    /// The rule of that name, new when there is none.
    RuleId named(const std::string& name);
    RuleId anonymous(std::string name);
    void define(RuleId rule, ExprId body);

  private:
    ExprId add(Expr expr);
    std::map<std::string, RuleId, std::less<>> by_name_;
};

/// What character classes of regular expressions mean.
[[nodiscard]] CharSet digits();
[[nodiscard]] CharSet word_characters();
[[nodiscard]] CharSet spaces();

/// A regular expression read into `builder`. `anchored`: the whole text; else it is looked for, as JSON Schema does.
/// `map` gives the expression of a set of characters, so that strings of JSON may write some as escapes.
struct RegexSettings {
    bool anchored = true;
    bool ignore_case = false;
    bool dot_all = false;
    ExprId (*map)(Builder&, const CharSet&) = nullptr;
};
[[nodiscard]] Result<ExprId> read_regex(Builder& builder, std::string_view pattern, const RegexSettings& settings);

}  // namespace tenon::text::grammar
