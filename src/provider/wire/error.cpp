#include "provider/wire/error.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "provider/wire/fields.hpp"
#include "tenon/net/http_client.hpp"

namespace tenon::provider::wire {
namespace {

/// google.rpc.RetryInfo: {"@type": "…RetryInfo", "retryDelay": "34.07s"}.
std::optional<std::int64_t> retry_info(const json::Value& error) {
    for (const auto& detail : array_of(error, "details")) {
        auto delay = json::string_or(detail, "retryDelay", "");
        if (!delay.ends_with('s')) continue;
        delay.remove_suffix(1);
        double seconds = 0;
        const auto [end, fault] = std::from_chars(delay.data(), delay.data() + delay.size(), seconds);
        if (fault == std::errc{} && end == delay.data() + delay.size() && seconds >= 0 && seconds < 1e9)
            return static_cast<std::int64_t>(seconds * 1000);
    }
    return std::nullopt;
}

/// What the names in an error object mean, whatever the status.
std::optional<ErrorCode> code_of(const ErrorObject& error) {
    static constexpr std::pair<std::string_view, ErrorCode> names[] = {
        {"insufficient_quota", ErrorCode::resource_exhausted},
        {"billing_hard_limit_reached", ErrorCode::resource_exhausted},
        {"billing_error", ErrorCode::resource_exhausted},
        {"context_length_exceeded", ErrorCode::resource_exhausted},
        {"exceed_context_size_error", ErrorCode::resource_exhausted},
        {"request_too_large", ErrorCode::resource_exhausted},
        {"rate_limit_exceeded", ErrorCode::rate_limited},
        {"rate_limit_error", ErrorCode::rate_limited},
        {"tokens", ErrorCode::rate_limited},
        {"requests", ErrorCode::rate_limited},
        {"RESOURCE_EXHAUSTED", ErrorCode::rate_limited},
        {"invalid_api_key", ErrorCode::unauthenticated},
        {"authentication_error", ErrorCode::unauthenticated},
        {"UNAUTHENTICATED", ErrorCode::unauthenticated},
        {"permission_error", ErrorCode::permission_denied},
        {"PERMISSION_DENIED", ErrorCode::permission_denied},
        {"model_not_found", ErrorCode::not_found},
        {"not_found_error", ErrorCode::not_found},
        {"NOT_FOUND", ErrorCode::not_found},
        {"server_error", ErrorCode::unavailable},
        {"overloaded_error", ErrorCode::unavailable},
        {"unavailable_error", ErrorCode::unavailable},
        {"api_error", ErrorCode::unavailable},
        {"UNAVAILABLE", ErrorCode::unavailable},
        {"INTERNAL", ErrorCode::unavailable},
        {"timeout_error", ErrorCode::deadline_exceeded},
        {"DEADLINE_EXCEEDED", ErrorCode::deadline_exceeded},
        {"invalid_request_error", ErrorCode::invalid_argument},
        {"invalid_prompt", ErrorCode::invalid_argument},
        {"BadRequestError", ErrorCode::invalid_argument},
        {"INVALID_ARGUMENT", ErrorCode::invalid_argument},
        {"FAILED_PRECONDITION", ErrorCode::invalid_argument},
    };
    for (const auto& [name, code] : names)
        if (error.code == name || error.type == name) return code;
    return std::nullopt;
}

}  // namespace

std::optional<ErrorObject> find_error(const json::Value& value) {
    if (value.is_array()) return value.get_array().size() == 1 ? find_error(value.get_array()[0]) : std::nullopt;
    if (!value.is_object()) return std::nullopt;
    ErrorObject out;
    const json::Value* error = json::find(value, "error");
    if (error != nullptr && error->is_null()) error = nullptr;
    if (error == nullptr && json::string_or(value, "object", "") == "error") error = &value;
    if (error == nullptr) {
        const auto* detail = json::find(value, "detail");
        if (detail == nullptr) return std::nullopt;
        out.message = detail->is_string() ? std::string(text_of(detail)) : json::dump(*detail);
        return out;
    }
    if (error->is_string()) {
        out.message = text_of(error);
        return out;
    }
    out.message = json::string_or(*error, "message", "");
    if (out.message.empty()) out.message = json::dump(*error);
    out.type = json::string_or(*error, "type", json::string_or(*error, "status", ""));
    if (const auto* code = json::find(*error, "code")) {
        out.code = text_of(code);
        if (code->is_int64() && code->get_int64() >= 400 && code->get_int64() < 600)
            out.status = static_cast<int>(code->get_int64());
    }
    out.retry_after_ms = retry_info(*error);
    return out;
}

Error error_of_response(int status, const net::Headers& headers, std::string_view body) {
    const auto parsed = json::parse(body);
    const auto found = parsed ? find_error(*parsed) : std::nullopt;
    const auto detail = found ? std::string_view(found->message) : body.substr(0, 300);
    auto error = net::status_error(status, headers, detail);
    if (!found) return error;
    if (!error.retry_after_ms() && found->retry_after_ms)
        error = std::move(error).with_retry_after(*found->retry_after_ms);
    const auto named = code_of(*found);
    // A name says more than the status where one status has several meanings.
    const bool finer = named && (*named == ErrorCode::resource_exhausted || *named == ErrorCode::not_found);
    return finer ? Error(*named, error.message()) : error;
}

Error error_in_stream(const ErrorObject& object) {
    const auto message = fmt::format("the model's server reports: {}", object.message);
    auto code = code_of(object);
    if (!code) code = object.status != 0 ? net::status_error(object.status, {}, {}).code() : ErrorCode::unavailable;
    Error error(*code, message);
    if (object.retry_after_ms) error = std::move(error).with_retry_after(*object.retry_after_ms);
    return error;
}

}  // namespace tenon::provider::wire
