// What a server's connections share, and the parts of answering that need no socket. Private to net.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/net/http_server.hpp"

namespace tenon::net {

/// Immutable while serving, but for the counters.
struct ServerCore {
    HttpServerOptions options;
    Router router;
    std::vector<std::string> key_digests;
    std::atomic<std::uint64_t> next_id{1};
    std::string id_prefix;
    std::atomic<bool> draining{false};

    ServerCore(HttpServerOptions chosen, Router routes);

    [[nodiscard]] std::string request_id(const Headers& headers);
    /// Whether no key is asked for or a right one is given; takes the same time for any wrong one of the fixed keys.
    [[nodiscard]] Result<void> authorize(const HttpRequest& request) const;
    /// `path`: of the request, as far as it is known.
    [[nodiscard]] HttpResponse error(int status, std::string message, std::string_view path) const;
    [[nodiscard]] HttpResponse error(const Error& error, std::string_view path) const;
    /// False for a request that a page of another origin makes a browser send, and that may change something: browsers
    /// hide the answer from such a page, but send a simple POST all the same.
    [[nodiscard]] bool same_origin(const HttpRequest& request) const;
    void add_cors(const Headers& request, Headers& response) const;
    /// The answer to an OPTIONS request on a path that takes these methods.
    [[nodiscard]] HttpResponse options_response(const HttpRequest& request, std::vector<std::string> methods) const;
};

/// How the end of the body is told.
enum class Framing : std::uint8_t { length, chunked, until_close, none };

struct ResponseHead {
    int status = 200;
    Framing framing = Framing::length;
    std::uint64_t length = 0;
    bool keep_alive = true;
    bool http_1_0 = false;
    std::string_view request_id;
    std::string_view server_name;
};

/// Status line and fields up to the blank line. Framing fields among `headers` are replaced; fields that could break
/// the header are left out.
[[nodiscard]] std::string format_head(const ResponseHead& head, const Headers& headers);
[[nodiscard]] std::string http_date(std::chrono::system_clock::time_point time);
/// 1xx, 204 and 304 have no body.
[[nodiscard]] bool status_has_body(int status) noexcept;

}  // namespace tenon::net
