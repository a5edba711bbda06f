#include "net/server_core.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <boost/json.hpp>
#include <ctime>
#include <iterator>
#include <random>

#include "tenon/base/hash.hpp"
#include "tenon/base/utf8.hpp"
#include "tenon/json/json.hpp"

namespace tenon::net {

ServerCore::ServerCore(HttpServerOptions chosen, Router routes)
    : options(std::move(chosen)), router(std::move(routes)) {
    for (const auto& key : options.api_keys)
        if (!key.empty()) key_digests.push_back(sha256_hex(key));
    std::random_device random;
    id_prefix = fmt::format("req_{:08x}{:08x}", random(), random());
}

std::string ServerCore::request_id(const Headers& headers) {
    if (const auto given = headers.find("x-request-id"); given && given->size() <= 128 && is_token(*given))
        return std::string(*given);
    return fmt::format("{}{:06x}", id_prefix, next_id.fetch_add(1, std::memory_order_relaxed));
}

std::string_view presented_key(const Headers& headers) noexcept {
    auto given = headers.find("authorization").value_or("");
    if (given.size() <= 7 || !equals_ignoring_case(given.substr(0, 7), "bearer ")) {
        const auto key = headers.find("x-api-key").value_or("");
        return key.empty() ? headers.find("x-goog-api-key").value_or("") : key;
    }
    given.remove_prefix(7);
    while (given.starts_with(' ')) given.remove_prefix(1);
    return given;
}

Result<void> ServerCore::authorize(const HttpRequest& request) const {
    const auto given = presented_key(request.headers);
    if (options.api_keys.empty()) return options.accept_key ? options.accept_key(request, given) : Result<void>{};
    // Digests have one length, so neither the key's length nor its first difference shows in the time.
    const auto digest = sha256_hex(given);
    bool right = false;
    for (const auto& key : key_digests)
        if (key.size() == digest.size() && CRYPTO_memcmp(key.data(), digest.data(), key.size()) == 0) right = true;
    if (right && !given.empty()) return {};
    if (options.accept_key) return options.accept_key(request, given);
    return fail(ErrorCode::unauthenticated, "a valid API key is needed: send it as \"Authorization: Bearer KEY\"");
}

HttpResponse ServerCore::error(int status, std::string message, std::string_view path) const {
    if (options.error_response) return options.error_response(status, std::move(message), path);
    const char* type = status == 401   ? "authentication_error"
                       : status == 403 ? "permission_error"
                       : status == 404 ? "not_found_error"
                       : status == 429 ? "rate_limit_error"
                       : status >= 500 ? "server_error"
                                       : "invalid_request_error";
    json::Object error{{"message", utf8::sanitize(message)}, {"type", type}, {"code", status}};
    return HttpResponse::json(json::dump(json::Object{{"error", std::move(error)}}), status);
}

HttpResponse ServerCore::error(const Error& problem, std::string_view path) const {
    auto response = error(status_of(problem.code()), problem.describe(), path);
    if (const auto wait = problem.retry_after_ms())
        response.headers.set("Retry-After", std::to_string((*wait + 999) / 1000));
    return response;
}

bool ServerCore::same_origin(const HttpRequest& request) const {
    const auto origin = request.headers.find("origin");
    // A page may open a WebSocket anywhere, and its browser sends the cookies along: RFC 6455 §10.2.
    const bool socket = equals_ignoring_case(request.headers.find("upgrade").value_or(""), "websocket");
    if (!origin) return true;
    if (!socket && (request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS")) return true;
    for (const auto& allowed : options.cors.origins)
        if (allowed == "*" || allowed == *origin) return true;
    const auto scheme = origin->find("://");
    return scheme != std::string_view::npos &&
           equals_ignoring_case(origin->substr(scheme + 3), request.headers.find("host").value_or(""));
}

void ServerCore::add_cors(const Headers& request, Headers& response) const {
    const auto& cors = options.cors;
    const auto origin = request.find("origin");
    if (cors.origins.empty() || !origin) return;
    const bool any = std::ranges::find(cors.origins, "*") != cors.origins.end();
    if (!any || cors.credentials) response.add("Vary", "Origin");
    if (!any && std::ranges::find(cors.origins, *origin) == cors.origins.end()) return;
    response.set("Access-Control-Allow-Origin", any && !cors.credentials ? "*" : std::string(*origin));
    response.set("Access-Control-Expose-Headers", "X-Request-Id, Retry-After");
    if (cors.credentials) response.set("Access-Control-Allow-Credentials", "true");
}

HttpResponse ServerCore::options_response(const HttpRequest& request, std::vector<std::string> methods) const {
    if (std::ranges::find(methods, "GET") != methods.end()) methods.emplace_back("HEAD");
    methods.emplace_back("OPTIONS");
    const auto list = fmt::format("{}", fmt::join(methods, ", "));
    HttpResponse response{204, {{"Allow", list}}, {}};
    if (request.headers.contains("access-control-request-method")) {
        response.headers.set("Access-Control-Allow-Methods", list);
        response.headers.set("Access-Control-Allow-Headers",
                             fmt::format("{}", fmt::join(options.cors.allowed_headers, ", ")));
        response.headers.set("Access-Control-Max-Age", std::to_string(options.cors.max_age.count()));
    }
    return response;
}

bool status_has_body(int status) noexcept { return status >= 200 && status != 204 && status != 304; }

std::string http_date(std::chrono::system_clock::time_point time) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[parts.tm_wday], parts.tm_mday,
                       months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string format_head(const ResponseHead& head, const Headers& headers) {
    // The date changes once a second.
    thread_local std::time_t second = -1;
    thread_local std::string date;
    const auto now = std::chrono::system_clock::now();
    if (const auto s = std::chrono::system_clock::to_time_t(now); s != second) {
        second = s;
        date = http_date(now);
    }
    std::string out;
    out.reserve(320);
    fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\nDate: {}\r\n", head.status, reason_phrase(head.status),
                   date);
    const auto line = [&](std::string_view name, std::string_view value) {
        out += name;
        out += ": ";
        out += value;
        out += "\r\n";
    };
    for (const auto& field : headers) {
        const bool ours =
            std::ranges::any_of(std::initializer_list<std::string_view>{"content-length", "transfer-encoding",
                                                                        "connection", "date", "x-request-id"},
                                [&](std::string_view name) { return equals_ignoring_case(field.name, name); });
        if (!ours && is_token(field.name) && is_field_value(field.value)) line(field.name, field.value);
    }
    if (!headers.contains("server") && is_field_value(head.server_name)) line("Server", head.server_name);
    if (!head.request_id.empty()) line("X-Request-Id", head.request_id);
    if (head.framing == Framing::length) line("Content-Length", std::to_string(head.length));
    if (head.framing == Framing::chunked) line("Transfer-Encoding", "chunked");
    if (!head.keep_alive)
        line("Connection", "close");
    else if (head.http_1_0)
        line("Connection", "keep-alive");
    out += "\r\n";
    return out;
}

}  // namespace tenon::net
