// HTTP/1.1 server (RFC 9110, 9112) for the application's own API: a few thousand connections, streamed answers.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tenon/async/task.hpp"
#include "tenon/base/log.hpp"
#include "tenon/net/router.hpp"

namespace tenon::net {

/// Cross-origin requests (WHATWG Fetch). Pages of origins that are not named cannot read answers, and what they send
/// with a method other than GET, HEAD and OPTIONS gets 403.
struct CorsOptions {
    std::vector<std::string> origins{};  ///< "https://app.example", or "*" for any
    std::vector<std::string> allowed_headers{
        "Authorization",    "Content-Type",      "X-Api-Key",      "X-Goog-Api-Key",
        "X-Request-Id",     "Anthropic-Version", "Anthropic-Beta", "Anthropic-Dangerous-Direct-Browser-Access",
        "X-Goog-Api-Client"};
    bool credentials = false;
    std::chrono::seconds max_age{600};
};

/// One request, when it is over; for logs and metrics.
struct AccessRecord {
    std::string request_id, remote, method, path;
    std::string route;  ///< the pattern that matched; empty: none
    int status = 0;
    std::uint64_t body_bytes_in = 0, body_bytes_out = 0;
    std::chrono::microseconds duration{0};
    bool client_gone = false;
};

struct HttpServerOptions {
    std::string host = "127.0.0.1";  ///< a name or address; "0.0.0.0" and "::" open the server to the network
    std::uint16_t port = 8080;       ///< 0: any free one, see `HttpServer::port`
    std::size_t max_connections = 1024;
    std::size_t max_header_bytes = std::size_t{32} << 10;
    std::size_t max_body_bytes = std::size_t{4} << 20;
    std::chrono::milliseconds header_timeout{15'000};      ///< for a whole header, from its first byte
    std::chrono::milliseconds keep_alive_timeout{75'000};  ///< between requests
    std::chrono::milliseconds body_timeout{30'000};        ///< without a byte of the body
    std::chrono::milliseconds write_timeout{60'000};       ///< for the client to take one piece of the answer
    std::chrono::milliseconds time_limit{0};               ///< of a handler; zero: none
    CorsOptions cors{};
    std::vector<std::string> api_keys{};  ///< not empty: one must come as `Authorization: Bearer`, `X-Api-Key` …
    std::string key_parameter{};          ///< also a query parameter that a key may come in; empty: none
    /// Asked about a key that is none of `api_keys`, or is empty because none was shown: whether it may make this
    /// request. Errors become the answer (unauthenticated 401, permission_denied 403). Called from any thread; must not
    /// block. Unset: only `api_keys` count.
    std::function<Result<void>(const HttpRequest& request, std::string_view key)> accept_key{};
    /// Adds fields to the answer of a request that showed this key. Called from any thread; must not block.
    std::function<void(std::string_view key, Headers& response)> add_headers{};
    std::string server_name = "tenon";
    /// Makes the body of the server's own errors (404, 413, …) on a path (empty when it is not known); unset: a JSON
    /// object {"error": {"message", "type", "code"}}.
    std::function<HttpResponse(int status, std::string message, std::string_view path)> error_response{};
    std::function<void(const AccessRecord&)> on_complete{};  ///< called from any thread
    LogSink log{};
};

/// The key a request shows: `Authorization: Bearer KEY`, else `X-Api-Key`, else `X-Goog-Api-Key`, else empty. Valid as
/// long as the headers.
[[nodiscard]] std::string_view presented_key(const Headers& headers) noexcept;

/// Serves from construction on until `shutdown` or destruction. Thread-safe.
///
/// Behaviour that callers may rely on:
/// - a header over the limit gets 431, a body 413, a malformed request 400, a slow one 408, one connection too many
/// 503;
/// - `Expect: 100-continue` is answered when the body is wanted; `HEAD` and `OPTIONS` work on every route;
/// - pipelined requests are answered in order; a body is buffered once, or not at all on routes that stream it;
/// - `X-Request-Id` is taken over when it is a short token, else made, and returned;
/// - the stop token of a handler fires within moments of the client closing its connection, even when nothing is being
///   written; a half-closed connection (the client has shut its sending side) counts as closed.
class HttpServer {
  public:
    /// Binds and begins to accept. The runtime behind `executor` must outlive the server.
    /// Errors: invalid_argument (host not resolved), already_exists (address in use), permission_denied, unavailable.
    [[nodiscard]] static Result<std::unique_ptr<HttpServer>> start(Executor executor, HttpServerOptions options,
                                                                   Router router);
    /// Cuts every connection and returns at once; handlers are told to stop. What handlers refer to must live until
    /// they have returned: await `shutdown` first, or let the runtime go before it.
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept;
    /// "http://127.0.0.1:8080"; a wildcard address is named as the loopback one.
    [[nodiscard]] std::string url() const;
    [[nodiscard]] std::size_t connections() const noexcept;

    /// Stops accepting, lets requests in flight finish for `grace`, then stops their handlers, and returns when the
    /// last connection is gone.
    [[nodiscard]] task<void> shutdown(std::chrono::milliseconds grace);

    struct Impl;

  private:
    explicit HttpServer(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace tenon::net
