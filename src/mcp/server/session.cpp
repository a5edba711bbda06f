#include "mcp/server/session.hpp"

#include <fmt/format.h>

#include "mcp/wire/seal.hpp"
#include "mcp/wire/wire.hpp"

namespace tenon::mcp {
namespace {

std::unexpected<rpc::Failure> refuse(int code, std::string message, std::optional<json::Value> data = std::nullopt) {
    return std::unexpected(rpc::Failure{code, std::move(message), std::move(data)});
}

const json::Value* meta_of(const json::Object& params, std::string_view key) {
    const auto* meta = params.if_contains("_meta");
    return meta == nullptr ? nullptr : json::find(*meta, key);
}

/// Methods whose results clients may keep.
bool is_cacheable(std::string_view method) {
    return method == "tools/list" || method == "prompts/list" || method == "resources/list" ||
           method == "resources/templates/list" || method == "resources/read" || method == "server/discover";
}
bool may_ask(std::string_view method) {
    return method == "tools/call" || method == "prompts/get" || method == "resources/read";
}

/// A stop source that also stops when the call does.
struct LinkedStop {
    explicit LinkedStop(const std::stop_token& outer)
        : on_outer(outer, [source = source]() mutable { source.request_stop(); }) {}
    std::stop_source source;
    std::stop_callback<std::function<void()>> on_outer;
};

json::Object supported_versions_data(std::string_view requested) {
    json::Array supported;
    for (const auto* text : {"2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"})
        supported.emplace_back(text);
    return {{"supported", std::move(supported)}, {"requested", requested}};
}

/// What of a request seals its state to it: the same client, the same thing.
std::string purpose_of(const rpc::Request& request, const std::string& principal) {
    json::Object same;
    for (const auto& [key, value] : request.params)
        if (key != "_meta" && key != "inputResponses" && key != "requestState") same[key] = value;
    return fmt::format("{}\n{}\n{}", principal, request.method, json::dump(same));
}

}  // namespace

std::shared_ptr<ServerSession> ServerSession::make(std::shared_ptr<Server::State> server, Outlet unasked) {
    std::shared_ptr<ServerSession> session(new ServerSession(server, std::move(unasked)));
    server->listen(session);
    return session;
}

bool ServerSession::ended() const {
    const std::scoped_lock lock(mutex_);
    return ended_;
}
std::optional<Revision> ServerSession::revision() const {
    const std::scoped_lock lock(mutex_);
    return revision_;
}

void ServerSession::input_ended() {
    std::vector<std::stop_source> stop;
    std::map<rpc::Id, std::shared_ptr<Channel<rpc::Response>>> waiting;
    {
        const std::scoped_lock lock(mutex_);
        closing_ = true;
        for (const auto& id : subscriptions_) stop.push_back(under_way_.at(id));
        waiting = waiting_;
    }
    for (auto& source : stop) source.request_stop();
    for (auto& [id, channel] : waiting) channel->close(Error(ErrorCode::unavailable, "the MCP client is gone"));
}

void ServerSession::end() {
    std::map<rpc::Id, std::stop_source> stop;
    std::map<rpc::Id, std::shared_ptr<Channel<rpc::Response>>> waiting;
    {
        const std::scoped_lock lock(mutex_);
        ended_ = closing_ = true;
        stop = under_way_;
        waiting = waiting_;
    }
    for (auto& [id, source] : stop) source.request_stop();
    for (auto& [id, channel] : waiting) channel->close(Error(ErrorCode::unavailable, "the MCP client is gone"));
}

task<void> ServerSession::handle(rpc::Message message, Outlet outlet, Delivery delivery) {
    if (auto* request = std::get_if<rpc::Request>(&message)) {
        co_await serve(std::move(*request), std::move(outlet), std::move(delivery));
    } else if (const auto* notification = std::get_if<rpc::Notification>(&message)) {
        note(*notification);
    } else {
        answer(std::move(std::get<rpc::Response>(message)));
    }
}

void ServerSession::note(const rpc::Notification& note) {
    if (note.method != "notifications/cancelled") return;
    const auto* id = note.params.if_contains("requestId");
    const auto which = id == nullptr ? std::nullopt : rpc::id_from(*id);
    if (!which) return;
    std::optional<std::stop_source> stop;
    {
        const std::scoped_lock lock(mutex_);
        if (const auto at = under_way_.find(*which); at != under_way_.end()) stop = at->second;
    }
    if (stop) stop->request_stop();
}

void ServerSession::answer(rpc::Response response) {
    if (!response.id) return;
    std::shared_ptr<Channel<rpc::Response>> channel;
    {
        const std::scoped_lock lock(mutex_);
        const auto at = waiting_.find(*response.id);
        if (at == waiting_.end()) return;  // too late, or of no question of ours
        channel = at->second;
        waiting_.erase(at);
    }
    channel->push(std::move(response));
}

task<Result<json::Object>> ServerSession::ask_client(std::string method, json::Object params, Outlet outlet,
                                                     CallOptions call) {
    auto channel = std::make_shared<Channel<rpc::Response>>();
    rpc::Id id;
    {
        const std::scoped_lock lock(mutex_);
        if (closing_) co_return fail(ErrorCode::unavailable, "the MCP client is gone");
        id = ++asked_;
        waiting_[id] = channel;
    }
    outlet(rpc::Request{id, method, std::move(params)});
    auto response = co_await channel->next(call);
    if (!response || !*response) {
        {
            const std::scoped_lock lock(mutex_);
            waiting_.erase(id);
        }
        if (!response) {
            outlet(rpc::Notification{"notifications/cancelled",
                                     {{"requestId", rpc::to_json(id)}, {"reason", response.error().message()}}});
            co_return std::unexpected(std::move(response).error());
        }
        co_return fail(ErrorCode::unavailable, "the MCP client is gone");
    }
    auto& outcome = (*response)->outcome;
    if (!outcome)
        co_return fail(ErrorCode::protocol, fmt::format("the client refused {}: {} ({})", method,
                                                        outcome.error().message, outcome.error().code));
    co_return std::move(*outcome);
}

std::optional<rpc::Failure> ServerSession::begin(const rpc::Id& id, std::stop_source stop, bool listens) {
    const std::scoped_lock lock(mutex_);
    if (ended_) return rpc::Failure{rpc::invalid_request, "the session has ended", std::nullopt};
    if (under_way_.size() >= server_->options.max_concurrent)
        return rpc::Failure{-32000, "too many requests at once; wait for some to finish", std::nullopt};
    if (!under_way_.emplace(id, stop).second)
        return rpc::Failure{rpc::invalid_request, "a request of this id is under way", std::nullopt};
    if (listens) subscriptions_.insert(id);
    if (listens && closing_) stop.request_stop();
    return std::nullopt;
}

task<void> ServerSession::serve(rpc::Request request, Outlet outlet, Delivery delivery) {
    const auto self = shared_from_this();
    LinkedStop linked(delivery.call.stop);
    delivery.call.stop = linked.source.get_token();
    const auto id = request.id;
    const bool listens = request.method == "subscriptions/listen";
    if (auto refused = begin(id, linked.source, listens)) {
        outlet(rpc::Response{id, rpc::Outcome(std::unexpect, std::move(*refused))});
        co_return;
    }
    const bool modern = (delivery.revision && is_stateless(*delivery.revision)) ||
                        meta_of(request.params, wire::meta_version) != nullptr || request.method == "server/discover";
    std::optional<rpc::Outcome> outcome;
    if (modern)
        outcome.emplace(co_await dispatch_modern(std::move(request), outlet, delivery));
    else
        outcome.emplace(co_await dispatch_session(std::move(request), outlet, delivery));
    bool over = false;
    {
        const std::scoped_lock lock(mutex_);
        under_way_.erase(id);
        subscriptions_.erase(id);
        over = closing_;
    }
    // Who cancelled does not want to hear of it any more; who listens is told when the server ends.
    if (delivery.call.stop.stop_requested() && !(listens && over)) co_return;
    outlet(rpc::Response{id, std::move(*outcome)});
}

task<rpc::Outcome> ServerSession::dispatch_modern(rpc::Request request, Outlet outlet, Delivery delivery) {
    const auto* version = meta_of(request.params, wire::meta_version);
    const auto* can = meta_of(request.params, wire::meta_capabilities);
    if (version == nullptr || !version->is_string())
        co_return refuse(rpc::invalid_params, fmt::format("_meta must hold \"{}\"", wire::meta_version));
    const std::string named(version->get_string());
    const auto revision = revision_from(named);
    if (!revision || !is_stateless(*revision))
        co_return refuse(rpc::unsupported_version, "this protocol version is not supported without a handshake",
                         supported_versions_data(named));
    if (can == nullptr)
        co_return refuse(rpc::invalid_params, fmt::format("_meta must hold \"{}\"", wire::meta_capabilities));
    auto capabilities = wire::read<ClientCapabilities>(*can);
    if (!capabilities) co_return refuse(rpc::invalid_params, capabilities.error().message());

    auto context = std::make_shared<RequestContext::Impl>();
    context->server = server_;
    context->session = shared_from_this();
    context->outlet = outlet;
    context->call = delivery.call;
    context->revision = *revision;
    context->can = std::move(*capabilities);
    if (const auto* about = meta_of(request.params, wire::meta_client))
        if (auto known = wire::read<Implementation>(*about)) context->client = std::move(*known);
    if (const auto* token = meta_of(request.params, "progressToken")) context->progress_token = *token;
    if (const auto* level = meta_of(request.params, wire::meta_log_level); level != nullptr && level->is_string()) {
        context->level = log_level_from(level->get_string());
        if (!context->level)
            co_return refuse(rpc::invalid_params,
                             fmt::format("\"{}\" is not a log level", level->get_string().c_str()));
    }

    const auto purpose = purpose_of(request, delivery.principal);
    if (may_ask(request.method)) {
        if (const auto* state = request.params.if_contains("requestState")) {
            std::optional<std::string> text;
            if (state->is_string())
                text =
                    unseal(server_->options.state_key, purpose, state->get_string(), std::chrono::system_clock::now());
            auto known = text ? json::parse(*text) : Result<json::Value>(fail(ErrorCode::corrupt, "no state"));
            if (!known || !known->is_object())
                co_return refuse(rpc::invalid_params, "requestState is not what this server gave, or is too old");
            context->answers = std::move(known->get_object());
        }
        if (const auto* replies = request.params.if_contains("inputResponses")) {
            if (!replies->is_object()) co_return refuse(rpc::invalid_params, "inputResponses must be an object");
            for (const auto& [key, value] : replies->get_object()) context->answers[key] = value;
        }
    }

    const auto method = request.method;
    std::optional<rpc::Outcome> outcome;
    if (method == "server/discover")
        outcome = discover();
    else if (method == "subscriptions/listen")
        outcome.emplace(co_await listen(std::move(request), outlet, delivery.call));
    else
        outcome = co_await serve_feature(context, method, std::move(request.params));
    json::Object asked;
    json::Object answers;
    std::optional<ClientCapabilities> missing;
    {
        const std::scoped_lock lock(context->mutex);
        context->over = true;
        asked = std::move(context->asked);
        answers = std::move(context->answers);
        missing = std::move(context->missing);
    }
    if (!outcome) co_return refuse(rpc::method_not_found, fmt::format("there is no method {}", method));
    const json::Object about{{wire::meta_server, wire::write(server_->about)}};
    if (!asked.empty()) {
        const auto until = std::chrono::system_clock::now() + server_->options.ask_timeout;
        co_return json::Object{{"resultType", "input_required"},
                               {"inputRequests", std::move(asked)},
                               {"requestState", seal(server_->options.state_key, purpose, json::dump(answers), until)},
                               {"_meta", about}};
    }
    const bool failed = !*outcome || json::bool_or(json::Value(**outcome), "isError", false);
    if (missing && failed)
        co_return refuse(rpc::missing_client_capability, "the client would need a capability it does not declare",
                         json::Object{{"requiredCapabilities", wire::write(*missing, *revision)}});
    if (!*outcome) co_return std::move(*outcome);
    auto& result = **outcome;
    result["resultType"] = "complete";
    if (auto* meta = result.if_contains("_meta"); meta != nullptr && meta->is_object())
        meta->get_object()[wire::meta_server] = wire::write(server_->about);
    else
        result["_meta"] = about;
    if (is_cacheable(method)) {
        result["ttlMs"] = server_->options.list_ttl.count();
        result["cacheScope"] = server_->options.list_public ? "public" : "private";
    }
    co_return std::move(*outcome);
}

task<rpc::Outcome> ServerSession::dispatch_session(rpc::Request request, Outlet outlet, Delivery delivery) {
    if (request.method == "initialize") co_return initialize(request.params);
    if (request.method == "ping") co_return json::Object();
    auto context = std::make_shared<RequestContext::Impl>();
    {
        const std::scoped_lock lock(mutex_);
        if (!revision_) co_return refuse(rpc::invalid_request, "say initialize first");
        context->revision = *revision_;
        context->client = client_;
        context->can = client_can_;
        context->level = level_;
    }
    if (request.method == "logging/setLevel") co_return set_level(request.params);
    if (request.method == "resources/subscribe") co_return subscribe(request.params, true);
    if (request.method == "resources/unsubscribe") co_return subscribe(request.params, false);
    context->server = server_;
    context->session = shared_from_this();
    context->outlet = outlet;
    context->call = delivery.call;
    if (const auto* token = meta_of(request.params, "progressToken")) context->progress_token = *token;
    auto outcome = co_await serve_feature(context, request.method, std::move(request.params));
    {
        const std::scoped_lock lock(context->mutex);
        context->over = true;
    }
    if (!outcome) co_return refuse(rpc::method_not_found, fmt::format("there is no method {}", request.method));
    co_return std::move(*outcome);
}

rpc::Outcome ServerSession::initialize(const json::Object& params) {
    const json::Value given(params);
    const auto version = wire::string_in(given, "protocolVersion");
    if (!version) return refuse(rpc::invalid_params, version.error().message());
    ClientCapabilities can;
    if (const auto* stated = params.if_contains("capabilities")) {
        auto read = wire::read<ClientCapabilities>(*stated);
        if (!read) return refuse(rpc::invalid_params, read.error().message());
        can = std::move(*read);
    }
    auto revision = revision_from(*version).value_or(latest_session_revision);
    if (is_stateless(revision)) revision = latest_session_revision;
    {
        const std::scoped_lock lock(mutex_);
        if (revision_) return refuse(rpc::invalid_request, "the session is initialized already");
        revision_ = revision;
        client_can_ = std::move(can);
        if (const auto* about = params.if_contains("clientInfo"))
            if (auto known = wire::read<Implementation>(*about)) client_ = std::move(*known);
    }
    json::Object out{{"protocolVersion", to_string(revision)},
                     {"capabilities", wire::write(server_->capabilities(), revision)},
                     {"serverInfo", wire::write(server_->about)}};
    if (!server_->options.instructions.empty()) out["instructions"] = server_->options.instructions;
    return out;
}

rpc::Outcome ServerSession::discover() const {
    json::Object out{{"supportedVersions", supported_versions_data("").at("supported")},
                     {"capabilities", wire::write(server_->capabilities(), latest_revision)}};
    if (!server_->options.instructions.empty()) out["instructions"] = server_->options.instructions;
    return out;
}

rpc::Outcome ServerSession::set_level(const json::Object& params) {
    const auto name = wire::string_in(json::Value(params), "level");
    const auto level = name ? log_level_from(*name) : std::nullopt;
    if (!level) return refuse(rpc::invalid_params, "\"level\" must be a log level, such as \"info\"");
    const std::scoped_lock lock(mutex_);
    level_ = *level;
    return json::Object();
}

rpc::Outcome ServerSession::subscribe(const json::Object& params, bool on) {
    auto uri = wire::string_in(json::Value(params), "uri");
    if (!uri) return refuse(rpc::invalid_params, uri.error().message());
    const std::scoped_lock lock(mutex_);
    if (!on)
        followed_.erase(*uri);
    else if (followed_.size() >= 10'000)
        return refuse(rpc::invalid_params, "too many subscriptions");
    else
        followed_.insert(std::move(*uri));
    return json::Object();
}

namespace {

constexpr std::string_view method_of(Change::Kind kind) {
    switch (kind) {
        case Change::Kind::tools:
            return "notifications/tools/list_changed";
        case Change::Kind::prompts:
            return "notifications/prompts/list_changed";
        case Change::Kind::resources:
            return "notifications/resources/list_changed";
        case Change::Kind::resource:
            return "notifications/resources/updated";
    }
    return {};
}

/// One subscriptions/listen request.
class Subscription final : public Listener {
  public:
    Subscription(json::Value id, Outlet outlet) : id_(std::move(id)), outlet_(std::move(outlet)) {}
    bool tools = false, prompts = false, resources = false;
    std::set<std::string> uris;

    /// Nothing is told before the acknowledgement, and nothing is missed after it.
    void open(Server::State& server, std::shared_ptr<Listener> self, json::Object agreed) {
        const std::scoped_lock lock(mutex_);
        server.listen(self);
        send("notifications/subscriptions/acknowledged", {{"notifications", std::move(agreed)}});
    }
    void send(std::string method, json::Object params) const {
        params["_meta"] = json::Object{{wire::meta_subscription, id_}};
        outlet_(rpc::Notification{std::move(method), std::move(params)});
    }
    void changed(const Change& change) override {
        using Kind = Change::Kind;
        if ((change.kind == Kind::tools && !tools) || (change.kind == Kind::prompts && !prompts) ||
            (change.kind == Kind::resources && !resources) ||
            (change.kind == Kind::resource && !uris.contains(change.uri)))
            return;
        json::Object params;
        if (change.kind == Kind::resource) params["uri"] = change.uri;
        const std::scoped_lock lock(mutex_);
        send(std::string(method_of(change.kind)), std::move(params));
    }

  private:
    std::mutex mutex_;
    json::Value id_;
    Outlet outlet_;
};

}  // namespace

task<rpc::Outcome> ServerSession::listen(rpc::Request request, Outlet outlet, CallOptions call) {
    const auto* wanted = request.params.if_contains("notifications");
    if (wanted == nullptr || !wanted->is_object())
        co_return refuse(rpc::invalid_params, "\"notifications\" must be an object");
    const auto can = server_->capabilities();
    const auto subscription = std::make_shared<Subscription>(rpc::to_json(request.id), outlet);
    json::Object agreed;
    const auto agree = [&](std::string_view key, bool possible) {
        const bool yes = possible && json::bool_or(*wanted, key, false);
        if (yes) agreed[key] = true;
        return yes;
    };
    subscription->tools = agree("toolsListChanged", can.tools_changes);
    subscription->prompts = agree("promptsListChanged", can.prompts_changes);
    subscription->resources = agree("resourcesListChanged", can.resources_changes);
    if (can.resources_subscribe)
        for (const auto& uri : wire::items_in(*wanted, "resourceSubscriptions"))
            if (uri.is_string() && subscription->uris.size() < 10'000)
                subscription->uris.insert(std::string(uri.get_string()));
    if (!subscription->uris.empty())
        agreed["resourceSubscriptions"] = json::Array(subscription->uris.begin(), subscription->uris.end());
    subscription->open(*server_, subscription, std::move(agreed));
    Signal never;
    (void)co_await never.wait(call);
    co_return json::Object{{"_meta", json::Object{{wire::meta_subscription, rpc::to_json(request.id)}}}};
}

void ServerSession::changed(const Change& change) {
    {
        const std::scoped_lock lock(mutex_);
        if (ended_ || !revision_) return;
        if (change.kind == Change::Kind::resource && !followed_.contains(change.uri)) return;
    }
    json::Object params;
    if (change.kind == Change::Kind::resource) params["uri"] = change.uri;
    unasked_(rpc::Notification{std::string(method_of(change.kind)), std::move(params)});
}

}  // namespace tenon::mcp
