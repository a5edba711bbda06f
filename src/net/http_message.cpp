#include "tenon/net/http_message.hpp"

#include <algorithm>

namespace tenon::net {

std::optional<std::string_view> HttpRequest::query_parameter(std::string_view name) const noexcept {
    const auto found = std::ranges::find(query, name, [](const auto& pair) { return std::string_view(pair.first); });
    if (found == query.end()) return std::nullopt;
    return found->second;
}

std::string_view HttpRequest::path_parameter(std::string_view name) const noexcept {
    const auto found =
        std::ranges::find(path_parameters, name, [](const auto& pair) { return std::string_view(pair.first); });
    return found == path_parameters.end() ? std::string_view{} : found->second;
}

HttpResponse HttpResponse::text(std::string body, int status) {
    return {status, {{"Content-Type", "text/plain; charset=utf-8"}}, std::move(body)};
}

HttpResponse HttpResponse::json(std::string body, int status) {
    return {status, {{"Content-Type", "application/json"}}, std::move(body)};
}

std::string_view reason_phrase(int status) noexcept {
    switch (status) {
        case 100:
            return "Continue";
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 204:
            return "No Content";
        case 206:
            return "Partial Content";
        case 301:
            return "Moved Permanently";
        case 302:
            return "Found";
        case 303:
            return "See Other";
        case 304:
            return "Not Modified";
        case 307:
            return "Temporary Redirect";
        case 308:
            return "Permanent Redirect";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 411:
            return "Length Required";
        case 413:
            return "Content Too Large";
        case 415:
            return "Unsupported Media Type";
        case 416:
            return "Range Not Satisfiable";
        case 417:
            return "Expectation Failed";
        case 422:
            return "Unprocessable Content";
        case 426:
            return "Upgrade Required";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 499:
            return "Client Closed Request";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 507:
            return "Insufficient Storage";
        default:
            return "Status";
    }
}

int status_of(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::invalid_argument:
        case ErrorCode::corrupt:
            return 400;
        case ErrorCode::not_found:
            return 404;
        case ErrorCode::already_exists:
            return 409;
        case ErrorCode::unsupported:
            return 400;
        case ErrorCode::resource_exhausted:
            return 503;
        case ErrorCode::cancelled:
            return 499;
        case ErrorCode::deadline_exceeded:
            return 504;
        case ErrorCode::unavailable:
            return 503;
        case ErrorCode::permission_denied:
            return 403;
        case ErrorCode::unauthenticated:
            return 401;
        case ErrorCode::rate_limited:
            return 429;
        case ErrorCode::protocol:
            return 502;
        case ErrorCode::io:
        case ErrorCode::internal:
            return 500;
    }
    return 500;
}

}  // namespace tenon::net
