// Requests to servers that other servers named: bounded, and only to where they may lead. Private to mcp.
#pragma once

#include <memory>
#include <string>

#include "tenon/net/http_client.hpp"

namespace tenon::mcp::auth {

/// Thread-safe, cheap to copy. Answers are 256 KiB at most and take half a minute at most.
class Fetcher {
  public:
    /// `loopback`: addresses of this machine are allowed.
    Fetcher(std::shared_ptr<net::HttpClient> http, bool loopback) : http_(std::move(http)), loopback_(loopback) {}

    /// Follows three redirects at most, each to where it may lead. Errors: protocol (not allowed there), those of
    /// HttpClient.
    [[nodiscard]] task<Result<net::ClientResponse>> get(std::string url, CallOptions call) const;
    /// Follows none.
    [[nodiscard]] task<Result<net::ClientResponse>> post(std::string url, net::Headers headers, std::string body,
                                                         CallOptions call) const;
    [[nodiscard]] bool loopback() const noexcept { return loopback_; }

  private:
    std::shared_ptr<net::HttpClient> http_;
    bool loopback_;
};

}  // namespace tenon::mcp::auth
