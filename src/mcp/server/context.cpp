// What a handler can do while it serves: progress, messages, questions to the client.
#include <fmt/format.h>

#include "mcp/server/session.hpp"
#include "mcp/wire/wire.hpp"

namespace tenon::mcp {
namespace {

std::string_view method_of(const Ask& ask) {
    if (std::holds_alternative<ElicitRequest>(ask)) return "elicitation/create";
    if (std::holds_alternative<SamplingRequest>(ask)) return "sampling/createMessage";
    return "roots/list";
}
json::Object params_of(const Ask& ask, Revision revision) {
    if (const auto* form = std::get_if<ElicitRequest>(&ask)) return wire::write(*form, revision);
    if (const auto* sample = std::get_if<SamplingRequest>(&ask)) return wire::write(*sample);
    return {};
}

/// What the client lacks to answer; nothing when it can.
std::optional<ClientCapabilities> lacking(const Ask& ask, const ClientCapabilities& can) {
    ClientCapabilities need;
    if (const auto* form = std::get_if<ElicitRequest>(&ask)) {
        need.elicitation_url = !form->url.empty();
        need.elicitation_form = form->url.empty();
        if (need.elicitation_url ? can.elicitation_url : can.elicitation_form) return std::nullopt;
    } else if (const auto* sample = std::get_if<SamplingRequest>(&ask)) {
        need.sampling = true;
        need.sampling_tools = !sample->tools.empty();
        if (can.sampling && (can.sampling_tools || !need.sampling_tools)) return std::nullopt;
    } else {
        need.roots = true;
        if (can.roots) return std::nullopt;
    }
    return need;
}

/// The client's answer, held to what was asked.
Result<Reply> read_reply(const Ask& ask, const json::Value& value) {
    if (const auto* form = std::get_if<ElicitRequest>(&ask)) {
        TENON_TRY(auto result, wire::read<ElicitResult>(value));
        if (result.action == ElicitResult::Action::accept && !form->schema.empty()) {
            TENON_TRY(const auto schema, json::Schema::compile_text(form->schema));
            const auto content = wire::parsed(result.content.empty() ? "{}" : result.content);
            if (const auto faults = schema.validate(content, 4); !faults.empty())
                return fail(ErrorCode::protocol,
                            fmt::format("the client's form does not fit its schema: {}", faults.front().describe()));
        }
        return Reply(std::move(result));
    }
    if (std::holds_alternative<SamplingRequest>(ask)) {
        TENON_TRY(auto result, wire::read<SamplingResult>(value));
        return Reply(std::move(result));
    }
    const auto* roots = json::find(value, "roots");
    if (roots == nullptr || !roots->is_array()) return fail(ErrorCode::protocol, "the client's roots are no list");
    TENON_TRY(auto result, wire::read_all<Root>(value, "roots"));
    return Reply(std::move(result));
}

/// Stateless: answers that came are given back, the others are noted for the client.
Result<std::vector<Reply>> recall(RequestContext::Impl& impl,
                                  const std::vector<std::pair<std::string, Ask>>& questions) {
    std::vector<Reply> replies;
    const std::scoped_lock lock(impl.mutex);
    for (const auto& [key, ask] : questions) {
        const auto* known = impl.answers.if_contains(key);
        auto reply = known == nullptr ? Result<Reply>(fail(ErrorCode::cancelled, "")) : read_reply(ask, *known);
        if (reply) {
            replies.push_back(std::move(*reply));
            continue;
        }
        impl.answers.erase(key);  // what makes no sense is asked again
        json::Object request{{"method", method_of(ask)}};
        request["params"] = params_of(ask, impl.revision);
        impl.asked[key] = std::move(request);
    }
    if (!impl.asked.empty()) return fail(ErrorCode::cancelled, "the client's answer is still to come");
    return replies;
}

}  // namespace

void RequestContext::Impl::send(std::string method, json::Object params) {
    const std::scoped_lock lock(mutex);
    if (!over && !call.stop.stop_requested()) outlet(rpc::Notification{std::move(method), std::move(params)});
}

const CallOptions& RequestContext::call() const noexcept { return impl_->call; }
Revision RequestContext::revision() const noexcept { return impl_->revision; }
const Implementation& RequestContext::client() const noexcept { return impl_->client; }
const ClientCapabilities& RequestContext::client_can() const noexcept { return impl_->can; }

void RequestContext::progress(double done, std::optional<double> total, std::string message) const {
    if (!impl_->progress_token) return;
    const auto number = [](double value) -> json::Value {
        if (value >= 0 && value < 9e15 && value == static_cast<double>(static_cast<std::int64_t>(value)))
            return static_cast<std::int64_t>(value);
        return value;
    };
    json::Object params{{"progressToken", *impl_->progress_token}, {"progress", number(done)}};
    if (total) params["total"] = number(*total);
    if (!message.empty()) params["message"] = std::move(message);
    impl_->send("notifications/progress", std::move(params));
}

void RequestContext::log(LogMessage message) const {
    if (impl_->level && message.level >= *impl_->level) impl_->send("notifications/message", wire::write(message));
}
void RequestContext::log(LogLevel level, std::string text, std::string logger) const {
    log(LogMessage{level, std::move(logger), json::dump(json::Value(std::move(text)))});
}

task<Result<std::vector<Reply>>> RequestContext::ask(std::vector<std::pair<std::string, Ask>> questions) const {
    const auto impl = impl_;
    for (auto& [key, question] : questions) {
        std::size_t number = 0;
        {
            const std::scoped_lock lock(impl->mutex);
            number = ++impl->questions;
        }
        if (key.empty()) key = fmt::format("question_{}", number);
        if (auto need = lacking(question, impl->can)) {
            const std::scoped_lock lock(impl->mutex);
            impl->missing = std::move(need);
            co_return fail(ErrorCode::unsupported, fmt::format("the client does not take {}", method_of(question)));
        }
    }
    if (is_stateless(impl->revision)) co_return recall(*impl, questions);
    std::vector<Reply> replies;
    auto call = impl->call;
    const auto until = Clock::now() + impl->server->options.ask_timeout;
    if (!call.deadline || *call.deadline > until) call.deadline = until;
    for (const auto& [key, question] : questions) {
        TENON_CO_TRY(auto answer,
                     co_await impl->session->ask_client(std::string(method_of(question)),
                                                        params_of(question, impl->revision), impl->outlet, call));
        TENON_CO_TRY(auto reply, read_reply(question, json::Value(std::move(answer))));
        replies.push_back(std::move(reply));
    }
    co_return replies;
}

namespace {

template <class T>
task<Result<T>> ask_one(RequestContext context, Ask question, std::string key) {
    std::vector<std::pair<std::string, Ask>> questions;
    questions.emplace_back(std::move(key), std::move(question));
    TENON_CO_TRY(auto replies, co_await context.ask(std::move(questions)));
    co_return std::get<T>(std::move(replies.front()));
}

}  // namespace

task<Result<ElicitResult>> RequestContext::elicit(ElicitRequest request, std::string key) const {
    return ask_one<ElicitResult>(*this, std::move(request), std::move(key));
}
task<Result<SamplingResult>> RequestContext::sample(SamplingRequest request, std::string key) const {
    return ask_one<SamplingResult>(*this, std::move(request), std::move(key));
}
task<Result<std::vector<Root>>> RequestContext::roots(std::string key) const {
    return ask_one<std::vector<Root>>(*this, RootsRequest{}, std::move(key));
}

}  // namespace tenon::mcp
