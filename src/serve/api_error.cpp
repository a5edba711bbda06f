#include "serve/api_error.hpp"

#include <boost/json.hpp>

namespace tenon::serve {
namespace {

std::string_view type_of(int status) {
    switch (status) {
        case 401:
            return "authentication_error";
        case 403:
            return "permission_error";
        case 429:
            return "rate_limit_error";
        default:
            return status >= 500 ? "server_error" : "invalid_request_error";
    }
}

}  // namespace

ApiError api_error(const Error& error) {
    ApiError out;
    out.message = error.describe();
    out.status = net::status_of(error.code());
    out.retry_after_ms = error.retry_after_ms();
    switch (error.code()) {
        case ErrorCode::resource_exhausted:
            // What OpenAI says when an account has spent what it may.
            if (out.message.starts_with("the budget of ")) {
                out.status = 429;
                out.code = "insufficient_quota";
                break;
            }
            // Too long for the window is the caller's to mend; a full queue or memory passes.
            if (out.message.find("context") != std::string::npos) {
                out.status = 400;
                out.code = "context_length_exceeded";
                out.param = "messages";
            } else {
                out.status = 503;
                out.code = "overloaded";
            }
            break;
        case ErrorCode::deadline_exceeded:
            out.code = "timeout";
            break;
        case ErrorCode::not_found:
            out.code = "not_found";
            break;
        case ErrorCode::unsupported:
            out.status = 400;
            out.code = "unsupported";
            break;
        default:
            break;
    }
    out.type = out.code == "insufficient_quota" ? "insufficient_quota" : type_of(out.status);
    return out;
}

std::unexpected<ApiError> bad_param(std::string param, std::string message, std::string code) {
    ApiError e;
    e.message = std::move(message);
    e.param = std::move(param);
    e.code = std::move(code);
    return std::unexpected(std::move(e));
}

json::Value error_body(const ApiError& e) {
    json::Object inner{{"message", e.message}, {"type", e.type}};
    inner["param"] = e.param ? json::Value(*e.param) : json::Value(nullptr);
    inner["code"] = e.code ? json::Value(*e.code) : json::Value(nullptr);
    return json::Object{{"error", std::move(inner)}};
}

net::HttpResponse error_response(const ApiError& e) {
    auto out = net::HttpResponse::json(json::dump(error_body(e)), e.status);
    if (e.retry_after_ms) out.headers.set("Retry-After", std::to_string((*e.retry_after_ms + 999) / 1000));
    // Clients that obey this do not try again what will not pass.
    if (e.code == "insufficient_quota") out.headers.set("X-Should-Retry", "false");
    return out;
}

net::HttpResponse error_response(const Error& error) { return error_response(api_error(error)); }

ApiError plain_error(int status, std::string message) {
    ApiError e;
    e.status = status;
    e.message = std::move(message);
    e.type = type_of(status);
    if (status == 401) e.code = "invalid_api_key";
    if (status == 404) e.code = "not_found";
    if (status == 405) e.code = "method_not_allowed";
    if (status == 413) e.code = "request_too_large";
    return e;
}

}  // namespace tenon::serve
