// The client's side of the protocol: messages in, messages out, no sockets. Private to mcp.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "mcp/rpc.hpp"
#include "mcp/wire/headers.hpp"
#include "tenon/async/channel.hpp"
#include "tenon/mcp/client.hpp"

namespace tenon::mcp {

/// One message for the server, with what its transport may need beside it.
struct Outgoing {
    rpc::Message message;
    std::optional<Revision> revision{};  ///< the one that is spoken; none yet: shaking hands
    net::Headers headers{};              ///< arguments that travel as headers too
    std::stop_token stop{};              ///< nobody waits for the answer any more
};

/// Thread-safe; lives in a shared_ptr.
class ClientSession : public std::enable_shared_from_this<ClientSession> {
  public:
    /// `send` never blocks; it may be called from any thread.
    ClientSession(Executor executor, ClientOptions options, std::function<void(Outgoing)> send)
        : executor_(std::move(executor)), options_(std::move(options)), send_(std::move(send)) {}

    /// Finds out what the server speaks, and shakes hands where that is the custom.
    [[nodiscard]] task<Result<void>> open(CallOptions call);
    /// One request; the result is complete. `headers` as in Outgoing.
    [[nodiscard]] task<Result<json::Object>> request(std::string method, json::Object params,
                                                     RequestOptions options = RequestOptions(),
                                                     net::Headers headers = net::Headers());
    /// The same of a method whose server may ask back: questions are answered, and the request sent again.
    [[nodiscard]] task<Result<json::Object>> converse(std::string method, json::Object params, RequestOptions options,
                                                      net::Headers headers = net::Headers());
    void notify(std::string method, json::Object params = {});

    // From the transport.
    void receive(rpc::Message message);
    /// This request got no answer.
    void lost(const rpc::Id& id, Error error);
    /// The connection has ended: every request fails with this, those to come too.
    void close(Error error);

    [[nodiscard]] std::optional<Revision> revision() const;
    [[nodiscard]] const ClientOptions& options() const noexcept { return options_; }
    // Known once it is open.
    Implementation server;
    ServerCapabilities can;
    std::string instructions;

  private:
    struct Waiting {
        std::shared_ptr<Channel<rpc::Outcome>> answer;
        std::function<void(Progress)> on_progress;
    };
    [[nodiscard]] task<Result<rpc::Outcome>> exchange(std::string method, json::Object params, RequestOptions options,
                                                      net::Headers headers, std::optional<Revision> revision);
    [[nodiscard]] task<Result<bool>> discover(CallOptions call);
    [[nodiscard]] task<Result<void>> initialize(CallOptions call);
    [[nodiscard]] task<rpc::Outcome> answer(std::string method, json::Object params, Revision revision,
                                            CallOptions call);
    [[nodiscard]] task<rpc::Outcome> answer_form(json::Object params, CallOptions call);
    static task<void> serve(std::shared_ptr<ClientSession> self, rpc::Request request);
    static task<void> listen(std::shared_ptr<ClientSession> self);
    void hear(const rpc::Notification& note);
    [[nodiscard]] ClientCapabilities capabilities() const;
    void say(rpc::Message message, std::optional<Revision> revision);

    const Executor executor_;
    const ClientOptions options_;
    const std::function<void(Outgoing)> send_;

    mutable std::mutex mutex_;
    std::optional<Revision> revision_;
    std::optional<Error> closed_;
    std::int64_t last_ = 0;
    std::map<rpc::Id, Waiting> waiting_;
    std::map<rpc::Id, std::stop_source> serving_;
};

}  // namespace tenon::mcp
