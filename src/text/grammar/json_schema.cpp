#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <map>

#include "tenon/json/json.hpp"
#include "text/grammar/json_merge.hpp"
#include "text/grammar/json_parts.hpp"
#include "text/grammar/network.hpp"

namespace tenon::text {
namespace {

using grammar::ExprId;
using grammar::unbounded;
using json::Array;
using json::Object;
using json::Value;

constexpr int deepest = 150;
constexpr std::size_t most_expressions = 1'000'000;

std::string_view view(const boost::json::string& s) { return {s.data(), s.size()}; }

class SchemaReader {
  public:
    SchemaReader(const Value& document, const JsonGrammarOptions& options)
        : document_(document), options_(options), parts_(builder_, options_) {}

    Result<Grammar> run() {
        TENON_TRY(const auto json, reference("#", 0));
        builder_.rules.root = builder_.anonymous("root");
        const ExprId one =
            builder_.sequence({builder_.text(options_.before), builder_.rule(json), builder_.text(options_.after)});
        const std::uint32_t more = options_.repeat > 1 ? options_.repeat - 1 : 0;
        builder_.define(builder_.rules.root,
                        builder_.sequence({builder_.text(options_.prefix), one,
                                           builder_.repeat(builder_.sequence({builder_.text("\n"), one}), 0, more),
                                           builder_.text(options_.suffix)}));
        return grammar::build(std::move(builder_));
    }

  private:
    std::unexpected<Error> wrong(std::string what) const {
        return fail(ErrorCode::invalid_argument, "the schema: " + std::move(what));
    }
    std::unexpected<Error> unsupported(std::string what) const {
        return fail(ErrorCode::unsupported, "the schema: " + std::move(what));
    }

    Result<const Value*> resolve(std::string_view reference) const {
        if (reference == "#") return &document_;
        if (!reference.starts_with("#/"))
            return unsupported(fmt::format("$ref \"{}\" is not a pointer into the same document", reference));
        boost::system::error_code error;
        const auto pointer = reference.substr(1);
        const Value* found = document_.find_pointer(boost::json::string_view(pointer.data(), pointer.size()), error);
        if (found == nullptr || error) return wrong(fmt::format("$ref \"{}\" refers to nothing", reference));
        return found;
    }

    Result<grammar::RuleId> reference(std::string_view name, int depth) {
        const std::string key(name);
        if (const auto found = references_.find(key); found != references_.end()) return found->second;
        TENON_TRY(const auto* target, resolve(name));
        const auto rule = builder_.anonymous(key);
        references_[key] = rule;
        TENON_TRY(const auto body, value(*target, depth + 1));
        builder_.define(rule, body);
        return rule;
    }

    Result<ExprId> value(const Value& schema, int depth) {
        if (depth > deepest || builder_.rules.expressions.size() > most_expressions)
            return fail(ErrorCode::resource_exhausted, "the schema is nested too deeply or too large");
        if (schema == true) return parts_.any_value();
        if (schema == false) return builder_.nothing();
        const auto* object = schema.if_object();
        if (object == nullptr) return wrong("a schema must be an object or a boolean");
        TENON_CHECK(refuse_unsupported(*object));
        const bool bare = std::ranges::all_of(*object, [](const auto& m) { return grammar::is_note(m.key()); });
        if (bare) return parts_.any_value();
        if (const auto* target = object->if_contains("$ref")) return referred(*object, *target, depth);
        if (const auto* all = object->if_contains("allOf")) {
            if (!all->is_array()) return wrong("allOf must be a list");
            Value merged = without(*object, "allOf");
            for (const auto& part : all->get_array()) {
                TENON_TRY(const auto flat, flattened(part, depth + 1));
                TENON_TRY(merged, grammar::both(merged, flat));
            }
            return value(merged, depth + 1);
        }
        for (const char* choice : {"anyOf", "oneOf"})
            if (const auto* alternatives = object->if_contains(choice))
                return chosen(*object, *alternatives, choice, depth);
        if (const auto* constant = object->if_contains("const")) return fixed(*object, Array{*constant});
        if (const auto* choices = object->if_contains("enum")) {
            if (!choices->is_array()) return wrong("enum must be a list");
            return fixed(*object, choices->get_array());
        }
        return typed(*object, depth);
    }

    static Object without(const Object& schema, std::string_view key) {
        Object out = schema;
        out.erase(key);
        return out;
    }

    Result<void> refuse_unsupported(const Object& schema) const {
        for (const char* key :
             {"not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies", "contains",
              "propertyNames", "patternProperties", "unevaluatedItems", "$dynamicRef", "multipleOf"}) {
            const auto* found = schema.if_contains(key);
            if (found == nullptr || *found == true || (found->is_object() && found->get_object().empty()) ||
                (std::string_view(key) == "multipleOf" && *found == 1))
                continue;
            return unsupported(
                fmt::format("\"{}\" cannot hold a generation; leave it out and validate afterwards", key));
        }
        if (const auto* unique = schema.if_contains("uniqueItems"); unique != nullptr && *unique == true)
            return unsupported("\"uniqueItems\" cannot hold a generation; leave it out and validate afterwards");
        return {};
    }

    Result<ExprId> referred(const Object& schema, const Value& target, int depth) {
        if (!target.is_string()) return wrong("$ref must be a string");
        const bool alone =
            std::ranges::all_of(schema, [](const auto& m) { return m.key() == "$ref" || grammar::is_note(m.key()); });
        if (alone) {
            TENON_TRY(const auto rule, reference(view(target.get_string()), depth));
            return builder_.rule(rule);
        }
        TENON_TRY(const auto flat, flattened(schema, depth + 1));
        return value(flat, depth + 1);
    }

    /// The schema with its $ref put in its place, so that it can be joined with others.
    Result<Value> flattened(const Value& schema, int depth) {
        if (depth > deepest) return fail(ErrorCode::resource_exhausted, "the schema refers to itself without end");
        const auto* object = schema.if_object();
        if (object == nullptr) return schema;
        Value out = *object;
        if (const auto* target = object->if_contains("$ref"); target != nullptr && target->is_string()) {
            TENON_TRY(const auto* found, resolve(view(target->get_string())));
            TENON_TRY(const auto flat, flattened(*found, depth + 1));
            TENON_TRY(out, grammar::both(without(*object, "$ref"), flat));
        }
        if (const auto* all = json::find(out, "allOf"); all != nullptr && all->is_array()) {
            const Array parts = all->get_array();
            out.get_object().erase("allOf");
            for (const auto& part : parts) {
                TENON_TRY(const auto flat, flattened(part, depth + 1));
                TENON_TRY(out, grammar::both(out, flat));
            }
        }
        return out;
    }

    Result<ExprId> chosen(const Object& schema, const Value& alternatives, std::string_view key, int depth) {
        if (!alternatives.is_array() || alternatives.get_array().empty())
            return wrong(fmt::format("{} must be a list with at least one schema", key));
        const Object rest = without(schema, key);
        const bool alone = std::ranges::all_of(rest, [](const auto& m) { return grammar::is_note(m.key()); });
        const auto& list = alternatives.get_array();
        if (key == "oneOf") TENON_CHECK(must_differ(list, depth));
        std::vector<ExprId> all;
        for (const auto& alternative : list) {
            if (alone) {
                TENON_TRY(const auto one, value(alternative, depth + 1));
                all.push_back(one);
                continue;
            }
            TENON_TRY(const auto flat, flattened(alternative, depth + 1));
            TENON_TRY(const auto merged, grammar::both(rest, flat));
            TENON_TRY(const auto one, value(merged, depth + 1));
            all.push_back(one);
        }
        return builder_.choice(std::move(all));
    }

    /// oneOf is held like anyOf, which is right only when no value fits two alternatives.
    Result<void> must_differ(const Array& list, int depth) {
        if (list.size() > 64) return unsupported("oneOf has more than 64 alternatives; use anyOf");
        std::vector<Value> flat;
        for (const auto& one : list) {
            TENON_TRY(auto f, flattened(one, depth + 1));
            flat.push_back(std::move(f));
        }
        for (const auto& a : flat)
            for (const auto& b : flat)
                if (&a != &b && !differ(a, b, 0))
                    return unsupported(
                        "alternatives of oneOf may overlap; give them different types, required members or constants, "
                        "or use anyOf");
        return {};
    }

    /// Whether no value made from `a` fits `b`. False when in doubt.
    bool differ(const Value& a, const Value& b, int depth) const {
        const auto *left = a.if_object(), *right = b.if_object();
        if (a == false || b == false) return true;
        if (left == nullptr || right == nullptr || depth > 8) return false;
        const auto types_a = types_of(*left), types_b = types_of(*right);
        if (!types_a.empty() && !types_b.empty() && std::ranges::none_of(types_a, [&](const auto& t) {
                return std::ranges::any_of(types_b, [&](const auto& u) {
                    return t == u || (t == "number" && u == "integer") || (t == "integer" && u == "number");
                });
            }))
            return true;
        const auto values_a = values_of(*left), values_b = values_of(*right);
        if (!values_a.empty() && !values_b.empty() && std::ranges::none_of(values_a, [&](const auto& v) {
                return std::ranges::find(values_b, v) != values_b.end();
            }))
            return true;
        const auto* properties_a = left->if_contains("properties");
        const auto* properties_b = right->if_contains("properties");
        const auto named = [](const Value* properties, std::string_view name) {
            return properties != nullptr && properties->is_object() ? properties->get_object().if_contains(name)
                                                                    : nullptr;
        };
        if (!has_type(types_a, "object") || types_a.size() != 1) return false;
        const bool closed_a = !others_allowed(*left);
        for (const auto& name : required_of(*right))
            if (closed_a && named(properties_a, name) == nullptr) return true;
        for (const auto& name : required_of(*left)) {
            const auto *mine = named(properties_a, name), *theirs = named(properties_b, name);
            if (theirs == nullptr && right->if_contains("additionalProperties") != nullptr &&
                *right->if_contains("additionalProperties") == false)
                return true;
            if (mine != nullptr && theirs != nullptr && differ(*mine, *theirs, depth + 1)) return true;
        }
        return false;
    }

    static bool has_type(const std::vector<std::string>& types, std::string_view type) {
        return std::ranges::find(types, type) != types.end();
    }
    static std::vector<Value> values_of(const Object& schema) {
        if (const auto* c = schema.if_contains("const")) return {*c};
        if (const auto* e = schema.if_contains("enum"); e != nullptr && e->is_array())
            return {e->get_array().begin(), e->get_array().end()};
        return {};
    }
    static std::vector<std::string> required_of(const Object& schema) {
        std::vector<std::string> out;
        if (const auto* required = schema.if_contains("required"); required != nullptr && required->is_array())
            for (const auto& name : required->get_array())
                if (name.is_string()) out.emplace_back(view(name.get_string()));
        return out;
    }
    [[nodiscard]] bool others_allowed(const Object& schema) const {
        const auto* others = schema.if_contains("additionalProperties");
        if (others == nullptr) others = schema.if_contains("unevaluatedProperties");
        if (others != nullptr) return *others != false;
        return options_.additional_properties || !schema.contains("properties");
    }

    /// The types a value may have; guessed from the keywords when the schema does not say, none: any.
    static std::vector<std::string> types_of(const Object& schema) {
        std::vector<std::string> out;
        if (const auto* type = schema.if_contains("type")) {
            if (type->is_string()) out.emplace_back(view(type->get_string()));
            if (type->is_array())
                for (const auto& t : type->get_array())
                    if (t.is_string()) out.emplace_back(view(t.get_string()));
            return out;
        }
        const auto any = [&](std::initializer_list<const char*> keys) {
            return std::ranges::any_of(keys, [&](const char* k) { return schema.contains(k); });
        };
        if (any({"properties", "required", "additionalProperties", "minProperties", "maxProperties"}))
            out.emplace_back("object");
        if (any({"items", "prefixItems", "minItems", "maxItems"})) out.emplace_back("array");
        if (any({"minLength", "maxLength", "pattern", "format"})) out.emplace_back("string");
        if (any({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})) out.emplace_back("number");
        return out;
    }

    /// Constants that also fit the other keywords, so far as those can be told apart by type.
    Result<ExprId> fixed(const Object& schema, const Array& values) {
        const auto types = schema.contains("type") ? types_of(schema) : std::vector<std::string>{};
        if (values.size() > 100'000) return fail(ErrorCode::resource_exhausted, "an enum has more than 100000 values");
        std::vector<ExprId> all;
        for (const auto& v : values) {
            const char* type = v.is_null()                                                     ? "null"
                               : v.is_bool()                                                   ? "boolean"
                               : v.is_string()                                                 ? "string"
                               : v.is_array()                                                  ? "array"
                               : v.is_object()                                                 ? "object"
                               : v.is_double() && v.get_double() != std::floor(v.get_double()) ? "number"
                                                                                               : "integer";
            if (types.empty() || has_type(types, type) ||
                (std::string_view(type) == "integer" && has_type(types, "number")))
                all.push_back(parts_.literal(v));
        }
        return builder_.choice(std::move(all));
    }

    Result<ExprId> typed(const Object& schema, int depth) {
        const auto types = types_of(schema);
        if (types.empty() && !schema.contains("type"))
            return unsupported("a schema has neither a type nor keywords that tell it");
        std::vector<ExprId> all;
        for (const auto& type : types) {
            if (type == "null") {
                all.push_back(builder_.text("null"));
            } else if (type == "boolean") {
                all.push_back(builder_.text("true"));
                all.push_back(builder_.text("false"));
            } else if (type == "string") {
                TENON_TRY(const auto one, string(schema));
                all.push_back(one);
            } else if (type == "integer" || type == "number") {
                if (type == "integer" && has_type(types, "number")) continue;
                TENON_TRY(const auto bounds, bounds_of(schema));
                TENON_TRY(const auto one, type == "integer" ? parts_.integer(bounds) : parts_.number(bounds));
                all.push_back(one);
            } else if (type == "array") {
                TENON_TRY(const auto one, array(schema, depth));
                all.push_back(one);
            } else if (type == "object") {
                TENON_TRY(const auto one, object(schema, depth));
                all.push_back(one);
            } else {
                return wrong(fmt::format("\"{}\" is not a type", type));
            }
        }
        return builder_.choice(std::move(all));
    }

    static std::optional<double> number_of(const Object& schema, std::string_view key) {
        const auto* found = schema.if_contains(key);
        return found != nullptr && found->is_number() ? std::optional(found->to_number<double>()) : std::nullopt;
    }
    Result<std::uint32_t> count_of(const Object& schema, std::string_view key, std::uint32_t otherwise) const {
        const auto* found = schema.if_contains(key);
        if (found == nullptr) return otherwise;
        const double n = found->is_number() ? found->to_number<double>() : -1;
        if (n < 0 || n != std::floor(n)) return wrong(fmt::format("\"{}\" must be a whole number, not negative", key));
        return n >= 4e9 ? unbounded : static_cast<std::uint32_t>(n);
    }

    Result<grammar::NumberBounds> bounds_of(const Object& schema) const {
        grammar::NumberBounds out;
        out.low = number_of(schema, "minimum");
        out.high = number_of(schema, "maximum");
        const auto tighten = [&](std::string_view key, std::optional<double>& bound, bool& open, double sign) {
            if (const auto* flag = schema.if_contains(key); flag != nullptr && *flag == true) {
                open = bound.has_value();  // draft 4
                return;
            }
            const auto exclusive = number_of(schema, key);
            if (!exclusive || (bound && *bound * sign > *exclusive * sign)) return;
            bound = exclusive;
            open = true;
        };
        tighten("exclusiveMinimum", out.low, out.low_open, 1);
        tighten("exclusiveMaximum", out.high, out.high_open, -1);
        const auto format = schema.if_contains("format");
        if (format != nullptr && *format == "int32") {
            if (!out.low || *out.low < -0x1p31) out.low = -0x1p31, out.low_open = false;
            if (!out.high || *out.high > 0x1p31 - 1) out.high = 0x1p31 - 1, out.high_open = false;
        }
        return out;
    }

    Result<ExprId> string(const Object& schema) {
        TENON_TRY(const auto least, count_of(schema, "minLength", 0));
        TENON_TRY(const auto most, count_of(schema, "maxLength", unbounded));
        const bool bounded = least > 0 || most != unbounded;
        const auto* pattern = schema.if_contains("pattern");
        const auto* format = schema.if_contains("format");
        std::optional<std::string_view> expression;
        bool anchored = false;
        if (pattern != nullptr) {
            if (!pattern->is_string()) return wrong("\"pattern\" must be a string");
            expression = view(pattern->get_string());
        }
        if (format != nullptr && format->is_string()) {
            const auto known = grammar::JsonParts::format(view(format->get_string()));
            if (known && (expression || known->empty()))
                return unsupported(fmt::format("the format \"{}\" cannot be held to here", view(format->get_string())));
            if (known) {
                expression = known;
                anchored = true;
            }
        }
        if (!expression) return bounded ? parts_.string(least, most) : parts_.any_string();
        if (bounded)
            return unsupported(
                "lengths and a pattern or format of one string cannot be held to together; put the length into the "
                "pattern");
        grammar::RegexSettings settings;
        settings.anchored = anchored;
        settings.map = &grammar::JsonParts::character;
        TENON_TRY(const auto inside, grammar::read_regex(builder_, *expression, settings));
        return parts_.string(inside);
    }

    Result<ExprId> array(const Object& schema, int depth) {
        auto& b = builder_;
        TENON_TRY(const auto least, count_of(schema, "minItems", 0));
        TENON_TRY(const auto most, count_of(schema, "maxItems", unbounded));
        if (most < least) return wrong("maxItems is below minItems");
        const auto* items = schema.if_contains("items");
        const auto* prefix = schema.if_contains("prefixItems");
        if (prefix == nullptr && items != nullptr && items->is_array()) {
            prefix = items;
            items = schema.if_contains("additionalItems");
        }
        const Array places = prefix != nullptr && prefix->is_array() ? prefix->get_array() : Array{};
        std::optional<ExprId> item;
        if (items != nullptr && *items != false) {
            TENON_TRY(const auto one, value(*items, depth + 1));
            item = shared(one);
        }
        if (items == nullptr && (places.empty() || least > places.size())) item = parts_.any_value();
        if (!item && least > places.size()) return wrong("minItems asks for more items than are allowed");
        // From the end: after the last place come items, before it each place may end the list once enough are there.
        const auto count = static_cast<std::uint32_t>(places.size());
        ExprId tail = b.empty();
        if (item && most > count) {
            const ExprId next = b.sequence({parts_.comma(), *item});
            const std::uint32_t more = least > count ? least - count : 0,
                                up_to = most == unbounded ? unbounded : most - count;
            if (count > 0) {
                tail = b.repeat(next, more, up_to);
            } else {
                tail = b.sequence(
                    {*item, b.repeat(next, more > 0 ? more - 1 : 0, up_to == unbounded ? unbounded : up_to - 1)});
                if (more == 0) tail = b.optional(tail);
            }
        }
        for (std::uint32_t i = count; i-- > 0;) {
            TENON_TRY(const auto place, value(places[i], depth + 1));
            tail = i >= most ? b.empty()
                             : b.sequence(i > 0 ? std::vector{parts_.comma(), place, tail} : std::vector{place, tail});
            if (i >= least && i < most) tail = b.optional(tail);
        }
        return b.sequence({b.text("["), parts_.space(), tail, parts_.space(), b.text("]")});
    }

    /// For what is written in several places: a rule, so that it is not written out in each.
    ExprId shared(ExprId expression) {
        const auto kind = builder_.rules.expressions[expression].kind;
        if (kind == grammar::Expr::Kind::rule || kind == grammar::Expr::Kind::bytes) return expression;
        const auto rule = builder_.anonymous("part");
        builder_.define(rule, expression);
        return builder_.rule(rule);
    }

    struct Member {
        ExprId text;  ///< "name": value
        bool required;
    };

    Result<ExprId> object(const Object& schema, int depth) {
        auto& b = builder_;
        const auto required = required_of(schema);
        std::vector<Member> members;
        std::vector<std::string> names;
        if (const auto* properties = schema.if_contains("properties")) {
            if (!properties->is_object()) return wrong("\"properties\" must be an object");
            for (const auto& [key, inside] : properties->get_object()) {
                names.emplace_back(key);
                const bool needed = has_type(required, key);
                if (inside == false && !needed) continue;
                TENON_TRY(const auto text, value(inside, depth + 1));
                members.push_back(
                    {b.sequence(
                         {parts_.key(key), required.size() < properties->get_object().size() ? shared(text) : text}),
                     needed});
            }
        }
        std::optional<ExprId> other;
        if (others_allowed(schema)) {
            const auto* kind = schema.if_contains("additionalProperties");
            ExprId inside = 0;
            if (kind != nullptr && kind->is_object()) {
                TENON_TRY(const auto one, value(*kind, depth + 1));
                inside = shared(one);
            } else {
                inside = parts_.any_value();
            }
            for (const auto& name : required)
                if (!has_type(names, name)) {
                    names.push_back(name);
                    members.push_back({b.sequence({parts_.key(name), inside}), true});
                }
            other = b.sequence({parts_.other_key(names), b.text(":"), parts_.space(), inside});
        } else {
            for (const auto& name : required)
                if (!has_type(names, name))
                    return wrong(fmt::format("\"{}\" is required but not among the properties", name));
        }
        TENON_TRY(const auto least, count_of(schema, "minProperties", 0));
        TENON_TRY(const auto most, count_of(schema, "maxProperties", unbounded));
        const auto needed = static_cast<std::uint32_t>(std::ranges::count_if(members, &Member::required));
        if ((least > needed && !(members.empty() && least <= 1)) || (most < members.size() && !members.empty()))
            return unsupported("minProperties and maxProperties can be held to only where no properties are named");
        const std::uint32_t others_most = !other              ? 0
                                          : most == unbounded ? unbounded
                                                              : most - static_cast<std::uint32_t>(members.size());
        const ExprId all = member_list(members, other, least > needed ? 1 : 0, others_most);
        return b.sequence({b.text("{"), parts_.space(), all, b.text("}")});
    }

    /// The members in order, optional ones left out at will, then others; with the space before the closing brace.
    ExprId member_list(const std::vector<Member>& members, std::optional<ExprId> other, std::uint32_t others_least,
                       std::uint32_t others_most) {
        auto& b = builder_;
        // What may follow once a member stands there.
        std::vector<ExprId> after(members.size() + 1);
        after.back() =
            other && others_most > 0
                ? b.sequence({b.repeat(b.sequence({parts_.comma(), *other}), 0, others_most), parts_.space()})
                : parts_.space();
        const std::size_t leading =
            static_cast<std::size_t>(std::ranges::find_if(members, &Member::required) - members.begin());
        for (std::size_t i = members.size(); i-- > 0;) {
            const ExprId one = b.sequence({parts_.comma(), members[i].text});
            after[i] = b.sequence({members[i].required ? one : b.optional(one), after[i + 1]});
            if (i >= 1 && i <= leading + 1 && leading > 1) {
                // Reached from several places: a rule, so that it is written out once.
                const auto rule = b.anonymous("members");
                b.define(rule, after[i]);
                after[i] = b.rule(rule);
            }
        }
        std::vector<ExprId> first;
        for (std::size_t i = 0; i < members.size() && i <= leading; ++i)
            first.push_back(b.sequence({members[i].text, after[i + 1]}));
        if (leading == members.size()) {  // none is required
            if (other && others_most > 0)
                first.push_back(b.sequence({*other,
                                            b.repeat(b.sequence({parts_.comma(), *other}), 0,
                                                     others_most == unbounded ? unbounded : others_most - 1),
                                            parts_.space()}));
            if (others_least == 0) first.push_back(b.empty());
        }
        return b.choice(std::move(first));
    }

    const Value& document_;
    const JsonGrammarOptions options_;
    grammar::Builder builder_;
    grammar::JsonParts parts_;
    std::map<std::string, grammar::RuleId> references_;
};

}  // namespace

Result<Grammar> Grammar::from_json_schema(std::string_view schema, const JsonGrammarOptions& options) {
    if (schema.size() > (std::size_t{8} << 20))
        return fail(ErrorCode::resource_exhausted, "the schema is longer than 8 MiB");
    auto document = json::parse(schema);
    if (!document) return fail(ErrorCode::invalid_argument, "the schema is not JSON", std::move(document).error());
    return SchemaReader(*document, options).run();
}

Result<Grammar> Grammar::json(bool object, const JsonGrammarOptions& options) {
    grammar::Builder builder;
    grammar::JsonParts parts(builder, options);
    builder.rules.root = builder.anonymous("json");
    builder.define(builder.rules.root, object ? parts.any_object() : parts.any_value());
    return grammar::build(std::move(builder));
}

}  // namespace tenon::text
