// tenon perplexity: how well a model predicts a text.
#include "tenon/model/perplexity.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include "options.hpp"
#include "tenon/base/file.hpp"

namespace tenon::app {
namespace {

struct Options {
    std::string model, file;
    std::size_t context = 512, chunks = 0, threads = 0;
    bool json = false;
};

void declare(CLI::App& sub, Options& o) {
    sub.add_option("MODEL", o.model, "a model that generates text; default: the chat model");
    sub.add_option("--file,-f", o.file, "the text, UTF-8; - reads standard input")->required();
    sub.add_option("--context,--ctx-size,-c", o.context, "tokens a piece; its second half is scored (512)")
        ->check(CLI::Range(4, 1 << 20));
    sub.add_option("--chunks", o.chunks, "at most so many pieces; default: the whole text");
    sub.add_option("--threads,-t", o.threads, "threads; default: one per physical core")->check(CLI::Range(1, 1024));
    sub.add_flag("--json", o.json, "print JSON");
}

Result<void> run(Context& context, const Options& o) {
    const std::string name = o.model.empty() ? context.settings().chat_model : o.model;
    TENON_TRY(const auto path, context.model_path(name));
    std::string text;
    if (o.file == "-") {
        TENON_TRY(text, read_stdin());
    } else {
        TENON_TRY(text, read_file(o.file));
    }
    TENON_TRY(const auto model, model::load_causal(path));
    tensor::ThreadTeam team(o.threads > 0 ? o.threads : context.settings().threads);
    const auto tokens = model->tokenizer()->encode(text, {.add_special = true, .parse_special = false});
    const InterruptGuard interrupt;
    ProgressBar bar("perplexity");
    model::PerplexityOptions options;
    options.context = o.context;
    options.chunks = o.chunks;
    options.stop = interrupt.token();
    options.progress = [&](std::size_t done, std::size_t total, double value) {
        bar.update(done, total, fmt::format("{:.4f}", value));
    };
    auto result = model::perplexity(*model, team, tokens, options);
    bar.finish();
    if (!result) return std::unexpected(std::move(result).error());
    if (o.json)
        print_json(json::Object{{"model", name},
                                {"perplexity", result->value},
                                {"error", result->error},
                                {"mean_log_likelihood", result->mean_log_likelihood},
                                {"tokens", result->tokens},
                                {"chunks", result->chunks},
                                {"context", o.context}});
    else
        print_line(fmt::format("perplexity {:.4f} +/- {:.5f} ({} tokens scored in {} pieces of {})", result->value,
                               result->error, result->tokens, result->chunks, o.context));
    return {};
}

}  // namespace

void add_perplexity(CLI::App& cli, Command& chosen) {
    add_command<Options>(cli, chosen, "perplexity", "measure how well a model predicts a text", declare, run);
}

}  // namespace tenon::app
