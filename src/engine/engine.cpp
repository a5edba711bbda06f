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
#include "engine/session_file.hpp"
#include "tenon/base/file.hpp"
#include "tenon/base/utf8.hpp"

namespace tenon::engine {
namespace {

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
    out.completion_tokens = sequence.usage().completion_tokens;
    out.max_tokens = sequence.request().max_tokens;
    return out;
}

}  // namespace

std::optional<ContextShift> shift_context(std::size_t length, std::size_t context, int keep,
                                          std::size_t prompt) noexcept {
    const std::size_t kept = keep < 0 ? prompt : std::min<std::size_t>(static_cast<std::size_t>(keep), length);
    if (kept + 4 > context) return std::nullopt;
    const std::size_t half = (context - kept) / 2;
    std::size_t from = kept;
    while (kept + length - from >= context) from += half;
    return ContextShift{kept, from};
}

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
    void see(const Sequence& sequence, bool running);
    void run_errands();
    /// Runs `work` on the scheduling thread and waits for what it says.
    template <class Work>
    auto there(Work work) -> decltype(work());
    [[nodiscard]] SessionOwner session_owner() const {
        return {identity_of(model->info()), options.kv_type, (*pool)->page_bytes(), vocabulary};
    }
    void take_new();
    void guess();
    void advance(const Part& part, std::span<const float> rows);
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
    std::vector<SequencePtr> arrived;            // not seen by the scheduler yet
    std::vector<std::function<void()>> errands;  // for the scheduling thread, between two passes
    std::size_t queued = 0;                      // arrived or waiting in the scheduler
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
    if (options.context_shift && request.prompt_logprobs < 0 &&
        shift_context(request.prompt.size(), context, options.context_keep, 0)) {
        // It will be shortened.
    } else if (request.prompt.size() > context)
        return fail(
            ErrorCode::resource_exhausted,
            fmt::format("the prompt has {} tokens, but the context holds {}; shorten it or use a larger context",
                        request.prompt.size(), context));
    for (const auto token : request.prompt)
        if (token < 0 || static_cast<std::size_t>(token) >= vocabulary)
            return fail(ErrorCode::invalid_argument,
                        fmt::format("token {} is outside the model's vocabulary of {}", token, vocabulary));
    if (request.prompt_logprobs < -1 || request.prompt_logprobs > most_top_logprobs)
        return fail(ErrorCode::invalid_argument, fmt::format("prompt_logprobs is {}; give a value from 0 to {}",
                                                             request.prompt_logprobs, most_top_logprobs));
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
    if (request.adapter && request.adapter->model() != model.get())
        return fail(ErrorCode::invalid_argument, fmt::format("the adapter '{}' was loaded for another model than '{}'",
                                                             request.adapter->info().name, model->info().name));
    if (!std::isfinite(request.adapter_scale))
        return fail(ErrorCode::invalid_argument, "the scale of an adapter must be a finite number");
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
            wake.wait(lock, stop, [this] { return !arrived.empty() || !errands.empty(); });
        }
        if (stop.stop_requested()) break;
        run_errands();
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
            tokens = follow(request.prediction, sequence->tokens().subspan(sequence->prompt_length()), count);
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

void Engine::Impl::see(const Sequence& sequence, bool running) {
    seen.push_back({snapshot_of(sequence, running), sequence.submitted()});
    for (const auto& follower : sequence.followers()) see(*follower, false);
}

void Engine::Impl::run_errands() {
    std::vector<std::function<void()>> now;
    {
        const std::scoped_lock lock(mutex);
        now.swap(errands);
    }
    for (const auto& errand : now) errand();
    if (!now.empty()) publish();
}

template <class Work>
auto Engine::Impl::there(Work work) -> decltype(work()) {
    const auto said = std::make_shared<std::promise<decltype(work())>>();  // shared: set_value may still be at work
    auto answer = said->get_future();
    {
        const std::scoped_lock lock(mutex);
        errands.emplace_back([said, &work] { said->set_value(work()); });
    }
    wake.notify_one();
    return answer.get();
}

void Engine::Impl::take_new() {
    const std::scoped_lock lock(mutex);
    for (auto& sequence : arrived) {
        see(*sequence, false);
        scheduler.add(std::move(sequence));
    }
    arrived.clear();
}

void Engine::Impl::advance(const Part& part, std::span<const float> rows) {
    Sequence& sequence = *part.sequence;
    if (!sequence.followers().empty() && sequence.cache().length() >= sequence.prompt_length())
        scheduler.fork(sequence, rows.last(std::min(vocabulary, rows.size())));
    sequence.advance(part.count, rows, vocabulary);
}

void Engine::Impl::step(std::span<const Part> parts) {
    if (parts.empty()) {  // the pool holds any one sequence, so this is a fault of ours; nobody waits for ever
        for (const auto& sequence : scheduler.running())
            sequence->fail(Error(ErrorCode::internal, "no memory could be found for the sequence"));
        return;
    }
    std::vector<model::SequenceStep> steps;
    const auto step_of = [](const Part& part) {
        return model::SequenceStep{&part.sequence->cache(), part.sequence->step(part.count), part.logits,
                                   part.sequence->adapter()};
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
            advance(part, logits->subspan(at, size));
            at += size;
        }
        return;
    }
    // Nothing was computed. One by one, only those that cause the error end with it.
    for (const auto& part : parts) {
        const auto one = step_of(part);
        if (auto logits = model->forward(team, {&one, 1}))
            advance(part, *logits);
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
    queued = scheduler.waiting_count();
    for (const auto& sequence : arrived) queued += 1 + sequence->followers().size();
    counters.running = scheduler.running().size();
    counters.preemptions = scheduler.preemptions();
    counters.kv_bytes = scheduler.pool().bytes();
    counters.kv_pages = scheduler.pool().pages();
    counters.kv_pages_used = counters.kv_pages - scheduler.pool().free_pages() - scheduler.prefixes().evictable();
    seen.clear();
    for (const auto& sequence : scheduler.running()) see(*sequence, true);
    for (const auto& sequence : scheduler.waiting()) see(*sequence, false);
}

Engine::Engine(std::shared_ptr<model::CausalModel> model, const EngineOptions& options)
    : impl_(std::make_unique<Impl>(std::move(model), options)) {}

Engine::~Engine() = default;

Result<void> Engine::submit(GenerationRequest request, GenerationSink sink) {
    std::vector<Submission> group;
    group.push_back({std::move(request), std::move(sink)});
    return submit(std::move(group));
}

Result<void> Engine::submit(std::vector<Submission> group) {
    if (group.empty()) return fail(ErrorCode::invalid_argument, "a group needs at least one request");
    for (const auto& one : group) {
        TENON_CHECK(impl_->check(one.request));
        if (one.request.prompt != group.front().request.prompt)
            return fail(ErrorCode::invalid_argument, "the requests of one group must have one prompt");
    }
    if (!impl_->pool) return std::unexpected(impl_->pool.error());
    if (!impl_->drafts) return std::unexpected(impl_->drafts.error());
    std::vector<std::unique_ptr<Sequence>> sequences;
    const bool shifts = impl_->options.context_shift;
    const std::optional<int> keep = shifts ? std::optional(impl_->options.context_keep) : std::nullopt;
    for (auto& [request, sink] : group) {
        if (shifts && request.prompt.size() > impl_->context) {
            const auto left = shift_context(request.prompt.size(), impl_->context, *keep, 0);
            const auto begin = request.prompt.begin();
            if (left)
                request.prompt.erase(begin + static_cast<std::ptrdiff_t>(left->keep),
                                     begin + static_cast<std::ptrdiff_t>(left->from));
        }
        if (!sequences.empty()) request.prompt_logprobs = -1;
        if (request.ignore_eos)
            for (const auto id : impl_->end_ids)
                request.sampling.logit_bias.emplace_back(id, -std::numeric_limits<float>::infinity());
        DryBreakersPtr breakers;
        if (request.sampling.dry_multiplier > 0)
            breakers = impl_->breakers.of(*impl_->model->tokenizer(), request.sampling.dry_sequence_breakers);
        sequences.push_back(std::make_unique<Sequence>(std::move(request), std::move(sink), impl_->model->tokenizer(),
                                                       *impl_->pool, impl_->context, impl_->end_ids,
                                                       std::move(breakers), keep));
    }
    {
        const std::scoped_lock lock(impl_->mutex);
        if (impl_->queued + sequences.size() > impl_->options.max_queue)
            return fail(ErrorCode::resource_exhausted,
                        fmt::format("{} requests are waiting already; try again later", impl_->queued));
        for (const auto& sequence : sequences) sequence->set_id(++impl_->submitted);
        impl_->queued += sequences.size();
        auto leader = std::move(sequences.front());
        sequences.erase(sequences.begin());
        leader->lead(std::move(sequences));
        impl_->arrived.push_back(std::move(leader));
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
        std::move(event.prompt_logprobs.begin(), event.prompt_logprobs.end(),
                  std::back_inserter(whole.prompt_logprobs));
        if (!event.last()) return;
        whole.finish = event.finish;
        whole.error = std::move(event.error);
        whole.usage = event.usage;
        whole.timings = event.timings;
        answer->done.set_value();
    }));
    done.wait();
    if (answer->whole.error) return std::unexpected(std::move(*answer->whole.error));
    return std::move(answer->whole);
}

Result<std::size_t> Engine::save_prefix(std::span<const text::TokenId> tokens, const std::filesystem::path& file) {
    if (!impl_->pool) return std::unexpected(impl_->pool.error());
    struct Kept {
        std::size_t length = 0;
        std::vector<std::byte> pages;
    };
    const Kept kept = impl_->there([&] {
        Kept out;
        const auto match = impl_->scheduler.find_prefix(tokens);
        out.length = match.length;
        for (const auto page : match.pages) {
            const auto bytes = (*impl_->pool)->page(page);
            out.pages.insert(out.pages.end(), bytes.begin(), bytes.end());
        }
        return out;
    });
    if (kept.length == 0)
        return fail(ErrorCode::not_found, "nothing of this text is kept; save it after a request that computed it");
    TENON_CHECK(write_session(file, impl_->session_owner(), tokens.first(kept.length), kept.pages));
    return kept.length;
}

Result<std::size_t> Engine::load_prefix(const std::filesystem::path& file) {
    if (!impl_->pool) return std::unexpected(impl_->pool.error());
    const auto owner = impl_->session_owner();
    TENON_TRY(const auto mapped, MappedFile::open(file));
    auto session = parse_session(mapped.bytes(), owner);
    if (!session) return fail(session.error().code(), fmt::format("{}: {}", file.string(), session.error().message()));
    TENON_CHECK(impl_->there([&] { return impl_->scheduler.keep_prefix(session->tokens, session->pages); }));
    return session->tokens.size();
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
    for (const auto& sequence : impl_->arrived) {
        add(snapshot_of(*sequence, false), sequence->submitted());
        for (const auto& follower : sequence->followers()) add(snapshot_of(*follower, false), follower->submitted());
    }
    return out;
}

EngineStats Engine::stats() const {
    const std::scoped_lock lock(impl_->mutex);
    EngineStats stats = impl_->counters;
    stats.waiting = impl_->queued;
    return stats;
}

}  // namespace tenon::engine
