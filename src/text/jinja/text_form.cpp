// str, repr and JSON of values.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "tenon/base/utf8.hpp"
#include "text/jinja/chars.hpp"
#include "text/jinja/format.hpp"

namespace tenon::text::jinja {

std::string float_repr(double value) {
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
    char buffer[64];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
    std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
    std::string out;
    if (text.front() == '-') {
        out = "-";
        text.remove_prefix(1);
    }
    const std::size_t e = text.find('e');
    int exponent = 0;
    std::string_view shown = text.substr(e + 1);
    if (shown.front() == '+') shown.remove_prefix(1);
    std::from_chars(shown.data(), shown.data() + shown.size(), exponent);
    std::string digits(1, text[0]);
    if (e > 2) digits += text.substr(2, e - 2);
    if (exponent < -4 || exponent >= 16) {
        out += digits[0];
        if (digits.size() > 1) out += "." + digits.substr(1);
        return out + fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
    }
    if (exponent < 0) return out + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
    const auto whole = static_cast<std::size_t>(exponent) + 1;
    if (digits.size() <= whole) return out + digits + std::string(whole - digits.size(), '0') + ".0";
    return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

void string_repr(std::string_view text, std::string& out) {
    const bool has_single = text.find('\'') != std::string_view::npos;
    const bool has_double = text.find('"') != std::string_view::npos;
    const char quote = has_single && !has_double ? '"' : '\'';
    out += quote;
    for (std::size_t i = 0; i < text.size();) {
        const utf8::Decoded c = utf8::decode(text, i);
        const std::string_view bytes = text.substr(i, c.length);
        i += c.length;
        const char32_t u = c.code_point;
        if (u == static_cast<char32_t>(quote) || u == '\\') {
            out += '\\';
            out += bytes;
        } else if (u == '\n') {
            out += "\\n";
        } else if (u == '\r') {
            out += "\\r";
        } else if (u == '\t') {
            out += "\\t";
        } else if (u == ' ' || is_printable(u)) {
            out += bytes;
        } else if (u < 0x100) {
            out += fmt::format("\\x{:02x}", static_cast<unsigned>(u));
        } else if (u < 0x10000) {
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(u));
        } else {
            out += fmt::format("\\U{:08x}", static_cast<unsigned>(u));
        }
    }
    out += quote;
}

std::string escape_html(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '\'':
                out += "&#39;";
                break;
            case '"':
                out += "&#34;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

bool Interp::to_string(const Value& value, std::string& out) {
    if (value.is(Kind::undefined)) return true;
    if (value.is(Kind::string)) {
        if (!check_size(out.size() + value.text().size()) || !charge_bytes(value.text().size())) return false;
        out += value.text();
        return true;
    }
    return repr(value, out);
}

bool Interp::repr(const Value& value, std::string& out, std::uint32_t depth) {
    if (!check_size(out.size()) || !charge()) return false;
    if (depth > limits_.max_depth) return fail("a value is nested too deep", ErrorCode::resource_exhausted);
    const auto list = [&](const auto& items, std::string_view open, std::string_view close) {
        out += open;
        bool first = true;
        for (const Value& item : items) {
            if (!first) out += ", ";
            first = false;
            if (!repr(item, out, depth + 1)) return false;
        }
        out += close;
        return true;
    };
    const auto dict = [&](const DictView& entries) {
        out += '{';
        bool first = true;
        for (const auto& [key, item] : entries) {
            if (!first) out += ", ";
            first = false;
            if (!repr(key, out, depth + 1)) return false;
            out += ": ";
            if (!repr(item, out, depth + 1)) return false;
        }
        out += '}';
        return true;
    };
    switch (value.kind()) {
        case Kind::undefined:
            out += "Undefined";
            return true;
        case Kind::none:
            out += "None";
            return true;
        case Kind::boolean:
            out += value.as_integer() != 0 ? "True" : "False";
            return true;
        case Kind::integer:
            out += std::to_string(value.as_integer());
            return true;
        case Kind::floating:
            out += float_repr(value.as_double());
            return true;
        case Kind::string:
            if (value.markup()) out += "Markup(";
            string_repr(value.text(), out);
            if (value.markup()) out += ')';
            return charge_bytes(value.text().size());
        case Kind::list:
            return list(value.items(), "[", "]");
        case Kind::tuple:
            return list(value.items(), "(", value.items().size() == 1 ? ",)" : ")");
        case Kind::dict:
            return dict(value.dict());
        case Kind::range: {
            const RangeObject& range = value.range();
            out += range.step == 1 ? fmt::format("range({}, {})", range.start, range.stop)
                                   : fmt::format("range({}, {}, {})", range.start, range.stop, range.step);
            return true;
        }
        case Kind::view: {
            const auto part = value.as<ViewObject>().part;
            Items items;
            if (!iterate(value, items)) return false;
            return list(items.view(),
                        part == ViewObject::Part::keys     ? "dict_keys(["
                        : part == ViewObject::Part::values ? "dict_values(["
                                                           : "dict_items([",
                        "])");
        }
        case Kind::name_space:
            out += "<Namespace ";
            if (!dict(DictView(value.as<NamespaceObject>().attributes))) return false;
            out += '>';
            return true;
        case Kind::generator:
            out += "<generator object>";
            return true;
        case Kind::callable:
            out += fmt::format("<function {}>", value.as<CallableObject>().name);
            return true;
        case Kind::object:
            out += value.as<CustomObject>().describe();
            return true;
    }
    return true;
}

namespace {

void json_string(std::string_view text, bool ensure_ascii, std::string& out) {
    out += '"';
    for (std::size_t i = 0; i < text.size();) {
        const char c = text[i];
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            case '\f':
                out += "\\f";
                break;
            case '\b':
                out += "\\b";
                break;
            default: {
                if (static_cast<unsigned char>(c) < 0x20) {
                    out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
                    break;
                }
                if (!ensure_ascii || static_cast<unsigned char>(c) < 0x7F) {
                    out += c;
                    break;
                }
                const utf8::Decoded d = utf8::decode(text, i);
                const auto u = static_cast<unsigned>(d.code_point);
                if (u < 0x80)
                    out += c;
                else if (u < 0x10000)
                    out += fmt::format("\\u{:04x}", u);
                else
                    out += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + ((u - 0x10000) >> 10),
                                       0xDC00 + ((u - 0x10000) & 0x3FF));
                i += d.length - 1U;
            }
        }
        ++i;
    }
    out += '"';
}

bool json_key(Interp& interp, const Value& key, const JsonStyle& style, std::string& out) {
    switch (key.kind()) {
        case Kind::string:
            json_string(key.text(), style.ensure_ascii, out);
            return true;
        case Kind::none:
        case Kind::boolean:
        case Kind::integer:
        case Kind::floating: {
            out += '"';
            if (!to_json(interp, key, style, out)) return false;
            out += '"';
            return true;
        }
        default:
            return interp.fail(fmt::format("keys must be str, int, float, bool or None, not {}", type_name(key)));
    }
}

void json_line(const JsonStyle& style, std::uint32_t depth, std::string& out) {
    if (!style.multiline) return;
    out += '\n';
    for (std::uint32_t i = 0; i < depth; ++i) out += style.indent;
}

}  // namespace

bool to_json(Interp& interp, const Value& value, const JsonStyle& style, std::string& out, std::uint32_t depth) {
    if (!interp.check_size(out.size()) || !interp.charge() || !interp.check_depth(value)) return false;
    switch (value.kind()) {
        case Kind::none:
            out += "null";
            return true;
        case Kind::boolean:
            out += value.as_integer() != 0 ? "true" : "false";
            return true;
        case Kind::integer:
            out += std::to_string(value.as_integer());
            return true;
        case Kind::floating: {
            const double d = value.as_double();
            out += std::isnan(d) ? "NaN" : std::isinf(d) ? (d < 0 ? "-Infinity" : "Infinity") : float_repr(d);
            return true;
        }
        case Kind::string:
            json_string(value.text(), style.ensure_ascii, out);
            return interp.charge_bytes(value.text().size());
        case Kind::list:
        case Kind::tuple: {
            if (value.items().empty()) {
                out += "[]";
                return true;
            }
            out += '[';
            bool first = true;
            for (const Value& item : value.items()) {
                if (!first) out += style.item_separator;
                first = false;
                json_line(style, depth + 1, out);
                if (!to_json(interp, item, style, out, depth + 1)) return false;
            }
            json_line(style, depth, out);
            out += ']';
            return true;
        }
        case Kind::dict: {
            const DictView entries = value.dict();
            if (entries.empty()) {
                out += "{}";
                return true;
            }
            std::vector<std::pair<Value, Value>> sorted;
            if (style.sort_keys) {
                bool ok = true;
                for (const auto& entry : entries) sorted.push_back(entry);
                std::ranges::stable_sort(sorted, [&](const auto& a, const auto& b) {
                    bool before = false;
                    ok = ok && interp.less(a.first, b.first, before);
                    return ok && before;
                });
                if (!ok) return false;
            }
            out += '{';
            bool first = true;
            for (std::size_t i = 0; i < entries.size(); ++i) {
                const auto [key, item] = style.sort_keys ? sorted[i] : entries[i];
                if (!first) out += style.item_separator;
                first = false;
                json_line(style, depth + 1, out);
                if (!json_key(interp, key, style, out)) return false;
                out += style.key_separator;
                if (!to_json(interp, item, style, out, depth + 1)) return false;
            }
            json_line(style, depth, out);
            out += '}';
            return true;
        }
        case Kind::undefined:
            return interp.fail("object of type Undefined is not JSON serializable");
        default:
            return interp.fail(fmt::format("object of type {} is not JSON serializable", type_name(value)));
    }
}

}  // namespace tenon::text::jinja
