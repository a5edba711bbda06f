// tenon ask: a question to the documents, answered with citations.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "citations.hpp"
#include "knowledge.hpp"
#include "options.hpp"
#include "tenon/rag/answer.hpp"
#include "tenon/serve/render.hpp"

namespace tenon::app {
namespace {

struct Options {
    std::string question, from;
    CommandOption* given = nullptr;
    RemoteFlags remote;
    AdapterFlags adapter;
    std::size_t top_k = 0, max_tokens = 0;
    double temperature = 0;
    bool json = false, no_verify = false, verbose = false;
};

void declare(CommandLine& sub, Options& o) {
    o.given = sub.add_option("QUESTION", o.question,
                             "in any language the model knows; without it, or with -, standard input");
    sub.add_option("--from,-f", o.from, "knowledge base")->required();
    o.remote.declare(sub);
    o.adapter.declare(sub);
    sub.add_option("--top-k,-k", o.top_k, "chunks that the passages are chosen from (8)")->check(in_range(1, 100));
    sub.add_option("--max-tokens,-n", o.max_tokens, "longest answer (256)")->check(in_range(1, 100'000));
    sub.add_option("--temperature", o.temperature, "0 takes the likeliest token each time")->check(in_range(0.0, 5.0));
    sub.add_flag("--no-verify", o.no_verify, "show what the model says even when the passages do not bear it out");
    sub.add_flag("--json", o.json, "print {\"answer\", \"citations\", \"answerable\", ...}");
    sub.add_flag("--verbose,-v", o.verbose, "also show timings and why the answer is trusted");
}

Result<void> run(Context& context, const Options& o) {
    o.remote.apply(context.settings());
    TENON_TRY(std::string question, text_or_stdin(o.question, o.given->count() > 0, "QUESTION"));
    while (question.ends_with('\n') || question.ends_with('\r')) question.pop_back();
    TENON_TRY(const auto retriever, open_retriever(context, o.from));
    TENON_CHECK(o.adapter.apply(context));
    TENON_TRY(const auto model, context.chat_model(""));
    const rag::Answerer answerer(retriever, model);
    rag::AnswerOptions options;
    if (o.top_k > 0) options.top_k = o.top_k;
    if (o.max_tokens > 0) options.max_tokens = o.max_tokens;
    options.temperature = o.temperature;
    options.verify = !o.no_verify;
    const InterruptGuard interrupt;
    TENON_TRY(const auto answer,
              show_answer(context, answerer, question, options, CallOptions{{}, interrupt.token()}, !o.json));
    if (o.json) {
        print_json(serve::render_answer(answer));
        return {};
    }
    if (o.verbose)
        note(
            fmt::format("confidence {:.2f} (coverage {:.2f}, retrieval {:.2f}, similarity {:.2f}, "
                        "support {:.2f}); retrieval {:.0f} ms, prompt {:.0f} ms, answer {:.0f} ms, in all {:.0f} ms; "
                        "{} tokens in ({} cached), {} out",
                        answer.confidence, answer.signals.coverage, answer.signals.retrieval, answer.signals.similarity,
                        answer.signals.support, answer.timings.retrieve_ms, answer.timings.prompt_ms,
                        answer.timings.decode_ms, answer.timings.total_ms, answer.usage.input_tokens,
                        answer.usage.cached_input_tokens, answer.usage.output_tokens));
    return {};
}

}  // namespace

void add_ask(CommandLine& cli, Command& chosen) {
    add_command<Options>(cli, chosen, "ask", "answer a question from your documents, with citations", declare, run);
}

}  // namespace tenon::app
