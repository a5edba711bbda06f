// Errors as OpenAI's API tells them: {"error": {"message", "type", "param", "code"}}.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "tenon/base/error.hpp"
#include "tenon/json/json.hpp"
#include "tenon/net/http_message.hpp"

namespace tenon::serve {

struct ApiError {
    int status = 400;
    std::string message;
    std::string type = "invalid_request_error";
    std::optional<std::string> param;
    std::optional<std::string> code;
    std::optional<std::int64_t> retry_after_ms;
};

template <class T>
using ApiResult = std::expected<T, ApiError>;

[[nodiscard]] ApiError api_error(const Error& error);
[[nodiscard]] std::unexpected<ApiError> bad_param(std::string param, std::string message,
                                                  std::string code = "invalid_value");
[[nodiscard]] json::Value error_body(const ApiError& error);
[[nodiscard]] net::HttpResponse error_response(const ApiError& error);
[[nodiscard]] net::HttpResponse error_response(const Error& error);
/// For errors of the HTTP layer itself (404, 405, 413, 401 …).
[[nodiscard]] ApiError plain_error(int status, std::string message);

}  // namespace tenon::serve
