// Streamable HTTP: the client's side (2025-03-26 to 2026-07-28).
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "mcp/client/link.hpp"
#include "mcp/transport/challenge.hpp"
#include "mcp/wire/wire.hpp"
#include "tenon/net/retry.hpp"
#include "tenon/net/sse.hpp"

namespace tenon::mcp {
namespace {

constexpr std::size_t most_error_bytes = std::size_t{1} << 20;
constexpr int most_resumptions = 5;
constexpr std::chrono::milliseconds least_pause{10}, usual_pause{1000}, longest_pause{30'000};
/// Some servers answer a request for their stream only when they have something to say in it.
constexpr std::chrono::milliseconds opening_step{5}, longest_opening{500};

/// What one stream of events has brought.
struct Heard {
    bool answered = false;
    std::string last_id{};
    std::optional<std::chrono::milliseconds> retry{};
};

class HttpLink final : public Link, public std::enable_shared_from_this<HttpLink> {
  public:
    HttpLink(Executor executor, Endpoint endpoint, std::shared_ptr<net::HttpClient> http, LogSink log)
        : executor_(std::move(executor)),
          endpoint_(std::move(endpoint)),
          http_(std::move(http)),
          log_(std::move(log)),
          token_(endpoint_.token) {}
    ~HttpLink() override { stop_.request_stop(); }
    bool has_headers() const noexcept override { return true; }
    void attach(std::weak_ptr<ClientSession> session) override { session_ = std::move(session); }

    void send(Outgoing message) override {
        const bool stateless = message.revision && is_stateless(*message.revision);
        // Without a session, a closed stream is the word for "cancelled".
        const auto* note = std::get_if<rpc::Notification>(&message.message);
        if (stateless && note != nullptr) return;
        if (note != nullptr && note->method == "notifications/initialized") opening_ = true;
        boost::asio::co_spawn(executor_, deliver(shared_from_this(), std::move(message)), boost::asio::detached);
    }

    task<void> close() override {
        const auto self = shared_from_this();
        net::ClientRequest request;
        {
            const std::scoped_lock lock(mutex_);
            if (!session_id_.empty()) {
                request = basic_request("DELETE");
                session_id_.clear();
            }
        }
        if (!request.url.empty())
            (void)co_await http_->send(std::move(request), CallOptions::within(std::chrono::seconds(2)));
        stop_.request_stop();
    }

  private:
    static task<void> deliver(std::shared_ptr<HttpLink> self, Outgoing message);
    static task<void> follow(std::shared_ptr<HttpLink> self);
    task<Result<void>> post(const Outgoing& message, std::optional<rpc::Id> id, CallOptions call);
    task<Result<Heard>> hear(net::StreamingResponse response, std::optional<rpc::Id> id);
    task<Result<void>> resume(Heard heard, rpc::Id id, CallOptions call);
    task<Result<net::StreamingResponse>> open(net::ClientRequest request, CallOptions call);

    /// With what every request says; the lock is held.
    [[nodiscard]] net::ClientRequest basic_request(std::string method) const {
        net::ClientRequest request;
        request.method = std::move(method);
        request.url = endpoint_.url;
        request.headers = endpoint_.headers;
        request.idle_timeout = std::chrono::seconds(0);
        if (!token_.empty()) request.headers.set("Authorization", "Bearer " + token_);
        if (!session_id_.empty()) request.headers.set("Mcp-Session-Id", session_id_);
        if (revision_) request.headers.set("MCP-Protocol-Version", std::string(to_string(*revision_)));
        return request;
    }
    [[nodiscard]] net::ClientRequest request_of(const Outgoing& message);
    void give(rpc::Message message) const {
        if (const auto session = session_.lock()) session->receive(std::move(message));
    }

    const Executor executor_;
    const Endpoint endpoint_;
    const std::shared_ptr<net::HttpClient> http_;
    const LogSink log_;
    std::weak_ptr<ClientSession> session_;
    std::stop_source stop_;

    mutable std::mutex mutex_;
    std::string token_, session_id_;
    std::optional<Revision> revision_;
    bool following_ = false;
    std::atomic<bool> opening_ = false;  // the stream of what belongs to no request is about to be there
};

net::ClientRequest HttpLink::request_of(const Outgoing& message) {
    const std::scoped_lock lock(mutex_);
    if (message.revision) revision_ = message.revision;
    auto request = basic_request("POST");
    request.headers.set("Content-Type", "application/json");
    request.headers.set("Accept", "application/json, text/event-stream");
    request.body = rpc::encode(message.message);
    const auto* asked = std::get_if<rpc::Request>(&message.message);
    if (!message.revision) request.headers.remove("MCP-Protocol-Version");
    if (asked == nullptr || !message.revision || !is_stateless(*message.revision)) return request;
    request.headers.set("Mcp-Method", asked->method);
    const json::Value params(asked->params);
    std::string_view name;
    if (asked->method == "tools/call" || asked->method == "prompts/get") name = json::string_or(params, "name", "");
    if (asked->method == "resources/read") name = json::string_or(params, "uri", "");
    if (!name.empty()) request.headers.set("Mcp-Name", wire::encode_header(name));
    for (const auto& field : message.headers) request.headers.set(field.name, field.value);
    return request;
}

/// Sends it; when the server does not let us in, once more with the token that `authorize` gets.
task<Result<net::StreamingResponse>> HttpLink::open(net::ClientRequest request, CallOptions call) {
    const auto self = shared_from_this();
    for (int attempt = 0;; ++attempt) {
        TENON_CO_TRY(auto response, co_await http_->open(request, call));
        const bool refused = response.status == 401 || (response.status == 403 && is_scope_challenge(response.headers));
        if (!refused || !endpoint_.authorize || attempt == 3) co_return response;
        auto challenge = read_challenge(response.status, response.headers);
        challenge.server = endpoint_.url;
        challenge.attempt = attempt + 1;
        // What this request showed: another one may have got a newer token meanwhile.
        constexpr std::string_view scheme = "Bearer ";
        const auto shown = request.headers.find("authorization").value_or("");
        if (shown.starts_with(scheme)) challenge.token = shown.substr(scheme.size());
        const auto before = challenge.token;
        response.body.reset();
        TENON_CO_TRY(auto token, co_await endpoint_.authorize(std::move(challenge), call));
        if (token == before) co_return fail(ErrorCode::unauthenticated, "the MCP server does not take the token");
        request.headers.set("Authorization", "Bearer " + token);
        const std::scoped_lock lock(mutex_);
        token_ = std::move(token);
    }
}

task<Result<std::string>> body_of(net::StreamingResponse response, std::size_t limit) {
    std::string body;
    for (;;) {
        TENON_CO_TRY(auto piece, co_await response.body->next());
        if (!piece) co_return body;
        if (piece->size() > limit - body.size())
            co_return fail(ErrorCode::resource_exhausted, fmt::format("an answer is longer than {} bytes", limit));
        body += *piece;
    }
}

task<Result<Heard>> HttpLink::hear(net::StreamingResponse response, std::optional<rpc::Id> id) {
    const auto self = shared_from_this();
    Heard heard;
    net::SseParser parser(rpc::max_message_bytes);
    std::vector<net::SseEvent> events;
    for (;;) {
        auto piece = co_await response.body->next();
        // A stream that breaks off may be taken up again where it carried ids.
        if (!piece && heard.last_id.empty()) co_return std::unexpected(std::move(piece).error());
        if (!piece || !*piece) break;
        events.clear();
        TENON_CO_CHECK(parser.feed(**piece, events));
        for (auto& event : events) {
            if (!event.id.empty()) heard.last_id = event.id;
            if (event.data.empty()) continue;
            auto message = rpc::parse(event.data);
            if (!message) {
                if (log_)
                    log_(tenon::LogLevel::warning, "mcp", "an event is no message: " + message.error().failure.message);
                continue;
            }
            const auto* answer = std::get_if<rpc::Response>(&*message);
            if (answer != nullptr && id && answer->id == id) heard.answered = true;
            give(std::move(*message));
        }
        heard.retry = parser.retry();
        if (heard.answered) break;
    }
    co_return heard;
}

/// Asks for the rest of a stream that ended before its answer (until 2025-11-25).
task<Result<void>> HttpLink::resume(Heard heard, rpc::Id id, CallOptions call) {
    const auto self = shared_from_this();
    for (int attempt = 0; attempt < most_resumptions; ++attempt) {
        const auto pause = std::clamp(heard.retry.value_or(usual_pause), least_pause, longest_pause);
        TENON_CO_CHECK(co_await net::sleep_for(pause, call));
        net::ClientRequest request;
        {
            const std::scoped_lock lock(mutex_);
            request = basic_request("GET");
        }
        request.headers.set("Accept", "text/event-stream");
        request.headers.set("Last-Event-ID", heard.last_id);
        TENON_CO_TRY(auto response, co_await open(std::move(request), call));
        if (response.status >= 400)
            co_return fail(ErrorCode::unavailable, "the MCP server's stream ended before the answer");
        TENON_CO_TRY(auto more, co_await hear(std::move(response), id));
        if (more.answered) co_return Result<void>{};
        if (!more.last_id.empty()) heard.last_id = more.last_id;
        if (more.retry) heard.retry = more.retry;
    }
    co_return fail(ErrorCode::unavailable, "the MCP server's stream ended before the answer, again and again");
}

task<Result<void>> HttpLink::post(const Outgoing& message, std::optional<rpc::Id> id, CallOptions call) {
    const auto self = shared_from_this();
    TENON_CO_TRY(auto response, co_await open(request_of(message), call));
    if (const auto given = response.headers.find("mcp-session-id"); given && !message.revision) {
        const std::scoped_lock lock(mutex_);
        session_id_ = *given;
    }
    const auto type = response.headers.find("content-type").value_or("");
    if (response.status >= 400) {
        const int status = response.status;
        if (status == 404 && message.revision && !is_stateless(*message.revision))
            co_return fail(ErrorCode::unavailable, "the MCP server has ended the session; connect again");
        const auto headers = response.headers;
        const auto body = co_await body_of(std::move(response), most_error_bytes);
        if (id && body && status != 401 && status != 403)
            if (auto told = rpc::parse(*body))
                if (auto* answer = std::get_if<rpc::Response>(&*told); answer != nullptr && !answer->outcome) {
                    answer->id = id;
                    give(std::move(*told));
                    co_return Result<void>{};
                }
        std::string detail = body ? body->substr(0, 300) : std::string();
        co_return std::unexpected(net::status_error(status, headers, detail));
    }
    if (!id) co_return Result<void>{};
    if (type.starts_with("text/event-stream")) {
        TENON_CO_TRY(auto heard, co_await hear(std::move(response), id));
        if (heard.answered) co_return Result<void>{};
        const bool stateless = message.revision && is_stateless(*message.revision);
        if (stateless || heard.last_id.empty())
            co_return fail(ErrorCode::unavailable, "the MCP server's stream ended before the answer");
        co_return co_await resume(std::move(heard), *id, std::move(call));
    }
    if (!type.starts_with("application/json"))
        co_return fail(ErrorCode::protocol, fmt::format("the MCP server answered with '{}'", type));
    TENON_CO_TRY(const auto body, co_await body_of(std::move(response), rpc::max_message_bytes));
    auto told = rpc::parse(body);
    if (!told)
        co_return fail(ErrorCode::protocol, "the MCP server's answer is no message: " + told.error().failure.message);
    const auto* answer = std::get_if<rpc::Response>(&*told);
    if (answer == nullptr || answer->id != id)
        co_return fail(ErrorCode::protocol, "the MCP server answered something else than what it was asked");
    give(std::move(*told));
    co_return Result<void>{};
}

task<void> HttpLink::deliver(std::shared_ptr<HttpLink> self, Outgoing message) {
    const auto* asked = std::get_if<rpc::Request>(&message.message);
    const auto* note = std::get_if<rpc::Notification>(&message.message);
    const std::optional<rpc::Id> id = asked == nullptr ? std::nullopt : std::optional(asked->id);
    const bool ready = note != nullptr && note->method == "notifications/initialized";
    std::stop_source stop;
    const std::stop_callback on_end(self->stop_.get_token(), [&stop] { stop.request_stop(); });
    const std::stop_callback on_cancel(message.stop, [&stop] { stop.request_stop(); });
    CallOptions call;
    call.stop = stop.get_token();
    // What a request makes the server ask comes in that stream, and is lost where it is not open yet.
    for (auto waited = opening_step; id && self->opening_ && waited < longest_opening; waited += opening_step)
        if (!co_await net::sleep_for(opening_step, call)) break;
    const auto sent = co_await self->post(message, id, std::move(call));
    if (!sent && id)
        if (const auto session = self->session_.lock()) session->lost(*id, sent.error());
    if (!sent && !id && self->log_)
        self->log_(tenon::LogLevel::warning, "mcp", "a message was not delivered: " + sent.error().describe());
    if (ready && sent)
        boost::asio::co_spawn(self->executor_, follow(self), boost::asio::detached);
    else if (ready)
        self->opening_ = false;
}

/// The stream of what belongs to no request, as long as the server keeps one (until 2025-11-25).
task<void> HttpLink::follow(std::shared_ptr<HttpLink> self) {
    CallOptions call;
    call.stop = self->stop_.get_token();
    {
        const std::scoped_lock lock(self->mutex_);
        if (self->following_) co_return;
        self->following_ = true;
    }
    const std::weak_ptr<HttpLink> weak = self;
    Heard heard;
    for (int failures = 0; failures < 5;) {
        net::ClientRequest request;
        {
            const std::scoped_lock lock(self->mutex_);
            request = self->basic_request("GET");
        }
        request.headers.set("Accept", "text/event-stream");
        if (!heard.last_id.empty()) request.headers.set("Last-Event-ID", heard.last_id);
        auto response = co_await self->open(std::move(request), call);
        self->opening_ = false;
        if (response && response->status >= 400) co_return;
        if (!response && (response.error().code() == ErrorCode::unauthenticated ||
                          response.error().code() == ErrorCode::permission_denied))
            co_return;
        if (response && !response->headers.find("content-type").value_or("").starts_with("text/event-stream"))
            co_return;
        if (response) {
            failures = 0;
            auto more = co_await self->hear(std::move(*response), std::nullopt);
            if (more && !more->last_id.empty()) heard.last_id = more->last_id;
            if (more && more->retry) heard.retry = more->retry;
        } else {
            ++failures;
        }
        if (self->stop_.stop_requested()) co_return;
        const auto pause = std::clamp(heard.retry.value_or(usual_pause), least_pause, longest_pause);
        if (!co_await net::sleep_for(pause, call)) co_return;
    }
}

}  // namespace

std::shared_ptr<Link> http_link(Executor executor, Endpoint endpoint, std::shared_ptr<net::HttpClient> http,
                                LogSink log) {
    return std::make_shared<HttpLink>(std::move(executor), std::move(endpoint), std::move(http), std::move(log));
}

}  // namespace tenon::mcp
