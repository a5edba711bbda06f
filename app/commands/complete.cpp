// tenon complete: raw continuation of a text.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "options.hpp"
#include "prompt_cache.hpp"
#include "tenon/provider/local_beam.hpp"

namespace tenon::app {
namespace {

struct Options {
    std::string prompt, prompt_cache;
    CommandOption* given = nullptr;
    RemoteFlags remote;
    EngineFlags engine;
    AdapterFlags adapter;
    SamplingFlags sampling;
    FormFlags form;
    std::size_t beam_width = 0;
    double length_penalty = 1;
    bool json = false, echo = false;
};

void declare(CommandLine& sub, Options& o) {
    o.given = sub.add_option("PROMPT", o.prompt, "the text to go on from; without it, or with -, standard input");
    o.remote.declare(sub);
    o.engine.declare(sub);
    o.adapter.declare(sub);
    o.sampling.declare(sub);
    o.form.declare(sub);
    sub.add_option("--prompt-cache", o.prompt_cache,
                   "file that keeps what the model has read of the prompt, for the next run");
    sub.add_option("--beam-width", o.beam_width, "beam search: the best of so many texts followed at once (1 to 10)")
        ->check(in_range(1, 10));
    sub.add_option("--length-penalty", o.length_penalty, "of a beam search: above 1 favours long texts (1)")
        ->check(in_range(-100.0, 100.0));
    sub.add_flag("--echo", o.echo, "print the prompt before its continuation");
    sub.add_flag("--json", o.json, "print {\"text\", \"finish_reason\", \"usage\", \"timings\"}");
}

struct Whole {
    std::string text;
    llm::ChatEvent last;
};

task<Result<Whole>> collect(llm::ChatModelPtr model, llm::CompletionRequest request, CallOptions call, bool show) {
    TENON_CO_TRY(const auto events, co_await model->complete(std::move(request), std::move(call)));
    Whole out;
    for (;;) {
        TENON_CO_TRY(auto event, co_await events->next());
        if (!event) co_return out;
        if (show) print(event->text);
        out.text += event->text;
        if (event->finish) out.last = std::move(*event);
    }
}

Result<void> run_beams(Context& context, const Options& o, const llm::CompletionRequest& request,
                       const llm::ChatModelPtr& model) {
    if (!std::holds_alternative<llm::TextFormat>(request.format))
        return fail(ErrorCode::invalid_argument, "a beam search takes no grammar or schema");
    const auto local = std::dynamic_pointer_cast<provider::LocalChatModel>(model);
    if (!local)
        return fail(ErrorCode::unsupported, "--beam-width is for models that run here; leave it out for others");
    engine::BeamOptions options;
    options.width = o.beam_width;
    options.length_penalty = o.length_penalty;
    options.max_tokens = static_cast<std::size_t>(*request.settings.max_tokens);
    options.ignore_eos = request.settings.decoding.ignore_eos.value_or(false);
    const InterruptGuard interrupt;
    TENON_TRY(const auto answer,
              sync_wait(context.runtime(),
                        provider::beam_search(local, request.prompt, options, CallOptions{{}, interrupt.token()})));
    if (!o.json) {
        print_line((o.echo ? request.prompt : "") + answer.texts.front().text);
        return {};
    }
    json::Array beams;
    for (const auto& [text, beam] : answer.texts)
        beams.push_back(json::Object{{"text", text}, {"logprob", beam.logprob}, {"score", beam.score}});
    print_json(json::Object{{"text", (o.echo ? request.prompt : "") + answer.texts.front().text},
                            {"model", model->name()},
                            {"beams", std::move(beams)}});
    return {};
}

Result<void> run(Context& context, const Options& o) {
    o.remote.apply(context.settings());
    o.engine.apply(context.settings());
    llm::CompletionRequest request;
    TENON_TRY(request.prompt, text_or_stdin(o.prompt, o.given->count() > 0, "PROMPT"));
    request.settings = o.sampling.settings();
    TENON_TRY(request.format, o.form.format());
    if (!request.settings.max_tokens) request.settings.max_tokens = 256;
    TENON_CHECK(o.adapter.apply(context));
    TENON_TRY(const auto model, context.chat_model(""));
    if (o.beam_width > 0) return run_beams(context, o, request, model);
    TENON_TRY(const auto cache, PromptCache::open(o.prompt_cache, model));
    const auto asked = request;
    const InterruptGuard interrupt;
    if (o.echo && !o.json) print(request.prompt);
    const std::string prompt = o.echo ? request.prompt : "";
    TENON_TRY(const auto whole, sync_wait(context.runtime(), collect(model, std::move(request),
                                                                     CallOptions{{}, interrupt.token()}, !o.json)));
    if (!o.json) {
        print_line("");
        return cache.save(asked);
    }
    TENON_CHECK(cache.save(asked));
    const auto& last = whole.last;
    print_json(
        json::Object{{"text", prompt + whole.text},
                     {"model", model->name()},
                     {"finish_reason", std::string(llm::to_string(last.finish.value_or(llm::FinishReason::stop)))},
                     {"usage", json::Object{{"input_tokens", last.usage.input_tokens},
                                            {"cached_input_tokens", last.usage.cached_input_tokens},
                                            {"output_tokens", last.usage.output_tokens},
                                            {"accepted_prediction_tokens", last.usage.accepted_prediction_tokens},
                                            {"rejected_prediction_tokens", last.usage.rejected_prediction_tokens}}},
                     {"timings", json::Object{{"queue_ms", last.timings.queue_ms},
                                              {"prompt_ms", last.timings.prompt_ms},
                                              {"decode_ms", last.timings.decode_ms}}}});
    return {};
}

}  // namespace

void add_complete(CommandLine& cli, Command& chosen) {
    add_command<Options>(cli, chosen, "complete", "go on from a text, without chat template", declare, run);
}

}  // namespace tenon::app
