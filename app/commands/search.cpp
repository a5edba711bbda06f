// tenon search: what retrieval alone finds.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "knowledge.hpp"
#include "options.hpp"
#include "tenon/serve/render.hpp"

namespace tenon::app {
namespace {

struct Options {
    std::string query, from, mode = "hybrid";
    std::size_t top_k = 5;
    bool json = false, full = false;
};

void declare(CommandLine& sub, Options& o) {
    sub.add_option("QUERY", o.query, "what to look for")->required();
    sub.add_option("--from,-f", o.from, "knowledge base")->required();
    sub.add_option("--top-k,-k", o.top_k, "passages to show")->check(in_range(1, 1000));
    sub.add_option("--mode", o.mode, "hybrid, text (BM25 alone) or vector")
        ->check(one_of({"hybrid", "text", "vector"}));
    sub.add_flag("--full", o.full, "whole passages, not their beginnings");
    sub.add_flag("--json", o.json, "print {\"results\": [...]}");
}

Result<void> run(Context& context, const Options& o) {
    if (o.query.find_first_not_of(" \t\r\n") == std::string::npos)
        return fail(ErrorCode::invalid_argument, "the query is empty");
    TENON_TRY(const auto retriever, open_retriever(context, o.from));
    rag::RetrieveOptions how;
    how.top_k = o.top_k;
    how.mode = o.mode == "text"     ? rag::RetrieveMode::text
               : o.mode == "vector" ? rag::RetrieveMode::vector
                                    : rag::RetrieveMode::hybrid;
    const InterruptGuard interrupt;
    TENON_TRY(const auto found,
              sync_wait(context.runtime(), retriever->retrieve(o.query, how, CallOptions{{}, interrupt.token()})));
    if (found.vector_problem) note(fmt::format("searched without vectors: {}", found.vector_problem->describe()));
    if (o.json) {
        print_json(serve::render_results(found));
        return {};
    }
    if (found.passages.empty()) {
        note("nothing found");
        return {};
    }
    std::size_t n = 0;
    for (const auto& p : found.passages) {
        const auto& c = p.hit.chunk;
        std::string scores = fmt::format("score {:.3f}", p.hit.score);
        if (p.hit.bm25)
            scores +=
                fmt::format(", BM25 {:.2f}{}", *p.hit.bm25, p.text_rank ? fmt::format(" (#{})", *p.text_rank) : "");
        if (p.hit.similarity)
            scores += fmt::format(", cosine {:.3f}{}", *p.hit.similarity,
                                  p.vector_rank ? fmt::format(" (#{})", *p.vector_rank) : "");
        const std::string place = c.page > 0                   ? fmt::format("page {}", c.page)
                                  : c.start_line == c.end_line ? fmt::format("{}", c.start_line)
                                                               : fmt::format("{}-{}", c.start_line, c.end_line);
        print_line(fmt::format("{}. {}:{}  {}", ++n, p.hit.source, place, scores));
        if (!c.heading.empty()) print_line("   " + c.heading);
        std::string text = c.text;
        if (!o.full) {
            std::ranges::replace(text, '\n', ' ');
            text = fit(text, std::min<std::size_t>(terminal_width() > 10 ? (terminal_width() - 5) * 2 : 150, 240));
            text.erase(text.find_last_not_of(' ') + 1);
        }
        print_line("   " + text);
    }
    return {};
}

}  // namespace

void add_search(CommandLine& cli, Command& chosen) {
    add_command<Options>(cli, chosen, "search", "show the passages that retrieval finds, with their scores", declare,
                         run);
}

}  // namespace tenon::app
