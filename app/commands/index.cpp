// tenon index: files into a knowledge base.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "knowledge.hpp"
#include "options.hpp"
#include "tenon/rag/ingest.hpp"

namespace tenon::app {
namespace {

struct Options {
    std::vector<std::string> paths;
    std::string into, embedding, base_url;
    std::size_t chunk_tokens = 0;
    bool json = false, force = false, keep_missing = false, text_only = false, hidden = false, verbose = false;
};

void declare(CommandLine& sub, Options& o) {
    sub.add_option("PATH", o.paths, "files, folders, and globs such as 'docs/**/*.md'")->required();
    sub.add_option("--into,-i", o.into, "knowledge base; made when it does not exist")->required();
    sub.add_option("--embedding", o.embedding,
                   "embedding model, when the base is made; default: the settings' (minilm)");
    sub.add_option("--base-url", o.base_url, "of an OpenAI-compatible server, for --embedding openai:NAME");
    sub.add_flag("--text-only", o.text_only, "make the base without vectors: full-text search only");
    sub.add_option("--chunk-tokens", o.chunk_tokens, "longest chunk, in tokens of the embedding model")
        ->check(in_range(16, 4096));
    sub.add_flag("--force", o.force, "index unchanged files too");
    sub.add_flag("--keep-missing", o.keep_missing, "keep documents whose files are gone");
    sub.add_flag("--hidden", o.hidden, "also files and folders whose names begin with a dot");
    sub.add_flag("--json", o.json, "print the summary as JSON");
    sub.add_flag("--verbose,-v", o.verbose, "list the files that were passed over, and why");
}

Result<void> run(Context& context, const Options& o) {
    const auto began = Clock::now();
    if (!o.base_url.empty()) context.settings().base_url = o.base_url;
    TENON_TRY(const auto base, open_for_indexing(context, o.into, o.text_only ? "none" : o.embedding));
    rag::IngestOptions options;
    options.force = o.force;
    options.remove_missing = !o.keep_missing;
    options.walk.hidden = o.hidden;
    if (o.chunk_tokens > 0) options.split.max_tokens = o.chunk_tokens;
    rag::Ingestor ingestor(base.base, base.embedder, base.count, options);
    const InterruptGuard interrupt;
    ProgressBar bar("indexing");
    bool shown = false;
    const auto progress = [&](const rag::IngestProgress& p) {
        if (o.json && !stderr_is_terminal()) return;
        bar.update(p.files_done, p.files_total,
                   fmt::format("{}/{} files, {} chunks  {}", p.files_done, p.files_total, p.chunks, p.current));
        shown = true;
    };
    auto result = sync_wait(context.runtime(), ingestor.run(o.paths, progress, CallOptions{{}, interrupt.token()}));
    if (shown) bar.finish();
    if (!result) {
        if (result.error().code() == ErrorCode::cancelled)
            return fail(ErrorCode::cancelled,
                        "stopped; what was indexed is kept, and the same command goes on from there");
        return std::unexpected(std::move(result).error());
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
    if (o.json) {
        json::Array failed;
        for (const auto& f : result->failed)
            failed.push_back(json::Object{{"source", f.source}, {"error", f.error.describe()}});
        json::Array skipped;
        for (const auto& s : result->skipped)
            skipped.push_back(json::Object{{"source", s.source}, {"reason", s.reason}});
        print_json(json::Object{{"knowledge_base", o.into},
                                {"added", result->added},
                                {"replaced", result->replaced},
                                {"unchanged", result->unchanged},
                                {"removed", result->removed},
                                {"chunks", result->chunks},
                                {"failed", std::move(failed)},
                                {"skipped", std::move(skipped)},
                                {"seconds", seconds}});
    } else {
        print_line(fmt::format("{}: {} added, {} replaced, {} unchanged, {} removed ({} chunks, {})", o.into,
                               result->added, result->replaced, result->unchanged, result->removed, result->chunks,
                               human_seconds(seconds)));
        if (!result->skipped.empty() && !o.verbose)
            note(fmt::format("{} {} passed over (--verbose says why)", result->skipped.size(),
                             result->skipped.size() == 1 ? "file was" : "files were"));
        if (o.verbose)
            for (const auto& s : result->skipped) note(fmt::format("  passed over {}: {}", s.source, s.reason));
        for (const auto& f : result->failed) note(fmt::format("  not indexed {}: {}", f.source, f.error.describe()));
    }
    if (!result->failed.empty() && result->added + result->replaced + result->unchanged == 0)
        return fail(ErrorCode::io, fmt::format("none of {} files could be indexed", result->failed.size()));
    return {};
}

}  // namespace

void add_index(CommandLine& cli, Command& chosen) {
    add_command<Options>(cli, chosen, "index", "put files, folders or globs into a knowledge base", declare, run);
}

}  // namespace tenon::app
