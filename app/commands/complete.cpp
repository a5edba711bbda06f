// tenon complete: raw continuation of a text.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "options.hpp"

namespace tenon::app {
namespace {

struct Options {
    std::string prompt;
    CommandOption* given = nullptr;
    RemoteFlags remote;
    SpeculationFlags speculation;
    SamplingFlags sampling;
    bool json = false, echo = false;
};

void declare(CommandLine& sub, Options& o) {
    o.given = sub.add_option("PROMPT", o.prompt, "the text to go on from; without it, or with -, standard input");
    o.remote.declare(sub);
    o.speculation.declare(sub);
    o.sampling.declare(sub);
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

Result<void> run(Context& context, const Options& o) {
    o.remote.apply(context.settings());
    o.speculation.apply(context.settings());
    llm::CompletionRequest request;
    TENON_TRY(request.prompt, text_or_stdin(o.prompt, o.given->count() > 0, "PROMPT"));
    request.settings = o.sampling.settings();
    if (!request.settings.max_tokens) request.settings.max_tokens = 256;
    TENON_TRY(const auto model, context.chat_model(""));
    const InterruptGuard interrupt;
    if (o.echo && !o.json) print(request.prompt);
    const std::string prompt = o.echo ? request.prompt : "";
    TENON_TRY(const auto whole, sync_wait(context.runtime(), collect(model, std::move(request),
                                                                     CallOptions{{}, interrupt.token()}, !o.json)));
    if (!o.json) {
        print_line("");
        return {};
    }
    const auto& last = whole.last;
    print_json(
        json::Object{{"text", prompt + whole.text},
                     {"model", model->name()},
                     {"finish_reason", std::string(llm::to_string(last.finish.value_or(llm::FinishReason::stop)))},
                     {"usage", json::Object{{"input_tokens", last.usage.input_tokens},
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
