#include "tenon/engine/engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <future>
#include <limits>
#include <mutex>
#include <thread>

#include "engine/sequence.hpp"
#include "engine/slots.hpp"
#include "tenon/base/utf8.hpp"

namespace tenon::engine {
namespace {

constexpr std::size_t default_context = 8192;
constexpr std::size_t scored_chunk = 32;  // rows of logits are large: 32 of 150,000 are 19 MB
constexpr int most_top_logprobs = 20;
constexpr std::size_t most_stops = 256;

std::size_t context_of(const model::CausalModel& model, const EngineOptions& options) {
    const std::size_t own = model.info().context_length > 0 ? model.info().context_length : default_context;
    return options.context > 0 ? std::min(options.context, own) : std::min(default_context, own);
}

std::vector<text::TokenId> end_tokens(const text::Tokenizer& tokenizer) {
    std::vector<text::TokenId> ids;
    for (std::size_t id = 0; id < tokenizer.vocabulary_size(); ++id)
        if (tokenizer.is_end_of_generation(static_cast<text::TokenId>(id)))
            ids.push_back(static_cast<text::TokenId>(id));
    return ids;
}

}  // namespace

struct Engine::Impl {
    using SequencePtr = std::unique_ptr<Sequence>;

    Impl(std::shared_ptr<model::CausalModel> the_model, const EngineOptions& the_options)
        : model(std::move(the_model)),
          options(the_options),
          context(context_of(*model, options)),
          vocabulary(model->info().vocabulary),
          end_ids(end_tokens(*model->tokenizer())),
          team(options.threads),
          slots(*model, std::max<std::size_t>(1, options.max_sequences), context, options.prefix_block),
          thread([this](const std::stop_token& stop) { run(stop); }) {}

    Result<void> check(const GenerationRequest& request) const;
    void run(const std::stop_token& stop);
    void drop_ended();
    void admit();
    void plan();
    void step();
    void retire();
    void publish();

    /// What one forward pass does for one sequence.
    struct Part {
        Sequence* sequence;
        std::size_t count;
        model::Logits logits;
    };

    const std::shared_ptr<model::CausalModel> model;
    const EngineOptions options;
    const std::size_t context;
    const std::size_t vocabulary;
    const std::vector<text::TokenId> end_ids;

    mutable std::mutex mutex;  // guards `waiting` and `counters`
    std::condition_variable_any wake;
    std::deque<SequencePtr> waiting;
    EngineStats counters;

    // The scheduling thread's own:
    tensor::ThreadTeam team;
    Slots slots;
    std::vector<SequencePtr> running;  // in order of admission
    std::vector<Part> parts;
    std::size_t turn = 0;  // rotates who comes first, when not all fit into one pass

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
    return validate(request.sampling, vocabulary);
}

void Engine::Impl::run(const std::stop_token& stop) {
    for (;;) {
        if (running.empty()) {
            std::unique_lock lock(mutex);
            wake.wait(lock, stop, [this] { return !waiting.empty(); });
        }
        if (stop.stop_requested()) break;
        drop_ended();
        admit();
        plan();
        step();
        retire();
        publish();
    }
    std::deque<SequencePtr> left;
    {
        const std::scoped_lock lock(mutex);
        left.swap(waiting);
    }
    for (auto& sequence : running) sequence->finish(FinishReason::cancelled);
    for (auto& sequence : left) sequence->finish(FinishReason::cancelled);
}

// Ends what was cancelled or ran out of time, queued or running.
void Engine::Impl::drop_ended() {
    const auto now = std::chrono::steady_clock::now();
    const auto ended = [&](const SequencePtr& s) { return s->cancelled() || s->expired(now); };
    std::vector<SequencePtr> dropped;
    {
        const std::scoped_lock lock(mutex);
        for (auto it = waiting.begin(); it != waiting.end();) {
            if (!ended(*it)) {
                ++it;
                continue;
            }
            dropped.push_back(std::move(*it));
            it = waiting.erase(it);
        }
    }
    const auto finish = [](Sequence& s) { s.finish(s.cancelled() ? FinishReason::cancelled : FinishReason::deadline); };
    for (auto& s : dropped) finish(*s);
    for (auto& s : running)
        if (ended(s)) finish(*s);
    retire();
}

void Engine::Impl::admit() {
    while (slots.available()) {
        SequencePtr sequence;
        {
            const std::scoped_lock lock(mutex);
            if (waiting.empty()) return;
            sequence = std::move(waiting.front());
            waiting.pop_front();
        }
        const auto& request = sequence->request();
        auto lease = slots.acquire(request.prompt, !request.prompt_logprobs);
        if (!lease) {
            sequence->fail(std::move(lease).error());
            continue;
        }
        sequence->start(*lease);
        running.push_back(std::move(sequence));
    }
}

// One token for everyone who is decoding; what is left of the chunk is shared evenly by the prompts, and who comes
// first rotates, so that a short prompt never waits for a long one to end.
void Engine::Impl::plan() {
    parts.clear();
    if (running.empty()) return;
    std::size_t room = std::max<std::size_t>(1, model->max_batch_tokens());
    ++turn;
    std::vector<Sequence*> prompts;
    for (std::size_t i = 0; i < running.size(); ++i) {
        Sequence* sequence = running[(i + turn) % running.size()].get();
        if (sequence->in_prompt()) {
            prompts.push_back(sequence);
        } else if (room > 0) {
            parts.push_back({sequence, 1, model::Logits::last});
            --room;
        }
    }
    room = std::min(room, std::max<std::size_t>(1, options.prompt_chunk));
    for (std::size_t i = 0; i < prompts.size() && room > 0; ++i) {
        Sequence* sequence = prompts[i];
        const std::size_t others = prompts.size() - i;
        std::size_t count = std::min(sequence->pending().size(), (room + others - 1) / others);
        if (sequence->request().prompt_logprobs) count = std::min(count, scored_chunk);
        const bool whole = count == sequence->pending().size();
        const auto logits = sequence->request().prompt_logprobs ? model::Logits::all
                            : whole                             ? model::Logits::last
                                                                : model::Logits::none;
        parts.push_back({sequence, count, logits});
        room -= count;
    }
}

void Engine::Impl::step() {
    if (parts.empty()) return;
    std::vector<model::SequenceStep> steps;
    const auto step_of = [](const Part& part) {
        return model::SequenceStep{part.sequence->slot().cache.get(), part.sequence->pending().first(part.count),
                                   part.logits};
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
    for (auto& sequence : running) {
        if (!sequence->finished()) continue;
        slots.release(sequence->slot());
        const std::scoped_lock lock(mutex);
        counters.prompt_tokens += sequence->usage().prompt_tokens;
        counters.completion_tokens += sequence->usage().completion_tokens;
        ++counters.requests;
        sequence.reset();
    }
    std::erase(running, nullptr);
}

void Engine::Impl::publish() {
    const std::scoped_lock lock(mutex);
    counters.running = running.size();
    counters.kv_bytes = slots.bytes();
}

Engine::Engine(std::shared_ptr<model::CausalModel> model, const EngineOptions& options)
    : impl_(std::make_unique<Impl>(std::move(model), options)) {}

Engine::~Engine() = default;

Result<void> Engine::submit(GenerationRequest request, GenerationSink sink) {
    TENON_CHECK(impl_->check(request));
    if (request.ignore_eos)
        for (const auto id : impl_->end_ids)
            request.sampling.logit_bias.emplace_back(id, -std::numeric_limits<float>::infinity());
    auto sequence = std::make_unique<Sequence>(std::move(request), std::move(sink), impl_->model->tokenizer());
    {
        const std::scoped_lock lock(impl_->mutex);
        if (impl_->waiting.size() >= impl_->options.max_queue)
            return fail(ErrorCode::resource_exhausted,
                        fmt::format("{} requests are waiting already; try again later", impl_->waiting.size()));
        impl_->waiting.push_back(std::move(sequence));
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

EngineStats Engine::stats() const {
    const std::scoped_lock lock(impl_->mutex);
    EngineStats stats = impl_->counters;
    stats.waiting = impl_->waiting.size();
    return stats;
}

}  // namespace tenon::engine
