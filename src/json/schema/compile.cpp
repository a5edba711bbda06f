#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "json/schema/node.hpp"

namespace tenon::json {
namespace {

std::string_view view(const boost::json::string& s) { return {s.data(), s.size()}; }

std::string escaped(std::string_view key) {
    std::string out;
    for (const char c : key) {
        if (c == '~')
            out += "~0";
        else if (c == '/')
            out += "~1";
        else
            out += c;
    }
    return out;
}

/// %41 → A
std::string percent_decoded(std::string_view text) {
    const auto hex = [](char c) {
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
    };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
            out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

/// RFC 3986 section 5, without dot segments in the middle. `reference` has no fragment.
std::string resolve(std::string_view base, std::string_view reference) {
    if (reference.empty()) return std::string(base);
    const auto colon = reference.find(':');
    if (colon != std::string_view::npos && colon < std::min(reference.find('/'), reference.find('?')))
        return std::string(reference);
    const auto scheme = base.find("://");
    const auto path = scheme == std::string_view::npos
                          ? (base.find('/') == std::string_view::npos ? base.size() : base.find('/'))
                          : std::min(base.find('/', scheme + 3), base.size());
    if (reference.starts_with('/')) return std::string(base.substr(0, path)) + std::string(reference);
    while (reference.starts_with("./")) reference.remove_prefix(2);
    const auto slash = base.rfind('/');
    if (slash == std::string_view::npos || slash < path)
        return std::string(base.substr(0, path)) + (scheme != std::string_view::npos ? "/" : "") +
               std::string(reference);
    return std::string(base.substr(0, slash + 1)) + std::string(reference);
}

class Compiler {
  public:
    explicit Compiler(Schema::Impl& out) : out_(out) {}

    Result<void> run() {
        out_.resources.push_back({"", {}});
        TENON_TRY(out_.root, node(out_.document, "", &out_.resources.front(), 0));
        while (!pending_.empty()) {
            const auto p = pending_.back();
            pending_.pop_back();
            TENON_TRY(const auto target, find_target(p));
            if (p.dynamic) {
                p.node->dynamic_reference = target;
                const auto fragment = p.text.substr(std::min(p.text.find('#'), p.text.size() - 1) + 1);
                if (!target->dynamic_anchor.empty() && target->dynamic_anchor == fragment)
                    p.node->dynamic_name = fragment;
            } else {
                p.node->reference = target;
            }
        }
        return {};
    }

  private:
    struct Pending {
        Node* node;
        std::string text;
        bool dynamic;
    };

    std::unexpected<Error> wrong(const std::string& pointer, std::string_view what) {
        return fail(ErrorCode::invalid_argument, fmt::format("the schema at \"{}\": {}", pointer, what));
    }

    Result<Node*> node(const Value& schema, const std::string& pointer, Resource* resource, std::size_t depth) {
        if (const auto found = by_place_.find(&schema); found != by_place_.end()) return found->second;
        if (depth > 200) return wrong(pointer, "nested too deeply");
        if (out_.nodes.size() > 200'000) return wrong(pointer, "too many schemas");
        Node& made = out_.nodes.emplace_back();
        made.pointer = pointer;
        made.resource = resource;
        by_place_[&schema] = &made;
        if (const auto* boolean = schema.if_bool()) {
            made.boolean = *boolean;
            return &made;
        }
        const auto* object = schema.if_object();
        if (object == nullptr) return wrong(pointer, "a schema must be an object or a boolean");
        if (const auto* id = object->if_contains("$id"); id != nullptr && id->is_string()) {
            std::string_view text = view(id->get_string());
            text = text.substr(0, text.find('#'));
            if (!text.empty() || depth == 0) {
                if (depth > 0) made.resource = &out_.resources.emplace_back();
                made.resource->base = resolve(resource->base, text);
            }
            by_uri_[made.resource->base] = {&made, &schema};
        }
        if (depth == 0) by_uri_[made.resource->base] = {&made, &schema};
        for (const auto& [name, value] : *object) {
            const std::string_view key = name;
            if ((key == "$anchor" || key == "$dynamicAnchor") && value.is_string()) {
                anchors_[made.resource->base + "#" + std::string(view(value.get_string()))] = &made;
                if (key == "$dynamicAnchor") {
                    made.dynamic_anchor = view(value.get_string());
                    made.resource->dynamic_anchors[made.dynamic_anchor] = &made;
                }
            }
        }
        for (const auto& [name, value] : *object) {
            TENON_CHECK(keyword(made, *object, name, value, pointer + "/" + escaped(name), depth + 1));
        }
        if (made.needs_marks()) out_.uses_marks = true;
        return &made;
    }

    Result<void> count(std::optional<std::size_t>& to, const Value& value, const std::string& at) {
        double number = -1;
        if (value.is_number()) number = value.to_number<double>();
        if (number < 0 || number != static_cast<double>(static_cast<std::int64_t>(std::min(number, 9e15))))
            return wrong(at, "must be a whole number, not negative");
        to = static_cast<std::size_t>(number);
        return {};
    }
    Result<void> number(std::optional<Value>& to, const Value& value, const std::string& at) {
        if (!value.is_number()) return wrong(at, "must be a number");
        to = value;
        return {};
    }
    Result<std::vector<std::string>> names(const Value& value, const std::string& at) {
        std::vector<std::string> out;
        if (!value.is_array()) return wrong(at, "must be a list of strings");
        for (const auto& item : value.get_array()) {
            if (!item.is_string()) return wrong(at, "must be a list of strings");
            out.emplace_back(view(item.get_string()));
        }
        return out;
    }
    Result<void> list(std::vector<const Node*>& to, Node& owner, const Value& value, const std::string& at,
                      std::size_t depth) {
        const auto* array = value.if_array();
        if (array == nullptr || array->empty()) return wrong(at, "must be a list with at least one schema");
        for (std::size_t i = 0; i < array->size(); ++i) {
            TENON_TRY(const auto child, node((*array)[i], fmt::format("{}/{}", at, i), owner.resource, depth));
            to.push_back(child);
        }
        return {};
    }
    template <class Add>
    Result<void> members(Node& owner, const Value& value, const std::string& at, std::size_t depth, Add add) {
        const auto* object = value.if_object();
        if (object == nullptr) return wrong(at, "must be an object");
        for (const auto& [key, schema] : *object) {
            const std::string where = at + "/" + escaped(key);
            TENON_TRY(const auto child, node(schema, where, owner.resource, depth));
            TENON_CHECK(add(key, child, where));
        }
        return {};
    }
    Result<void> types(Node& to, const Value& value, const std::string& at) {
        constexpr std::array<std::string_view, 7> all{"null",   "boolean", "integer", "number",
                                                      "string", "array",   "object"};
        const auto one = [&](const Value& v) -> Result<void> {
            const auto found = v.is_string() ? std::find(all.begin(), all.end(), view(v.get_string())) : all.end();
            if (found == all.end())
                return wrong(at, "must be null, boolean, integer, number, string, array or object, or a list of them");
            to.types = static_cast<std::uint8_t>(to.types | (1U << (found - all.begin())));
            return {};
        };
        if (!value.is_array()) return one(value);
        for (const auto& v : value.get_array()) TENON_CHECK(one(v));
        return {};
    }

    Result<void> keyword(Node& to, const Object& all, std::string_view key, const Value& value, const std::string& at,
                         std::size_t depth) {
        const auto child = [&](const Node*& slot) -> Result<void> {
            TENON_TRY(slot, node(value, at, to.resource, depth));
            return {};
        };
        const auto text = [&](std::string& slot) -> Result<void> {
            if (!value.is_string()) return wrong(at, "must be a string");
            slot = view(value.get_string());
            return {};
        };
        if (key == "$ref" || key == "$dynamicRef" || key == "$recursiveRef") {
            std::string target;
            TENON_CHECK(text(target));
            pending_.push_back({&to, std::move(target), key != "$ref"});
            return {};
        }
        if (key == "$defs" || key == "definitions")
            return members(to, value, at, depth, [](auto, auto, auto) -> Result<void> { return {}; });
        if (key == "type") return types(to, value, at);
        if (key == "const") {
            to.constant = value;
            return {};
        }
        if (key == "enum") {
            if (!value.is_array()) return wrong(at, "must be a list");
            to.choices.emplace(value.get_array().begin(), value.get_array().end());
            return {};
        }
        if (key == "multipleOf") {
            if (!value.is_number() || value.to_number<double>() <= 0) return wrong(at, "must be a number above zero");
            return number(to.multiple_of, value, at);
        }
        if (key == "minimum") {
            const auto* exclusive = all.if_contains("exclusiveMinimum");
            return number(exclusive != nullptr && exclusive->is_bool() && exclusive->get_bool() ? to.exclusive_minimum
                                                                                                : to.minimum,
                          value, at);
        }
        if (key == "maximum") {
            const auto* exclusive = all.if_contains("exclusiveMaximum");
            return number(exclusive != nullptr && exclusive->is_bool() && exclusive->get_bool() ? to.exclusive_maximum
                                                                                                : to.maximum,
                          value, at);
        }
        if (key == "exclusiveMinimum")
            return value.is_bool() ? Result<void>{} : number(to.exclusive_minimum, value, at);
        if (key == "exclusiveMaximum")
            return value.is_bool() ? Result<void>{} : number(to.exclusive_maximum, value, at);
        if (key == "minLength") return count(to.min_length, value, at);
        if (key == "maxLength") return count(to.max_length, value, at);
        if (key == "minItems") return count(to.min_items, value, at);
        if (key == "maxItems") return count(to.max_items, value, at);
        if (key == "minContains") return count(to.min_contains, value, at);
        if (key == "maxContains") return count(to.max_contains, value, at);
        if (key == "minProperties") return count(to.min_properties, value, at);
        if (key == "maxProperties") return count(to.max_properties, value, at);
        if (key == "uniqueItems") {
            if (!value.is_bool()) return wrong(at, "must be true or false");
            to.unique_items = value.get_bool();
            return {};
        }
        if (key == "pattern") {
            TENON_CHECK(text(to.pattern_text));
            auto compiled = Pattern::compile(to.pattern_text);
            if (!compiled) return wrong(at, compiled.error().message());
            to.pattern = std::move(*compiled);
            return {};
        }
        if (key == "format") return text(to.format);
        if (key == "required") {
            if (value.is_bool()) return {};  // draft 3
            TENON_TRY(to.required, names(value, at));
            return {};
        }
        if (key == "dependentRequired" || key == "dependencies" || key == "dependentSchemas") {
            const auto* object = value.if_object();
            if (object == nullptr) return wrong(at, "must be an object");
            for (const auto& [name, inside] : *object) {
                const std::string where = at + "/" + escaped(name);
                if (inside.is_array() && key != "dependentSchemas") {
                    TENON_TRY(auto list, names(inside, where));
                    to.dependent_required.emplace_back(name, std::move(list));
                } else {
                    TENON_TRY(const auto schema, node(inside, where, to.resource, depth));
                    to.dependent_schemas.emplace_back(name, schema);
                }
            }
            return {};
        }
        if (key == "allOf") return list(to.all_of, to, value, at, depth);
        if (key == "anyOf") return list(to.any_of, to, value, at, depth);
        if (key == "oneOf") return list(to.one_of, to, value, at, depth);
        if (key == "not") return child(to.negated);
        if (key == "if") return child(to.condition);
        if (key == "then") return child(to.then);
        if (key == "else") return child(to.otherwise);
        if (key == "properties")
            return members(to, value, at, depth,
                           [&](std::string_view name, const Node* schema, const auto&) -> Result<void> {
                               to.properties.emplace_back(name, schema);
                               return {};
                           });
        if (key == "patternProperties")
            return members(to, value, at, depth,
                           [&](std::string_view name, const Node* schema, const std::string& where) -> Result<void> {
                               auto compiled = Pattern::compile(name);
                               if (!compiled) return wrong(where, compiled.error().message());
                               to.pattern_properties.emplace_back(std::move(*compiled), schema);
                               return {};
                           });
        if (key == "additionalProperties") return child(to.additional_properties);
        if (key == "propertyNames") return child(to.property_names);
        if (key == "unevaluatedProperties") return child(to.unevaluated_properties);
        if (key == "unevaluatedItems") return child(to.unevaluated_items);
        if (key == "contains") return child(to.contains);
        if (key == "prefixItems") return list(to.prefix_items, to, value, at, depth);
        if (key == "items") {
            if (!value.is_array()) return child(to.items);
            return value.get_array().empty() ? Result<void>{} : list(to.prefix_items, to, value, at, depth);
        }
        if (key == "additionalItems") {
            const auto* items = all.if_contains("items");
            return items != nullptr && items->is_array() ? child(to.items) : Result<void>{};
        }
        return {};  // a note
    }

    Result<const Node*> find_target(const Pending& p) {
        const auto hash = p.text.find('#');
        const std::string base = resolve(p.node->resource->base, std::string_view(p.text).substr(0, hash));
        const std::string fragment =
            hash == std::string::npos ? "" : percent_decoded(std::string_view(p.text).substr(hash + 1));
        const auto resource = by_uri_.find(base);
        if (resource == by_uri_.end())
            return fail(ErrorCode::unsupported,
                        fmt::format("the schema at \"{}\" refers to \"{}\", another document; put it into $defs",
                                    p.node->pointer, p.text));
        if (fragment.empty()) return resource->second.node;
        if (!fragment.starts_with('/')) {
            const auto anchor = anchors_.find(base + "#" + fragment);
            if (anchor == anchors_.end())
                return wrong(p.node->pointer, fmt::format("\"{}\" refers to nothing", p.text));
            return anchor->second;
        }
        boost::system::error_code error;
        const Value* place = resource->second.schema->find_pointer(fragment, error);
        if (error || place == nullptr) return wrong(p.node->pointer, fmt::format("\"{}\" refers to nothing", p.text));
        TENON_TRY(const auto target,
                  node(*place, resource->second.node->pointer + fragment, resource->second.node->resource, 1));
        return target;
    }

    struct Identified {
        Node* node;
        const Value* schema;
    };
    Schema::Impl& out_;
    std::map<const Value*, Node*> by_place_;
    std::map<std::string, Identified, std::less<>> by_uri_;
    std::map<std::string, Node*, std::less<>> anchors_;
    std::vector<Pending> pending_;
};

}  // namespace

Result<Schema> Schema::compile(const Value& schema) {
    auto impl = std::make_shared<Impl>();
    impl->document = schema;
    TENON_CHECK(Compiler(*impl).run());
    return Schema(std::move(impl));
}

Result<Schema> Schema::compile_text(std::string_view schema) {
    TENON_TRY(const auto value, parse(schema));
    return compile(value);
}

}  // namespace tenon::json
