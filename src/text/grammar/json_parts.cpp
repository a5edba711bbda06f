#include "text/grammar/json_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <map>

#include "tenon/base/utf8.hpp"
#include "tenon/json/json.hpp"

namespace tenon::text::grammar {
namespace {

// Whole numbers a double and an int64 hold exactly and that models write: up to 15 digits, and 18 without bounds.
constexpr double most_whole = 999'999'999'999'999.0;
constexpr std::uint32_t most_decimals = 15;

CharSet plain_characters() { return CharSet{{0, 0x1F}, {U'"', U'"'}, {U'\\', U'\\'}}.complement(); }

struct Format {
    std::string_view name, pattern;
};
// Each expression allows only texts that have the format (json::Schema asserts them); some allow fewer.
#define TENON_DAY_OF_MONTH \
    "((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)|02-(0[1-9]|1\\d|2[0-8]))"
#define TENON_DATE "(\\d{4}-" TENON_DAY_OF_MONTH "|\\d\\d(0[48]|[2468][048]|[13579][26])-02-29)"
#define TENON_TIME "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,6})?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)"
#define TENON_BYTE "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)"
#define TENON_LABEL "[a-zA-Z0-9]{3,30}(-[a-zA-Z0-9]{1,20})?"
#define TENON_HOST "[a-zA-Z0-9]{1,30}(\\." TENON_LABEL ")*\\.[a-zA-Z]{2,12}"
constexpr std::array<Format, 10> formats{{
    {"date", TENON_DATE},
    {"time", TENON_TIME},
    {"date-time", TENON_DATE "T" TENON_TIME},
    {"duration",
     "P(\\d{1,4}[WDMY]|\\d{1,4}DT\\d{1,2}H|T(\\d{1,4}H(\\d{1,2}M(\\d{1,2}S)?)?|\\d{1,4}M(\\d{1,2}S)?|\\d{1,5}S))"},
    {"email",
     "[a-zA-Z0-9_+-]{1,40}(\\.[a-zA-Z0-9_+-]{1,20}){0,2}@" TENON_LABEL "(\\." TENON_LABEL "){0,2}\\.[a-zA-Z]{2,12}"},
    {"hostname", "[a-zA-Z0-9]{1,30}|" TENON_HOST},
    {"ipv4", TENON_BYTE "(\\." TENON_BYTE "){3}"},
    {"ipv6", "([0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}"},
    {"uuid", "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"},
    {"uri", "(https?|ftp)://" TENON_HOST "(:\\d{1,5})?(/[a-zA-Z0-9._~!$&'()*+,;=:@-]*)*(\\?[a-zA-Z0-9._~!$&'()*+,;=:@/"
            "?-]*)?(#[a-zA-Z0-9._~!$&'()*+,;=:@/?-]*)?"},
}};

}  // namespace

std::optional<std::string_view> JsonParts::format(std::string_view name) {
    for (const auto& f : formats)
        if (f.name == name) return f.pattern;
    if (name == "uri-reference") return format("uri");
    if (name == "regex" || name == "json-pointer" || name == "relative-json-pointer") return std::string_view();
    return std::nullopt;
}

ExprId JsonParts::space() {
    if (!options_.white_space) return b_.empty();
    if (!space_) {
        space_ = b_.anonymous("space");
        b_.define(
            *space_,
            b_.choice({b_.text(" "),
                       b_.sequence({b_.text("\n"), b_.repeat(b_.characters({{U' ', U' '}, {U'\t', U'\t'}}), 0, 20)})}));
    }
    return b_.optional(b_.rule(*space_));
}

ExprId JsonParts::literal(const boost::json::value& value) { return b_.text(json::dump(value)); }

ExprId JsonParts::key(std::string_view name) {
    return b_.sequence(
        {literal(boost::json::value(boost::json::string_view(name.data(), name.size()))), b_.text(":"), space()});
}

ExprId JsonParts::character(Builder& b, const CharSet& set) {
    std::vector<ExprId> all;
    const CharSet plain = set.minus(plain_characters().complement());
    if (!plain.ranges().empty()) all.push_back(b.characters(plain));
    constexpr std::string_view from = "\"\\\b\f\n\r\t", to = "\"\\bfnrt";
    CharSet last;
    for (std::size_t i = 0; i < from.size(); ++i)
        if (set.contains(static_cast<char32_t>(from[i]))) last.add(static_cast<char32_t>(to[i]));
    if (!last.ranges().empty()) all.push_back(b.sequence({b.text("\\"), b.characters(last)}));
    for (char32_t c = 0; c < 0x20; ++c)
        if (set.contains(c) && from.find(static_cast<char>(c)) == std::string_view::npos)
            all.push_back(b.text(fmt::format("\\u{:04x}", static_cast<unsigned>(c))));
    return b.choice(std::move(all));
}

ExprId JsonParts::any_string() {
    if (!string_) {
        string_ = b_.anonymous("string");
        const CharSet hex{{U'0', U'9'}, {U'a', U'f'}, {U'A', U'F'}};
        // \uXXXX but for surrogates, which need a partner.
        const ExprId code = b_.choice(
            {b_.sequence({b_.characters(hex.minus({{U'd', U'd'}, {U'D', U'D'}})), b_.repeat(b_.characters(hex), 3, 3)}),
             b_.sequence({b_.characters({{U'd', U'd'}, {U'D', U'D'}}), b_.characters({{U'0', U'7'}}),
                          b_.repeat(b_.characters(hex), 2, 2)})});
        CharSet simple;
        for (const char c : std::string_view("\"\\/bfnrt")) simple.add(static_cast<char32_t>(c));
        const ExprId escape =
            b_.sequence({b_.text("\\"), b_.choice({b_.characters(simple), b_.sequence({b_.text("u"), code})})});
        // The opening quote is part of the caller: what follows it is the same state for every string.
        b_.define(*string_,
                  b_.sequence({b_.repeat(b_.choice({b_.characters(plain_characters()), escape}), 0), b_.text("\"")}));
    }
    return b_.sequence({b_.text("\""), b_.rule(*string_)});
}

ExprId JsonParts::string(std::uint32_t least, std::uint32_t most) {
    CharSet controls{{0, 0x1F}};
    for (const char c : std::string_view("\b\f\n\r\t"))
        controls = controls.minus({{static_cast<char32_t>(c), static_cast<char32_t>(c)}});
    return string(b_.repeat(character(b_, controls.complement()), least, most));
}

ExprId JsonParts::key_not_in(const std::vector<std::u32string>& names, std::size_t at) {
    // At this place the key may end if no name does, or go on with a character no name has, or go on along some names.
    bool ends = false;
    std::map<char32_t, std::vector<std::u32string>> by_next;
    CharSet taken{{0, 0x1F}, {U'"', U'"'}, {U'\\', U'\\'}};
    for (const auto& name : names) {
        if (name.size() == at) {
            ends = true;
            continue;
        }
        by_next[name[at]].push_back(name);
        taken.add(name[at]);
    }
    std::vector<ExprId> all;
    if (!ends) all.push_back(b_.text("\""));
    all.push_back(b_.sequence(
        {b_.characters(taken.complement()), b_.repeat(b_.characters(plain_characters()), 0), b_.text("\"")}));
    for (const auto& [next, inside] : by_next)
        if (next >= 0x20 && next != U'"' && next != U'\\')
            all.push_back(b_.sequence({b_.text(utf8::encode(next)), key_not_in(inside, at + 1)}));
    return b_.choice(std::move(all));
}

ExprId JsonParts::other_key(const std::vector<std::string>& names) {
    if (names.empty()) return any_string();
    std::vector<std::u32string> wide;
    for (const auto& name : names)
        if (name.size() < 100) wide.push_back(utf8::to_utf32(name));
    return b_.sequence({b_.text("\""), key_not_in(wide, 0)});
}

void JsonParts::define_values() {
    if (value_) return;
    value_ = b_.anonymous("value");
    object_ = b_.anonymous("object");
    array_ = b_.anonymous("array");
    const ExprId value = b_.rule(*value_);
    const ExprId pair = b_.sequence({any_string(), b_.text(":"), space(), value});
    // As with strings, the opening bracket stands with the caller.
    b_.define(
        *object_,
        b_.sequence({space(), b_.optional(b_.sequence({pair, b_.repeat(b_.sequence({comma(), pair}), 0), space()})),
                     b_.text("}")}));
    b_.define(
        *array_,
        b_.sequence({space(), b_.optional(b_.sequence({value, b_.repeat(b_.sequence({comma(), value}), 0), space()})),
                     b_.text("]")}));
    b_.define(*value_, b_.choice({b_.text("null"), b_.text("true"), b_.text("false"), *number({}), any_string(),
                                  b_.sequence({b_.text("{"), b_.rule(*object_)}),
                                  b_.sequence({b_.text("["), b_.rule(*array_)})}));
}
ExprId JsonParts::any_value() {
    define_values();
    return b_.rule(*value_);
}
ExprId JsonParts::any_object() {
    define_values();
    return b_.sequence({b_.text("{"), b_.rule(*object_)});
}
ExprId JsonParts::any_array() {
    define_values();
    return b_.sequence({b_.text("["), b_.rule(*array_)});
}

// ---- numbers ----

ExprId JsonParts::any_digits(std::size_t count, std::size_t decimals) {
    const auto some = [&](std::size_t n) {
        return b_.repeat(digit('0', '9'), static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(n));
    };
    if (decimals == 0 || count < decimals) return some(count);
    return b_.sequence({some(count - decimals), b_.text("."), some(decimals)});
}

/// Texts of digits between two of the same length, with a point before the last `decimals` digits.
ExprId JsonParts::same_length(std::string_view low, std::string_view high, std::size_t decimals) {
    if (low.empty()) return b_.empty();
    const auto nines = [](std::string_view s) { return s.find_first_not_of('9') == std::string_view::npos; };
    const auto zeros = [](std::string_view s) { return s.find_first_not_of('0') == std::string_view::npos; };
    if (zeros(low) && nines(high)) return any_digits(low.size(), decimals);
    const ExprId point = decimals > 0 && low.size() == decimals ? b_.text(".") : b_.empty();
    const std::size_t rest = low.size() - 1;
    const std::string all_nines(rest, '9'), all_zeros(rest, '0');
    // The point before the next digit belongs to what follows, unless that is written by any_digits.
    if (low[0] == high[0])
        return b_.sequence({point, digit(low[0], low[0]), same_length(low.substr(1), high.substr(1), decimals)});
    std::vector<ExprId> all;
    char from = low[0], to = high[0];
    if (!zeros(low.substr(1)))
        all.push_back(b_.sequence({digit(low[0], low[0]), same_length(low.substr(1), all_nines, decimals)})), ++from;
    if (!nines(high.substr(1)))
        all.push_back(b_.sequence({digit(high[0], high[0]), same_length(all_zeros, high.substr(1), decimals)})), --to;
    if (from <= to) all.push_back(b_.sequence({digit(from, to), rest == 0 ? b_.empty() : any_digits(rest, decimals)}));
    return b_.sequence({point, b_.choice(std::move(all))});
}

/// Whole numbers from low to high, or so many parts of 10^decimals.
ExprId JsonParts::magnitude(std::uint64_t low, std::uint64_t high, std::size_t decimals) {
    std::string l = std::to_string(low), h = std::to_string(high);
    if (l.size() < decimals + 1) l.insert(0, decimals + 1 - l.size(), '0');
    if (h.size() < decimals + 1) h.insert(0, decimals + 1 - h.size(), '0');
    std::vector<ExprId> all;
    for (std::size_t length = l.size(); length <= h.size(); ++length) {
        const std::string from = length == l.size() ? l : "1" + std::string(length - 1, '0');
        const std::string to = length == h.size() ? h : std::string(length, '9');
        all.push_back(same_length(from, to, decimals));
    }
    return b_.choice(std::move(all));
}

std::optional<ExprId> JsonParts::whole_range(std::int64_t low, std::int64_t high, std::size_t decimals) {
    if (low > high) return std::nullopt;
    std::vector<ExprId> all;
    const auto negated = [](std::int64_t v) { return 0 - static_cast<std::uint64_t>(v); };
    if (high >= 0)
        all.push_back(
            magnitude(low > 0 ? static_cast<std::uint64_t>(low) : 0, static_cast<std::uint64_t>(high), decimals));
    if (low < 0)
        all.push_back(b_.sequence({b_.text("-"), magnitude(high < 0 ? negated(high) : 1, negated(low), decimals)}));
    return b_.choice(std::move(all));
}

Result<ExprId> JsonParts::integer(const NumberBounds& bounds) {
    constexpr double edge = 999'999'999'999'999'999.0;
    double low = bounds.low ? std::ceil(*bounds.low) : -edge, high = bounds.high ? std::floor(*bounds.high) : edge;
    if (bounds.low && bounds.low_open && low == *bounds.low) low += 1;
    if (bounds.high && bounds.high_open && high == *bounds.high) high -= 1;
    // Without a bound the digits are limited, so that the number fits into 64 bits.
    const auto clamp = [](double v) {
        return v <= -9.2e18 ? INT64_MIN : v >= 9.2e18 ? INT64_MAX : static_cast<std::int64_t>(v);
    };
    const auto made = whole_range(clamp(low), clamp(high), 0);
    if (!made) return fail(ErrorCode::invalid_argument, fmt::format("no integer lies between {} and {}", low, high));
    return *made;
}

/// Not negative, low and high whole: whole part and fraction.
std::optional<ExprId> JsonParts::decimal_side(double low, bool low_open, double high, bool high_open) {
    std::vector<ExprId> all;
    const auto fraction = [&] { return b_.sequence({b_.text("."), b_.repeat(digit('0', '9'), 1, most_decimals)}); };
    const auto some_zeros = [&] {
        return b_.optional(b_.sequence({b_.text("."), b_.repeat(b_.text("0"), 1, most_decimals)}));
    };
    const auto whole = [&](double v) { return b_.text(fmt::format("{}", static_cast<std::int64_t>(v))); };
    if (low == high)
        return low_open || high_open ? std::nullopt : std::optional(b_.sequence({whole(low), some_zeros()}));
    if (low > high) return std::nullopt;
    double from = low;
    if (low_open) {
        all.push_back(b_.sequence({whole(low), b_.text("."), b_.repeat(b_.text("0"), 0, 8), digit('1', '9'),
                                   b_.repeat(digit('0', '9'), 0, 6)}));
        from += 1;
    }
    if (const auto inside = whole_range(static_cast<std::int64_t>(from), static_cast<std::int64_t>(high - 1), 0))
        all.push_back(b_.sequence({*inside, b_.optional(fraction())}));
    if (!high_open) all.push_back(b_.sequence({whole(high), some_zeros()}));
    return b_.choice(std::move(all));
}

Result<ExprId> JsonParts::number(const NumberBounds& n) {
    if (!n.low && !n.high) {
        const ExprId whole =
            b_.choice({b_.text("0"), b_.sequence({digit('1', '9'), b_.repeat(digit('0', '9'), 0, 14)})});
        const ExprId fraction = b_.sequence({b_.text("."), b_.repeat(digit('0', '9'), 1, most_decimals)});
        const ExprId sign = b_.optional(b_.characters({{U'+', U'+'}, {U'-', U'-'}}));
        const ExprId exponent =
            b_.sequence({b_.characters({{U'e', U'e'}, {U'E', U'E'}}), sign, b_.repeat(digit('0', '9'), 1, 2)});
        return b_.sequence({b_.optional(b_.text("-")), whole, b_.optional(fraction), b_.optional(exponent)});
    }
    const auto nothing = [&] { return fail(ErrorCode::invalid_argument, "no number lies between the bounds"); };
    const double low = std::max(n.low.value_or(-most_whole), -most_whole),
                 high = std::min(n.high.value_or(most_whole), most_whole);
    if (low > high) return nothing();
    if (low == std::floor(low) && high == std::floor(high)) {
        std::vector<ExprId> all;
        if (high >= 0)
            if (const auto side = decimal_side(std::max(low, 0.0), low >= 0 && n.low_open, high, n.high_open))
                all.push_back(*side);
        if (low < 0)
            if (const auto side = decimal_side(std::max(-high, 0.0), high <= 0 && n.high_open, -low, n.low_open))
                all.push_back(b_.sequence({b_.text("-"), *side}));
        if (all.empty()) return nothing();
        return b_.choice(std::move(all));
    }
    // Bounds with a fraction: numbers written with a fixed count of decimals, as many as the bounds have, or two more.
    for (std::size_t decimals = 1; decimals <= 9; ++decimals) {
        const double scale = std::pow(10.0, static_cast<double>(decimals));
        const double l = low * scale, h = high * scale;
        if (std::abs(l) > 9e15 || std::abs(h) > 9e15) break;
        const auto near = [](double v) { return std::abs(v - std::round(v)) < 1e-6; };
        if (!near(l) || !near(h)) continue;
        const auto from = static_cast<std::int64_t>(std::round(l)) + (n.low && n.low_open ? 1 : 0);
        const auto to = static_cast<std::int64_t>(std::round(h)) - (n.high && n.high_open ? 1 : 0);
        const auto made = whole_range(from, to, decimals);
        if (!made) return nothing();
        return *made;
    }
    return fail(ErrorCode::unsupported,
                "bounds of a number have more than nine decimals, or are too large for decimals");
}

}  // namespace tenon::text::grammar
