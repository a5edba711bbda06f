#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <type_traits>
#include <utility>

#include "provider/local/answer_parser.hpp"
#include "provider/local/constraints.hpp"
#include "provider/local/prompt.hpp"
#include "tenon/async/channel.hpp"
#include "tenon/base/utf8.hpp"
#include "tenon/provider/local.hpp"

namespace tenon::provider {
namespace {

using Events = Channel<engine::GenerationEvent>;

Result<engine::SamplingParams> sampling_of(const llm::GenerationSettings& s) {
    engine::SamplingParams p;
    const auto set = [](auto& to, const auto& from) {
        if (from) to = static_cast<std::remove_reference_t<decltype(to)>>(*from);
    };
    set(p.temperature, s.temperature);
    set(p.top_p, s.top_p);
    set(p.min_p, s.min_p);
    set(p.repetition_penalty, s.repetition_penalty);
    set(p.presence_penalty, s.presence_penalty);
    set(p.frequency_penalty, s.frequency_penalty);
    set(p.top_k, s.top_k);
    p.seed = s.seed;
    for (const auto& [token, bias] : s.logit_bias) p.logit_bias.emplace_back(token, static_cast<float>(bias));
    const auto& d = s.decoding;
    set(p.typical_p, d.typical_p);
    set(p.top_n_sigma, d.top_n_sigma);
    set(p.xtc_probability, d.xtc_probability);
    set(p.xtc_threshold, d.xtc_threshold);
    set(p.dynatemp_range, d.dynatemp_range);
    set(p.dynatemp_exponent, d.dynatemp_exponent);
    set(p.dry_multiplier, d.dry_multiplier);
    set(p.dry_base, d.dry_base);
    set(p.dry_allowed_length, d.dry_allowed_length);
    set(p.dry_penalty_last_n, d.dry_penalty_last_n);
    set(p.dry_sequence_breakers, d.dry_sequence_breakers);
    set(p.mirostat, d.mirostat);
    set(p.mirostat_tau, d.mirostat_tau);
    set(p.mirostat_eta, d.mirostat_eta);
    set(p.penalty_window, d.repeat_last_n);
    set(p.min_keep, d.min_keep);
    if (d.samplers) {
        p.steps.clear();
        for (const auto& name : *d.samplers) {
            const auto step = engine::sampler_step_from(name);
            if (!step)
                return fail(ErrorCode::invalid_argument,
                            fmt::format("samplers names \"{}\"; use penalties, dry, top_n_sigma, top_k, typ_p, top_p, "
                                        "min_p, xtc, temperature",
                                        name));
            p.steps.push_back(*step);
        }
    }
    return p;
}

Result<engine::GenerationRequest> request_of(const text::Tokenizer& tokenizer, std::vector<text::TokenId> prompt,
                                             const llm::GenerationSettings& settings) {
    engine::GenerationRequest request;
    request.prompt = std::move(prompt);
    TENON_TRY(request.sampling, sampling_of(settings));
    request.max_tokens = static_cast<std::size_t>(settings.max_tokens.value_or(0));
    request.stop = settings.stop;
    request.top_logprobs = settings.top_logprobs.value_or(-1);
    request.prompt_logprobs = settings.prompt_logprobs.value_or(-1);
    const auto& d = settings.decoding;
    request.ignore_eos = d.ignore_eos.value_or(false);
    request.min_tokens = static_cast<std::size_t>(std::max(0, d.min_tokens.value_or(0)));
    request.stop_tokens = d.stop_token_ids.value_or(std::vector<text::TokenId>());
    request.bad_words = d.bad_words.value_or(std::vector<std::string>());
    request.include_stop = d.include_stop_str_in_output.value_or(false);
    request.skip_special = d.skip_special_tokens.value_or(true);
    if (d.draft_max) request.draft_max = static_cast<std::size_t>(std::max(0, *d.draft_max));
    if (!settings.prediction.empty())
        request.prediction = tokenizer.encode(settings.prediction, {.add_special = false, .parse_special = false});
    return request;
}

llm::TokenLogprob logprob_of(engine::GenerationEvent::Step step) {
    llm::TokenLogprob out;
    out.text = utf8::sanitize(step.chosen.bytes);
    out.bytes = std::move(step.chosen.bytes);
    out.logprob = static_cast<double>(step.chosen.logprob);
    out.id = step.chosen.token;
    out.rank = step.chosen.rank;
    for (auto& t : step.top) {
        std::string text = utf8::sanitize(t.bytes);
        out.top.push_back({std::move(text), std::move(t.bytes), static_cast<double>(t.logprob), t.token, t.rank});
    }
    return out;
}

/// Turns the engine's events into an answer's. Destroying it cancels the generation.
class LocalStream final : public llm::ChatStream {
  public:
    LocalStream(std::shared_ptr<const LocalChatModel> model, std::optional<local::AnswerParser> parser,
                CallOptions options)
        : model_(std::move(model)), parser_(std::move(parser)), options_(std::move(options)) {
        if (options_.stop.stop_possible())
            forward_.emplace(options_.stop, [source = source_]() mutable { source.request_stop(); });
    }
    ~LocalStream() override { source_.request_stop(); }

    /// What the engine is to do for this stream.
    engine::Submission submission(engine::GenerationRequest request, std::string echo) {
        usage_.input_tokens = request.prompt.size();
        request.cancel = source_.get_token();
        request.deadline = options_.deadline;
        echo_ = std::move(echo);
        return {std::move(request), [events = events_](engine::GenerationEvent event) {
                    const bool last = event.last();
                    events->push(std::move(event));
                    if (last) events->close();
                }};
    }

    /// Waits for the first event, so that its error belongs to the call and not to the stream.
    task<Result<void>> prime() {
        auto event = co_await produce();
        if (!event) co_return std::unexpected(std::move(event).error());
        first_ = std::move(*event);
        co_return Result<void>{};
    }

    task<Result<std::optional<llm::ChatEvent>>> next() override {
        if (first_) co_return std::exchange(first_, std::nullopt);
        auto event = co_await produce();
        co_return std::move(event);
    }

  private:
    task<Result<std::optional<llm::ChatEvent>>> produce() {
        while (!over_) {
            auto received = co_await events_->next(options_);
            if (!received) {
                over_ = true;
                source_.request_stop();
                if (received.error().code() != ErrorCode::cancelled)
                    co_return std::unexpected(std::move(received).error());
                llm::ChatEvent last;
                last.finish = llm::FinishReason::cancelled;
                last.usage = usage_;
                co_return std::optional(std::move(last));
            }
            if (!*received) break;
            auto event = convert(std::move(**received));
            if (!event) co_return std::unexpected(std::move(event).error());
            if (event->finish || !event->text.empty() || !event->reasoning.empty() || !event->tool_calls.empty() ||
                !event->logprobs.empty() || !event->prompt_logprobs.empty())
                co_return std::optional(std::move(*event));
        }
        over_ = true;
        co_return std::optional<llm::ChatEvent>();
    }

    Result<llm::ChatEvent> convert(engine::GenerationEvent event) {
        llm::ChatEvent out;
        out.text = std::exchange(echo_, {});
        for (auto& step : event.logprobs) out.logprobs.push_back(logprob_of(std::move(step)));
        for (auto& step : event.prompt_logprobs) out.prompt_logprobs.push_back(logprob_of(std::move(step)));
        usage_.output_tokens += event.tokens.size();
        if (parser_) {
            const bool before = parser_->reasoning();
            take(out, parser_->push(event.text));
            if (before || parser_->reasoning()) usage_.reasoning_tokens += event.tokens.size();
        } else {
            out.text += event.text;
        }
        if (!event.last()) return out;
        over_ = true;
        if (event.error) return std::unexpected(std::move(*event.error));
        if (*event.finish == engine::FinishReason::deadline)
            return fail(ErrorCode::deadline_exceeded,
                        fmt::format("time ran out after {} tokens of the answer", event.usage.completion_tokens));
        if (parser_) take(out, parser_->finish());
        usage_.input_tokens = event.usage.prompt_tokens;
        usage_.cached_input_tokens = event.usage.cached_tokens;
        usage_.output_tokens = event.usage.completion_tokens;
        usage_.accepted_prediction_tokens = event.usage.accepted_tokens;
        usage_.rejected_prediction_tokens = event.usage.drafted_tokens - event.usage.accepted_tokens;
        out.usage = usage_;
        if (!event.stop_string.empty()) out.extensions.set(local::AnswerExtras{std::move(event.stop_string)});
        out.timings = {event.timings.queue_ms, event.timings.prompt_ms, event.timings.decode_ms};
        switch (*event.finish) {
            case engine::FinishReason::stop:
                out.finish = parser_ && parser_->called() ? llm::FinishReason::tool_calls : llm::FinishReason::stop;
                break;
            case engine::FinishReason::length:
                out.finish = llm::FinishReason::length;
                break;
            default:
                out.finish = llm::FinishReason::cancelled;
        }
        return out;
    }

    static void take(llm::ChatEvent& out, local::AnswerPieces pieces) {
        out.text += pieces.text;
        out.reasoning += pieces.reasoning;
        std::move(pieces.calls.begin(), pieces.calls.end(), std::back_inserter(out.tool_calls));
    }

    std::shared_ptr<const LocalChatModel> model_;  // keeps the engine alive, and in use
    std::shared_ptr<Events> events_ = std::make_shared<Events>();
    std::optional<local::AnswerParser> parser_;
    CallOptions options_;
    std::stop_source source_;
    std::optional<std::stop_callback<std::function<void()>>> forward_;
    std::optional<llm::ChatEvent> first_;
    std::string echo_;
    llm::Usage usage_;
    bool over_ = false;
};

using Choices = std::vector<StreamPtr<llm::ChatEvent>>;

/// One request to the engine for each of the streams, as one group.
task<Result<Choices>> launch(std::shared_ptr<const LocalChatModel> model,
                             std::vector<std::unique_ptr<LocalStream>> streams, std::vector<engine::Submission> group) {
    TENON_CO_CHECK(model->engine().submit(std::move(group)));
    Choices out;
    for (auto& stream : streams) {
        TENON_CO_CHECK(co_await stream->prime());
        out.push_back(std::move(stream));
    }
    co_return std::move(out);
}

task<Result<StreamPtr<llm::ChatEvent>>> only(task<Result<Choices>> choices) {
    TENON_CO_TRY(auto all, co_await std::move(choices));
    co_return std::move(all.front());
}

}  // namespace

struct LocalChatModel::Impl {
    std::string name;
    std::shared_ptr<const local::PromptBuilder> prompts;
    text::TokenizerPtr tokenizer;
    std::shared_ptr<engine::Engine> engine;
    std::shared_ptr<local::Constraints> constraints;
    std::shared_ptr<const model::LoraAdapter> adapter{};
    float adapter_scale = 1;

    [[nodiscard]] Result<engine::GenerationRequest> request(std::vector<text::TokenId> prompt,
                                                            const llm::GenerationSettings& settings) const {
        TENON_TRY(auto request, request_of(*tokenizer, std::move(prompt), settings));
        request.adapter = adapter;
        request.adapter_scale = adapter_scale;
        return request;
    }
};

LocalChatModel::LocalChatModel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LocalChatModel::~LocalChatModel() = default;

Result<std::shared_ptr<LocalChatModel>> LocalChatModel::create(std::shared_ptr<model::CausalModel> model,
                                                               LocalChatOptions options) {
    if (const auto& draft = options.engine.speculation.draft) TENON_CHECK(engine::check_draft(*model, *draft));
    TENON_TRY(auto prompts, local::PromptBuilder::create(model->info().chat_template, model->tokenizer()));
    std::string name = options.name.empty() ? model->info().name : std::move(options.name);
    auto tokenizer = model->tokenizer();
    const bool tagged_calls = model->info().chat_template.find("<tool_call>") != std::string::npos;
    auto constraints = std::make_shared<local::Constraints>(tokenizer, model->info().vocabulary, tagged_calls);
    auto engine = std::make_shared<engine::Engine>(std::move(model), options.engine);
    return std::shared_ptr<LocalChatModel>(new LocalChatModel(
        std::make_unique<Impl>(Impl{std::move(name), std::make_shared<const local::PromptBuilder>(std::move(prompts)),
                                    std::move(tokenizer), std::move(engine), std::move(constraints)})));
}

Result<std::shared_ptr<LocalChatModel>> LocalChatModel::load(const std::filesystem::path& path,
                                                             LocalChatOptions options) {
    const auto context = options.engine.context != 0 ? options.engine.context : engine::default_context;
    TENON_TRY(auto model, model::load_causal(path, {.context = context}));
    if (!options.draft.empty()) {
        TENON_TRY(auto draft, model::load_causal(options.draft, {.context = context}));
        options.engine.speculation.draft = std::move(draft);
    }
    return create(std::move(model), std::move(options));
}

Result<std::shared_ptr<LocalChatModel>> LocalChatModel::with_adapter(const std::filesystem::path& path,
                                                                     std::string name, float scale) const {
    if (!std::isfinite(scale))
        return fail(ErrorCode::invalid_argument, "the scale of an adapter must be a finite number");
    TENON_TRY(auto adapter, impl_->engine->model().load_adapter(path));
    auto impl = std::make_unique<Impl>(*impl_);
    impl->name = std::move(name);
    impl->adapter = std::move(adapter);
    impl->adapter_scale = scale;
    return std::shared_ptr<LocalChatModel>(new LocalChatModel(std::move(impl)));
}

std::shared_ptr<const model::LoraAdapter> LocalChatModel::adapter() const noexcept { return impl_->adapter; }

float LocalChatModel::adapter_scale() const noexcept { return impl_->adapter_scale; }

const std::string& LocalChatModel::name() const noexcept { return impl_->name; }

llm::Capabilities LocalChatModel::capabilities() const {
    llm::Capabilities c;
    c.tools = impl_->prompts->takes_tools();
    c.logprobs = c.prompt_logprobs = true;
    c.completion = true;
    c.reasoning = impl_->prompts->reasons();
    c.forced_tools = c.parallel_tools = c.tools;
    c.json = c.json_schema = c.grammar = c.regex = true;
    c.exact_token_count = true;
    c.context_length = impl_->engine->context();
    return c;
}

task<Result<StreamPtr<llm::ChatEvent>>> LocalChatModel::stream(llm::ChatRequest request, CallOptions options) {
    return only(stream_choices(std::move(request), 1, std::move(options)));
}

task<Result<StreamPtr<llm::ChatEvent>>> LocalChatModel::complete(llm::CompletionRequest request, CallOptions options) {
    return only(complete_choices(std::move(request), 1, std::move(options)));
}

task<Result<std::vector<StreamPtr<llm::ChatEvent>>>> LocalChatModel::stream_choices(llm::ChatRequest request,
                                                                                    std::size_t count,
                                                                                    CallOptions options) {
    if (request.tool_choice.mode == llm::ToolChoice::Mode::none) request.tools.clear();
    TENON_CO_TRY(const auto prompt, impl_->prompts->chat(request));
    std::vector<std::string> tools;
    for (const auto& tool : request.tools) tools.push_back(tool.name);
    std::vector<std::unique_ptr<LocalStream>> streams;
    std::vector<engine::Submission> group;
    for (std::size_t i = 0; i < count; ++i) {
        local::AnswerParser parser(tools, prompt.thinking);
        streams.push_back(std::make_unique<LocalStream>(shared_from_this(), std::move(parser), options));
        TENON_CO_TRY(auto generation, impl_->request(prompt.tokens, llm::settings_of_choice(request.settings, i)));
        TENON_CO_TRY(generation.constraint, impl_->constraints->of(request, prompt.thinking));
        group.push_back(streams.back()->submission(std::move(generation), std::string()));
    }
    co_return co_await launch(shared_from_this(), std::move(streams), std::move(group));
}

task<Result<std::vector<StreamPtr<llm::ChatEvent>>>> LocalChatModel::complete_choices(llm::CompletionRequest request,
                                                                                      std::size_t count,
                                                                                      CallOptions options) {
    TENON_CO_TRY(const auto tokens, impl_->prompts->raw(request.prompt));
    std::vector<std::unique_ptr<LocalStream>> streams;
    std::vector<engine::Submission> group;
    for (std::size_t i = 0; i < count; ++i) {
        streams.push_back(std::make_unique<LocalStream>(shared_from_this(), std::nullopt, options));
        TENON_CO_TRY(auto generation, impl_->request(tokens, llm::settings_of_choice(request.settings, i)));
        TENON_CO_TRY(generation.constraint, impl_->constraints->of(request));
        std::string echo;
        if (request.echo) echo = request.prompt;
        group.push_back(streams.back()->submission(std::move(generation), std::move(echo)));
    }
    co_return co_await launch(shared_from_this(), std::move(streams), std::move(group));
}

std::size_t LocalChatModel::count_tokens(std::string_view text) const {
    return impl_->tokenizer->encode(text, {.add_special = false, .parse_special = false}).size();
}

task<Result<std::size_t>> LocalChatModel::count_request_tokens(llm::ChatRequest request, CallOptions) {
    if (request.tool_choice.mode == llm::ToolChoice::Mode::none) request.tools.clear();
    TENON_CO_TRY(const auto tokens, prompt_tokens(request));
    co_return tokens.size();
}

Result<std::vector<text::TokenId>> LocalChatModel::prompt_tokens(const llm::ChatRequest& request) const {
    TENON_TRY(auto prompt, impl_->prompts->chat(request));
    return std::move(prompt.tokens);
}

Result<std::vector<text::TokenId>> LocalChatModel::prompt_tokens(const llm::CompletionRequest& request) const {
    return impl_->prompts->raw(request.prompt);
}

engine::Engine& LocalChatModel::engine() const noexcept { return *impl_->engine; }

}  // namespace tenon::provider
