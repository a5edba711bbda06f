// The application server: OpenAI's endpoints, search and ask, knowledge bases, metrics, the console.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tenon/base/log.hpp"
#include "tenon/serve/services.hpp"

namespace tenon::serve {

struct ServerOptions {
    std::string host = "127.0.0.1";
    std::uint16_t port = 8080;                            ///< 0: any free one
    std::vector<std::string> api_keys;                    ///< not empty: clients must show one
    std::vector<std::string> cors_origins;                ///< "*" for any
    std::size_t max_body_bytes = std::size_t{16} << 20;   ///< of JSON requests
    std::size_t max_upload_bytes = std::size_t{1} << 30;  ///< of documents sent to be indexed
    std::uint64_t max_tokens = 4096;       ///< most a request may ask for, and what it gets when it does not say
    std::chrono::seconds time_limit{600};  ///< of one request
    std::chrono::milliseconds shutdown_grace{10'000};
    LogSink log;
};

/// Serves from construction until `shutdown` or destruction. Thread-safe.
class Server {
  public:
    /// Errors: those of net::HttpServer::start.
    [[nodiscard]] static Result<std::unique_ptr<Server>> start(Services services, ServerOptions options);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept;
    [[nodiscard]] std::string url() const;
    /// Stops accepting, lets requests finish for the grace time, then ends them.
    [[nodiscard]] task<void> shutdown();

    struct Impl;

  private:
    explicit Server(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::serve
