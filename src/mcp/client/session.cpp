#include "mcp/client/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "mcp/wire/wire.hpp"

namespace tenon::mcp {
namespace {

constexpr int most_rounds = 16;  ///< of one request whose server asks back

struct LinkedStop {
    explicit LinkedStop(const std::stop_token& outer)
        : on_outer(outer, [source = source]() mutable { source.request_stop(); }) {}
    std::stop_source source;
    std::stop_callback<std::function<void()>> on_outer;
};

CallOptions within(CallOptions call, std::chrono::milliseconds time) {
    const auto until = Clock::now() + time;
    if (!call.deadline || *call.deadline > until) call.deadline = until;
    return call;
}

/// The newest of these that does without a handshake.
std::optional<Revision> newest_stateless(const json::Value& from, std::string_view key) {
    std::optional<Revision> best;
    for (const auto& item : wire::items_in(from, key)) {
        if (!item.is_string()) continue;
        const auto known = revision_from(item.get_string());
        if (known && is_stateless(*known) && (!best || *known > *best)) best = known;
    }
    return best;
}

/// Answers that the user left out, as the form proposes them.
void fill_defaults(json::Object& content, const json::Value& schema) {
    const auto* properties = json::find(schema, "properties");
    if (properties == nullptr || !properties->is_object()) return;
    for (const auto& [name, property] : properties->get_object())
        if (const auto* value = json::find(property, "default"); value != nullptr && !content.contains(name))
            content[name] = *value;
}

}  // namespace

std::optional<Revision> ClientSession::revision() const {
    const std::scoped_lock lock(mutex_);
    return revision_;
}

ClientCapabilities ClientSession::capabilities() const {
    ClientCapabilities mine;
    mine.sampling = options_.on_sample != nullptr;
    mine.sampling_tools = mine.sampling && options_.sample_with_tools;
    mine.elicitation_form = options_.on_elicit != nullptr;
    mine.elicitation_url = mine.elicitation_form && options_.elicit_urls;
    mine.roots = options_.roots.has_value();
    return mine;
}

void ClientSession::say(rpc::Message message, std::optional<Revision> revision) {
    send_(Outgoing{std::move(message), revision, {}, {}});
}
void ClientSession::notify(std::string method, json::Object params) {
    say(rpc::Notification{std::move(method), std::move(params)}, revision());
}

task<Result<rpc::Outcome>> ClientSession::exchange(std::string method, json::Object params, RequestOptions options,
                                                   net::Headers headers, std::optional<Revision> revision) {
    const auto self = shared_from_this();
    const bool stateless = revision && is_stateless(*revision);
    auto answer = std::make_shared<Channel<rpc::Outcome>>();
    rpc::Id id;
    {
        const std::scoped_lock lock(mutex_);
        if (closed_) co_return std::unexpected(*closed_);
        id = ++last_;
        waiting_[id] = Waiting{answer, options.on_progress};
    }
    if (stateless || options.on_progress) {
        json::Object meta;
        if (auto* given = params.if_contains("_meta"); given != nullptr && given->is_object())
            meta = std::move(given->get_object());
        if (stateless) {
            meta[wire::meta_version] = to_string(*revision);
            meta[wire::meta_client] = wire::write(options_.about);
            meta[wire::meta_capabilities] = wire::write(capabilities(), *revision);
            if (options_.on_log) meta[wire::meta_log_level] = to_string(options_.log_level);
        }
        if (options.on_progress) meta["progressToken"] = rpc::to_json(id);
        params["_meta"] = std::move(meta);
    }
    LinkedStop linked(options.call.stop);
    send_(
        Outgoing{rpc::Request{id, method, std::move(params)}, revision, std::move(headers), linked.source.get_token()});
    auto outcome = co_await answer->next(within(options.call, options_.request_timeout));
    {
        const std::scoped_lock lock(mutex_);
        waiting_.erase(id);
    }
    if (outcome && *outcome) co_return std::move(**outcome);
    if (outcome) co_return fail(ErrorCode::unavailable, "the MCP server is gone");
    const auto code = outcome.error().code();
    if (code == ErrorCode::cancelled || code == ErrorCode::deadline_exceeded) {
        linked.source.request_stop();
        if (method != "initialize")
            say(rpc::Notification{"notifications/cancelled",
                                  {{"requestId", rpc::to_json(id)}, {"reason", outcome.error().message()}}},
                revision);
    }
    co_return std::unexpected(std::move(outcome).error());
}

task<Result<json::Object>> ClientSession::request(std::string method, json::Object params, RequestOptions options,
                                                  net::Headers headers) {
    const auto self = shared_from_this();
    TENON_CO_TRY(auto outcome,
                 co_await exchange(method, std::move(params), std::move(options), std::move(headers), revision()));
    if (!outcome) co_return std::unexpected(rpc::to_error(outcome.error(), method));
    const std::string type(json::string_or(json::Value(*outcome), "resultType", "complete"));
    if (type != "complete" && type != "input_required")
        co_return fail(ErrorCode::protocol, fmt::format("the MCP server gave a result of type \"{}\"", type));
    co_return std::move(*outcome);
}

task<Result<json::Object>> ClientSession::converse(std::string method, json::Object params, RequestOptions options,
                                                   net::Headers headers) {
    const auto self = shared_from_this();
    const json::Object first = params;
    for (int round = 0; round < most_rounds; ++round) {
        TENON_CO_TRY(auto result, co_await request(method, std::move(params), options, headers));
        const json::Value whole(std::move(result));
        if (json::string_or(whole, "resultType", "complete") != "input_required") co_return whole.get_object();
        const auto speaks = revision().value_or(latest_revision);
        const auto* asked = json::find(whole, "inputRequests");
        const auto* state = json::find(whole, "requestState");
        if (asked == nullptr && state == nullptr)
            co_return fail(ErrorCode::protocol, "the MCP server wants input and does not say which");
        json::Object answers;
        if (asked != nullptr && asked->is_object())
            for (const auto& [key, question] : asked->get_object()) {
                const std::string what(json::string_or(question, "method", ""));
                json::Object given;
                if (const auto* stated = json::find(question, "params"); stated != nullptr && stated->is_object())
                    given = stated->get_object();
                auto reply = co_await answer(what, std::move(given), speaks, options.call);
                if (!reply)
                    co_return fail(ErrorCode::unsupported,
                                   fmt::format("the MCP server asks for {}: {}", what, reply.error().message));
                answers[key] = std::move(*reply);
            }
        params = first;
        if (!answers.empty()) params["inputResponses"] = std::move(answers);
        if (state != nullptr) params["requestState"] = *state;
    }
    co_return fail(ErrorCode::protocol, fmt::format("the MCP server asks back without end ({})", method));
}

task<Result<void>> ClientSession::open(CallOptions call) {
    const auto self = shared_from_this();
    call = within(std::move(call), options_.connect_timeout);
    const bool legacy = options_.revision && !is_stateless(*options_.revision);
    bool opened = false;
    if (!legacy) {
        // A server that shakes hands may not answer what it does not know: half of the time is left for it.
        auto probing = call;
        if (!options_.revision) probing = within(call, options_.connect_timeout / 2);
        auto discovered = co_await discover(probing);
        if (discovered) {
            opened = *discovered;
        } else {
            const auto code = discovered.error().code();
            const bool final_word = options_.revision || call.stop.stop_requested() ||
                                    code == ErrorCode::unauthenticated || code == ErrorCode::permission_denied;
            if (final_word) co_return std::unexpected(std::move(discovered).error());
        }
    }
    if (!opened) {
        if (options_.revision && !legacy)
            co_return fail(ErrorCode::unsupported,
                           fmt::format("the MCP server does not speak {}", to_string(*options_.revision)));
        TENON_CO_CHECK(co_await initialize(call));
    }
    if (options_.on_change) boost::asio::co_spawn(executor_, listen(self), boost::asio::detached);
    co_return Result<void>{};
}

task<Result<bool>> ClientSession::discover(CallOptions call) {
    const auto wanted = options_.revision.value_or(latest_revision);
    auto revision = wanted;
    for (int attempt = 0; attempt < 2; ++attempt) {
        TENON_CO_TRY(auto outcome, co_await exchange("server/discover", json::Object(), RequestOptions(call),
                                                     net::Headers(), revision));
        if (!outcome) {
            const auto& failure = outcome.error();
            const auto other = failure.code == rpc::unsupported_version && failure.data
                                   ? newest_stateless(*failure.data, "supported")
                                   : std::nullopt;
            if (!other || (options_.revision && *other != revision))
                co_return std::unexpected(rpc::to_error(failure, "server/discover"));
            revision = *other;
            continue;
        }
        const json::Value result(std::move(*outcome));
        const auto best = newest_stateless(result, "supportedVersions");
        if (!best || *best < revision) co_return false;
        if (const auto* stated = json::find(result, "capabilities")) {
            TENON_CO_TRY(can, wire::read<ServerCapabilities>(*stated));
        }
        if (const auto* meta = json::find(result, "_meta"))
            if (const auto* about = json::find(*meta, wire::meta_server))
                if (auto known = wire::read<Implementation>(*about)) server = std::move(*known);
        instructions = json::string_or(result, "instructions", "");
        const std::scoped_lock lock(mutex_);
        revision_ = revision;
        co_return true;
    }
    co_return false;
}

task<Result<void>> ClientSession::initialize(CallOptions call) {
    const auto wanted = options_.revision.value_or(latest_session_revision);
    json::Object params{{"protocolVersion", to_string(wanted)},
                        {"capabilities", wire::write(capabilities(), wanted)},
                        {"clientInfo", wire::write(options_.about)}};
    TENON_CO_TRY(auto outcome, co_await exchange("initialize", std::move(params), RequestOptions(call), net::Headers(),
                                                 std::nullopt));
    if (!outcome) co_return std::unexpected(rpc::to_error(outcome.error(), "initialize"));
    const json::Value result(std::move(*outcome));
    TENON_CO_TRY(const auto version, wire::string_in(result, "protocolVersion"));
    const auto known = revision_from(version);
    if (!known || is_stateless(*known) || (options_.revision && *known != *options_.revision))
        co_return fail(ErrorCode::unsupported,
                       fmt::format("the MCP server speaks {}, which this client does not", version));
    if (const auto* stated = json::find(result, "capabilities")) {
        TENON_CO_TRY(can, wire::read<ServerCapabilities>(*stated));
    }
    if (const auto* about = json::find(result, "serverInfo"))
        if (auto named = wire::read<Implementation>(*about)) server = std::move(*named);
    instructions = json::string_or(result, "instructions", "");
    {
        const std::scoped_lock lock(mutex_);
        revision_ = known;
    }
    notify("notifications/initialized");
    if (options_.on_log && can.logging) {
        json::Object level{{"level", to_string(options_.log_level)}};
        (void)co_await request("logging/setLevel", std::move(level), RequestOptions(call));
    }
    co_return Result<void>{};
}

task<void> ClientSession::listen(std::shared_ptr<ClientSession> self) {
    const auto& can = self->can;
    if (!is_stateless(self->revision().value_or(latest_revision))) {
        for (const auto& uri : self->options_.follow) {
            json::Object params{{"uri", uri}};
            if (can.resources_subscribe) (void)co_await self->request("resources/subscribe", std::move(params));
        }
        co_return;
    }
    json::Object wanted;
    if (can.tools_changes) wanted["toolsListChanged"] = true;
    if (can.prompts_changes) wanted["promptsListChanged"] = true;
    if (can.resources_changes) wanted["resourcesListChanged"] = true;
    if (can.resources_subscribe && !self->options_.follow.empty())
        wanted["resourceSubscriptions"] = json::Array(self->options_.follow.begin(), self->options_.follow.end());
    if (wanted.empty()) co_return;
    json::Object params{{"notifications", std::move(wanted)}};
    // A day, then again: what is gone by then is gone for good.
    const RequestOptions day(CallOptions::within(std::chrono::hours(24)));
    (void)co_await self->exchange("subscriptions/listen", std::move(params), day, net::Headers(), self->revision());
}

void ClientSession::receive(rpc::Message message) {
    if (auto* response = std::get_if<rpc::Response>(&message)) {
        if (!response->id) return;
        std::shared_ptr<Channel<rpc::Outcome>> answer;
        {
            const std::scoped_lock lock(mutex_);
            const auto at = waiting_.find(*response->id);
            if (at == waiting_.end()) return;
            answer = at->second.answer;
        }
        answer->push(std::move(response->outcome));
    } else if (const auto* note = std::get_if<rpc::Notification>(&message)) {
        hear(*note);
    } else {
        boost::asio::co_spawn(executor_, serve(shared_from_this(), std::move(std::get<rpc::Request>(message))),
                              boost::asio::detached);
    }
}

void ClientSession::hear(const rpc::Notification& note) {
    const json::Value params(note.params);
    const auto id_of = [&](std::string_view key) {
        const auto* value = json::find(params, key);
        return value == nullptr ? std::nullopt : rpc::id_from(*value);
    };
    if (note.method == "notifications/progress") {
        const auto token = id_of("progressToken");
        std::function<void(Progress)> tell;
        if (token) {
            const std::scoped_lock lock(mutex_);
            if (const auto at = waiting_.find(*token); at != waiting_.end()) tell = at->second.on_progress;
        }
        if (!tell) return;
        Progress progress;
        progress.done = json::number_or(params, "progress", 0);
        if (const auto* total = json::find(params, "total"); total != nullptr && total->is_number())
            progress.total = total->to_number<double>();
        progress.message = json::string_or(params, "message", "");
        tell(std::move(progress));
    } else if (note.method == "notifications/message") {
        if (auto message = wire::read<LogMessage>(params); message && options_.on_log)
            options_.on_log(std::move(*message));
    } else if (note.method == "notifications/cancelled") {
        const auto id = id_of("requestId");
        std::optional<std::stop_source> stop;
        if (id) {
            const std::scoped_lock lock(mutex_);
            if (const auto at = serving_.find(*id); at != serving_.end()) stop = at->second;
        }
        if (stop) stop->request_stop();
    } else if (options_.on_change) {
        using What = Changed::What;
        if (note.method == "notifications/tools/list_changed") options_.on_change({What::tools});
        if (note.method == "notifications/prompts/list_changed") options_.on_change({What::prompts});
        if (note.method == "notifications/resources/list_changed") options_.on_change({What::resources});
        if (note.method == "notifications/resources/updated")
            options_.on_change({What::resource, std::string(json::string_or(params, "uri", ""))});
    }
}

task<void> ClientSession::serve(std::shared_ptr<ClientSession> self, rpc::Request request) {
    std::stop_source stop;
    bool crowded = false;
    {
        const std::scoped_lock lock(self->mutex_);
        crowded = self->closed_ || self->serving_.size() >= 64;
        if (!crowded) self->serving_[request.id] = stop;
    }
    if (crowded) co_return;
    CallOptions call = CallOptions::within(self->options_.request_timeout);
    call.stop = stop.get_token();
    const auto speaks = self->revision().value_or(latest_session_revision);
    auto outcome = co_await self->answer(request.method, std::move(request.params), speaks, std::move(call));
    {
        const std::scoped_lock lock(self->mutex_);
        self->serving_.erase(request.id);
    }
    if (!stop.stop_requested()) self->say(rpc::Response{request.id, std::move(outcome)}, self->revision());
}

task<rpc::Outcome> ClientSession::answer(std::string method, json::Object params, Revision revision, CallOptions call) {
    (void)revision;
    if (method == "ping") co_return json::Object();
    if (method == "roots/list" && options_.roots) {
        json::Array roots;
        for (const auto& root : *options_.roots) roots.push_back(wire::write(root));
        co_return json::Object{{"roots", std::move(roots)}};
    }
    if (method == "elicitation/create" && options_.on_elicit)
        co_return co_await answer_form(std::move(params), std::move(call));
    if (method == "sampling/createMessage" && options_.on_sample) {
        auto request = wire::read<SamplingRequest>(json::Value(std::move(params)));
        if (!request) co_return std::unexpected(rpc::to_failure(request.error()));
        auto result = co_await options_.on_sample(std::move(*request), std::move(call));
        if (!result) co_return std::unexpected(rpc::Failure{-1, result.error().describe(), std::nullopt});
        co_return wire::write(*result);
    }
    co_return std::unexpected(
        rpc::Failure{rpc::method_not_found, fmt::format("this client does not do {}", method), std::nullopt});
}

task<rpc::Outcome> ClientSession::answer_form(json::Object params, CallOptions call) {
    auto request = wire::read<ElicitRequest>(json::Value(std::move(params)));
    if (!request) co_return std::unexpected(rpc::to_failure(request.error()));
    if (!request->url.empty() && !options_.elicit_urls)
        co_return std::unexpected(rpc::Failure{rpc::invalid_params, "this client does not visit pages", std::nullopt});
    const auto schema = wire::parsed(request->schema);
    const bool form = request->url.empty();
    auto result = co_await options_.on_elicit(std::move(*request), std::move(call));
    if (!result) co_return std::unexpected(rpc::to_failure(result.error()));
    if (form && result->action == ElicitResult::Action::accept) {
        auto content = wire::parsed(result->content.empty() ? "{}" : result->content);
        if (!content.is_object()) content = json::Object();
        fill_defaults(content.get_object(), schema);
        result->content = json::dump(content);
    }
    co_return wire::write(*result);
}

void ClientSession::lost(const rpc::Id& id, Error error) {
    std::shared_ptr<Channel<rpc::Outcome>> answer;
    {
        const std::scoped_lock lock(mutex_);
        const auto at = waiting_.find(id);
        if (at == waiting_.end()) return;
        answer = at->second.answer;
    }
    answer->close(std::move(error));
}

void ClientSession::close(Error error) {
    std::vector<std::shared_ptr<Channel<rpc::Outcome>>> answers;
    std::vector<std::stop_source> stop;
    {
        const std::scoped_lock lock(mutex_);
        if (closed_) return;
        closed_ = error;
        for (const auto& [id, waiting] : waiting_) answers.push_back(waiting.answer);
        for (const auto& [id, source] : serving_) stop.push_back(source);
    }
    for (const auto& answer : answers) answer->close(error);
    for (auto& source : stop) source.request_stop();
}

}  // namespace tenon::mcp
