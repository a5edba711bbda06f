// Fields of request bodies, read with errors that name them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/api_error.hpp"
#include "tenon/json/json.hpp"

/// SERVE_TRY(auto name, fields.text("name")): as TENON_TRY, for ApiResult.
#define SERVE_TRY(decl, ...)                                                           \
    auto TENON_CONCAT(serve_try_, __LINE__) = (__VA_ARGS__);                           \
    if (!TENON_CONCAT(serve_try_, __LINE__))                                           \
        return std::unexpected(std::move(TENON_CONCAT(serve_try_, __LINE__)).error()); \
    decl = std::move(*TENON_CONCAT(serve_try_, __LINE__))
#define SERVE_CHECK(...)                                                   \
    do {                                                                   \
        if (auto serve_check_result = (__VA_ARGS__); !serve_check_result)  \
            return std::unexpected(std::move(serve_check_result).error()); \
    } while (false)

namespace tenon::serve {

/// One object of a request. `path` is where it stands ("tools[2]"); empty for the body itself. A field that is null
/// counts as missing. Refers to the value.
class Fields {
  public:
    explicit Fields(const json::Value& value, std::string path = {}) : value_(&value), path_(std::move(path)) {}

    [[nodiscard]] const json::Value& value() const noexcept { return *value_; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    /// "tools[2].name"
    [[nodiscard]] std::string at(std::string_view key) const;
    /// Null when missing.
    [[nodiscard]] const json::Value* find(std::string_view key) const noexcept;
    [[nodiscard]] bool has(std::string_view key) const noexcept { return find(key) != nullptr; }

    /// The value itself must be an object.
    [[nodiscard]] ApiResult<void> object() const;
    /// Every field must be one of these.
    [[nodiscard]] ApiResult<void> only(std::initializer_list<std::string_view> known) const;
    /// None of these may be given; `why` ends the sentence "'x' …".
    [[nodiscard]] ApiResult<void> none(std::initializer_list<std::string_view> keys, std::string_view why) const;

    [[nodiscard]] ApiResult<std::optional<double>> number(std::string_view key, double low, double high) const;
    [[nodiscard]] ApiResult<std::optional<std::int64_t>> integer(std::string_view key, std::int64_t low,
                                                                 std::int64_t high = INT64_MAX) const;
    [[nodiscard]] ApiResult<bool> boolean(std::string_view key, bool otherwise = false) const;
    /// Empty when missing.
    [[nodiscard]] ApiResult<std::string> text(std::string_view key) const;
    [[nodiscard]] ApiResult<std::string> needed_text(std::string_view key) const;
    /// A list of strings, or one alone; empty when missing.
    [[nodiscard]] ApiResult<std::vector<std::string>> texts(std::string_view key, std::size_t most) const;
    /// Null when missing.
    [[nodiscard]] ApiResult<const json::Array*> list(std::string_view key) const;
    /// Nothing when missing.
    [[nodiscard]] ApiResult<std::optional<Fields>> inner(std::string_view key) const;
    /// One element of a list at that key, as an object.
    [[nodiscard]] ApiResult<Fields> element(std::string_view key, const json::Array& list, std::size_t index) const;

  private:
    const json::Value* value_;
    std::string path_;
};

[[nodiscard]] std::unexpected<ApiError> missing_param(const std::string& param);
[[nodiscard]] std::unexpected<ApiError> wrong_type(const std::string& param, std::string_view what);

}  // namespace tenon::serve
