// Error objects of all providers. Private to provider.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tenon/json/json.hpp"
#include "tenon/net/headers.hpp"

namespace tenon::provider::wire {

struct ErrorObject {
    std::string message, type, code;
    int status = 0;
    std::optional<std::int64_t> retry_after_ms{};
};

/// OpenAI's {"error": {"message", "type", "code"}}, Anthropic's {"type": "error", "error": {"type", "message"}},
/// Google's
/// {"error": {"code", "message", "status", "details"}} (also in an array), and {"error": "text"}, {"object": "error",
/// "message"}, {"detail": …} of servers.
[[nodiscard]] std::optional<ErrorObject> find_error(const json::Value& value);
/// What an answer of status 400 or more means, from its error object when it has one.
[[nodiscard]] Error error_of_response(int status, const net::Headers& headers, std::string_view body);
/// What an error object in the middle of a stream means.
[[nodiscard]] Error error_in_stream(const ErrorObject& error);

}  // namespace tenon::provider::wire
