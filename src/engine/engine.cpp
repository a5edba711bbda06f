#include "tenon/engine/engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <limits>
#include <mutex>
#include <thread>

#include "engine/draft_model.hpp"
#include "engine/lookup.hpp"
#include "engine/scheduler.hpp"
#include "engine/sequence.hpp"
#include "tenon/base/utf8.hpp"

namespace tenon::engine {
namespace {

constexpr std::size_t default_context = 8192;
constexpr int most_top_logprobs = 20;
constexpr std::size_t most_stops = 256;

std::size_t context_of(const model::CausalModel& model, const EngineOptions& options) {
    const std::size_t own = model.info().context_length > 0 ? model.info().context_length : default_context;
    const std::size_t wanted = options.context > 0 ? std::min(options.context, own) : std::min(default_context, own);
    return options.kv_tokens > 0 ? std::min(wanted, options.kv_tokens) : wanted;
}

// One page more than the tokens fill: a shared page is copied before it is given up.
std::size_t pages_of(const EngineOptions& options, std::size_t context) {
    return (options.cache_tokens(context) + model::kv_page_tokens - 1) / model::kv_page_tokens + 1;
}

std::vector<text::TokenId> end_tokens(const text::Tokenizer& tokenizer) {
    std::vector<text::TokenId> ids;
    for (std::size_t id = 0; id < tokenizer.vocabulary_size(); ++id)
        if (tokenizer.is_end_of_generation(static_cast<text::TokenId>(id)))
            ids.push_back(static_cast<text::TokenId>(id));
    return ids;
}

RequestSnapshot snapshot_of(const Sequence& sequence, bool running) {
    RequestSnapshot out;
    out.id = sequence.id();
    out.running = running;
    out.priority = sequence.request().priority;
    out.prompt_tokens = sequence.request().prompt.size();
    out.cached_tokens = sequence.usage().cached_tokens;
    out.computed_tokens = sequence.cache().length();
    out.completion_tokens = sequence.tokens().size() - out.prompt_tokens;
    out.max_tokens = sequence.request().max_tokens;
    return out;
}

}  // namespace

std::size_t EngineOptions::cache_tokens(std::size_t sequence) const noexcept {
    if (kv_tokens > 0) return std::max(kv_tokens, sequence);
    return sequence * std::min<std::size_t>(4, std::max<std::size_t>(1, max_sequences));
}

struct Engine::Impl {
    using SequencePtr = std::unique_ptr<Sequence>;

    Impl(std::shared_ptr<model::CausalModel> the_model, const EngineOptions& the_options)
        : model(std::move(the_model)),
          options(the_options),
          context(context_of(*model, options)),
          vocabulary(model->info().vocabulary),
          end_ids(end_tokens(*model->tokenizer())),
          team(options.threads),
          pool(model->make_pool(pages_of(options, context), options.kv_type)),
          drafts(make_drafts()),
          scheduler(pool ? *pool : nullptr, model->max_batch_tokens(), options),
          thread([this](const std::stop_token& stop) { run(stop); }) {}

    Result<void> check(const GenerationRequest& request) const;
    [[nodiscard]] Result<std::unique_ptr<DraftModel>> make_drafts() const;
    void run(const std::stop_token& stop);
    void take_new();
    void guess();
    void step(std::span<const Part> parts);
    void retire();
    void publish();

    const std::shared_ptr<model::CausalModel> model;
    const EngineOptions options;
    const std::size_t context;
    const std::size_t vocabulary;
    const std::vector<text::TokenId> end_ids;
    DryBreakerCache breakers;

    mutable std::mutex mutex;  // guards what follows, up to the scheduling thread's own
    std::condition_variable_any wake;
    std::vector<SequencePtr> arrived;  // not seen by the scheduler yet
    std::size_t queued = 0;            // arrived or waiting in the scheduler
    std::uint64_t submitted = 0;
    EngineStats counters;
    struct Seen {
        RequestSnapshot request;
        std::chrono::steady_clock::time_point submitted;
    };
    std::vector<Seen> seen;  // by the scheduler, after its last step

    // The scheduling thread's own:
    tensor::ThreadTeam team;
    const Result<std::shared_ptr<model::KvPool>> pool;  // an error is what every request is answered with
    const Result<std::unique_ptr<DraftModel>> drafts;   // likewise; null: no model guesses
    Scheduler scheduler;

    std::jthread thread;  // last: it ends before what it uses
};

Result<void> Engine::Impl::check(const GenerationRequest& request) const {
    if (request.prompt.empty())
        return fail(ErrorCode::invalid_argument, "the prompt is empty; give at least one token");
    if (request.prompt.size() > context)
        return fail(
            ErrorCode::resource_exhausted,
            fmt::format("the prompt has {} tokens, but the context holds {}; shorten it or use a larger context",
                        request.prompt.size(), context));
    for (const auto token : request.prompt)
        if (token < 0 || static_cast<std::size_t>(token) >= vocabulary)
            return fail(ErrorCode::invalid_argument,
                        fmt::format("token {} is outside the model's vocabulary of {}", token, vocabulary));
    if (request.top_logprobs < -1 || request.top_logprobs > most_top_logprobs)
        return fail(ErrorCode::invalid_argument, fmt::format("top_logprobs is {}; give a value from 0 to {}",
                                                             request.top_logprobs, most_top_logprobs));
    if (request.stop.size() > most_stops)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("there are {} stop strings; give at most {}", request.stop.size(), most_stops));
    for (const auto& stop : request.stop)
        if (!utf8::is_valid(stop)) return fail(ErrorCode::invalid_argument, "a stop string is not valid UTF-8");
    if (request.stop_tokens.size() > most_stops || request.bad_words.size() > most_stops)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("give at most {} of stop_token_ids and of bad_words", most_stops));
    for (const auto token : request.stop_tokens)
        if (token < 0 || static_cast<std::size_t>(token) >= vocabulary)
            return fail(
                ErrorCode::invalid_argument,
                fmt::format("stop_token_ids names token {}; the model's tokens are 0 to {}", token, vocabulary - 1));
    for (const auto token : request.prediction)
        if (token < 0 || static_cast<std::size_t>(token) >= vocabulary)
            return fail(
                ErrorCode::invalid_argument,
                fmt::format("the prediction has token {}; the model's tokens are 0 to {}", token, vocabulary - 1));
    for (const auto& word : request.bad_words)
        if (word.empty() || !utf8::is_valid(word))
            return fail(ErrorCode::invalid_argument, "bad_words holds an empty string or one that is not valid UTF-8");
    return validate(request.sampling, vocabulary);
}

void Engine::Impl::run(const std::stop_token& stop) {
    for (;;) {
        if (scheduler.idle()) {
            std::unique_lock lock(mutex);
            wake.wait(lock, stop, [this] { return !arrived.empty(); });
        }
        if (stop.stop_requested()) break;
        take_new();
        scheduler.drop_ended(std::chrono::steady_clock::now());
        retire();
        scheduler.admit();
        publish();
        guess();
        step(scheduler.plan());
        retire();
        if (scheduler.idle()) publish();  // else the next round does, at once
    }
    take_new();
    for (const auto& sequence : scheduler.clear()) sequence->finish(FinishReason::cancelled);
}

Result<std::unique_ptr<DraftModel>> Engine::Impl::make_drafts() const {
    const auto& speculation = options.speculation;
    if (!speculation.draft) return nullptr;
    TENON_CHECK(check_draft(*model, *speculation.draft));
    TENON_TRY(auto pages, speculation.draft->make_pool(pages_of(options, context), options.kv_type));
    return std::make_unique<DraftModel>(speculation.draft, std::move(pages), vocabulary, options.prompt_chunk,
                                        speculation.draft_p_min);
}

// By prediction, else by lookup, else by the draft model.
void Engine::Impl::guess() {
    if (scheduler.running().empty()) return;
    const auto& speculation = options.speculation;
    std::vector<DraftModel::Wish> wishes;
    if (*drafts) (*drafts)->keep(scheduler.running());
    for (const auto& sequence : scheduler.running()) {
        const auto& request = sequence->request();
        const bool any = speculation.lookup || *drafts || !request.prediction.empty();
        const std::size_t count = any ? sequence->useful_guesses(speculation.max) : 0;
        if (count == 0 || !sequence->guesses().empty()) continue;
        std::vector<text::TokenId> tokens;
        if (!request.prediction.empty())
            tokens = follow(request.prediction, sequence->tokens().subspan(request.prompt.size()), count);
        if (tokens.empty() && speculation.lookup)
            tokens = look_up(sequence->tokens(), speculation.lookup_min, speculation.lookup_max, count);
        if (tokens.empty() && *drafts) wishes.push_back({sequence.get(), count});
        if (tokens.empty()) continue;
        std::vector<Guess> guesses;
        for (const auto token : tokens) guesses.push_back({token, {}});
        sequence->offer(std::move(guesses));
    }
    if (!wishes.empty()) (*drafts)->guess(team, wishes);
}

void Engine::Impl::take_new() {
    const std::scoped_lock lock(mutex);
    for (auto& sequence : arrived) {
        seen.push_back({snapshot_of(*sequence, false), sequence->submitted()});
        scheduler.add(std::move(sequence));
    }
    arrived.clear();
}

void Engine::Impl::step(std::span<const Part> parts) {
    if (parts.empty()) {  // the pool holds any one sequence, so this is a fault of ours; nobody waits for ever
        for (const auto& sequence : scheduler.running())
            sequence->fail(Error(ErrorCode::internal, "no memory could be found for the sequence"));
        return;
    }
    std::vector<model::SequenceStep> steps;
    const auto step_of = [](const Part& part) {
        return model::SequenceStep{&part.sequence->cache(), part.sequence->step(part.count), part.logits};
    };
    for (const auto& part : parts) steps.push_back(step_of(part));
    const auto rows_of = [&](const Part& part) {
        return (part.logits == model::Logits::all    ? part.count
                : part.logits == model::Logits::last ? 1
                                                     : 0) *
               vocabulary;
    };
    if (const auto logits = model->forward(team, steps)) {
        std::size_t at = 0;
        for (const auto& part : parts) {
            const std::size_t size = std::min(rows_of(part), logits->size() - at);
            part.sequence->advance(part.count, logits->subspan(at, size), vocabulary);
            at += size;
        }
        return;
    }
    // Nothing was computed. One by one, only those that cause the error end with it.
    for (const auto& part : parts) {
        const auto one = step_of(part);
        if (auto logits = model->forward(team, {&one, 1}))
            part.sequence->advance(part.count, *logits, vocabulary);
        else
            part.sequence->fail(std::move(logits).error());
    }
}

void Engine::Impl::retire() {
    for (const auto& sequence : scheduler.retire()) {
        const std::scoped_lock lock(mutex);
        counters.prompt_tokens += sequence->usage().prompt_tokens;
        counters.cached_tokens += sequence->usage().cached_tokens;
        counters.completion_tokens += sequence->usage().completion_tokens;
        counters.drafted_tokens += sequence->usage().drafted_tokens;
        counters.accepted_tokens += sequence->usage().accepted_tokens;
        ++counters.requests;
    }
}

void Engine::Impl::publish() {
    const std::scoped_lock lock(mutex);
    queued = arrived.size() + scheduler.waiting().size();
    counters.running = scheduler.running().size();
    counters.preemptions = scheduler.preemptions();
    counters.kv_bytes = scheduler.pool().bytes();
    counters.kv_pages = scheduler.pool().pages();
    counters.kv_pages_used = counters.kv_pages - scheduler.pool().free_pages() - scheduler.prefixes().evictable();
    seen.clear();
    for (const auto& sequence : scheduler.running())
        seen.push_back({snapshot_of(*sequence, true), sequence->submitted()});
    for (const auto& sequence : scheduler.waiting())
        seen.push_back({snapshot_of(*sequence, false), sequence->submitted()});
}

Engine::Engine(std::shared_ptr<model::CausalModel> model, const EngineOptions& options)
    : impl_(std::make_unique<Impl>(std::move(model), options)) {}

Engine::~Engine() = default;

Result<void> Engine::submit(GenerationRequest request, GenerationSink sink) {
    TENON_CHECK(impl_->check(request));
    if (!impl_->pool) return std::unexpected(impl_->pool.error());
    if (!impl_->drafts) return std::unexpected(impl_->drafts.error());
    if (request.ignore_eos)
        for (const auto id : impl_->end_ids)
            request.sampling.logit_bias.emplace_back(id, -std::numeric_limits<float>::infinity());
    DryBreakersPtr breakers;
    if (request.sampling.dry_multiplier > 0)
        breakers = impl_->breakers.of(*impl_->model->tokenizer(), request.sampling.dry_sequence_breakers);
    auto sequence = std::make_unique<Sequence>(std::move(request), std::move(sink), impl_->model->tokenizer(),
                                               *impl_->pool, impl_->context, impl_->end_ids, std::move(breakers));
    {
        const std::scoped_lock lock(impl_->mutex);
        if (impl_->queued >= impl_->options.max_queue)
            return fail(ErrorCode::resource_exhausted,
                        fmt::format("{} requests are waiting already; try again later", impl_->queued));
        sequence->set_id(++impl_->submitted);
        impl_->arrived.push_back(std::move(sequence));
        ++impl_->queued;
    }
    impl_->wake.notify_one();
    return {};
}

Result<GenerationEvent> Engine::generate(GenerationRequest request) {
    struct Answer {
        GenerationEvent whole;
        std::promise<void> done;
    };
    const auto answer = std::make_shared<Answer>();  // shared: the engine's thread may still be leaving the sink
    auto done = answer->done.get_future();
    TENON_CHECK(submit(std::move(request), [answer](GenerationEvent event) {
        auto& whole = answer->whole;
        whole.text += event.text;
        whole.tokens.insert(whole.tokens.end(), event.tokens.begin(), event.tokens.end());
        std::move(event.logprobs.begin(), event.logprobs.end(), std::back_inserter(whole.logprobs));
        if (!event.last()) return;
        whole.finish = event.finish;
        whole.error = std::move(event.error);
        whole.usage = event.usage;
        whole.timings = event.timings;
        whole.prompt_logprobs = std::move(event.prompt_logprobs);
        answer->done.set_value();
    }));
    done.wait();
    if (answer->whole.error) return std::unexpected(std::move(*answer->whole.error));
    return std::move(answer->whole);
}

const model::CausalModel& Engine::model() const noexcept { return *impl_->model; }
std::size_t Engine::context() const noexcept { return impl_->context; }

std::vector<RequestSnapshot> Engine::requests() const {
    const auto now = std::chrono::steady_clock::now();
    std::vector<RequestSnapshot> out;
    const auto add = [&](RequestSnapshot request, std::chrono::steady_clock::time_point submitted) {
        request.seconds = std::chrono::duration<double>(now - submitted).count();
        out.push_back(request);
    };
    const std::scoped_lock lock(impl_->mutex);
    for (const auto& seen : impl_->seen) add(seen.request, seen.submitted);
    for (const auto& sequence : impl_->arrived) add(snapshot_of(*sequence, false), sequence->submitted());
    return out;
}

EngineStats Engine::stats() const {
    const std::scoped_lock lock(impl_->mutex);
    EngineStats stats = impl_->counters;
    stats.waiting = impl_->queued;
    return stats;
}

}  // namespace tenon::engine
