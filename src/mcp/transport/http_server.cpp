// Streamable HTTP: the server's endpoint (2025-03-26 to 2026-07-28).
#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include "mcp/server/session.hpp"
#include "mcp/transport/http_guard.hpp"
#include "mcp/transport/http_sessions.hpp"
#include "mcp/wire/wire.hpp"
#include "tenon/mcp/server.hpp"
#include "tenon/net/sse.hpp"

namespace tenon::mcp {
namespace {

using Messages = Channel<rpc::Message>;
using Writer = std::shared_ptr<net::ResponseWriter>;

/// How a request wants to be answered.
struct Manner {
    bool modern = false;      ///< it stands for itself
    bool incomplete = false;  ///< its _meta lacks what it must say
    bool events = false;      ///< its client takes a stream
};

/// The status that a response is told with where every request stands for itself.
int status_of(const rpc::Message& message, bool incomplete) {
    const auto* response = std::get_if<rpc::Response>(&message);
    if (response == nullptr || response->outcome) return 200;
    switch (response->outcome.error().code) {
        case rpc::method_not_found:
            return 404;
        case rpc::header_mismatch:
        case rpc::missing_client_capability:
        case rpc::unsupported_version:
        case rpc::invalid_request:
        case rpc::parse_error:
            return 400;
        case rpc::invalid_params:
            return incomplete ? 400 : 200;
        default:
            return 200;
    }
}

task<Result<void>> send_json(Writer writer, int status, net::Headers headers, std::string body) {
    if (!body.empty()) headers.set("Content-Type", "application/json");
    TENON_CO_CHECK(co_await writer->start(status, std::move(headers)));
    if (!body.empty()) TENON_CO_CHECK(co_await writer->write(std::move(body)));
    co_return co_await writer->finish();
}
task<Result<void>> send_failure(Writer writer, int status, int code, std::string message,
                                std::optional<rpc::Id> id = std::nullopt) {
    auto body = rpc::encode(rpc::Response{
        std::move(id), rpc::Outcome(std::unexpect, rpc::Failure{code, std::move(message), std::nullopt})});
    net::Headers none;
    co_return co_await send_json(std::move(writer), status, std::move(none), std::move(body));
}

net::Headers stream_headers() {
    return {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}};
}

/// Sends what comes, as events, until it ends or the client is gone.
task<Result<void>> stream(Writer writer, std::shared_ptr<Messages> messages, CallOptions call,
                          std::chrono::milliseconds keep_alive) {
    for (;;) {
        auto waiting = call;
        const auto quiet = Clock::now() + keep_alive;
        if (!waiting.deadline || *waiting.deadline > quiet) waiting.deadline = quiet;
        auto message = co_await messages->next(waiting);
        if (!message) {
            const bool over = message.error().code() != ErrorCode::deadline_exceeded ||
                              (call.deadline && Clock::now() >= *call.deadline);
            if (over) co_return std::unexpected(std::move(message).error());
            TENON_CO_CHECK(co_await writer->write(net::sse_comment("")));
            continue;
        }
        if (!*message) co_return co_await writer->finish();
        net::SseEvent event;
        event.event = "message";
        event.data = rpc::encode(**message);
        TENON_CO_CHECK(co_await writer->write(net::sse_encode(event)));
    }
}

/// Answers with what comes: one response alone as JSON, more as a stream of events.
task<Result<void>> respond(Writer writer, std::shared_ptr<Messages> messages, CallOptions call, Manner manner,
                           std::chrono::milliseconds keep_alive, net::Headers headers) {
    const bool events = manner.events;
    std::optional<rpc::Message> first;
    for (;;) {
        auto waiting = call;
        if (events) {
            const auto quiet = Clock::now() + keep_alive;
            if (!waiting.deadline || *waiting.deadline > quiet) waiting.deadline = quiet;
        }
        auto message = co_await messages->next(waiting);
        if (!message) {
            if (!events || message.error().code() != ErrorCode::deadline_exceeded)
                co_return std::unexpected(std::move(message).error());
            break;  // it takes long: begin the stream, so that the connection is kept open
        }
        if (!*message) {  // cancelled: nothing is left to say
            net::Headers none;
            co_return co_await send_json(std::move(writer), 202, std::move(none), std::string());
        }
        first = std::move(**message);
        if (std::holds_alternative<rpc::Response>(*first)) {
            const int status = manner.modern ? status_of(*first, manner.incomplete) : 200;
            co_return co_await send_json(std::move(writer), status, std::move(headers), rpc::encode(*first));
        }
        if (events) break;
    }
    for (const auto& field : stream_headers()) headers.set(field.name, field.value);
    TENON_CO_CHECK(co_await writer->start(200, std::move(headers)));
    if (first) {
        net::SseEvent event;
        event.event = "message";
        event.data = rpc::encode(*first);
        TENON_CO_CHECK(co_await writer->write(net::sse_encode(event)));
    }
    co_return co_await stream(std::move(writer), std::move(messages), std::move(call), keep_alive);
}

task<void> serve(std::shared_ptr<ServerSession> session, rpc::Message message, std::shared_ptr<Messages> messages,
                 Delivery delivery) {
    Outlet outlet = [messages](rpc::Message m) { messages->push(std::move(m)); };
    co_await session->handle(std::move(message), std::move(outlet), std::move(delivery));
    messages->close();
}

class Endpoint : public std::enable_shared_from_this<Endpoint> {
  public:
    Endpoint(Server server, HttpOptions options)
        : server_(std::move(server)),
          options_(std::move(options)),
          guard_(options_),
          sessions_(server_.state(), options_.max_sessions, options_.session_idle) {}

    task<Result<void>> post(net::HttpRequest request, Writer writer, net::CallContext context);
    task<Result<void>> get(net::HttpRequest request, Writer writer, net::CallContext context);
    task<Result<void>> remove(net::HttpRequest request, Writer writer, net::CallContext context);
    net::HttpResponse metadata(const net::HttpRequest& request) const { return guard_.metadata(request.headers); }

  private:
    task<Result<void>> post_request(rpc::Message message, std::shared_ptr<ServerSession> session, Delivery delivery,
                                    Manner manner, Writer writer, CallOptions call, net::Headers headers);
    [[nodiscard]] std::shared_ptr<HttpSession> session_of(const net::HttpRequest& request,
                                                          const std::string& principal) {
        const auto id = request.headers.find("mcp-session-id");
        return id ? sessions_.find(*id, principal) : nullptr;
    }
    /// What a stateless request says in its headers, against what it says in its body.
    [[nodiscard]] std::optional<std::string> mismatch(const net::HttpRequest& request,
                                                      const rpc::Request& message) const;

    const Server server_;
    const HttpOptions options_;
    const HttpGuard guard_;
    HttpSessions sessions_;
};

std::optional<std::string> Endpoint::mismatch(const net::HttpRequest& request, const rpc::Request& message) const {
    const auto differs = [&](std::string_view header, std::string_view expected,
                             bool encoded) -> std::optional<std::string> {
        const auto sent = request.headers.find(header);
        if (!sent) return fmt::format("Header mismatch: {} is missing", header);
        const auto value = encoded ? wire::decode_header(*sent) : std::optional<std::string>(*sent);
        if (!value || *value != expected)
            return fmt::format("Header mismatch: {} does not say what the body says", header);
        return std::nullopt;
    };
    const auto* meta = message.params.if_contains("_meta");
    if (meta != nullptr)
        if (const auto said = json::string_or(*meta, wire::meta_version, ""); !said.empty())
            if (auto fault = differs("MCP-Protocol-Version", said, false)) return fault;
    if (auto fault = differs("Mcp-Method", message.method, false)) return fault;
    const bool named = message.method == "tools/call" || message.method == "prompts/get";
    if (!named && message.method != "resources/read") return std::nullopt;
    const json::Value params(message.params);
    const std::string name(json::string_or(params, named ? "name" : "uri", ""));
    if (auto fault = differs("Mcp-Name", name, true)) return fault;
    if (message.method != "tools/call") return std::nullopt;
    const auto tool = server_.state()->find_tool(name);
    if (!tool) return std::nullopt;
    const auto* arguments = json::find(params, "arguments");
    const json::Value none = json::Object();
    for (const auto& header : tool->headers)
        if (!wire::header_fits(header, arguments == nullptr ? none : *arguments, request.headers.find(header.name)))
            return fmt::format("Header mismatch: {} does not say what the arguments say", header.name);
    return std::nullopt;
}

task<Result<void>> Endpoint::post(net::HttpRequest request, Writer writer, net::CallContext context) {
    const auto self = shared_from_this();
    auto entered = co_await guard_.enter(request.headers);
    if (!entered.principal) {
        co_return co_await send_json(std::move(writer), entered.status, std::move(entered.headers),
                                     std::move(entered.body));
    }
    const std::string principal = std::move(*entered.principal);
    if (const auto given = request.headers.find("content-type"); !given || !given->starts_with("application/json"))
        co_return co_await send_failure(std::move(writer), 415, rpc::invalid_request,
                                        "the body must be application/json");
    const auto accept = request.headers.find("accept");
    const bool events = !accept || accept->find("text/event-stream") != std::string_view::npos ||
                        accept->find("*/*") != std::string_view::npos;

    auto message = rpc::parse(request.body);
    if (!message) {
        auto& fault = message.error();
        co_return co_await send_failure(std::move(writer), 400, fault.failure.code, fault.failure.message, fault.id);
    }
    const auto version = request.headers.find("mcp-protocol-version");
    const auto known = version ? revision_from(*version) : std::nullopt;
    const auto* asked = std::get_if<rpc::Request>(&*message);
    const auto* meta = asked == nullptr ? nullptr : asked->params.if_contains("_meta");
    const bool states = meta != nullptr && json::find(*meta, wire::meta_version) != nullptr;
    const bool modern = (known && is_stateless(*known)) || states;

    Delivery delivery;
    delivery.principal = principal;
    delivery.http = true;
    delivery.revision = known;
    if (modern) {
        if (asked == nullptr) {  // nothing a stateless client could say
            net::Headers none;
            co_return co_await send_json(std::move(writer), 202, std::move(none), std::string());
        }
        // Whether _meta is whole is told first: it is what the headers are held against.
        if (meta != nullptr && states)
            if (auto fault = mismatch(request, *asked))
                co_return co_await send_failure(std::move(writer), 400, rpc::header_mismatch, *fault, asked->id);
        delivery.call = context.call;  // a closed stream is a cancelled request
        const bool whole = states && json::find(*meta, wire::meta_capabilities) != nullptr;
        auto session = ServerSession::make(server_.state(), nullptr);
        net::Headers none;
        const Manner manner{true, !whole, events};
        co_return co_await post_request(std::move(*message), std::move(session), std::move(delivery), manner,
                                        std::move(writer), context.call, std::move(none));
    }
    if (version && !known)
        co_return co_await send_failure(std::move(writer), 400, rpc::unsupported_version,
                                        fmt::format("the protocol version {} is not supported", *version));
    net::Headers headers;
    std::shared_ptr<ServerSession> session;
    if (asked != nullptr && asked->method == "initialize") {
        const auto made = sessions_.make(principal);
        headers.set("Mcp-Session-Id", made->id);
        session = made->session;
    } else if (!request.headers.contains("mcp-session-id")) {
        co_return co_await send_failure(std::move(writer), 400, rpc::invalid_request,
                                        "Mcp-Session-Id is missing: say initialize first");
    } else if (const auto found = session_of(request, principal)) {
        session = found->session;
    } else {
        co_return co_await send_failure(std::move(writer), 404, rpc::invalid_request,
                                        "this session has ended; say initialize again");
    }
    if (asked == nullptr) {
        Outlet nowhere = [](rpc::Message) {};
        co_await session->handle(std::move(*message), std::move(nowhere), std::move(delivery));
        co_return co_await send_json(std::move(writer), 202, std::move(headers), std::string());
    }
    const Manner manner{false, false, events};
    co_return co_await post_request(std::move(*message), std::move(session), std::move(delivery), manner,
                                    std::move(writer), context.call, std::move(headers));
}

task<Result<void>> Endpoint::post_request(rpc::Message message, std::shared_ptr<ServerSession> session,
                                          Delivery delivery, Manner manner, Writer writer, CallOptions call,
                                          net::Headers headers) {
    const auto messages = std::make_shared<Messages>();
    const auto executor = co_await boost::asio::this_coro::executor;
    const auto finished = [messages](std::exception_ptr error) {
        messages->close(Error(ErrorCode::internal, "the handler has failed"));
        if (error) std::rethrow_exception(error);
    };
    boost::asio::co_spawn(executor, serve(session, std::move(message), messages, std::move(delivery)), finished);
    const auto sent =
        co_await respond(std::move(writer), messages, std::move(call), manner, options_.keep_alive, std::move(headers));
    messages->close();
    co_return sent;
}

task<Result<void>> Endpoint::get(net::HttpRequest request, Writer writer, net::CallContext context) {
    const auto self = shared_from_this();
    auto entered = co_await guard_.enter(request.headers);
    if (!entered.principal) {
        co_return co_await send_json(std::move(writer), entered.status, std::move(entered.headers),
                                     std::move(entered.body));
    }
    const auto version = request.headers.find("mcp-protocol-version");
    const auto known = version ? revision_from(*version) : std::nullopt;
    if (!request.headers.contains("mcp-session-id") || (known && is_stateless(*known))) {
        net::Headers allow{{"Allow", "POST"}};
        co_return co_await send_json(std::move(writer), 405, std::move(allow), std::string());
    }
    const auto found = session_of(request, *entered.principal);
    if (!found)
        co_return co_await send_failure(std::move(writer), 404, rpc::invalid_request,
                                        "this session has ended; say initialize again");
    const auto messages = found->open_stream();
    if (!messages)
        co_return co_await send_failure(std::move(writer), 409, rpc::invalid_request,
                                        "this session has its stream already");
    net::Headers headers = stream_headers();
    auto sent = co_await writer->start(200, std::move(headers));
    if (sent) sent = co_await writer->write(net::sse_comment(""));
    if (sent) sent = co_await stream(writer, messages, context.call, options_.keep_alive);
    found->close_stream(messages);
    co_return sent;
}

task<Result<void>> Endpoint::remove(net::HttpRequest request, Writer writer, net::CallContext) {
    const auto self = shared_from_this();
    auto entered = co_await guard_.enter(request.headers);
    if (!entered.principal) {
        co_return co_await send_json(std::move(writer), entered.status, std::move(entered.headers),
                                     std::move(entered.body));
    }
    if (!request.headers.contains("mcp-session-id")) {
        net::Headers allow{{"Allow", "POST"}};
        co_return co_await send_json(std::move(writer), 405, std::move(allow), std::string());
    }
    const auto found = session_of(request, *entered.principal);
    if (found) sessions_.end(found->id);
    net::Headers none;
    const int status = found ? 204 : 404;
    co_return co_await send_json(std::move(writer), status, std::move(none), std::string());
}

}  // namespace

void mount(net::Router& router, Server server, HttpOptions options) {
    const net::RouteOptions ours{.max_body_bytes = options.max_body_bytes, .open_access = true};
    const std::string path = options.path;
    const bool has_metadata = !options.authorization_servers.empty();
    const auto endpoint = std::make_shared<Endpoint>(std::move(server), std::move(options));
    router.add_streaming(
        "POST", path,
        [endpoint](net::HttpRequest request, Writer writer, net::CallContext context) {
            return endpoint->post(std::move(request), std::move(writer), std::move(context));
        },
        ours);
    router.add_streaming(
        "GET", path,
        [endpoint](net::HttpRequest request, Writer writer, net::CallContext context) {
            return endpoint->get(std::move(request), std::move(writer), std::move(context));
        },
        ours);
    router.add_streaming(
        "DELETE", path,
        [endpoint](net::HttpRequest request, Writer writer, net::CallContext context) {
            return endpoint->remove(std::move(request), std::move(writer), std::move(context));
        },
        ours);
    if (!has_metadata) return;
    const auto metadata = [endpoint](net::HttpRequest request, net::CallContext) -> task<net::HttpResponse> {
        co_return endpoint->metadata(request);
    };
    router.get("/.well-known/oauth-protected-resource", metadata, ours);
    router.get("/.well-known/oauth-protected-resource" + path, metadata, ours);
}

}  // namespace tenon::mcp
