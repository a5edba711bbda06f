// A knowledge base as a tool.
#include <fmt/format.h>

#include <algorithm>
#include <boost/describe/class.hpp>
#include <unordered_map>

#include "tenon/agent/tools.hpp"

namespace tenon::agent::tools {
namespace {

struct Query {
    std::string query;
};
BOOST_DESCRIBE_STRUCT(Query, (), (query))
constexpr auto describe_fields(const Query*) {
    return json::fields(json::about(&Query::query, {.description = "a question or key words", .min_length = 1}));
}

/// Reciprocal rank fusion (Cormack et al. 2009) of both lists.
std::vector<store::Hit> fuse(std::vector<store::Hit> text, std::vector<store::Hit> near, std::size_t top_k) {
    constexpr double constant = 60;
    std::unordered_map<std::int64_t, std::pair<double, store::Hit>> all;
    for (auto* hits : {&text, &near})
        for (std::size_t i = 0; i < hits->size(); ++i) {
            auto& entry = all[(*hits)[i].chunk_id];
            entry.first += 1.0 / (constant + static_cast<double>(i + 1));
            entry.second = (*hits)[i];
        }
    std::vector<store::Hit> out;
    for (auto& [id, entry] : all) {
        entry.second.score = entry.first;
        out.push_back(std::move(entry.second));
    }
    std::ranges::sort(out, [](const auto& a, const auto& b) {
        return a.score != b.score ? a.score > b.score : a.chunk_id < b.chunk_id;
    });
    if (out.size() > top_k) out.resize(top_k);
    return out;
}

}  // namespace

Tool retrieval(std::shared_ptr<store::KnowledgeBase> base, llm::EmbedderPtr embedder, std::string description,
               std::size_t top_k) {
    if (description.empty())
        description = "Searches the documents and gives the passages that fit best, with their sources";
    return tool<Query>("search_documents", std::move(description),
                       [base, embedder, top_k](Query given, ToolContext context) -> task<Result<ToolOutput>> {
                           std::vector<store::Hit> near;
                           std::string out;
                           if (embedder) {
                               std::vector<std::string> texts(1, given.query);
                               auto vector =
                                   co_await embedder->embed(std::move(texts), llm::EmbedKind::query, context.options);
                               if (vector) {
                                   TENON_CO_TRY(near, base->vector_search(vector->values, top_k * 4));
                               } else {
                                   const auto code = vector.error().code();
                                   if (code == ErrorCode::cancelled || code == ErrorCode::deadline_exceeded)
                                       co_return std::unexpected(std::move(vector).error());
                                   // The words can still be searched.
                                   out = fmt::format("(found by their words alone: {})\n", vector.error().describe());
                               }
                           }
                           const std::size_t begin = out.size();
                           TENON_CO_TRY(auto text, base->text_search(given.query, top_k * 4));
                           for (const auto& hit : fuse(std::move(text), std::move(near), top_k))
                               out += fmt::format("{}[{}{}, lines {}-{}]\n{}\n", out.empty() ? "" : "\n", hit.source,
                                                  hit.chunk.page > 0 ? fmt::format(", page {}", hit.chunk.page) : "",
                                                  hit.chunk.start_line, hit.chunk.end_line, hit.chunk.text);
                           if (out.size() == begin) out += "nothing was found";
                           co_return ToolOutput{std::move(out)};
                       });
}

}  // namespace tenon::agent::tools
