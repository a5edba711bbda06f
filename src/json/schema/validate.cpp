#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "json/formats.hpp"
#include "json/schema/node.hpp"
#include "json/values.hpp"

namespace tenon::json {
namespace {

constexpr std::size_t max_depth = 1000;
constexpr std::size_t max_steps = 4'000'000;

std::string_view view(const boost::json::string& s) { return {s.data(), s.size()}; }

std::uint8_t type_of_value(const Value& value) {
    switch (value.kind()) {
        case boost::json::kind::null:
            return type_null;
        case boost::json::kind::bool_:
            return type_boolean;
        case boost::json::kind::int64:
        case boost::json::kind::uint64:
            return type_integer | type_number;
        case boost::json::kind::double_: {
            const double d = value.get_double();
            return std::floor(d) == d ? type_integer | type_number : type_number;
        }
        case boost::json::kind::string:
            return type_string;
        case boost::json::kind::array:
            return type_array;
        case boost::json::kind::object:
            return type_object;
    }
    return 0;
}

std::string type_names(std::uint8_t types) {
    constexpr std::array<std::string_view, 7> all{"null",     "a boolean", "an integer", "a number",
                                                  "a string", "an array",  "an object"};
    std::string out;
    for (std::size_t i = 0; i < all.size(); ++i)
        if ((types & (1U << i)) != 0) out += (out.empty() ? "" : " or ") + std::string(all[i]);
    return out;
}

// Wide enough to hold every int64 and uint64 exactly.
long double number_of(const Value& value) {
    if (const auto* i = value.if_int64()) return static_cast<long double>(*i);
    if (const auto* u = value.if_uint64()) return static_cast<long double>(*u);
    return static_cast<long double>(value.get_double());
}

bool multiple(const Value& value, const Value& of) {
    if (!value.is_double() && !of.is_double()) {
        const auto magnitude = [](const Value& v) {
            if (const auto* i = v.if_int64())
                return *i < 0 ? 0 - static_cast<std::uint64_t>(*i) : static_cast<std::uint64_t>(*i);
            return v.get_uint64();
        };
        return magnitude(value) % magnitude(of) == 0;
    }
    return is_multiple(value.to_number<double>(), of.to_number<double>());
}

/// What of an object or array some keyword has looked at.
struct Marks {
    std::vector<bool> seen;
    explicit Marks(const Value& value)
        : seen(value.is_object()  ? value.get_object().size()
               : value.is_array() ? value.get_array().size()
                                  : 0) {}
    void add(const Marks& other) {
        for (std::size_t i = 0; i < seen.size(); ++i) seen[i] = seen[i] || other.seen[i];
    }
};

class Run {
  public:
    explicit Run(std::size_t max_errors) : max_errors_(max_errors) {}
    std::vector<SchemaError> errors;

    bool check(const Node& node, const Value& value, Marks* marks) {
        if (++steps_ > max_steps || depth_ >= max_depth) {
            stuck_ = true;
            return wrong(node, "", "the schema refers to itself without end, or is too costly to check");
        }
        ++depth_;
        scope_.push_back(node.resource);
        const bool good = node.boolean ? (*node.boolean || wrong(node, "", "nothing is allowed here"))
                                       : check_all(node, value, marks);
        scope_.pop_back();
        --depth_;
        return good;
    }

  private:
    bool wrong(const Node& node, std::string_view keyword, std::string message) {
        if (max_errors_ > 0 && errors.size() < max_errors_)
            errors.push_back(
                {path_, node.pointer + (keyword.empty() ? "" : "/" + std::string(keyword)), std::move(message)});
        return false;
    }
    /// Whether to go on after a fault: only when faults are collected.
    [[nodiscard]] bool stop(bool good) const {
        return stuck_ || (!good && (max_errors_ == 0 || errors.size() >= max_errors_));
    }

    /// Tried without telling its faults.
    bool quietly(const Node& node, const Value& value, Marks* marks) {
        const auto before = std::exchange(max_errors_, 0);
        const bool good = check(node, value, marks);
        max_errors_ = before;
        return good;
    }

    bool check_all(const Node& node, const Value& value, Marks* outer) {
        // A keyword that wants to know what others looked at makes everything below it keep marks.
        std::optional<Marks> own;
        Marks* marks = nullptr;
        if (outer != nullptr || node.needs_marks()) marks = &own.emplace(value);
        bool good = check_value(node, value);
        if (!stop(good)) good = check_composed(node, value, marks) && good;
        if (!stop(good) && value.is_object()) good = check_object(node, value, marks) && good;
        if (!stop(good) && value.is_array()) good = check_array(node, value, marks) && good;
        if (!stop(good) && node.needs_marks()) good = check_unevaluated(node, value, *marks) && good;
        if (good && outer != nullptr) outer->add(*marks);
        return good && !stuck_;
    }

    bool check_value(const Node& n, const Value& v) {
        bool good = true;
        if (n.types != 0 && (n.types & type_of_value(v)) == 0)
            good = wrong(n, "type", fmt::format("expected {}, got {}", type_names(n.types), kind_name(v)));
        if (n.constant && !same(*n.constant, v))
            good = wrong(n, "const", fmt::format("must be {}", shortened(*n.constant)));
        if (n.choices && std::ranges::none_of(*n.choices, [&](const auto& c) { return same(c, v); })) {
            std::string list;
            for (const auto& c : *n.choices) list += (list.empty() ? "" : ", ") + shortened(c);
            good = wrong(n, "enum", fmt::format("{} is none of: {}", shortened(v), list.substr(0, 400)));
        }
        if (v.is_number()) good = check_number(n, v) && good;
        if (v.is_string()) good = check_string(n, view(v.get_string())) && good;
        return good;
    }

    static std::string shortened(const Value& value) {
        std::string text = dump(value);
        return text.size() <= 80 ? text : text.substr(0, 77) + "...";
    }

    bool check_number(const Node& n, const Value& v) {
        bool good = true;
        const auto x = number_of(v);
        if (n.minimum && x < number_of(*n.minimum))
            good = wrong(n, "minimum", fmt::format("must be at least {}, is {}", dump(*n.minimum), dump(v)));
        if (n.maximum && x > number_of(*n.maximum))
            good = wrong(n, "maximum", fmt::format("must be at most {}, is {}", dump(*n.maximum), dump(v)));
        if (n.exclusive_minimum && x <= number_of(*n.exclusive_minimum))
            good = wrong(n, "exclusiveMinimum",
                         fmt::format("must be greater than {}, is {}", dump(*n.exclusive_minimum), dump(v)));
        if (n.exclusive_maximum && x >= number_of(*n.exclusive_maximum))
            good = wrong(n, "exclusiveMaximum",
                         fmt::format("must be less than {}, is {}", dump(*n.exclusive_maximum), dump(v)));
        if (n.multiple_of && !multiple(v, *n.multiple_of))
            good =
                wrong(n, "multipleOf", fmt::format("must be a multiple of {}, is {}", dump(*n.multiple_of), dump(v)));
        if (n.format == "int32" && std::floor(x) == x && (x < -0x1p31L || x >= 0x1p31L))
            good = wrong(n, "format", fmt::format("{} does not fit into 32 bits", dump(v)));
        if (n.format == "int64" && std::floor(x) == x && (x < -0x1p63L || x >= 0x1p63L))
            good = wrong(n, "format", fmt::format("{} does not fit into 64 bits", dump(v)));
        return good;
    }

    bool check_string(const Node& n, std::string_view text) {
        bool good = true;
        if (n.min_length || n.max_length) {
            const auto length = characters(text);
            if (n.min_length && length < *n.min_length)
                good = wrong(n, "minLength",
                             fmt::format("must have at least {} characters, has {}", *n.min_length, length));
            if (n.max_length && length > *n.max_length)
                good = wrong(n, "maxLength",
                             fmt::format("must have at most {} characters, has {}", *n.max_length, length));
        }
        if (n.pattern) {
            const auto found = n.pattern->find(text);
            if (found == Pattern::Outcome::no)
                good = wrong(n, "pattern", fmt::format("{} does not match {}", shortened(Value(text)), n.pattern_text));
            if (found == Pattern::Outcome::too_costly)
                good = wrong(n, "pattern",
                             fmt::format("matching {} takes too long; simplify the pattern", n.pattern_text));
        }
        if (!n.format.empty() && has_format(n.format, text) == false)
            good = wrong(n, "format", fmt::format("{} is not of the format {}", shortened(Value(text)), n.format));
        return good;
    }

    const Node* dynamic_target(const Node& n) const {
        if (!n.dynamic_name.empty())
            for (const auto* resource : scope_)
                if (const auto found = resource->dynamic_anchors.find(n.dynamic_name);
                    found != resource->dynamic_anchors.end())
                    return found->second;
        return n.dynamic_reference;
    }

    bool check_composed(const Node& n, const Value& v, Marks* marks) {
        bool good = true;
        if (n.reference != nullptr) good = check(*n.reference, v, marks) && good;
        if (n.dynamic_reference != nullptr && !stop(good)) good = check(*dynamic_target(n), v, marks) && good;
        for (const auto* sub : n.all_of) {
            if (stop(good)) return good;
            good = check(*sub, v, marks) && good;
        }
        if (!n.any_of.empty() && !stop(good)) good = check_any(n, v, marks) && good;
        if (!n.one_of.empty() && !stop(good)) good = check_one(n, v, marks) && good;
        if (n.negated != nullptr && !stop(good) && quietly(*n.negated, v, nullptr))
            good = wrong(n, "not", "must not fit the schema of \"not\"");
        if (n.condition != nullptr && !stop(good)) {
            const Node* branch = quietly(*n.condition, v, marks) ? n.then : n.otherwise;
            if (branch != nullptr) good = check(*branch, v, marks) && good;
        }
        return good;
    }

    /// The faults of the alternative that came furthest, in one line.
    std::string closest(const std::vector<const Node*>& alternatives, const Value& v) {
        std::optional<SchemaError> best;
        for (const auto* sub : alternatives) {
            if (stuck_) break;
            auto kept = std::exchange(errors, {});
            const auto before = std::exchange(max_errors_, 4);
            check(*sub, v, nullptr);
            max_errors_ = before;
            std::swap(kept, errors);
            for (auto& e : kept)
                if (!best || e.instance.size() > best->instance.size()) best = std::move(e);
        }
        return best ? "; closest: " + best->describe() : std::string();
    }

    bool check_any(const Node& n, const Value& v, Marks* marks) {
        bool fits = false;
        for (const auto* sub : n.any_of) {
            if (stuck_ || (fits && marks == nullptr)) break;
            fits = quietly(*sub, v, marks) || fits;
        }
        if (fits) return true;
        return wrong(n, "anyOf",
                     max_errors_ == 0
                         ? ""
                         : fmt::format("fits none of {} alternatives{}", n.any_of.size(), closest(n.any_of, v)));
    }

    bool check_one(const Node& n, const Value& v, Marks* marks) {
        std::size_t fitting = 0;
        for (const auto* sub : n.one_of) {
            if (stuck_) break;
            if (quietly(*sub, v, marks)) ++fitting;
        }
        if (fitting == 1) return true;
        if (max_errors_ == 0) return false;
        if (fitting > 1) return wrong(n, "oneOf", fmt::format("fits {} alternatives, exactly one is allowed", fitting));
        return wrong(n, "oneOf", fmt::format("fits none of {} alternatives{}", n.one_of.size(), closest(n.one_of, v)));
    }

    /// Goes into a member or item.
    bool into(const Node& node, const Value& value, std::string_view key) {
        const auto length = path_.size();
        path_ += '/';
        for (const char c : key) {
            if (c == '~')
                path_ += "~0";
            else if (c == '/')
                path_ += "~1";
            else
                path_ += c;
        }
        const bool good = check(node, value, nullptr);
        path_.resize(length);
        return good;
    }

    bool check_object(const Node& n, const Value& value, Marks* marks) {
        const auto& object = value.get_object();
        bool good = true;
        if (n.min_properties && object.size() < *n.min_properties)
            good = wrong(n, "minProperties",
                         fmt::format("must have at least {} members, has {}", *n.min_properties, object.size()));
        if (n.max_properties && object.size() > *n.max_properties)
            good = wrong(n, "maxProperties",
                         fmt::format("must have at most {} members, has {}", *n.max_properties, object.size()));
        for (const auto& name : n.required)
            if (!object.contains(name)) good = wrong(n, "required", fmt::format("the member \"{}\" is missing", name));
        for (const auto& [name, others] : n.dependent_required)
            if (object.contains(name))
                for (const auto& other : others)
                    if (!object.contains(other))
                        good = wrong(n, "dependentRequired",
                                     fmt::format("with \"{}\" comes \"{}\", which is missing", name, other));
        for (const auto& [name, schema] : n.dependent_schemas)
            if (!stop(good) && object.contains(name)) good = check(*schema, value, marks) && good;
        std::size_t index = 0;
        for (const auto& [key, member] : object) {
            if (stop(good)) return good;
            const std::string_view name = key;
            bool looked = false;
            const auto property =
                std::ranges::find(n.properties, name, [](const auto& p) { return std::string_view(p.first); });
            if (property != n.properties.end()) {
                looked = true;
                good = into(*property->second, member, name) && good;
            }
            for (const auto& [pattern, schema] : n.pattern_properties) {
                if (stop(good)) return good;
                if (pattern.find(name) == Pattern::Outcome::no) continue;
                looked = true;
                good = into(*schema, member, name) && good;
            }
            if (!looked && n.additional_properties != nullptr) {
                looked = true;
                if (n.additional_properties->boolean == false)
                    good = wrong(n, "additionalProperties",
                                 fmt::format("the member \"{}\" is not allowed", name.substr(0, 80)));
                else
                    good = into(*n.additional_properties, member, name) && good;
            }
            if (n.property_names != nullptr && !stop(good))
                good = check(*n.property_names, Value(name), nullptr) && good;
            if (looked && marks != nullptr) marks->seen[index] = true;
            ++index;
        }
        return good;
    }

    bool check_array(const Node& n, const Value& value, Marks* marks) {
        const auto& array = value.get_array();
        bool good = true;
        if (n.min_items && array.size() < *n.min_items)
            good = wrong(n, "minItems", fmt::format("must have at least {} items, has {}", *n.min_items, array.size()));
        if (n.max_items && array.size() > *n.max_items)
            good = wrong(n, "maxItems", fmt::format("must have at most {} items, has {}", *n.max_items, array.size()));
        if (n.unique_items && !all_different(array))
            good = wrong(n, "uniqueItems", "must not hold the same item twice");
        std::size_t found = 0;
        for (std::size_t i = 0; i < array.size(); ++i) {
            if (stop(good)) return good;
            const Node* item = i < n.prefix_items.size() ? n.prefix_items[i] : n.items;
            if (item != nullptr) {
                if (marks != nullptr) marks->seen[i] = true;
                good = into(*item, array[i], std::to_string(i)) && good;
            }
            if (n.contains != nullptr && quietly(*n.contains, array[i], nullptr)) {
                ++found;
                if (marks != nullptr) marks->seen[i] = true;
            }
        }
        if (n.contains != nullptr) {
            if (found < n.min_contains.value_or(1))
                good = wrong(n, "contains",
                             fmt::format("must hold {} items of a kind, has {}", n.min_contains.value_or(1), found));
            if (n.max_contains && found > *n.max_contains)
                good = wrong(n, "maxContains",
                             fmt::format("must hold at most {} items of a kind, has {}", *n.max_contains, found));
        }
        return good;
    }

    bool check_unevaluated(const Node& n, const Value& value, Marks& marks) {
        bool good = true;
        if (value.is_object() && n.unevaluated_properties != nullptr) {
            std::size_t index = 0;
            for (const auto& [key, member] : value.get_object()) {
                if (!marks.seen[index]) good = into(*n.unevaluated_properties, member, key) && good;
                marks.seen[index++] = true;
            }
        }
        if (value.is_array() && n.unevaluated_items != nullptr) {
            const auto& array = value.get_array();
            for (std::size_t i = 0; i < array.size(); ++i) {
                if (!marks.seen[i]) good = into(*n.unevaluated_items, array[i], std::to_string(i)) && good;
                marks.seen[i] = true;
            }
        }
        return good;
    }

    std::size_t max_errors_;
    std::size_t steps_ = 0, depth_ = 0;
    bool stuck_ = false;
    std::string path_;
    std::vector<const Resource*> scope_;
};

}  // namespace

std::string SchemaError::describe() const { return (instance.empty() ? "" : instance + ": ") + message; }

std::vector<SchemaError> Schema::validate(const Value& value, std::size_t max_errors) const {
    Run run(std::max<std::size_t>(1, max_errors));
    const bool good = run.check(*impl_->root, value, nullptr);
    if (!good && run.errors.empty()) run.errors.push_back({"", "", "does not fit the schema"});
    if (good) run.errors.clear();
    return std::move(run.errors);
}

bool Schema::accepts(const Value& value) const { return Run(0).check(*impl_->root, value, nullptr); }

}  // namespace tenon::json
