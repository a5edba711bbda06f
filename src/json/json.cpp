#include "tenon/json/json.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <iterator>

#include "json/text.hpp"
#include "tenon/base/utf8.hpp"

namespace tenon::json {
void append_string(std::string& out, std::string_view text) {
    out += '"';
    for (std::size_t i = 0; i < text.size();) {
        std::size_t plain = i;
        while (plain < text.size() && text[plain] != '"' && text[plain] != '\\' &&
               static_cast<unsigned char>(text[plain]) >= 0x20 && static_cast<unsigned char>(text[plain]) < 0x80)
            ++plain;
        out.append(text, i, plain - i);
        i = plain;
        if (i == text.size()) break;
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x80) {
            const auto d = utf8::decode(text, i);
            if (d.valid)
                out.append(text, i, d.length);
            else
                utf8::append(out, utf8::replacement);
            i += d.length;
            continue;
        }
        ++i;
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
            case '\b':
                out += "\\b";
                break;
            case '\f':
                out += "\\f";
                break;
            default:
                fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
        }
    }
    out += '"';
}

void append_number(std::string& out, double number) {
    if (number != number || number - number != 0) {
        out += "null";  // JSON has no NaN or infinity
        return;
    }
    const std::size_t from = out.size();
    fmt::format_to(std::back_inserter(out), "{}", number);
    if (out.find_first_of(".e", from) == std::string::npos) out += ".0";
}

namespace {

void write(std::string& out, const Value& value, int indent, int depth) {
    const auto new_line = [&](int level) {
        if (indent <= 0) return;
        out += '\n';
        out.append(static_cast<std::size_t>(indent * level), ' ');
    };
    switch (value.kind()) {
        case boost::json::kind::null:
            out += "null";
            break;
        case boost::json::kind::bool_:
            out += value.get_bool() ? "true" : "false";
            break;
        case boost::json::kind::int64:
            out += fmt::format("{}", value.get_int64());
            break;
        case boost::json::kind::uint64:
            out += fmt::format("{}", value.get_uint64());
            break;
        case boost::json::kind::double_:
            append_number(out, value.get_double());
            break;
        case boost::json::kind::string:
            append_string(out, value.get_string());
            break;
        case boost::json::kind::array: {
            const auto& array = value.get_array();
            out += '[';
            for (std::size_t i = 0; i < array.size(); ++i) {
                if (i > 0) out += ',';
                new_line(depth + 1);
                write(out, array[i], indent, depth + 1);
            }
            if (!array.empty()) new_line(depth);
            out += ']';
            break;
        }
        case boost::json::kind::object: {
            out += '{';
            bool first = true;
            for (const auto& [key, member] : value.get_object()) {
                if (!first) out += ',';
                first = false;
                new_line(depth + 1);
                append_string(out, key);
                out += indent > 0 ? ": " : ":";
                write(out, member, indent, depth + 1);
            }
            if (!first) new_line(depth);
            out += '}';
            break;
        }
    }
}

}  // namespace

Result<Value> parse(std::string_view text, const ParseOptions& options) {
    if (text.size() > options.max_bytes)
        return fail(ErrorCode::resource_exhausted,
                    fmt::format("JSON of {} bytes is longer than the limit of {}", text.size(), options.max_bytes));
    boost::json::parse_options settings;
    settings.max_depth = options.max_depth;
    boost::json::stream_parser parser({}, settings);
    boost::system::error_code error;
    const std::size_t used = parser.write_some(text.data(), text.size(), error);
    if (!error && !parser.done()) parser.finish(error);
    if (!error && text.find_first_not_of(" \t\r\n", used) != std::string_view::npos)
        error = boost::json::error::extra_data;
    if (error) return fail(ErrorCode::corrupt, fmt::format("not JSON: {} at byte {}", error.message(), used));
    return parser.release();
}

std::string dump(const Value& value) {
    std::string out;
    write(out, value, 0, 0);
    return out;
}

std::string dump_pretty(const Value& value, int indent) {
    std::string out;
    write(out, value, indent, 0);
    return out;
}

const Value* find(const Value& value, std::string_view key) noexcept {
    const auto* object = value.if_object();
    return object == nullptr ? nullptr : object->if_contains(key);
}

std::string_view string_or(const Value& value, std::string_view key, std::string_view otherwise) noexcept {
    const Value* found = find(value, key);
    if (found == nullptr || !found->is_string()) return otherwise;
    const auto& text = found->get_string();
    return {text.data(), text.size()};
}

double number_or(const Value& value, std::string_view key, double otherwise) noexcept {
    const Value* found = find(value, key);
    if (found == nullptr) return otherwise;
    if (const auto* d = found->if_double()) return *d;
    if (const auto* i = found->if_int64()) return static_cast<double>(*i);
    if (const auto* u = found->if_uint64()) return static_cast<double>(*u);
    return otherwise;
}

std::int64_t integer_or(const Value& value, std::string_view key, std::int64_t otherwise) noexcept {
    const Value* found = find(value, key);
    if (found == nullptr) return otherwise;
    if (const auto* i = found->if_int64()) return *i;
    if (const auto* u = found->if_uint64(); u != nullptr && *u <= static_cast<std::uint64_t>(INT64_MAX))
        return static_cast<std::int64_t>(*u);
    if (const auto* d = found->if_double(); d != nullptr && *d >= -9.2e18 && *d <= 9.2e18)
        return static_cast<std::int64_t>(*d);
    return otherwise;
}

bool bool_or(const Value& value, std::string_view key, bool otherwise) noexcept {
    const Value* found = find(value, key);
    const bool* b = found == nullptr ? nullptr : found->if_bool();
    return b == nullptr ? otherwise : *b;
}

}  // namespace tenon::json
