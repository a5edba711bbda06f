// Sessions of the streamable HTTP endpoint, for revisions until 2025-11-25. Private to mcp.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "mcp/server/session.hpp"

namespace tenon::mcp {

/// Thread-safe.
class HttpSession {
  public:
    std::string id, principal;
    std::shared_ptr<ServerSession> session;
    Clock::time_point used{};  ///< guarded by HttpSessions

    /// For what belongs to no request; null: there is a stream already. What came before is sent first.
    [[nodiscard]] std::shared_ptr<Channel<rpc::Message>> open_stream();
    void close_stream(const std::shared_ptr<Channel<rpc::Message>>& stream);
    void send(rpc::Message message);
    void end();

  private:
    std::mutex mutex_;
    std::shared_ptr<Channel<rpc::Message>> stream_;
    std::deque<rpc::Message> kept_;
};

/// Thread-safe.
class HttpSessions {
  public:
    HttpSessions(std::shared_ptr<Server::State> server, std::size_t limit, std::chrono::minutes idle)
        : server_(std::move(server)), limit_(limit), idle_(idle) {}
    ~HttpSessions();
    HttpSessions(const HttpSessions&) = delete;
    HttpSessions& operator=(const HttpSessions&) = delete;

    [[nodiscard]] std::shared_ptr<HttpSession> make(std::string principal);
    /// Null: there is none, or it is somebody else's.
    [[nodiscard]] std::shared_ptr<HttpSession> find(std::string_view id, std::string_view principal);
    void end(const std::string& id);

  private:
    const std::shared_ptr<Server::State> server_;
    const std::size_t limit_;
    const std::chrono::minutes idle_;
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<HttpSession>, std::less<>> sessions_;
};

}  // namespace tenon::mcp
