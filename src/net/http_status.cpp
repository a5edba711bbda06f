#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "tenon/net/http_client.hpp"

namespace tenon::net {
namespace {

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

std::optional<double> decimal(std::string_view text) {
    if (text.empty() || !std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || c == '.'; }))
        return std::nullopt;
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

constexpr double longest_ms = 1e12;

ErrorCode code_of(int status) {
    switch (status) {
        case 401:
            return ErrorCode::unauthenticated;
        case 403:
        case 407:
            return ErrorCode::permission_denied;
        case 404:
        case 410:
            return ErrorCode::not_found;
        case 408:
        case 425:
            return ErrorCode::unavailable;
        case 409:
            return ErrorCode::already_exists;
        case 413:
            return ErrorCode::resource_exhausted;
        case 429:
            return ErrorCode::rate_limited;
        case 501:
            return ErrorCode::unsupported;
        default:
            break;
    }
    if (status >= 500 && status < 600) return ErrorCode::unavailable;
    return status >= 400 && status < 500 ? ErrorCode::invalid_argument : ErrorCode::protocol;
}

}  // namespace

std::optional<std::int64_t> retry_after_ms(const Headers& headers, std::chrono::system_clock::time_point now) {
    if (const auto exact = headers.find("retry-after-ms"))
        if (const auto ms = decimal(trim(*exact))) return static_cast<std::int64_t>(std::min(*ms, longest_ms));
    const auto field = headers.find("retry-after");
    if (!field) return std::nullopt;
    const auto text = trim(*field);
    if (const auto seconds = decimal(text)) return static_cast<std::int64_t>(std::min(*seconds * 1000, longest_ms));
    const std::time_t when = curl_getdate(std::string(text).c_str(), nullptr);
    if (when < 0) return std::nullopt;
    // The clock counts nanoseconds, which a far year overflows.
    const auto at =
        std::chrono::milliseconds(std::chrono::seconds(std::min<std::int64_t>(when, 1'000'000'000'000'000)));
    const auto wait = at - std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
    return std::clamp<std::int64_t>(wait.count(), 0, static_cast<std::int64_t>(longest_ms));
}

Error status_error(int status, const Headers& headers, std::string_view detail) {
    auto message = fmt::format("the server answered {}", status);
    if (!detail.empty()) message += fmt::format(": {}", detail);
    Error error(code_of(status), std::move(message));
    if (const auto wait = retry_after_ms(headers, std::chrono::system_clock::now()))
        return std::move(error).with_retry_after(*wait);
    return error;
}

}  // namespace tenon::net
