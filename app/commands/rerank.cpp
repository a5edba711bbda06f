// tenon rerank: documents by how well they answer a query.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "options.hpp"

namespace tenon::app {
namespace {

struct Options {
    std::string query;
    std::vector<std::string> documents;
    std::string model, base_url;
    std::size_t top_n = 0;
    bool json = false;
};

void declare(CommandLine& sub, Options& o) {
    sub.add_option("QUERY", o.query, "what is asked")->required();
    sub.add_option("DOCUMENT", o.documents, "texts to order; without one, every line of standard input is one");
    sub.add_option("--model,-m", o.model, "a cross-encoder: installed, a path, or PROVIDER:NAME such as jina:...")
        ->required();
    sub.add_option("--base-url", o.base_url, "where the provider's server is, for PROVIDER:NAME");
    sub.add_option("--top-n,-n", o.top_n, "print the best so many only")->check(positive());
    sub.add_flag("--json", o.json, "print {\"model\", \"results\": [{\"index\", \"relevance_score\", \"document\"}]}");
}

Result<std::vector<std::string>> documents_of(const Options& o) {
    if (!o.documents.empty()) return o.documents;
    TENON_TRY(const std::string input, text_or_stdin("-", false, "DOCUMENT"));
    std::vector<std::string> out;
    for (std::size_t at = 0; at < input.size();) {
        const auto end = std::min(input.find('\n', at), input.size());
        if (end > at) out.push_back(input.substr(at, end - at));
        at = end + 1;
    }
    if (out.empty())
        return fail(ErrorCode::invalid_argument,
                    "there are no documents: name them, or write one a line to standard "
                    "input");
    return out;
}

Result<void> run(Context& context, const Options& o) {
    if (!o.base_url.empty()) context.settings().base_url = o.base_url;
    TENON_TRY(const auto documents, documents_of(o));
    TENON_TRY(const auto reranker, context.reranker(o.model));
    const InterruptGuard interrupt;
    TENON_TRY(const auto ranking, sync_wait(context.runtime(), reranker->rerank(o.query, documents, o.top_n,
                                                                                CallOptions{{}, interrupt.token()})));
    json::Array rows;
    for (const auto& ranked : ranking.documents) {
        if (ranked.index >= documents.size()) continue;
        if (o.json)
            rows.push_back(json::Object{
                {"index", ranked.index}, {"relevance_score", ranked.score}, {"document", documents[ranked.index]}});
        else
            print_line(fmt::format("{:.4f}  {}", ranked.score, documents[ranked.index]));
    }
    if (o.json)
        print_json(json::Object{{"model", reranker->name()},
                                {"results", std::move(rows)},
                                {"usage", json::Object{{"input_tokens", ranking.usage.input_tokens}}}});
    return {};
}

}  // namespace

void add_rerank(CommandLine& cli, Command& chosen) {
    add_command<Options>(cli, chosen, "rerank", "order texts by how well they answer a query", declare, run);
}

}  // namespace tenon::app
