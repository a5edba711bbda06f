// What surrounds every handler of an App: app.use(serve::gzip()). CORS, request ids and limits of connections, headers,
// bodies and time are options of the server (net::HttpServerOptions) and of single routes.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

#include "tenon/serve/app.hpp"

namespace tenon::serve {

/// Compresses answers of text and JSON for clients that accept it (RFC 9110 §12.5.3); streams go as they are, so that
/// no piece waits for the next.
[[nodiscard]] Middleware gzip(std::size_t min_bytes = 1024);
/// Adds `Server-Timing: app;dur=MILLISECONDS`, from the body read to the answer made.
[[nodiscard]] Middleware timing();
/// At most so many requests in their handlers at once; more get 503 with Retry-After.
[[nodiscard]] Middleware limit_concurrency(std::size_t most);
/// At most `count` requests in any `window` for each key; more get 429 with Retry-After. `key` default: the client's
/// address. Exact under concurrent load.
[[nodiscard]] Middleware limit_rate(std::size_t count, std::chrono::milliseconds window,
                                    std::function<std::string(const net::HttpRequest&)> key = {});

}  // namespace tenon::serve
