// HTTP client: requests and streamed answers over HTTP/1.1 and HTTP/2 (RFC 9110, 9112, 9113), on the event loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tenon/async/stream.hpp"
#include "tenon/async/task.hpp"
#include "tenon/net/headers.hpp"
#include "tenon/net/retry.hpp"

namespace tenon::net {

/// Of one client; nothing is taken from the environment.
struct HttpClientOptions {
    std::string proxy;     ///< "http://[user:password@]host:port", "https://…", "socks5h://…"; empty: direct
    std::string no_proxy;  ///< comma-separated hosts that are reached directly
    std::string ca_file;   ///< PEM bundle of trusted roots; empty: the system's
    std::string ca_path;   ///< directory of hashed certificates; empty: the system's
    bool verify_tls = true;
    /// Only addresses of the public Internet are connected to, whatever name or redirect led there: for fetching URLs
    /// that somebody else chose (server-side request forgery). Cannot be held to behind a proxy: then every call fails.
    bool public_addresses_only = false;
    bool http2 = true;  ///< offered by ALPN over TLS; HTTP/1.1 otherwise
    std::string user_agent = "tenon";
    std::size_t max_connections_per_host = 32;
    std::chrono::milliseconds connect_timeout{10'000};
};

struct ClientRequest {
    std::string method = "GET";
    std::string url;  ///< http or https
    Headers headers;
    std::string body;
    /// No byte received for this long ends the request (deadline_exceeded); whole seconds; zero: wait for ever.
    std::chrono::seconds idle_timeout{300};
    int max_redirects = 5;  ///< zero: a redirect is returned as any other answer
    /// `send` gives resource_exhausted past this many decoded bytes.
    std::size_t max_body_bytes = std::size_t{64} << 20;
    bool accept_compressed = true;  ///< offers gzip, deflate, br, zstd and decodes them
};

struct ClientResponse {
    int status = 0;
    Headers headers;
    std::string body;
    std::string url;  ///< after redirects
};

struct StreamingResponse {
    int status = 0;
    Headers headers;
    std::string url;              ///< after redirects
    StreamPtr<std::string> body;  ///< decoded bytes as they come; destroying it closes the connection
};

using DownloadProgress = std::function<void(std::uint64_t bytes_done, std::optional<std::uint64_t> bytes_total)>;

struct DownloadRequest {
    std::string url;
    Headers headers;
    std::filesystem::path file;  ///< bytes go here; the caller verifies them and renames the file
    bool resume = true;          ///< when `file` holds n bytes, asks for those after them
    std::string if_range;        ///< ETag the partial file came with: the server starts anew when it has changed
    std::optional<std::uint64_t> max_bytes{};
    DownloadProgress progress{};  ///< called on the coroutine's executor, at most once per chunk
    RetryPolicy retry{};          ///< a cut connection resumes where it broke off; progress resets the count
    std::chrono::seconds idle_timeout{60};
};

struct DownloadResult {
    std::uint64_t bytes_total = 0;   ///< length of the file now
    std::uint64_t resumed_from = 0;  ///< bytes that were there before
    std::string url;                 ///< after redirects
    Headers headers;                 ///< of the last answer
};

/// Thread-safe: any number of calls may be in flight; connections are kept and shared between them.
///
/// The runtime behind `executor` must outlive the client, and the client its calls; bodies still being read when it is
/// destroyed end with `cancelled`.
/// Redirects (RFC 9110 §15.4) are followed up to `max_redirects`; credentials (Authorization, Cookie and API-key
/// headers) go only to the origin they were given for, and https never falls back to http.
///
/// Errors: invalid_argument (URL, method or header is malformed), unavailable (name not resolved, refused, connection
/// lost), deadline_exceeded, cancelled (both close the socket at once), permission_denied (certificate not trusted,
/// address not public),
/// protocol (answer breaks HTTP, too many redirects), resource_exhausted (body over the limit).
/// A status of 400 or more is an answer, not an error: see `status_error`.
class HttpClient {
  public:
    explicit HttpClient(Executor executor, HttpClientOptions options = {});
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// The whole answer.
    [[nodiscard]] task<Result<ClientResponse>> send(ClientRequest request, CallOptions options = {});
    /// Returns when the headers are there; the body is pulled, and the peer is slowed down when nobody pulls.
    /// `options` govern the body too.
    [[nodiscard]] task<Result<StreamingResponse>> open(ClientRequest request, CallOptions options = {});
    /// GET into a file. A status other than 200 and 206 is an error (`status_error`). After an error the bytes that
    /// came stay in the file. Errors besides: io, corrupt (the server sent another range than asked).
    [[nodiscard]] task<Result<DownloadResult>> download(DownloadRequest request, CallOptions options = {});

    struct Impl;

  private:
    std::shared_ptr<Impl> impl_;
};

/// The error a status of 400 or more means: 401 unauthenticated, 403 permission_denied, 404 and 410 not_found,
/// 408, 425, 500, 502-504 and 529 unavailable, 409 already_exists, 413 resource_exhausted, 429 rate_limited (all with
/// `Retry-After`), 501 unsupported, any other 4xx invalid_argument, 5xx unavailable, the rest protocol. `detail` ends
/// the message.
[[nodiscard]] Error status_error(int status, const Headers& headers, std::string_view detail);

/// `Retry-After` (RFC 9110 §10.2.3): seconds or an HTTP date, or the `retry-after-ms` some services send. Never
/// negative.
[[nodiscard]] std::optional<std::int64_t> retry_after_ms(const Headers& headers,
                                                         std::chrono::system_clock::time_point now);

}  // namespace tenon::net
