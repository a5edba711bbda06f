// What a server's handlers take and give.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tenon/async/stream.hpp"
#include "tenon/async/task.hpp"
#include "tenon/net/headers.hpp"
#include "tenon/net/url.hpp"

namespace tenon::net {

struct HttpRequest {
    std::string method;
    std::string target;  ///< as sent
    std::string path;    ///< decoded, without the query
    QueryParameters query;
    QueryParameters path_parameters;  ///< of the route's pattern
    Headers headers;
    std::string body;                    ///< whole, unless the route streams it
    StreamPtr<std::string> body_stream;  ///< of a route with `stream_body`; must not outlive the handler
    std::string remote;                  ///< address of the peer, without the port
    std::string request_id;

    /// The first query parameter of that name.
    [[nodiscard]] std::optional<std::string_view> query_parameter(std::string_view name) const noexcept;
    /// The path parameter of that name; empty when the pattern has none.
    [[nodiscard]] std::string_view path_parameter(std::string_view name) const noexcept;
};

class WebSocket;

struct HttpResponse {
    int status = 200;
    Headers headers;
    std::string body;
    /// When set, the body is pulled from here instead and sent as it comes (chunked encoding): pieces that are there
    /// at once go out together, a piece that is waited for goes out by itself. An error cuts the connection.
    std::shared_ptr<Stream<std::string>> stream{};
    /// When set, the connection becomes a WebSocket (RFC 6455) and this runs with it; status and body do not count.
    /// The socket closes when it returns: 1000 for success, 1011 for an error.
    std::function<task<Result<void>>(std::shared_ptr<WebSocket>)> upgrade{};
    std::size_t max_message_bytes = std::size_t{1} << 20;  ///< of a WebSocket
    /// Dropped when the answer has been sent, or given up.
    std::shared_ptr<void> owner{};

    [[nodiscard]] static HttpResponse text(std::string body, int status = 200);
    [[nodiscard]] static HttpResponse json(std::string body, int status = 200);
};

/// What a handler obeys: `call.stop` fires when the client disconnects, the time limit passes or the server shuts down.
struct CallContext {
    CallOptions call;
    std::string request_id;
};

/// An answer sent piece by piece (chunked encoding). Belongs to the connection: use it only until the handler returns,
/// from any thread but one call at a time. Errors of all: cancelled (the client is gone), deadline_exceeded (it does
/// not read).
class ResponseWriter {
  public:
    virtual ~ResponseWriter() = default;
    /// Sends status and headers; once, before `write`. (GCC 12 cannot compile a braced list of headers inside a
    /// co_await expression: make the Headers a variable first.)
    [[nodiscard]] virtual task<Result<void>> start(int status, Headers headers) = 0;
    /// Returns when the bytes are handed to the system, so a slow reader slows the writer down.
    [[nodiscard]] virtual task<Result<void>> write(std::string chunk) = 0;
    /// Ends the answer; done by the server when the handler returns success without it.
    [[nodiscard]] virtual task<Result<void>> finish() = 0;
    [[nodiscard]] virtual bool started() const noexcept = 0;
};

/// Handlers run on the connection's strand of the event loop: work that blocks goes to another executor.
using Handler = std::function<task<HttpResponse>(HttpRequest, CallContext)>;
/// An error before `start` becomes an error response; after it, the connection is cut so that the client notices.
using StreamingHandler = std::function<task<Result<void>>(HttpRequest, std::shared_ptr<ResponseWriter>, CallContext)>;

/// The reason phrase of a status ("Not Found").
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;
/// The status that an error is best told with: not_found 404, invalid_argument 400, rate_limited 429, …
[[nodiscard]] int status_of(ErrorCode code) noexcept;

}  // namespace tenon::net
