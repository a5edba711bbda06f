#include "text/grammar/json_merge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

namespace tenon::text::grammar {
namespace {

using json::Array;
using json::Object;
using json::Value;

Array as_types(const Value& v) { return v.is_array() ? v.get_array() : Array{v}; }
bool has(const Array& list, const Value& v) { return std::find(list.begin(), list.end(), v) != list.end(); }

Value common_types(const Value& a, const Value& b) {
    Array out;
    const auto left = as_types(a), right = as_types(b);
    for (const auto& t : left) {
        if (has(right, t) || (t == "integer" && has(right, "number")))
            out.push_back(t);
        else if (t == "number" && has(right, "integer"))
            out.emplace_back("integer");
    }
    if (out.size() == 1) return out[0];
    return out;
}

Value all_of(const Value& a, const Value& b) { return Object{{"allOf", Array{a, b}}}; }

/// What `schema` demands of a member it does not name in `properties`.
const Value* of_others(const Object& schema) { return schema.if_contains("additionalProperties"); }

Result<void> join(Object& to, std::string_view key, const Value& a, const Value& b, const Object& whole_a,
                  const Object& whole_b) {
    const auto larger = [&](bool take_larger) {
        const bool a_larger = a.is_number() && b.is_number() && a.to_number<double>() > b.to_number<double>();
        to[key] = a_larger == take_larger ? a : b;
    };
    if (key == "type") {
        to[key] = common_types(a, b);
    } else if (key == "minimum" || key == "exclusiveMinimum" || key == "minLength" || key == "minItems" ||
               key == "minProperties") {
        larger(true);
    } else if (key == "maximum" || key == "exclusiveMaximum" || key == "maxLength" || key == "maxItems" ||
               key == "maxProperties") {
        larger(false);
    } else if (key == "enum" && a.is_array() && b.is_array()) {
        Array out;
        for (const auto& v : a.get_array())
            if (has(b.get_array(), v)) out.push_back(v);
        to[key] = std::move(out);
    } else if (key == "required" && a.is_array() && b.is_array()) {
        Array out = a.get_array();
        for (const auto& v : b.get_array())
            if (!has(out, v)) out.push_back(v);
        to[key] = std::move(out);
    } else if (key == "properties" && a.is_object() && b.is_object()) {
        Object out;
        for (const auto& [name, schema] : a.get_object()) {
            const auto* other = b.get_object().if_contains(name);
            if (other == nullptr) other = of_others(whole_b);
            out[name] = other == nullptr ? schema : all_of(schema, *other);
        }
        for (const auto& [name, schema] : b.get_object()) {
            if (out.contains(name)) continue;
            const auto* other = of_others(whole_a);
            out[name] = other == nullptr ? schema : all_of(schema, *other);
        }
        to[key] = std::move(out);
    } else if (key == "items" || key == "additionalProperties") {
        to[key] = a == false || b == false ? Value(false) : all_of(a, b);
    } else if (key == "$defs" || key == "definitions") {
        to[key] = a;  // references start at the document's root
    } else {
        return fail(ErrorCode::unsupported,
                    fmt::format("two schemas that must hold at once both have \"{}\"; give it once", key));
    }
    return {};
}

}  // namespace

bool is_note(std::string_view keyword) noexcept {
    constexpr std::array<std::string_view, 19> notes{
        "title",    "description", "default",         "examples",         "example",
        "$comment", "$id",         "$schema",         "$anchor",          "deprecated",
        "readOnly", "writeOnly",   "contentEncoding", "contentMediaType", "contentSchema",
        "$defs",    "definitions", "$vocabulary",     "discriminator"};
    return std::ranges::find(notes, keyword) != notes.end() || keyword.starts_with("x-");
}

Result<Value> both(const Value& a, const Value& b) {
    if (a == false || b == false) return Value(false);
    if (a.is_bool()) return b;
    if (b.is_bool()) return a;
    const auto *left = a.if_object(), *right = b.if_object();
    if (left == nullptr || right == nullptr)
        return fail(ErrorCode::invalid_argument, "a schema must be an object or a boolean");
    Object out = *left;
    for (const auto& [key, value] : *right) {
        const auto* mine = left->if_contains(key);
        if (mine == nullptr) {
            // Members one side does not name meet what it demands of others.
            if (key == "properties" && value.is_object() && of_others(*left) != nullptr) {
                Object properties;
                for (const auto& [name, schema] : value.get_object())
                    properties[name] = all_of(schema, *of_others(*left));
                out[key] = std::move(properties);
            } else {
                out[key] = value;
            }
        } else if (*mine != value && !is_note(key)) {
            TENON_CHECK(join(out, key, *mine, value, *left, *right));
        }
    }
    if (const auto* mine = left->if_contains("properties");
        mine != nullptr && mine->is_object() && !right->contains("properties") && of_others(*right) != nullptr) {
        Object properties;
        for (const auto& [name, schema] : mine->get_object()) properties[name] = all_of(schema, *of_others(*right));
        out["properties"] = std::move(properties);
    }
    return Value(std::move(out));
}

}  // namespace tenon::text::grammar
