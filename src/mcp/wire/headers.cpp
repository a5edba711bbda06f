#include "mcp/wire/headers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <set>

#include "tenon/base/base64.hpp"
#include "tenon/net/headers.hpp"

namespace tenon::mcp::wire {
namespace {

constexpr std::string_view mark = "x-mcp-header", prefix = "=?base64?", suffix = "?=";
constexpr double largest = 9007199254740991.0;

std::string lower(std::string_view text) {
    std::string out(text);
    for (auto& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

std::unexpected<Error> refuse(std::string message) {
    return fail(ErrorCode::invalid_argument, "x-mcp-header: " + std::move(message));
}

/// Walks all of the schema; only chains of `properties` from the root may carry a mark.
class Walk {
  public:
    std::vector<ParameterHeader> found;

    Result<void> schema(const json::Value& value, bool reachable, int depth) {
        if (depth > 64) return refuse("the schema is nested too deep");
        if (value.is_array()) {
            for (const auto& item : value.get_array()) TENON_CHECK(schema(item, false, depth + 1));
            return {};
        }
        if (!value.is_object()) return {};
        for (const auto& [key, inside] : value.get_object()) {
            if (key == mark) {
                TENON_CHECK(annotation(value, inside, reachable));
            } else if (key == "properties" && inside.is_object()) {
                for (const auto& [name, property] : inside.get_object()) {
                    path_.emplace_back(name);
                    TENON_CHECK(schema(property, reachable, depth + 1));
                    path_.pop_back();
                }
            } else if (key != "default" && key != "examples" && key != "enum" && key != "const") {
                TENON_CHECK(schema(inside, false, depth + 1));
            }
        }
        return {};
    }

  private:
    Result<void> annotation(const json::Value& property, const json::Value& value, bool reachable) {
        if (!reachable || path_.empty()) return refuse("stands where no property of the arguments is");
        if (!value.is_string() || !net::is_token(value.get_string()))
            return refuse("must be a token that can be part of a header's name");
        const std::string name(value.get_string());
        const auto type = json::string_or(property, "type", "");
        if (type != "string" && type != "integer" && type != "boolean")
            return refuse(fmt::format("'{}' must be of type string, integer or boolean", name));
        if (!names_.insert(lower(name)).second) return refuse(fmt::format("'{}' is named twice", name));
        found.push_back({"Mcp-Param-" + name, path_, std::string(type)});
        return {};
    }
    std::vector<std::string> path_;
    std::set<std::string> names_;
};

const json::Value* at(const json::Value& arguments, const std::vector<std::string>& path) {
    const auto* value = &arguments;
    for (const auto& name : path) {
        value = json::find(*value, name);
        if (value == nullptr) return nullptr;
    }
    return value->is_null() ? nullptr : value;
}

}  // namespace

Result<std::vector<ParameterHeader>> parameter_headers(const json::Value& input_schema) {
    Walk walk;
    TENON_CHECK(walk.schema(input_schema, true, 0));
    return std::move(walk.found);
}

std::optional<std::string> header_value(const ParameterHeader& header, const json::Value& arguments) {
    const auto* value = at(arguments, header.path);
    if (value == nullptr) return std::nullopt;
    if (value->is_string()) return encode_header(value->get_string());
    if (value->is_bool()) return value->get_bool() ? "true" : "false";
    if (value->is_int64()) return fmt::format("{}", value->get_int64());
    if (value->is_double() && std::abs(value->get_double()) <= largest &&
        value->get_double() == std::floor(value->get_double()))
        return fmt::format("{}", static_cast<std::int64_t>(value->get_double()));
    return std::nullopt;
}

bool header_fits(const ParameterHeader& header, const json::Value& arguments, std::optional<std::string_view> sent) {
    const auto expected = header_value(header, arguments);
    if (!expected || !sent) return !expected && !sent;
    const auto text = decode_header(*sent);
    if (!text) return false;
    if (header.type == "integer") {
        double a = 0;
        double b = 0;
        const auto read = [](const std::string& from, double& to) {
            const auto [end, error] = std::from_chars(from.data(), from.data() + from.size(), to);
            return error == std::errc() && end == from.data() + from.size();
        };
        if (read(*text, a) && read(*expected, b)) return a == b;
    }
    return decode_header(*expected) == text;
}

std::string encode_header(std::string_view text) {
    const auto plain = [](char c) { return c == '\t' || (c >= 0x20 && c <= 0x7E); };
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    const bool safe = std::ranges::all_of(text, plain) && !text.empty() && !blank(text.front()) &&
                      !blank(text.back()) && !(text.starts_with(prefix) && text.ends_with(suffix));
    if (safe || text.empty()) return std::string(text);
    return fmt::format("{}{}{}", prefix, base64_encode(text), suffix);
}

std::optional<std::string> decode_header(std::string_view value) {
    const auto bad = [](char c) { return c != '\t' && (c < 0x20 || c > 0x7E); };
    if (std::ranges::any_of(value, bad)) return std::nullopt;
    if (!value.starts_with(prefix) || !value.ends_with(suffix) || value.size() < prefix.size() + suffix.size())
        return std::string(value);
    value.remove_prefix(prefix.size());
    value.remove_suffix(suffix.size());
    const auto alphabet = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
               c == '=';
    };
    if (value.size() % 4 != 0 || !std::ranges::all_of(value, alphabet)) return std::nullopt;
    auto text = base64_decode(value);
    if (!text) return std::nullopt;
    return std::move(*text);
}

}  // namespace tenon::mcp::wire
