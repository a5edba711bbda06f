// A plain validator for the JSON Schemas in tests/data/specs: the keywords those files use, and an error for any other.
#pragma once

#include <fmt/format.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "tenon/json/json.hpp"

namespace tenon::fake {

class JsonSchema {
  public:
    explicit JsonSchema(const std::string& text) : root_(json::parse(text).value()) {}
    /// tests/data/specs/NAME.json
    static JsonSchema spec(const std::string& name) {
        std::ifstream in(std::string(TENON_TEST_DATA) + "/data/specs/" + name + ".json");
        return JsonSchema(std::string(std::istreambuf_iterator<char>(in), {}));
    }
    /// Empty when it fits, else where and why not.
    [[nodiscard]] std::string check(const json::Value& value) const { return check(root_, value, "$"); }

  private:
    [[nodiscard]] std::string check(const json::Value& schema, const json::Value& value, const std::string& at) const {
        if (schema.is_bool()) return schema.get_bool() ? "" : at + ": not allowed";
        for (const auto& [key, rule] : schema.get_object()) {
            auto fault = keyword(key, rule, schema, value, at);
            if (!fault.empty()) return fault;
        }
        return "";
    }

    [[nodiscard]] std::string keyword(std::string_view key, const json::Value& rule, const json::Value& schema,
                                      const json::Value& value, const std::string& at) const {
        if (key == "$ref") {
            const std::string_view ref = rule.get_string();
            return check(root_.at("$defs").at(ref.substr(8)), value, at);
        }
        if (key == "anyOf" || key == "oneOf") {
            std::string faults;
            for (const auto& one : rule.get_array()) {
                auto fault = check(one, value, at);
                if (fault.empty()) return "";
                // The alternative that shares the tag tells most.
                if (same_tag(one, value)) return fault;
                if (fault.size() > faults.size()) faults = std::move(fault);
            }
            return faults;
        }
        if (key == "allOf") {
            for (const auto& one : rule.get_array())
                if (auto fault = check(one, value, at); !fault.empty()) return fault;
            return "";
        }
        if (key == "type") return type_fits(rule, value) ? "" : fmt::format("{}: must be {}", at, json::dump(rule));
        if (key == "const")
            return rule == value ? "" : fmt::format("{}: must be {}, not {}", at, json::dump(rule), json::dump(value));
        if (key == "enum") {
            for (const auto& one : rule.get_array())
                if (one == value) return "";
            return fmt::format("{}: must be one of {}, not {}", at, json::dump(rule), json::dump(value));
        }
        if (key == "items") {
            if (!value.is_array()) return "";
            std::size_t i = 0;
            for (const auto& item : value.get_array())
                if (auto fault = check(rule, item, fmt::format("{}[{}]", at, i++)); !fault.empty()) return fault;
            return "";
        }
        if (key == "required") {
            if (!value.is_object()) return "";
            for (const auto& name : rule.get_array())
                if (!value.get_object().contains(std::string_view(name.get_string())))
                    return fmt::format("{}: lacks {}", at, json::dump(name));
            return "";
        }
        if (key == "properties") {
            if (!value.is_object()) return "";
            for (const auto& [name, inner] : rule.get_object())
                if (const auto* found = value.get_object().if_contains(name))
                    if (auto fault = check(inner, *found, at + "." + std::string(name)); !fault.empty()) return fault;
            return "";
        }
        if (key == "additionalProperties") {
            if (!value.is_object()) return "";
            const auto* known = schema.get_object().if_contains("properties");
            for (const auto& [name, inner] : value.get_object()) {
                if (known != nullptr && known->get_object().contains(name)) continue;
                if (auto fault = check(rule, inner, at + "." + std::string(name)); !fault.empty()) return fault;
            }
            return "";
        }
        if (key == "minLength") return !value.is_string() || !value.get_string().empty() ? "" : at + ": is empty";
        if (key == "$defs" || key == "$comment" || key == "minItems" || key == "maxItems") return "";
        return fmt::format("the specification uses \"{}\", which this validator does not know", key);
    }

    [[nodiscard]] bool same_tag(const json::Value& schema, const json::Value& value) const {
        const auto* at = &schema;
        if (const auto* ref = json::find(schema, "$ref"))
            at = &root_.at("$defs").at(std::string_view(ref->get_string()).substr(8));
        const auto* properties = json::find(*at, "properties");
        for (const char* tag : {"type", "role"}) {
            const auto* rule = properties == nullptr ? nullptr : json::find(*properties, tag);
            const auto* given = json::find(value, tag);
            const auto* constant = rule == nullptr ? nullptr : json::find(*rule, "const");
            if (constant != nullptr && given != nullptr && *constant == *given) return true;
        }
        return false;
    }

    static bool type_fits(const json::Value& rule, const json::Value& value) {
        if (rule.is_array()) {
            for (const auto& one : rule.get_array())
                if (type_fits(one, value)) return true;
            return false;
        }
        const std::string_view type = rule.get_string();
        if (type == "object") return value.is_object();
        if (type == "array") return value.is_array();
        if (type == "string") return value.is_string();
        if (type == "boolean") return value.is_bool();
        if (type == "null") return value.is_null();
        if (type == "integer")
            return value.is_int64() || value.is_uint64() ||
                   (value.is_double() &&
                    value.get_double() == static_cast<double>(static_cast<std::int64_t>(value.get_double())));
        return type == "number" && value.is_number();
    }

    json::Value root_;
};

}  // namespace tenon::fake
