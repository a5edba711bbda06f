#include "serve/measured_model.hpp"

#include <utility>

namespace tenon::serve {
namespace {

using SteadyClock = std::chrono::steady_clock;

const std::vector<double>& token_buckets() {
    static const std::vector<double> buckets{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3,
                                             0.4,   0.5,  0.75,  1,    2.5,   5,   10,   20};
    return buckets;
}

/// One answer's times, told when it ends.
class Meter {
  public:
    /// `first`: of the answers to one prompt, the one that counts it.
    Meter(std::weak_ptr<State> state, std::string model, bool first)
        : state_(std::move(state)), labels_{{"model_name", std::move(model)}}, first_(first) {}
    Meter(const Meter&) = delete;
    Meter& operator=(const Meter&) = delete;
    ~Meter() {
        if (!ended_) end("abort", {});
    }

    void event(const llm::ChatEvent& event) {
        const auto now = SteadyClock::now();
        const bool says = !event.text.empty() || !event.reasoning.empty() || !event.tool_calls.empty() ||
                          !event.tool_call_deltas.empty();
        if (const auto state = state_.lock(); state && says) {
            if (!last_)
                observe(*state, "vllm:time_to_first_token_seconds", "Time to the first token of an answer.",
                        now - begun_);
            else
                observe(*state, "vllm:time_per_output_token_seconds", "Time between two pieces of an answer.",
                        now - *last_);
        }
        if (says) last_ = now;
        if (!event.finish) return;
        switch (*event.finish) {
            case llm::FinishReason::length:
                return end("length", event.usage);
            case llm::FinishReason::cancelled:
                return end("abort", event.usage);
            default:
                return end("stop", event.usage);
        }
    }
    void failed() { end("error", {}); }

  private:
    void end(std::string_view reason, const llm::Usage& usage) {
        if (std::exchange(ended_, true)) return;
        const auto state = state_.lock();
        if (!state) return;
        observe(*state, "vllm:e2e_request_latency_seconds", "Time of a whole answer.", SteadyClock::now() - begun_);
        observe::Labels labels = labels_;
        labels.emplace_back("finished_reason", std::string(reason));
        state->metrics.add("vllm:request_success_total", "Answers by how they ended.", labels);
        state->metrics.add("vllm:prompt_tokens_total", "Tokens of prompts.", labels_,
                           first_ ? static_cast<double>(usage.input_tokens) : 0.0);
        state->metrics.add("vllm:generation_tokens_total", "Tokens of answers.", labels_,
                           static_cast<double>(usage.output_tokens));
    }
    void observe(State& state, const char* name, const char* help, SteadyClock::duration time) {
        state.metrics.observe(name, help, labels_, std::chrono::duration<double>(time).count(), token_buckets());
    }

    std::weak_ptr<State> state_;
    observe::Labels labels_;
    bool first_;
    SteadyClock::time_point begun_ = SteadyClock::now();
    std::optional<SteadyClock::time_point> last_;
    bool ended_ = false;
};
using MeterPtr = std::unique_ptr<Meter>;
using Choices = std::vector<StreamPtr<llm::ChatEvent>>;

class MeasuredStream final : public Stream<llm::ChatEvent> {
  public:
    MeasuredStream(StreamPtr<llm::ChatEvent> events, MeterPtr meter)
        : events_(std::move(events)), meter_(std::move(meter)) {}
    [[nodiscard]] task<Result<std::optional<llm::ChatEvent>>> next() override {
        auto event = co_await events_->next();
        if (!event)
            meter_->failed();
        else if (*event)
            meter_->event(**event);
        co_return event;
    }

  private:
    StreamPtr<llm::ChatEvent> events_;
    MeterPtr meter_;
};

class MeasuredModel final : public llm::ChatModel {
  public:
    MeasuredModel(llm::ChatModelPtr model, std::string name, std::weak_ptr<State> state)
        : model_(std::move(model)), name_(std::move(name)), state_(std::move(state)) {}

    [[nodiscard]] const std::string& name() const noexcept override { return model_->name(); }
    [[nodiscard]] llm::Capabilities capabilities() const override { return model_->capabilities(); }
    [[nodiscard]] task<Result<StreamPtr<llm::ChatEvent>>> stream(llm::ChatRequest request,
                                                                 CallOptions options) override {
        auto meters = some_meters(1);
        auto events = co_await model_->stream(std::move(request), std::move(options));
        co_return with_meter(std::move(events), std::move(meters.front()));
    }
    [[nodiscard]] task<Result<StreamPtr<llm::ChatEvent>>> complete(llm::CompletionRequest request,
                                                                   CallOptions options) override {
        auto meters = some_meters(1);
        auto events = co_await model_->complete(std::move(request), std::move(options));
        co_return with_meter(std::move(events), std::move(meters.front()));
    }
    [[nodiscard]] task<Result<Choices>> stream_choices(llm::ChatRequest request, std::size_t count,
                                                       CallOptions options) override {
        auto meters = some_meters(count);
        auto choices = co_await model_->stream_choices(std::move(request), count, std::move(options));
        co_return with_meters(std::move(choices), std::move(meters));
    }
    [[nodiscard]] task<Result<Choices>> complete_choices(llm::CompletionRequest request, std::size_t count,
                                                         CallOptions options) override {
        auto meters = some_meters(count);
        auto choices = co_await model_->complete_choices(std::move(request), count, std::move(options));
        co_return with_meters(std::move(choices), std::move(meters));
    }
    [[nodiscard]] std::size_t count_tokens(std::string_view text) const override { return model_->count_tokens(text); }
    [[nodiscard]] task<Result<std::size_t>> count_request_tokens(llm::ChatRequest request,
                                                                 CallOptions options) override {
        return model_->count_request_tokens(std::move(request), std::move(options));
    }

  private:
    [[nodiscard]] std::vector<MeterPtr> some_meters(std::size_t count) const {
        std::vector<MeterPtr> meters;
        for (std::size_t i = 0; i < count; ++i) meters.push_back(std::make_unique<Meter>(state_, name_, i == 0));
        return meters;
    }
    static Result<Choices> with_meters(Result<Choices> choices, std::vector<MeterPtr> meters) {
        if (!choices) {
            for (const auto& meter : meters) meter->failed();
            return choices;
        }
        for (std::size_t i = 0; i < choices->size(); ++i)
            (*choices)[i] = std::make_unique<MeasuredStream>(std::move((*choices)[i]), std::move(meters[i]));
        return choices;
    }
    static Result<StreamPtr<llm::ChatEvent>> with_meter(Result<StreamPtr<llm::ChatEvent>> events, MeterPtr meter) {
        if (!events) {
            meter->failed();
            return events;
        }
        return std::make_unique<MeasuredStream>(std::move(*events), std::move(meter));
    }

    llm::ChatModelPtr model_;
    std::string name_;
    std::weak_ptr<State> state_;
};

}  // namespace

llm::ChatModelPtr measured(llm::ChatModelPtr model, std::string name, std::weak_ptr<State> state) {
    return std::make_shared<MeasuredModel>(std::move(model), std::move(name), std::move(state));
}

void refresh_engine_metrics(const Services& services, observe::Metrics& metrics) {
    if (!services.activity) return;
    for (const auto& activity : services.activity()) {
        const observe::Labels labels{{"model_name", activity.model}};
        const auto& s = activity.stats;
        metrics.set("vllm:num_requests_running", "Requests that a model in memory computes.", labels,
                    static_cast<double>(s.running));
        metrics.set("vllm:num_requests_waiting", "Requests that wait for a model in memory.", labels,
                    static_cast<double>(s.waiting));
        // Counts of the engine's own, which begin anew when the model is loaded again.
        metrics.set("vllm:spec_decode_num_draft_tokens_total", "Guesses at tokens that were checked.", labels,
                    static_cast<double>(s.drafted_tokens));
        metrics.set("vllm:spec_decode_num_accepted_tokens_total", "Guesses at tokens that were right.", labels,
                    static_cast<double>(s.accepted_tokens));
        const double used =
            s.kv_pages > 0 ? static_cast<double>(s.kv_pages_used) / static_cast<double>(s.kv_pages) : 0.0;
        for (const char* name : {"vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"})
            metrics.set(name, "Part of the cache of keys and values that requests use, from 0 to 1.", labels, used);
    }
}

}  // namespace tenon::serve
