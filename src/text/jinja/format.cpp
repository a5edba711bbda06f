// printf-style and brace formatting of values.
#include "text/jinja/format.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdio>

#include "tenon/base/utf8.hpp"

namespace tenon::text::jinja {
namespace {

constexpr std::int64_t max_width = 1'000'000;

struct Spec {
    std::string fill = " ";
    char align = 0;  ///< < > ^ =
    char sign = '-';
    bool alternate = false;
    std::int64_t width = 0;
    char grouping = 0;
    std::int64_t precision = -1;
    char type = 0;
};

std::string pad(std::string_view text, const Spec& spec, char default_align) {
    const auto length = static_cast<std::int64_t>(utf8::length(text));
    if (spec.width <= length) return std::string(text);
    const std::int64_t room = spec.width - length;
    const char align = spec.align != 0 ? spec.align : default_align;
    const std::int64_t left = align == '<' ? 0 : align == '^' ? room / 2 : room;
    std::string out;
    const auto fill = [&](std::int64_t count) {
        for (std::int64_t i = 0; i < count; ++i) out += spec.fill;
    };
    if (align == '=') {  // between the sign and the digits
        const std::size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == ' ') ? 1 : 0;
        out += text.substr(0, sign);
        fill(room);
        out += text.substr(sign);
        return out;
    }
    fill(left);
    out += text;
    fill(room - left);
    return out;
}

std::string group_digits(std::string digits, char separator, std::size_t every) {
    for (std::size_t at = digits.size(); at > every; at -= every) digits.insert(at - every, 1, separator);
    return digits;
}

std::string with_sign(bool negative, const std::string& digits, char sign) {
    if (negative) return "-" + digits;
    return sign == '+' ? "+" + digits : sign == ' ' ? " " + digits : digits;
}

std::string integer_text(std::int64_t value, const Spec& spec) {
    const bool negative = value < 0;
    const std::uint64_t magnitude =
        negative ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
    std::string digits, prefix;
    switch (spec.type) {
        case 'x':
            digits = fmt::format("{:x}", magnitude);
            prefix = "0x";
            break;
        case 'X':
            digits = fmt::format("{:X}", magnitude);
            prefix = "0X";
            break;
        case 'o':
            digits = fmt::format("{:o}", magnitude);
            prefix = "0o";
            break;
        case 'b':
            digits = fmt::format("{:b}", magnitude);
            prefix = "0b";
            break;
        default:
            digits = fmt::format("{}", magnitude);
    }
    if (spec.precision > static_cast<std::int64_t>(digits.size()))
        digits.insert(0, static_cast<std::size_t>(spec.precision) - digits.size(), '0');
    if (spec.grouping != 0) digits = group_digits(std::move(digits), spec.grouping, prefix.empty() ? 3 : 4);
    return with_sign(negative, spec.alternate ? prefix + digits : digits, spec.sign);
}

std::string float_text(double value, const Spec& spec) {
    if (spec.type == 0 && spec.precision < 0) {
        const std::string text = float_repr(value);
        return text.starts_with('-') ? text : with_sign(false, text, spec.sign);
    }
    const bool negative = std::signbit(value) && !std::isnan(value);
    std::string digits;
    const char type = spec.type == 0 ? 'g' : spec.type;
    const bool percent = type == '%';
    const int precision = spec.precision < 0 ? 6 : static_cast<int>(std::min<std::int64_t>(spec.precision, 1000));
    const double magnitude = std::abs(percent ? value * 100 : value);
    if (!std::isfinite(magnitude)) {
        digits = std::isnan(magnitude) ? "nan" : "inf";
    } else {
        const char conversion = percent ? 'f' : type;
        const std::string format = fmt::format("%{}.*{}", spec.alternate ? "#" : "", conversion);
        char small[512];
        const int length = std::snprintf(small, sizeof small, format.c_str(), precision, magnitude);
        if (length < static_cast<int>(sizeof small)) {
            digits.assign(small, static_cast<std::size_t>(std::max(length, 0)));
        } else {
            digits.resize(static_cast<std::size_t>(length) + 1);
            std::snprintf(digits.data(), digits.size(), format.c_str(), precision, magnitude);
            digits.pop_back();
        }
        if (spec.type == 0 && digits.find_first_of(".e") == std::string::npos) digits += ".0";
        if (spec.grouping != 0) {
            const std::size_t whole = std::min(digits.find_first_of(".e"), digits.size());
            digits = group_digits(digits.substr(0, whole), spec.grouping, 3) + digits.substr(whole);
        }
    }
    if (percent) digits += '%';
    return with_sign(negative, digits, spec.sign);
}

bool is_float_type(char type) { return std::string_view("eEfFgG%").find(type) != std::string_view::npos; }

bool format_number(Interp& interp, const Value& value, Spec spec, std::string& out) {
    std::string text;
    if (spec.type == 'n') spec.type = value.is(Kind::floating) ? 'g' : 'd';
    if (spec.type != 0 && is_float_type(spec.type)) {
        text = float_text(value.as_double(), spec);
    } else if (value.is(Kind::floating)) {
        if (spec.type != 0)
            return interp.fail(fmt::format("unknown format code '{}' for object of type 'float'", spec.type));
        text = float_text(value.as_double(), spec);
    } else {
        if (spec.type == 'c') {
            if (value.as_integer() < 0 || value.as_integer() > 0x10FFFF)
                return interp.fail("%c argument is not a character");
            text = utf8::encode(static_cast<char32_t>(value.as_integer()));
        } else {
            text = integer_text(value.as_integer(), spec);
        }
    }
    out += pad(text, spec, '>');
    return true;
}

bool format_text(std::string text, const Spec& spec, std::string& out) {
    if (spec.precision >= 0) {
        std::size_t at = 0;
        for (std::int64_t i = 0; i < spec.precision && at < text.size(); ++i) at += utf8::decode(text, at).length;
        text.resize(at);
    }
    out += pad(text, spec, '<');
    return true;
}

bool parse_spec(Interp& interp, std::string_view text, Spec& spec) {
    std::size_t at = 0;
    const auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
    if (!text.empty()) {
        const std::size_t first = utf8::decode(text, 0).length;
        if (first < text.size() && is_align(text[first])) {
            spec.fill = text.substr(0, first);
            spec.align = text[first];
            at = first + 1;
        } else if (is_align(text[0])) {
            spec.align = text[0];
            at = 1;
        }
    }
    if (at < text.size() && (text[at] == '+' || text[at] == '-' || text[at] == ' ')) spec.sign = text[at++];
    if (at < text.size() && text[at] == '#') spec.alternate = true, ++at;
    if (at < text.size() && text[at] == '0') {
        if (spec.align == 0) spec.fill = "0", spec.align = '=';
        ++at;
    }
    const auto number = [&](std::int64_t& out) {
        std::int64_t value = 0;
        while (at < text.size() && text[at] >= '0' && text[at] <= '9' && value <= max_width)
            value = value * 10 + (text[at++] - '0');
        out = value;
        return value <= max_width;
    };
    bool ok = number(spec.width);
    if (at < text.size() && (text[at] == ',' || text[at] == '_')) spec.grouping = text[at++];
    if (at < text.size() && text[at] == '.') {
        ++at;
        ok = number(spec.precision) && ok;
    }
    if (at < text.size()) spec.type = text[at++];
    if (!ok) return interp.fail("a format is too wide", ErrorCode::resource_exhausted);
    return at == text.size() || interp.fail(fmt::format("invalid format specifier '{}'", text));
}

bool format_value(Interp& interp, const Value& value, std::string_view spec_text, std::string& out) {
    if (spec_text.empty()) return interp.to_string(value, out);
    Spec spec;
    if (!parse_spec(interp, spec_text, spec) || !interp.charge_bytes(static_cast<std::size_t>(spec.width)))
        return false;
    if (value.is_number() && !(value.is(Kind::boolean) && spec.type == 0))
        return format_number(interp, value, spec, out);
    if (!value.is(Kind::string) && !value.is_number())
        return interp.fail(fmt::format("unsupported format string for '{}'", type_name(value)));
    if (spec.type != 0 && spec.type != 's')
        return interp.fail(fmt::format("unknown format code '{}' for object of type 'str'", spec.type));
    std::string text;
    return interp.to_string(value, text) && format_text(std::move(text), spec, out);
}

}  // namespace

bool percent_format(Interp& interp, std::string_view format, const Value& arguments, std::string& out) {
    const bool tuple = arguments.is(Kind::tuple);
    std::size_t used = 0;
    bool by_name = false;
    const auto next_argument = [&](Value& value) {
        if (tuple ? used >= arguments.items().size() : used > 0)
            return interp.fail("not enough arguments for format string");
        value = tuple ? arguments.items()[used] : arguments;
        ++used;
        return true;
    };
    for (std::size_t i = 0; i < format.size(); ++i) {
        if (!interp.check_size(out.size())) return false;
        if (format[i] != '%') {
            out += format[i];
            continue;
        }
        if (++i >= format.size()) return interp.fail("incomplete format");
        Spec spec;
        Value value;
        bool have_value = false;
        if (format[i] == '(') {
            const std::size_t close = format.find(')', i);
            if (close == std::string_view::npos) return interp.fail("incomplete format key");
            if (!arguments.is(Kind::dict)) return interp.fail("format requires a mapping");
            if (!arguments.dict().find(format.substr(i + 1, close - i - 1), value))
                return interp.fail(fmt::format("format key '{}' is missing", format.substr(i + 1, close - i - 1)));
            have_value = by_name = true;
            i = close + 1;
        }
        bool left = false, zero = false;
        for (; i < format.size(); ++i) {
            if (format[i] == '-')
                left = true;
            else if (format[i] == '0')
                zero = true;
            else if (format[i] == '+')
                spec.sign = '+';
            else if (format[i] == ' ')
                spec.sign = spec.sign == '+' ? '+' : ' ';
            else if (format[i] == '#')
                spec.alternate = true;
            else
                break;
        }
        const auto number = [&](std::int64_t& result) {
            result = 0;
            if (i < format.size() && format[i] == '*') {
                Value width;
                if (!next_argument(width)) return false;
                if (!width.is_integral()) return interp.fail("* wants int");
                result = width.as_integer();
                ++i;
            } else {
                while (i < format.size() && format[i] >= '0' && format[i] <= '9' && result <= max_width)
                    result = result * 10 + (format[i++] - '0');
            }
            if (result > max_width || result < -max_width)
                return interp.fail("a format is too wide", ErrorCode::resource_exhausted);
            return true;
        };
        if (!number(spec.width)) return false;
        if (spec.width < 0) {
            left = true;
            spec.width = -spec.width;
        }
        if (i < format.size() && format[i] == '.') {
            ++i;
            if (!number(spec.precision)) return false;
            spec.precision = std::max<std::int64_t>(spec.precision, 0);
        }
        while (i < format.size() && (format[i] == 'l' || format[i] == 'h' || format[i] == 'L')) ++i;
        if (i >= format.size()) return interp.fail("incomplete format");
        spec.type = format[i];
        spec.align = left ? '<' : '>';
        if (spec.type == '%') {
            out += '%';
            continue;
        }
        if (!have_value && !next_argument(value)) return false;
        if (!interp.charge_bytes(static_cast<std::size_t>(spec.width))) return false;
        std::string text;
        switch (spec.type) {
            case 's':
            case 'r':
            case 'a':
                if (!(spec.type == 's' ? interp.to_string(value, text) : interp.repr(value, text))) return false;
                format_text(std::move(text), spec, out);
                break;
            case 'd':
            case 'i':
            case 'u':
                if (!value.is_number())
                    return interp.fail(
                        fmt::format("%{} format: a real number is required, not {}", spec.type, type_name(value)));
                if (value.is(Kind::floating)) {
                    if (!(std::abs(value.as_double()) < 9.2e18)) return interp.fail("the number does not fit 64 bits");
                    value = Value::integer(static_cast<std::int64_t>(value.as_double()));
                }
                spec.type = 'd';
                [[fallthrough]];
            case 'x':
            case 'X':
            case 'o':
            case 'c':
                if (spec.type == 'c' && value.is(Kind::string)) {
                    if (utf8::length(value.text()) != 1) return interp.fail("%c requires int or char");
                    format_text(std::string(value.text()), spec, out);
                    break;
                }
                if (!value.is_integral())
                    return interp.fail(
                        fmt::format("%{} format: an integer is required, not {}", spec.type, type_name(value)));
                if (zero && !left) spec.fill = "0", spec.align = '=';
                if (!format_number(interp, value, spec, out)) return false;
                break;
            default:
                if (!is_float_type(spec.type) || spec.type == '%')
                    return interp.fail(fmt::format("unsupported format character '{}'", spec.type));
                if (!value.is_number())
                    return interp.fail(fmt::format("must be real number, not {}", type_name(value)));
                if (zero && !left) spec.fill = "0", spec.align = '=';
                if (!format_number(interp, Value::floating(value.as_double()), spec, out)) return false;
        }
    }
    const bool all_used = tuple ? used == arguments.items().size()
                                : used > 0 || by_name || arguments.is(Kind::dict) || arguments.is(Kind::list);
    return all_used || interp.fail("not all arguments converted during string formatting");
}

namespace {

/// "name.attribute[key]" of a replacement field.
bool field_value(Interp& interp, std::string_view field, const Args& args, std::size_t& automatic, Value& out) {
    const std::size_t end = std::min(field.find_first_of(".["), field.size());
    const std::string_view head = field.substr(0, end);
    const auto to_index = [](std::string_view text, std::size_t& index) {
        const auto [stop, ec] = std::from_chars(text.data(), text.data() + text.size(), index);
        return ec == std::errc() && stop == text.data() + text.size();
    };
    std::size_t index = 0;
    if (head.empty() || to_index(head, index)) {
        if (head.empty()) index = automatic++;
        if (index >= args.positional.size())
            return interp.fail(fmt::format("replacement index {} out of range for positional args", index));
        out = args.positional[index];
    } else {
        bool found = false;
        for (const auto& [name, value] : args.keywords) {
            if (name != head) continue;
            out = value;
            found = true;
        }
        if (!found) return interp.fail(fmt::format("format key '{}' is missing", head));
    }
    for (std::size_t at = end; at < field.size();) {
        Value inner;
        if (field[at] == '.') {
            const std::size_t stop = std::min(field.find_first_of(".[", at + 1), field.size());
            const Value name = Value::string(std::string(field.substr(at + 1, stop - at - 1)));
            if (!interp.get_attribute(out, name, inner)) return false;
            at = stop;
        } else {
            const std::size_t stop = field.find(']', at);
            if (stop == std::string_view::npos) return interp.fail("expected ']' in a replacement field");
            const std::string_view key = field.substr(at + 1, stop - at - 1);
            const Value name = to_index(key, index) ? Value::integer(static_cast<std::int64_t>(index))
                                                    : Value::string(std::string(key));
            if (!interp.get_item(out, name, inner)) return false;
            at = stop + 1;
        }
        out = std::move(inner);
    }
    return true;
}

bool expand(Interp& interp, std::string_view format, const Args& args, std::size_t& automatic, int depth,
            std::string& out) {
    if (depth > 2) return interp.fail("max string recursion exceeded");
    for (std::size_t i = 0; i < format.size(); ++i) {
        if (!interp.check_size(out.size())) return false;
        const char c = format[i];
        if (c != '{' && c != '}') {
            out += c;
            continue;
        }
        if (i + 1 < format.size() && format[i + 1] == c) {
            out += c;
            ++i;
            continue;
        }
        if (c == '}') return interp.fail("single '}' encountered in format string");
        std::size_t close = i + 1, open = 1;
        for (; close < format.size() && open > 0; ++close) {
            if (format[close] == '{') ++open;
            if (format[close] == '}') --open;
        }
        if (open > 0) return interp.fail("expected '}' before end of string");
        const std::string_view field = format.substr(i + 1, close - i - 2);
        const std::size_t mark = std::min(field.find_first_of("!:"), field.size());
        Value value;
        if (!field_value(interp, field.substr(0, mark), args, automatic, value)) return false;
        std::string_view rest = field.substr(mark);
        if (rest.starts_with('!')) {
            if (rest.size() < 2) return interp.fail("unmatched '{' in format spec");
            std::string text;
            if (!(rest[1] == 's' ? interp.to_string(value, text) : interp.repr(value, text))) return false;
            value = Value::string(std::move(text));
            rest.remove_prefix(2);
        }
        std::string spec;
        if (rest.starts_with(':') && !expand(interp, rest.substr(1), args, automatic, depth + 1, spec)) return false;
        if (!format_value(interp, value, spec, out)) return false;
        i = close - 1;
    }
    return true;
}

}  // namespace

bool brace_format(Interp& interp, std::string_view format, const Args& args, std::string& out) {
    std::size_t automatic = 0;
    return interp.charge_bytes(format.size()) && expand(interp, format, args, automatic, 1, out);
}

}  // namespace tenon::text::jinja
