#include "tenon/chain/model.hpp"

namespace tenon::chain {
namespace {

void trace_answer(const Context& context, const std::string& model, llm::FinishReason finish, const llm::Usage& usage) {
    auto& tracer = *context.tracer;
    if (!model.empty()) tracer.set(context.span, "gen_ai.response.model", model);
    tracer.set(context.span, "gen_ai.response.finish_reasons", std::string(llm::to_string(finish)));
    tracer.set(context.span, "gen_ai.usage.input_tokens", static_cast<std::int64_t>(usage.input_tokens));
    tracer.set(context.span, "gen_ai.usage.output_tokens", static_cast<std::int64_t>(usage.output_tokens));
}

/// Tells the tracer what the last event says.
class WatchedEvents final : public Stream<llm::ChatEvent> {
  public:
    WatchedEvents(StreamPtr<llm::ChatEvent> inner, Context context)
        : inner_(std::move(inner)), context_(std::move(context)) {}
    task<Result<std::optional<llm::ChatEvent>>> next() override {
        auto event = co_await inner_->next();
        if (event && *event && (*event)->finish)
            trace_answer(context_, (*event)->model, *(*event)->finish, (*event)->usage);
        co_return event;
    }

  private:
    StreamPtr<llm::ChatEvent> inner_;
    Context context_;
};

class Texts final : public Stream<std::string> {
  public:
    explicit Texts(StreamPtr<llm::ChatEvent> events) : events_(std::move(events)) {}
    task<Result<std::optional<std::string>>> next() override {
        for (;;) {
            auto event = co_await events_->next();
            if (!event) co_return std::unexpected(std::move(event).error());
            if (!*event) co_return std::nullopt;
            if (!(*event)->text.empty()) co_return std::move((*event)->text);
        }
    }

  private:
    StreamPtr<llm::ChatEvent> events_;
};

template <class T>
void default_to(std::optional<T>& value, const std::optional<T>& otherwise) {
    if (!value) value = otherwise;
}

bool is_plain(const llm::GenerationSettings& s) {
    return !(s.temperature || s.top_p || s.min_p || s.repetition_penalty || s.presence_penalty || s.frequency_penalty ||
             s.top_k || s.seed || s.max_tokens || s.top_logprobs) &&
           s.stop.empty() && s.logit_bias.empty() && s.decoding.empty();
}

}  // namespace

Model::Model(llm::ChatModelPtr model, llm::GenerationSettings settings)
    : model_(std::move(model)), settings_(std::move(settings)), plain_(is_plain(settings_)) {}

llm::ChatRequest Model::prepared(ModelInput in, const Context& context) const {
    auto& s = in.request.settings;
    if (!plain_) {
        default_to(s.temperature, settings_.temperature);
        default_to(s.top_p, settings_.top_p);
        default_to(s.min_p, settings_.min_p);
        default_to(s.repetition_penalty, settings_.repetition_penalty);
        default_to(s.presence_penalty, settings_.presence_penalty);
        default_to(s.frequency_penalty, settings_.frequency_penalty);
        default_to(s.top_k, settings_.top_k);
        default_to(s.seed, settings_.seed);
        default_to(s.max_tokens, settings_.max_tokens);
        default_to(s.top_logprobs, settings_.top_logprobs);
        if (s.stop.empty()) s.stop = settings_.stop;
        if (s.logit_bias.empty()) s.logit_bias = settings_.logit_bias;
    }
    if (s.seed) *s.seed += context.sample;
    return std::move(in.request);
}

task<Result<llm::ChatResponse>> Model::operator()(ModelInput in, Context context) const {
    auto request = prepared(std::move(in), context);
    if (!context.tracer) return model_->generate(std::move(request), std::move(context.options));
    return [](llm::ChatModelPtr model, llm::ChatRequest asked, Context watched) -> task<Result<llm::ChatResponse>> {
        watched.tracer->set(watched.span, "gen_ai.request.model", model->name());
        auto answer = co_await model->generate(std::move(asked), watched.options);
        if (answer) trace_answer(watched, answer->model, answer->finish, answer->usage);
        co_return answer;
    }(model_, std::move(request), std::move(context));
}

task<Result<StreamPtr<llm::ChatEvent>>> Model::stream(ModelInput in, Context context) const {
    auto request = prepared(std::move(in), context);
    if (!context.tracer) return model_->stream(std::move(request), std::move(context.options));
    return [](llm::ChatModelPtr model, llm::ChatRequest asked,
              Context watched) -> task<Result<StreamPtr<llm::ChatEvent>>> {
        watched.tracer->set(watched.span, "gen_ai.request.model", model->name());
        auto events = co_await model->stream(std::move(asked), watched.options);
        if (!events) co_return events;
        co_return StreamPtr<llm::ChatEvent>(std::make_unique<WatchedEvents>(std::move(*events), std::move(watched)));
    }(model_, std::move(request), std::move(context));
}

Result<std::string> ToText::call(llm::ChatResponse&& answer, const Context&) const {
    llm::TextPart* only = nullptr;
    for (auto& part : answer.message.content) {
        auto* text = std::get_if<llm::TextPart>(&part);
        if (text == nullptr) continue;
        if (only != nullptr) return answer.message.text();
        only = text;
    }
    return only == nullptr ? std::string() : std::move(only->text);
}

StreamPtr<std::string> ToText::transform(StreamPtr<llm::ChatEvent> events, Context) const {
    return std::make_unique<Texts>(std::move(events));
}

}  // namespace tenon::chain
