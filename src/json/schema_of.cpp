#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <map>
#include <set>

#include "json/write_with_rules.hpp"
#include "tenon/json/schema.hpp"

namespace tenon::json::detail {
namespace {

constexpr Rules no_rules{};

std::string_view integer_format(const Type& type) {
    if (!type.is_signed) return {};
    if (type.most == INT32_MAX) return "int32";
    return type.most == INT64_MAX ? "int64" : "";
}

Value plain(double number) {
    if (number == std::floor(number) && std::abs(number) < 9e15) return static_cast<std::int64_t>(number);
    return number;
}

class Writer {
  public:
    explicit Writer(const SchemaOptions& options) : options_(options) {}
    /// Everything that has a name is a definition.
    Writer(const SchemaOptions& options, std::string prefix)
        : options_(options), prefix_(std::move(prefix)), all_named_(true) {}

    std::map<const Type*, Object> replaced;
    Object defs;

    void run(const Type& type, Value& to) {
        std::vector<const Type*> path;
        std::set<const Type*> seen;
        find_recursive(type, path, seen);
        Object schema = write(type, no_rules);
        if (!defs.empty()) schema["$defs"] = std::move(defs);
        to = std::move(schema);
    }

    Object write(const Type& type, const Rules& rules) {
        Object out = body(type, rules);
        if (!rules.description.empty()) {
            out.erase("description");
            Object described{{"description", rules.description}};
            for (auto& [key, value] : out) described[key] = std::move(value);
            return described;
        }
        return out;
    }

  private:
    void find_recursive(const Type& type, std::vector<const Type*>& path, std::set<const Type*>& seen) {
        if (type.kind == Kind::object) {
            if (std::find(path.begin(), path.end(), &type) != path.end()) {
                recursive_.insert(&type);
                return;
            }
            if (!seen.insert(&type).second) return;
            path.push_back(&type);
        }
        if (type.item != nullptr) find_recursive(type.item(), path, seen);
        for (const auto item : type.items) find_recursive(item(), path, seen);
        for (const auto& field : type.fields) find_recursive(field.type(), path, seen);
        if (type.kind == Kind::object) path.pop_back();
    }

    Object body(const Type& type, const Rules& rules) {
        if (const auto found = replaced.find(&type); found != replaced.end()) return found->second;
        switch (type.kind) {
            case Kind::any:
                return {};
            case Kind::null:
                return {{"type", "null"}};
            case Kind::boolean:
                return {{"type", "boolean"}};
            case Kind::integer: {
                Object out{{"type", "integer"}};
                number_rules(rules, out);
                const bool low = rules.minimum || rules.exclusive_minimum,
                           high = rules.maximum || rules.exclusive_maximum;
                if (const auto format = integer_format(type); !format.empty()) {
                    if (!low || !high) out["format"] = format;
                } else {
                    if (!low) out["minimum"] = type.least;
                    if (!high && type.most <= UINT32_MAX) out["maximum"] = type.most;
                }
                return out;
            }
            case Kind::number: {
                Object out{{"type", "number"}};
                number_rules(rules, out);
                return out;
            }
            case Kind::string:
                return string_schema(rules);
            case Kind::enumeration:
                return enumeration_or_reference(type);
            case Kind::list: {
                Object out{{"type", "array"}, {"items", write(type.item(), inner(rules))}};
                if (rules.min_items) out["minItems"] = *rules.min_items;
                if (rules.max_items) out["maxItems"] = *rules.max_items;
                if (rules.unique_items) out["uniqueItems"] = true;
                return out;
            }
            case Kind::tuple: {
                Array places;
                for (const auto item : type.items) places.emplace_back(write(item(), inner(rules)));
                return {{"type", "array"},
                        {"prefixItems", std::move(places)},
                        {"items", false},
                        {"minItems", type.items.size()}};
            }
            case Kind::map: {
                Object out{{"type", "object"}, {"additionalProperties", write(type.item(), inner(rules))}};
                if (rules.min_items) out["minProperties"] = *rules.min_items;
                if (rules.max_items) out["maxProperties"] = *rules.max_items;
                return out;
            }
            case Kind::optional:
                return nullable(write(type.item(), without_description(rules)));
            case Kind::variant:
                return variant_schema(type, rules);
            case Kind::object:
                return object_or_reference(type, {});
        }
        return {};
    }

    static Rules without_description(Rules rules) {
        rules.description = {};
        return rules;
    }
    static Rules inner(Rules rules) {
        rules.description = {};
        rules.min_items = rules.max_items = std::nullopt;
        rules.unique_items = false;
        return rules;
    }

    static void number_rules(const Rules& r, Object& out) {
        if (r.minimum) out["minimum"] = plain(*r.minimum);
        if (r.maximum) out["maximum"] = plain(*r.maximum);
        if (r.exclusive_minimum) out["exclusiveMinimum"] = plain(*r.exclusive_minimum);
        if (r.exclusive_maximum) out["exclusiveMaximum"] = plain(*r.exclusive_maximum);
        if (r.multiple_of) out["multipleOf"] = plain(*r.multiple_of);
    }

    static Object string_schema(const Rules& r) {
        Object out{{"type", "string"}};
        if (r.min_length) out["minLength"] = *r.min_length;
        if (r.max_length) out["maxLength"] = *r.max_length;
        if (!r.pattern.empty()) out["pattern"] = r.pattern;
        if (!r.format.empty()) out["format"] = r.format;
        Array choices;
        for (const auto choice : r.choices)
            if (!choice.empty()) choices.emplace_back(choice);
        if (!choices.empty()) out["enum"] = std::move(choices);
        return out;
    }

    static Object nullable(Object schema) {
        if (schema.empty()) return schema;
        auto* type = schema.if_contains("type");
        if (type != nullptr && type->is_string() && !schema.contains("enum") && !schema.contains("const")) {
            *type = Array{*type, "null"};
            return schema;
        }
        return {{"anyOf", Array{std::move(schema), Object{{"type", "null"}}}}};
    }

    Object variant_schema(const Type& type, const Rules& rules) {
        Array alternatives;
        for (const auto item : type.items) {
            const auto& alternative = item();
            if (!rules.tag.empty() && alternative.kind == Kind::object)
                alternatives.emplace_back(object_or_reference(alternative, rules.tag));
            else
                alternatives.emplace_back(write(alternative, without_description(rules)));
        }
        return {{"anyOf", std::move(alternatives)}};
    }

    Object object_or_reference(const Type& type, std::string_view tag) {
        if (!all_named_ && !recursive_.contains(&type)) return object_schema(type, tag);
        return named(type, tag, [&] { return object_schema(type, tag); });
    }

    Object enumeration_or_reference(const Type& type) {
        const auto schema = [&]() -> Object {
            Array names;
            for (const auto name : type.names) names.emplace_back(name);
            return {{"type", "string"}, {"enum", std::move(names)}};
        };
        return all_named_ ? named(type, {}, schema) : schema();
    }

    /// A reference to the type's definition, which is written when it is first met.
    template <class Make>
    Object named(const Type& type, std::string_view tag, Make make) {
        auto& name = names_[{&type, tag}];
        if (name.empty()) {
            name = std::string(type.name);
            for (int n = 2; defs.contains(name); ++n) name = fmt::format("{}{}", type.name, n);
            const std::string key = name;
            defs[key] = nullptr;  // holds the place: the definition may refer to itself
            auto schema = make();
            defs[key] = std::move(schema);
            return {{"$ref", prefix_ + key}};
        }
        return {{"$ref", prefix_ + name}};
    }

    Object object_schema(const Type& type, std::string_view tag) {
        Object properties;
        Array required;
        const auto made = type.make();
        if (!tag.empty()) {
            properties[tag] = Object{{"type", "string"}, {"const", type.name}};
            required.emplace_back(tag);
        }
        for (const auto& field : type.fields) {
            const auto& inside = field.type();
            Object schema = write(inside, field.rules);
            const bool optional = inside.kind == Kind::optional;
            if (!field.rules.required && options_.defaults &&
                !(optional && inside.held(field.get(made.get())) == nullptr)) {
                Value value;
                write_with_rules(inside, field.get(made.get()), field.rules, value);
                schema["default"] = std::move(value);
            }
            properties[field.name] = std::move(schema);
            if (options_.all_required || (field.rules.required && !optional)) required.emplace_back(field.name);
        }
        Object out{{"type", "object"}};
        if (!type.description.empty()) out["description"] = type.description;
        out["properties"] = std::move(properties);
        if (!required.empty()) out["required"] = std::move(required);
        if (!options_.allow_unknown) out["additionalProperties"] = false;
        return out;
    }

    const SchemaOptions& options_;
    std::set<const Type*> recursive_;
    std::map<std::pair<const Type*, std::string_view>, std::string> names_;
    std::string prefix_ = "#/$defs/";
    bool all_named_ = false;
};

}  // namespace

void write_schema(const Type& type, const SchemaOptions& options, Value& to) { Writer(options).run(type, to); }

std::string schema_text(const Type& type, const SchemaOptions& options) {
    Value value;
    write_schema(type, options, value);
    return dump(value);
}

}  // namespace tenon::json::detail

namespace tenon::json {

struct SchemaCollection::Impl {
    SchemaOptions options;
    detail::Writer writer;
    Impl(std::string prefix, SchemaOptions chosen) : options(chosen), writer(options, std::move(prefix)) {}
};

SchemaCollection::SchemaCollection(std::string prefix, SchemaOptions options)
    : impl_(std::make_unique<Impl>(std::move(prefix), options)) {}
SchemaCollection::~SchemaCollection() = default;
void SchemaCollection::replace(const Type& type, const Value& schema) {
    impl_->writer.replaced[&type] = schema.as_object();
}
void SchemaCollection::write(const Type& type, const Rules& rules, Value& to) { to = impl_->writer.write(type, rules); }
void SchemaCollection::definitions(Value& to) const { to = impl_->writer.defs; }

}  // namespace tenon::json
