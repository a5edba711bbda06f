#include "serve/fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

namespace tenon::serve {

std::unexpected<ApiError> missing_param(const std::string& param) {
    return bad_param(param, fmt::format("'{}' is missing", param), "missing_required_parameter");
}
std::unexpected<ApiError> wrong_type(const std::string& param, std::string_view what) {
    return bad_param(param, fmt::format("'{}' must be {}", param, what), "invalid_type");
}

std::string Fields::at(std::string_view key) const {
    return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

const json::Value* Fields::find(std::string_view key) const noexcept {
    const auto* found = json::find(*value_, key);
    return found == nullptr || found->is_null() ? nullptr : found;
}

ApiResult<void> Fields::object() const {
    if (value_->is_object()) return {};
    return wrong_type(path_.empty() ? "body" : path_, "an object");
}

ApiResult<void> Fields::only(std::initializer_list<std::string_view> known) const {
    SERVE_CHECK(object());
    for (const auto& [key, value] : value_->get_object())
        if (!value.is_null() && std::ranges::find(known, std::string_view(key)) == known.end())
            return bad_param(at(key), fmt::format("'{}' is not a field that this server knows", at(key)),
                             "unknown_parameter");
    return {};
}

ApiResult<void> Fields::none(std::initializer_list<std::string_view> keys, std::string_view why) const {
    for (const auto key : keys)
        if (has(key)) return bad_param(at(key), fmt::format("'{}' {}", at(key), why), "unsupported_parameter");
    return {};
}

ApiResult<std::optional<double>> Fields::number(std::string_view key, double low, double high) const {
    const auto* found = find(key);
    if (found == nullptr) return std::nullopt;
    if (!found->is_number()) return wrong_type(at(key), "a number");
    const double v = found->to_number<double>();
    if (!(v >= low && v <= high))
        return bad_param(at(key), fmt::format("'{}' must be between {} and {}, not {}", at(key), low, high, v));
    return v;
}

ApiResult<std::optional<std::int64_t>> Fields::integer(std::string_view key, std::int64_t low,
                                                       std::int64_t high) const {
    const auto* found = find(key);
    if (found == nullptr) return std::nullopt;
    std::int64_t v = 0;
    if (const auto* i = found->if_int64())
        v = *i;
    else if (const auto* d = found->if_double(); d != nullptr && std::floor(*d) == *d && std::abs(*d) < 9e15)
        v = static_cast<std::int64_t>(*d);
    else
        return wrong_type(at(key), "a whole number");
    if (v < low && high == INT64_MAX)
        return bad_param(at(key), fmt::format("'{}' must be at least {}, not {}", at(key), low, v));
    if (v < low || v > high)
        return bad_param(at(key), fmt::format("'{}' must be between {} and {}, not {}", at(key), low, high, v));
    return v;
}

ApiResult<bool> Fields::boolean(std::string_view key, bool otherwise) const {
    const auto* found = find(key);
    if (found == nullptr) return otherwise;
    if (!found->is_bool()) return wrong_type(at(key), "true or false");
    return found->get_bool();
}

ApiResult<std::string> Fields::text(std::string_view key) const {
    const auto* found = find(key);
    if (found == nullptr) return std::string();
    if (!found->is_string()) return wrong_type(at(key), "a string");
    return std::string(std::string_view(found->get_string()));
}

ApiResult<std::string> Fields::needed_text(std::string_view key) const {
    if (!has(key)) return missing_param(at(key));
    return text(key);
}

ApiResult<std::vector<std::string>> Fields::texts(std::string_view key, std::size_t most) const {
    std::vector<std::string> out;
    const auto* found = find(key);
    if (found == nullptr) return out;
    if (found->is_string()) {
        out.emplace_back(std::string_view(found->get_string()));
        return out;
    }
    const auto* list = found->if_array();
    if (list == nullptr || list->size() > most)
        return wrong_type(at(key), fmt::format("a list of at most {} strings", most));
    for (const auto& item : *list) {
        if (!item.is_string()) return wrong_type(at(key), "a list of strings");
        out.emplace_back(std::string_view(item.get_string()));
    }
    return out;
}

ApiResult<const json::Array*> Fields::list(std::string_view key) const {
    const auto* found = find(key);
    if (found == nullptr) return nullptr;
    if (!found->is_array()) return wrong_type(at(key), "a list");
    return &found->get_array();
}

ApiResult<std::optional<Fields>> Fields::inner(std::string_view key) const {
    const auto* found = find(key);
    if (found == nullptr) return std::nullopt;
    Fields out(*found, at(key));
    SERVE_CHECK(out.object());
    return out;
}

ApiResult<Fields> Fields::element(std::string_view key, const json::Array& list, std::size_t index) const {
    Fields out(list[index], fmt::format("{}[{}]", at(key), index));
    SERVE_CHECK(out.object());
    return out;
}

}  // namespace tenon::serve
