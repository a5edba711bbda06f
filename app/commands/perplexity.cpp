// tenon perplexity, tenon imatrix: what a text tells about a model.
#include "tenon/model/perplexity.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include "options.hpp"
#include "tenon/base/file.hpp"
#include "tenon/model/quantize.hpp"

namespace tenon::app {
namespace {

struct Options {
    std::string model, file, out;
    std::size_t context = 512, chunks = 0, threads = 0;
    bool json = false, output_matrix = false;
};

void declare_shared(CommandLine& sub, Options& o) {
    sub.add_option("MODEL", o.model, "a model that generates text; default: the chat model");
    sub.add_option("--file,-f", o.file, "the text, UTF-8; - reads standard input")->required();
    sub.add_option("--context,--ctx-size,-c", o.context, "tokens a piece (512)")->check(in_range(4, 1 << 20));
    sub.add_option("--chunks", o.chunks, "at most so many pieces; default: the whole text");
    sub.add_option("--threads,-t", o.threads, "threads; default: one per physical core")->check(in_range(1, 1024));
    sub.add_flag("--json", o.json, "print JSON");
}

void declare_imatrix(CommandLine& sub, Options& o) {
    declare_shared(sub, o);
    sub.add_option("--output,-o", o.out, "the file to write, GGUF")->required();
    sub.add_flag("--process-output", o.output_matrix, "the output matrix too");
}

/// A model, and the tokens of the text it is shown.
struct Reading {
    std::string name;
    std::filesystem::path path;
    std::unique_ptr<model::CausalModel> model;
    std::vector<text::TokenId> tokens;
};

Result<Reading> open(Context& context, const Options& o) {
    Reading out;
    out.name = o.model.empty() ? context.settings().chat_model : o.model;
    TENON_TRY(out.path, context.model_path(out.name));
    std::string text;
    if (o.file == "-") {
        TENON_TRY(text, read_stdin());
    } else {
        TENON_TRY(text, read_file(o.file));
    }
    TENON_TRY(out.model, model::load_causal(out.path));
    out.tokens = out.model->tokenizer()->encode(text, {.add_special = true, .parse_special = false});
    return out;
}

Result<void> run_imatrix(Context& context, const Options& o) {
    TENON_TRY(const Reading reading, open(context, o));
    if (std::filesystem::is_directory(reading.path))
        return fail(ErrorCode::invalid_argument,
                    fmt::format("an importance matrix names tensors as GGUF does; write {} as GGUF first, with "
                                "`tenon convert`",
                                reading.path.string()));
    tensor::ThreadTeam team(o.threads > 0 ? o.threads : context.settings().threads);
    const InterruptGuard interrupt;
    ProgressBar bar("importance");
    model::ImportanceOptions options;
    options.context = o.context;
    options.chunks = o.chunks;
    options.output_matrix = o.output_matrix;
    options.stop = interrupt.token();
    options.progress = [&](std::size_t done, std::size_t total) { bar.update(done, total); };
    auto matrix = model::collect_importance(*reading.model, team, reading.tokens, options);
    bar.finish();
    if (!matrix) return std::unexpected(std::move(matrix).error());
    matrix->datasets = {std::filesystem::path(o.file).filename().string()};
    TENON_CHECK(matrix->write(o.out));
    if (o.json)
        print_json(json::Object{{"model", reading.name},
                                {"output", o.out},
                                {"tensors", matrix->columns.size()},
                                {"chunks", matrix->chunks},
                                {"context", matrix->chunk_tokens}});
    else
        print_line(fmt::format("{}: the importance of the columns of {} matrices, from {} pieces of {} tokens", o.out,
                               matrix->columns.size(), matrix->chunks, matrix->chunk_tokens));
    return {};
}

Result<void> run_perplexity(Context& context, const Options& o) {
    TENON_TRY(const Reading reading, open(context, o));
    tensor::ThreadTeam team(o.threads > 0 ? o.threads : context.settings().threads);
    const InterruptGuard interrupt;
    ProgressBar bar("perplexity");
    model::PerplexityOptions options;
    options.context = o.context;
    options.chunks = o.chunks;
    options.stop = interrupt.token();
    options.progress = [&](std::size_t done, std::size_t total, double value) {
        bar.update(done, total, fmt::format("{:.4f}", value));
    };
    auto result = model::perplexity(*reading.model, team, reading.tokens, options);
    bar.finish();
    if (!result) return std::unexpected(std::move(result).error());
    if (o.json)
        print_json(json::Object{{"model", reading.name},
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

void add_perplexity(CommandLine& cli, Command& chosen) {
    add_command<Options>(cli, chosen, "perplexity", "measure how well a model predicts a text", declare_shared,
                         run_perplexity);
}

void add_imatrix(CommandLine& cli, Command& chosen) {
    add_command<Options>(cli, chosen, "imatrix",
                         "measure which columns of a model's weights matter, for `tenon quantize`", declare_imatrix,
                         run_imatrix);
}

}  // namespace tenon::app
