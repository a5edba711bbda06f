// The server's side of the protocol: messages in, messages out, no sockets. Private to mcp.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "mcp/rpc.hpp"
#include "mcp/server/state.hpp"
#include "tenon/async/channel.hpp"
#include "tenon/async/task.hpp"

namespace tenon::mcp {

/// Takes the messages that belong to one request (or, of a session, those that belong to none), in order. From any
/// thread, never blocks.
using Outlet = std::function<void(rpc::Message)>;

/// How a message came.
struct Delivery {
    CallOptions call{};
    std::string principal{};             ///< who sent it, where that is known
    std::optional<Revision> revision{};  ///< said beside the message (HTTP header)
    bool http = false;
};

/// One client of revisions until 2025-11-25, and any number of requests of later ones. Thread-safe; lives in a
/// shared_ptr.
class ServerSession final : public Listener, public std::enable_shared_from_this<ServerSession> {
  public:
    /// `unasked` takes what belongs to no request.
    [[nodiscard]] static std::shared_ptr<ServerSession> make(std::shared_ptr<Server::State> server, Outlet unasked);

    /// Serves one message. Returns when it is served: a response has gone to `outlet`, unless the client cancelled the
    /// request. Errors that the peer can be told of go to it.
    [[nodiscard]] task<void> handle(rpc::Message message, Outlet outlet, Delivery delivery);
    /// The client sends no more: subscriptions end, and questions to it fail; the rest is served.
    void input_ended();
    /// Stops everything under way.
    void end();

    [[nodiscard]] bool ended() const;
    [[nodiscard]] std::optional<Revision> revision() const;
    void changed(const Change& change) override;

    /// Of a legacy session: asks the client and waits.
    [[nodiscard]] task<Result<json::Object>> ask_client(std::string method, json::Object params, Outlet outlet,
                                                        CallOptions call);

  private:
    explicit ServerSession(std::shared_ptr<Server::State> server, Outlet unasked)
        : server_(std::move(server)), unasked_(std::move(unasked)) {}

    task<void> serve(rpc::Request request, Outlet outlet, Delivery delivery);
    void note(const rpc::Notification& note);
    void answer(rpc::Response response);
    [[nodiscard]] std::optional<rpc::Failure> begin(const rpc::Id& id, std::stop_source stop, bool listens);
    [[nodiscard]] task<rpc::Outcome> dispatch_modern(rpc::Request request, Outlet outlet, Delivery delivery);
    [[nodiscard]] task<rpc::Outcome> dispatch_session(rpc::Request request, Outlet outlet, Delivery delivery);
    [[nodiscard]] rpc::Outcome initialize(const json::Object& params);
    [[nodiscard]] rpc::Outcome discover() const;
    [[nodiscard]] task<rpc::Outcome> listen(rpc::Request request, Outlet outlet, CallOptions call);
    [[nodiscard]] rpc::Outcome subscribe(const json::Object& params, bool on);
    [[nodiscard]] rpc::Outcome set_level(const json::Object& params);

    const std::shared_ptr<Server::State> server_;
    const Outlet unasked_;

    mutable std::mutex mutex_;
    bool ended_ = false, closing_ = false;
    std::optional<Revision> revision_;
    Implementation client_;
    ClientCapabilities client_can_;
    LogLevel level_ = LogLevel::info;
    std::set<std::string> followed_;
    std::map<rpc::Id, std::stop_source> under_way_;
    std::set<rpc::Id> subscriptions_;  ///< of those under way
    std::int64_t asked_ = 0;
    std::map<rpc::Id, std::shared_ptr<Channel<rpc::Response>>> waiting_;
};

/// Behind a RequestContext.
struct RequestContext::Impl {
    std::shared_ptr<Server::State> server;
    std::shared_ptr<ServerSession> session;
    Outlet outlet;
    CallOptions call;
    Revision revision = latest_revision;
    Implementation client;
    ClientCapabilities can;
    std::optional<json::Value> progress_token;
    std::optional<LogLevel> level;  ///< from which on messages are sent; none: not at all

    std::mutex mutex;  ///< of what follows
    bool over = false;
    std::size_t questions = 0;
    // Of a stateless request: what is known, what is still to be asked, what the client would need.
    json::Object answers, asked;
    std::optional<ClientCapabilities> missing;

    void send(std::string method, json::Object params);
};

/// tools/*, resources/*, prompts/*, completion/*. Nothing: no such method.
[[nodiscard]] task<std::optional<rpc::Outcome>> serve_feature(std::shared_ptr<RequestContext::Impl> context,
                                                              std::string method, json::Object params);

}  // namespace tenon::mcp
