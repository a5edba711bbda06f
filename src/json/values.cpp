#include "json/values.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <string>
#include <vector>

namespace tenon::json {
namespace {

/// A text that is equal for equal values: members sorted, whole numbers written alike.
void write_canonical(const Value& value, std::string& out) {
    if (const auto* object = value.if_object()) {
        std::vector<std::pair<std::string_view, const Value*>> members;
        for (const auto& [key, member] : *object) members.emplace_back(key, &member);
        std::sort(members.begin(), members.end());
        out += '{';
        for (const auto& [key, member] : members) {
            out += dump(Value(key));
            write_canonical(*member, out);
        }
        out += '}';
    } else if (const auto* array = value.if_array()) {
        out += '[';
        for (const auto& item : *array) {
            write_canonical(item, out);
            out += ',';
        }
        out += ']';
    } else if (const auto* real = value.if_double();
               real != nullptr && *real == std::floor(*real) && std::abs(*real) < 9e15) {
        out += std::to_string(static_cast<std::int64_t>(*real));
    } else {
        out += dump(value);
    }
}

}  // namespace

std::string_view kind_name(const Value& value) noexcept {
    switch (value.kind()) {
        case boost::json::kind::null:
            return "null";
        case boost::json::kind::bool_:
            return "a boolean";
        case boost::json::kind::int64:
        case boost::json::kind::uint64:
            return "an integer";
        case boost::json::kind::double_:
            return "a number";
        case boost::json::kind::string:
            return "a string";
        case boost::json::kind::array:
            return "an array";
        case boost::json::kind::object:
            return "an object";
    }
    return "a value";
}

std::size_t characters(std::string_view text) noexcept {
    std::size_t count = 0;
    for (const char c : text)
        if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) ++count;
    return count;
}

bool is_multiple(double value, double of) noexcept {
    if (of == 0) return false;
    const double ratio = value / of;
    if (!std::isfinite(ratio)) return std::fmod(value, of) == 0;
    return std::abs(ratio - std::round(ratio)) <= 1e-9 * std::max(1.0, std::abs(ratio)) &&
           (std::abs(ratio) < 1e15 || std::fmod(value, of) == 0);
}

bool same(const Value& a, const Value& b) {
    if (a.is_string() && b.is_string()) return a.get_string() == b.get_string();
    std::string left, right;
    write_canonical(a, left);
    write_canonical(b, right);
    return left == right;
}

bool all_different(const Array& items) {
    std::vector<std::string> texts(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) write_canonical(items[i], texts[i]);
    std::sort(texts.begin(), texts.end());
    return std::adjacent_find(texts.begin(), texts.end()) == texts.end();
}

}  // namespace tenon::json
