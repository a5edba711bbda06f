// Chat and text completion: the cache, the account, one attempt after another, the stream.
#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "gateway/call.hpp"
#include "gateway/relay.hpp"

namespace tenon::gateway {
namespace {

bool has_content(const llm::ChatEvent& e) {
    return !e.text.empty() || !e.reasoning.empty() || !e.tool_calls.empty() || !e.tool_call_deltas.empty() ||
           !e.parts.empty();
}

/// What an attempt needs and leaves behind.
struct Answering {
    Journey journey;
    Question question;
    Charge charge;
    std::string alias;
    std::optional<Fingerprint> fingerprint;
    std::vector<float> vector;
    StreamPtr<llm::ChatEvent> answer;     ///< when it has begun
    std::vector<llm::ChatEvent> refusal;  ///< of the last that would not speak about it
    Delivery refused_by;
};

task<Result<StreamPtr<llm::ChatEvent>>> ask(llm::ChatModelPtr model, Question question, CallOptions options) {
    if (auto* chat = std::get_if<llm::ChatRequest>(&question)) {
        auto stream = co_await model->stream(std::move(*chat), std::move(options));
        co_return stream;
    }
    auto stream = co_await model->complete(std::move(std::get<llm::CompletionRequest>(question)), std::move(options));
    co_return stream;
}

/// Calls the model and waits for the first piece that says something.
task<std::expected<void, Outcome>> begin(Answering* a, TicketPtr ticket, llm::ChatModelPtr model, Leash* leash,
                                         StreamPtr<llm::ChatEvent>* stream, std::deque<llm::ChatEvent>* first) {
    CallOptions options = a->journey.options;
    if (leash != nullptr) options.stop = leash->token();
    auto opened = co_await ask(std::move(model), a->question, options);
    if (!opened) co_return outcome_of(std::move(opened).error());
    *stream = std::move(*opened);
    for (;;) {
        auto event = co_await (*stream)->next();
        if (!event) co_return outcome_of(std::move(event).error());
        if (!*event) {
            Error error(ErrorCode::unavailable,
                        fmt::format("{} ended its answer before it had begun", ticket->target().about.name));
            co_return std::unexpected(Outcome{Failure::deployment, std::move(error)});
        }
        const bool content = has_content(**event);
        const auto finish = (*event)->finish;
        first->push_back(std::move(**event));
        if (finish == llm::FinishReason::content_filter && !content) {
            const auto cost = a->charge.attempt_cost(a->alias, ticket->target(), first->back().usage);
            a->refused_by = {a->alias, ticket->target().about.name, a->journey.attempts, false, cost};
            a->refusal.assign(std::make_move_iterator(first->begin()), std::make_move_iterator(first->end()));
            Error error(ErrorCode::permission_denied,
                        fmt::format("{} refuses to answer this (content_filter)", ticket->target().about.name));
            co_return std::unexpected(Outcome{Failure::content, std::move(error)});
        }
        if (content || finish) break;
    }
    co_return std::expected<void, Outcome>();
}

task<std::expected<void, Outcome>> attempt(Answering* a, TicketPtr ticket) {
    const auto& about = ticket->target().about;
    auto model = co_await about.chat(a->journey.options);
    if (!model) co_return outcome_of(std::move(model).error());
    const auto can = (*model)->capabilities();
    if (!about.capabilities) ticket->opened(can);
    if (const auto gap = lacking(about.capabilities.value_or(can), a->journey.needs); !gap.empty()) {
        Error error(gap == "context" ? ErrorCode::resource_exhausted : ErrorCode::unsupported,
                    gap == "context"
                        ? fmt::format("the request has about {} tokens, more than the context window of {}",
                                      a->journey.needs.input_tokens, about.name)
                        : fmt::format("{} cannot take {}", about.name, gap));
        co_return std::unexpected(Outcome{gap == "context" ? Failure::context : Failure::incapable, std::move(error)});
    }
    if (auto prepared = a->charge.prepare(ticket->target()); !prepared)
        co_return std::unexpected(Outcome{Failure::incapable, std::move(prepared).error()});

    std::unique_ptr<Leash> leash;
    std::optional<boost::asio::steady_timer> timer;
    const auto decided = std::make_shared<std::atomic<bool>>(false);  // by whichever comes first
    if (about.first_token_timeout.count() > 0) {
        const auto executor = co_await boost::asio::this_coro::executor;
        leash = std::make_unique<Leash>(a->journey.options.stop);
        timer.emplace(executor, about.first_token_timeout);
        timer->async_wait([decided, source = leash->source()](const boost::system::error_code& error) mutable {
            if (!error && !decided->exchange(true)) source.request_stop();
        });
    }
    StreamPtr<llm::ChatEvent> stream;
    std::deque<llm::ChatEvent> first;
    auto begun = co_await begin(a, ticket, std::move(*model), leash.get(), &stream, &first);
    if (timer) timer->cancel();
    if (decided->exchange(true)) {
        Error error(ErrorCode::unavailable, fmt::format("{} gave no answer within {:.1f} s", about.name,
                                                        static_cast<double>(about.first_token_timeout.count()) / 1000));
        begun = std::unexpected(Outcome{Failure::deployment, std::move(error)});
    }
    if (!begun) {
        a->charge.attempt_failed();
        co_return begun;
    }
    ticket->first_token();
    Relayed relayed{
        a->journey.core,  a->alias,          a->journey.attempts, std::move(a->charge),      std::move(ticket),
        std::move(leash), std::move(stream), std::move(first),    std::move(a->fingerprint), std::move(a->vector)};
    a->answer = relay(std::move(relayed));
    co_return std::expected<void, Outcome>();
}

/// Puts what a limited key may use at most into the request, and returns it.
std::uint64_t bound_output(llm::GenerationSettings& settings, const Options& options, bool limited) {
    if (!settings.max_tokens && limited) settings.max_tokens = options.default_max_tokens;
    return settings.max_tokens.value_or(options.default_max_tokens);
}

llm::GenerationSettings& settings_of(Question& question) {
    if (auto* chat = std::get_if<llm::ChatRequest>(&question)) return chat->settings;
    return std::get<llm::CompletionRequest>(question).settings;
}

/// An answer given before. Fills in what is needed to keep this one.
task<AnswerCache::Events> look_up(Answering* a) {
    auto& cache = a->journey.core->cache;
    const auto* chat = std::get_if<llm::ChatRequest>(&a->question);
    if (!cache.on() || a->journey.access.fresh || chat == nullptr) co_return nullptr;
    a->fingerprint = cache.fingerprint(a->alias, *chat, a->journey.access.key.get());
    if (!a->fingerprint) co_return nullptr;
    auto found = cache.find(*a->fingerprint);
    if (!found && !a->fingerprint->context.empty()) {
        auto vector = co_await embed_question(cache.policy().embedder, a->fingerprint->question, a->journey.options);
        if (vector) {
            found = cache.find_similar(*a->fingerprint, *vector);
            a->vector = std::move(*vector);
        }
    }
    if (found)
        a->journey.core->count(&Counts::cache_hits);
    else
        a->journey.core->count(&Counts::cache_misses);
    co_return found;
}

}  // namespace

task<Result<StreamPtr<llm::ChatEvent>>> start_answer(CorePtr core, RouteState* route, Access access, Question question,
                                                     CallOptions options) {
    Answering a{{}, std::move(question), Charge(core, access), route->about.alias, {}, {}, {}, {}, {}};
    a.journey.needs = std::visit([](const auto& asked) { return needs_of(asked); }, a.question);
    a.journey.core = core;
    a.journey.route = route;
    a.journey.access = access;
    a.journey.options = std::move(options);
    if (const auto found = co_await look_up(&a)) {
        TENON_CO_CHECK(a.charge.reserve(0, 0));
        core->count(a.alias, "", [](auto& calls) { ++calls.cached; });
        Delivery delivery{a.alias, {}, 0, true, llm::Cost()};
        co_return replay(found, std::move(delivery));
    }
    const auto input = a.journey.needs.input_tokens;
    const auto output = bound_output(settings_of(a.question), core->options, a.charge.limited());
    a.journey.tokens = input + output;
    TENON_CO_CHECK(a.charge.reserve(input, output));
    auto done = co_await travel(&a.journey, [&a](TicketPtr ticket) { return attempt(&a, std::move(ticket)); });
    if (done) co_return std::move(a.answer);
    if (a.refusal.empty() || classify(done.error()) != Failure::content)
        co_return std::unexpected(std::move(done).error());
    // Nobody would say more: what the last one said is the answer.
    auto events = std::make_shared<const std::vector<llm::ChatEvent>>(std::move(a.refusal));
    co_return replay(std::move(events), std::move(a.refused_by));
}

}  // namespace tenon::gateway
