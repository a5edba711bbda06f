// A compiled schema: one node for each place in the document where a schema stands.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "json/pattern.hpp"
#include "tenon/json/schema.hpp"

namespace tenon::json {

enum TypeBit : std::uint8_t {
    type_null = 1,
    type_boolean = 2,
    type_integer = 4,
    type_number = 8,  ///< integers too
    type_string = 16,
    type_array = 32,
    type_object = 64,
};

/// A part of the document with an identity of its own; anchors belong to it.
struct Resource {
    std::string base;
    std::map<std::string, struct Node*, std::less<>> dynamic_anchors;
};

struct Node {
    std::string pointer;  ///< of the schema
    Resource* resource = nullptr;
    std::optional<bool> boolean;  ///< the schemas true and false

    std::uint8_t types = 0;  ///< TypeBit; 0: any
    std::optional<Value> constant;
    std::optional<std::vector<Value>> choices;

    std::optional<Value> minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of;
    std::optional<std::size_t> min_length, max_length, min_items, max_items, min_properties, max_properties;
    std::optional<std::size_t> min_contains, max_contains;
    bool unique_items = false;
    std::optional<Pattern> pattern;
    std::string pattern_text, format;
    std::vector<std::string> required;
    std::vector<std::pair<std::string, std::vector<std::string>>> dependent_required;

    const Node* reference = nullptr;
    const Node* dynamic_reference = nullptr;
    std::string dynamic_name;  ///< looked for in the dynamic scope when not empty
    std::string dynamic_anchor;
    std::vector<const Node*> all_of, any_of, one_of;
    const Node *negated = nullptr, *condition = nullptr, *then = nullptr, *otherwise = nullptr;
    std::vector<std::pair<std::string, const Node*>> dependent_schemas;
    std::vector<std::pair<std::string, const Node*>> properties;
    std::vector<std::pair<Pattern, const Node*>> pattern_properties;
    const Node *additional_properties = nullptr, *property_names = nullptr, *unevaluated_properties = nullptr;
    std::vector<const Node*> prefix_items;
    const Node *items = nullptr, *contains = nullptr, *unevaluated_items = nullptr;

    [[nodiscard]] bool needs_marks() const noexcept {
        return unevaluated_items != nullptr || unevaluated_properties != nullptr;
    }
};

struct Schema::Impl {
    Value document;
    std::deque<Resource> resources;
    std::deque<Node> nodes;
    const Node* root = nullptr;
    bool uses_marks = false;  ///< somewhere an unevaluated… keyword stands
};

}  // namespace tenon::json
