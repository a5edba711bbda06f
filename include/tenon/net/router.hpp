// Which handler answers which path.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/net/http_message.hpp"

namespace tenon::net {

struct RouteOptions {
    std::optional<std::size_t> max_body_bytes{};            ///< else the server's
    bool stream_body = false;                               ///< the body is pulled from `body_stream`, never held whole
    std::optional<std::chrono::milliseconds> time_limit{};  ///< else the server's
    bool open_access = false;                               ///< no API key is asked for
};

struct Route {
    std::string method;
    std::string pattern;
    Handler handler;  ///< one of the two is set
    StreamingHandler streaming;
    RouteOptions options;
    std::vector<std::string> segments;
};

struct RouteMatch {
    const Route* route = nullptr;
    QueryParameters parameters;
    std::vector<std::string> allowed;  ///< when no route takes the method, the methods of those that match the path
};

/// Patterns: "/v1/models/{id}" takes one segment, a last "{rest...}" any number (none too). A literal segment wins
/// over a parameter, a parameter over a rest. HEAD goes to GET routes. Built once, then read-only and thread-safe.
class Router {
  public:
    Router& add(std::string method, std::string pattern, Handler handler, RouteOptions options = {});
    Router& add_streaming(std::string method, std::string pattern, StreamingHandler handler, RouteOptions options = {});
    Router& get(std::string pattern, Handler handler, RouteOptions options = {}) {
        return add("GET", std::move(pattern), std::move(handler), options);
    }
    Router& post(std::string pattern, Handler handler, RouteOptions options = {}) {
        return add("POST", std::move(pattern), std::move(handler), options);
    }
    /// `raw_path` is still percent-encoded, so that "%2F" stays within its segment.
    [[nodiscard]] RouteMatch match(std::string_view method, std::string_view raw_path) const;
    /// In the order they are tried.
    [[nodiscard]] const std::vector<Route>& routes() const noexcept { return routes_; }

  private:
    std::vector<Route> routes_;
};

}  // namespace tenon::net
