// Filters over numbers: int, float, abs, round, filesizeformat.
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <unordered_map>

#include "text/jinja/chars.hpp"
#include "text/jinja/filters_util.hpp"
#include "text/jinja/format.hpp"

namespace tenon::text::jinja {
namespace {

/// Removes underscores between digits; false when one stands elsewhere.
bool without_underscores(std::string_view text, std::string& out) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '_') {
            out += text[i];
            continue;
        }
        if (i == 0 || i + 1 == text.size() || text[i - 1] == '_' || text[i + 1] == '_') return false;
    }
    return true;
}

bool parse_integer(std::string_view text, int base, std::int64_t& out) {
    text = strip_right(strip_left(text));
    bool negative = false;
    if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
        negative = text[0] == '-';
        text.remove_prefix(1);
    }
    if (text.size() > 2 && text[0] == '0') {
        const char mark = static_cast<char>(text[1] | 0x20);
        const int marked = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
        if (marked != 0 && (base == marked || base == 0)) {
            base = marked;
            text.remove_prefix(2);
        }
    }
    if (base == 0) base = 10;
    std::string digits;
    if (base < 2 || base > 36 || text.empty() || !without_underscores(text, digits) || digits[0] == '-') return false;
    if (negative) digits.insert(0, 1, '-');
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), out, base);
    return ec == std::errc() && end == digits.data() + digits.size();
}

bool parse_float(std::string_view text, double& out) {
    text = strip_right(strip_left(text));
    std::string digits;
    if (text.empty() || !without_underscores(text, digits)) return false;
    if (digits[0] == '+') digits.erase(0, 1);
    if (digits.empty() || digits[0] == '+') return false;
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    if (end != digits.data() + digits.size() || ec == std::errc::invalid_argument) return false;
    if (ec == std::errc::result_out_of_range) out = std::strtod(digits.c_str(), nullptr);
    return true;
}

bool to_int(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "int", args, {"value", "default", "base"}, 1);
    std::int64_t base = 10, whole = 0;
    if (!bound.ok() || (bound.at(2) && !bound.integer(2, base))) return false;
    const Value& value = bound[0];
    if (value.is(Kind::undefined)) return interp.fail_undefined(value);
    double real = NAN;
    if (value.is_integral()) {
        out = Value::integer(value.as_integer());
        return true;
    }
    if (value.is(Kind::string) && parse_integer(value.text(), static_cast<int>(base), whole)) {
        out = Value::integer(whole);
        return true;
    }
    if (value.is(Kind::floating)) {
        real = value.as_double();
        if (std::isinf(real)) return interp.fail("cannot convert float infinity to integer");
    } else if (value.is(Kind::string) && !parse_float(value.text(), real)) {
        real = NAN;
    }
    if (std::abs(real) < 9.2e18)
        out = Value::integer(static_cast<std::int64_t>(real));
    else if (std::isfinite(real))
        return interp.fail("the number does not fit 64 bits");
    else
        out = bound.at(1) ? bound[1] : Value::integer(0);
    return true;
}

bool to_float(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "float", args, {"value", "default"}, 1);
    if (!bound.ok()) return false;
    const Value& value = bound[0];
    if (value.is(Kind::undefined)) return interp.fail_undefined(value);
    double real = 0;
    if (value.is_number())
        out = Value::floating(value.as_double());
    else if (value.is(Kind::string) && parse_float(value.text(), real))
        out = Value::floating(real);
    else
        out = bound.at(1) ? bound[1] : Value::floating(0);
    return true;
}

bool absolute(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "abs", args, {"x"}, 1);
    if (!bound.ok()) return false;
    if (bound[0].is(Kind::undefined)) return interp.fail_undefined(bound[0]);
    if (!bound[0].is_number()) return interp.fail(fmt::format("bad operand type for abs(): '{}'", type_name(bound[0])));
    if (bound[0].is(Kind::floating)) {
        out = Value::floating(std::abs(bound[0].as_double()));
        return true;
    }
    if (bound[0].as_integer() == INT64_MIN) return interp.fail("an integer does not fit 64 bits");
    out = Value::integer(std::abs(bound[0].as_integer()));
    return true;
}

/// Python's round: correct to the decimal digit, ties to even on the exact binary value.
double round_float(double value, std::int64_t precision) {
    if (!std::isfinite(value) || precision > 323) return value;
    if (precision >= 0) {
        const std::string text = fmt::format("{:.{}f}", value, static_cast<int>(precision));
        return std::strtod(text.c_str(), nullptr);
    }
    if (precision < -308) return std::copysign(0.0, value);
    const double scale = std::pow(10.0, static_cast<double>(-precision));
    return std::nearbyint(value / scale) * scale;
}

bool round_filter(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "round", args, {"value", "precision", "method"}, 1);
    std::int64_t precision = 0;
    std::string_view method = "common";
    if (!bound.ok() || (bound.at(1) && !bound.integer(1, precision)) || (bound.at(2) && !bound.string(2, method)))
        return false;
    if (method != "common" && method != "ceil" && method != "floor")
        return interp.fail("method must be common, ceil or floor");
    if (bound[0].is(Kind::undefined)) return interp.fail_undefined(bound[0]);
    if (!bound[0].is_number()) return interp.fail(fmt::format("type {} cannot be rounded", type_name(bound[0])));
    if (method == "common") {
        if (bound[0].is(Kind::floating)) {
            out = Value::floating(round_float(bound[0].as_double(), precision));
        } else if (precision >= 0) {
            out = Value::integer(bound[0].as_integer());
        } else {
            out = Value::integer(static_cast<std::int64_t>(round_float(bound[0].as_double(), precision)));
        }
        return true;
    }
    const double scale = std::pow(10.0, static_cast<double>(precision));
    const double scaled = bound[0].as_double() * scale;
    out = Value::floating((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale);
    return true;
}

bool file_size(Interp& interp, Args& args, Value& out) {
    const Bound bound(interp, "filesizeformat", args, {"value", "binary"}, 1);
    if (!bound.ok()) return false;
    double bytes = bound[0].as_double();
    if (bound[0].is(Kind::string) ? !parse_float(bound[0].text(), bytes) : !bound[0].is_number())
        return interp.fail("filesizeformat needs a number");
    const bool binary = bound.flag(1);
    const double base = binary ? 1024 : 1000;
    if (bytes == 1) return interp.make_string("1 Byte", out);
    if (bytes < base) return interp.make_string(fmt::format("{} Bytes", static_cast<std::int64_t>(bytes)), out);
    static constexpr std::string_view prefixes = "kMGTPEZY";
    double unit = base * base;
    std::size_t i = 0;
    for (; i + 1 < prefixes.size() && bytes >= unit; ++i) unit *= base;
    const std::string prefix =
        binary ? fmt::format("{}iB", i == 0 ? 'K' : prefixes[i]) : fmt::format("{}B", prefixes[i]);
    return interp.make_string(fmt::format("{:.1f} {}", base * bytes / unit, prefix), out);
}

}  // namespace

FilterFn find_number_filter(std::string_view name) noexcept {
    static const std::unordered_map<std::string_view, FilterFn> table = {
        {"int", to_int}, {"float", to_float}, {"abs", absolute}, {"round", round_filter}, {"filesizeformat", file_size},
    };
    const auto it = table.find(name);
    return it == table.end() ? nullptr : it->second;
}

}  // namespace tenon::text::jinja
