// A client played by the test: it says messages to a server session, without any transport, and keeps what comes back.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "mcp/server/session.hpp"
#include "tenon/async/runtime.hpp"

namespace tenon::mcp::test {

class Peer {
  public:
    explicit Peer(Server server)
        : session_(ServerSession::make(server.state(), [this](rpc::Message m) { keep(rpc::encode(m)); })) {}
    ~Peer() {
        session_->end();
        for (auto& one : said_) one.wait();
    }

    /// Does not wait for what comes of it.
    void say(const std::string& text) {
        auto message = rpc::parse(text);
        ASSERT_TRUE(message) << message.error().failure.message << " in " << text;
        said_.push_back(boost::asio::co_spawn(
            runtime_.executor(),
            session_->handle(
                std::move(*message), [this](rpc::Message m) { keep(rpc::encode(m)); }, Delivery()),
            boost::asio::use_future));
    }
    /// Says it and returns the answer to it.
    json::Value ask(std::int64_t id, const std::string& method, const std::string& params = "{}") {
        say(R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" + method + R"(","params":)" + params +
            "}");
        return await([id](const json::Value& m) { return json::find(m, "method") == nullptr && is(m, "id", id); });
    }
    json::Value initialize(const std::string& version = "2025-11-25", const std::string& capabilities = "{}") {
        auto answer = ask(0, "initialize",
                          R"({"protocolVersion":")" + version + R"(","capabilities":)" + capabilities +
                              R"(,"clientInfo":{"name":"peer","version":"1"}})");
        say(R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
        return answer;
    }
    /// The first message that fits, now or when it comes; null after half a minute.
    json::Value await(const std::function<bool(const json::Value&)>& fits) {
        std::unique_lock lock(mutex_);
        json::Value found;
        came_.wait_for(lock, std::chrono::seconds(30), [&] {
            for (const auto& m : heard_)
                if (fits(m)) {
                    found = m;
                    return true;
                }
            return false;
        });
        return found;
    }
    json::Value await_method(const std::string& method) {
        return await([&](const json::Value& m) { return json::string_or(m, "method", "") == method; });
    }
    [[nodiscard]] std::size_t heard(const std::string& method) {
        const std::scoped_lock lock(mutex_);
        std::size_t n = 0;
        for (const auto& m : heard_) n += json::string_or(m, "method", "") == method ? 1U : 0U;
        return n;
    }
    void forget() {
        const std::scoped_lock lock(mutex_);
        heard_.clear();
    }
    /// Waits until everything said so far has been served.
    void settle() {
        for (auto& one : said_) one.wait();
    }
    ServerSession& session() { return *session_; }
    Runtime& runtime() { return runtime_; }
    static bool is(const json::Value& m, std::string_view key, std::int64_t value) {
        const auto* found = json::find(m, key);
        return found != nullptr && found->is_int64() && found->get_int64() == value;
    }

  private:
    void keep(const std::string& text) {
        {
            const std::scoped_lock lock(mutex_);
            heard_.push_back(json::parse(text).value());
        }
        came_.notify_all();
    }
    std::mutex mutex_;
    std::condition_variable came_;
    std::vector<json::Value> heard_;
    Runtime runtime_;
    std::shared_ptr<ServerSession> session_;
    std::vector<std::future<void>> said_;
};

/// The value at "a/b/0/c", or null.
inline json::Value at(const json::Value& value, const std::string& path) {
    boost::system::error_code error;
    const auto* found = value.find_pointer("/" + path, error);
    return found == nullptr ? json::Value() : *found;
}
/// `_meta` of a stateless request.
inline std::string meta(const std::string& capabilities = "{}", const std::string& more = "") {
    return R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
           R"("io.modelcontextprotocol/clientCapabilities":)" +
           capabilities + more + "}";
}

}  // namespace tenon::mcp::test
