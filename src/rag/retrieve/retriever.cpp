#include "tenon/rag/retriever.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "rag/retrieve/fusion.hpp"

namespace tenon::rag {
namespace {

Result<void> still_wanted(const CallOptions& call) {
    if (call.stop.stop_requested()) return fail(ErrorCode::cancelled, "the search was cancelled");
    if (call.deadline && Clock::now() >= *call.deadline)
        return fail(ErrorCode::deadline_exceeded, "the search ran out of time");
    return {};
}

task<Result<Retrieval>> search(std::shared_ptr<store::KnowledgeBase> base, std::string query, std::vector<float> vector,
                               RetrieveOptions options, ModelLanguages model) {
    const std::size_t wanted = std::max(options.candidates, options.top_k);
    TENON_CO_TRY(auto found,
                 base->candidates(options.mode == RetrieveMode::vector ? std::string_view{} : query, vector, wanted));
    auto retrieval = fuse(query, std::move(found), options, model);
    if (options.neighbors != 0) {
        for (auto& passage : retrieval.passages) {
            const auto& hit = passage.hit;
            const std::size_t first = hit.ordinal - std::min(hit.ordinal, options.neighbors);
            TENON_CO_TRY(auto around, base->chunks(hit.document_id, first, hit.ordinal + options.neighbors));
            for (auto& chunk : around) {
                if (chunk.ordinal < hit.ordinal)
                    passage.before.push_back(std::move(chunk));
                else if (chunk.ordinal > hit.ordinal)
                    passage.after.push_back(std::move(chunk));
            }
        }
    }
    co_return retrieval;
}

}  // namespace

ModelLanguages languages_of_embedder(std::string_view name) {
    std::string lower(name);
    std::ranges::transform(lower, lower.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const auto any = [&](std::span<const std::string_view> parts) {
        return std::ranges::any_of(parts, [&](std::string_view part) { return lower.contains(part); });
    };
    static constexpr std::array<std::string_view, 18> many{
        "multilingual",
        "bge-m3",
        "labse",
        "-zh",
        "_zh",
        "chinese",
        "qwen3-embedding",
        "qwen3-emb",
        "gte-qwen",
        "text-embedding",
        "embo",
        "jina-embeddings-v3",
        "jina-embeddings-v2-base-zh",
        "arctic-embed-l-v2",
        "arctic-embed-m-v2",
        "nomic-embed-text-v2",
        "embeddinggemma",
        "m3e",
    };
    static constexpr std::array<std::string_view, 12> english{
        "minilm",  "mpnet",    "bge-small", "bge-base", "bge-large",   "e5-small",
        "e5-base", "e5-large", "gte-small", "gte-base", "nomic-embed", "mxbai-embed",
    };
    if (any(many)) return ModelLanguages::multilingual;
    if (any(english)) return ModelLanguages::english;
    return ModelLanguages::unknown;
}

Retriever::Retriever(std::shared_ptr<store::KnowledgeBase> base, llm::EmbedderPtr embedder,
                     std::optional<Executor> blocking)
    : base_(std::move(base)), embedder_(std::move(embedder)), blocking_(std::move(blocking)) {}

task<Result<Retrieval>> Retriever::retrieve(std::string query, RetrieveOptions options, CallOptions call) const {
    // Members are copied: the retriever may be gone before a caller that was cancelled notices.
    const auto base = base_;
    const auto embedder = embedder_;
    const auto blocking = blocking_;
    TENON_CO_CHECK(still_wanted(call));
    if (options.mode == RetrieveMode::vector && !embedder)
        co_return fail(ErrorCode::invalid_argument, "searching by vectors needs an embedding model");

    std::vector<float> vector;
    std::optional<Error> problem;
    ModelLanguages model = ModelLanguages::unknown;
    const bool blank = query.find_first_not_of(" \t\r\n") == std::string::npos;
    if (embedder && options.mode != RetrieveMode::text && !blank) {
        TENON_CO_TRY(const auto info, base->info());
        if (info.dimension == 0) {
            if (options.mode == RetrieveMode::vector)
                co_return fail(ErrorCode::invalid_argument,
                               fmt::format("{} was made without an embedding model", info.name));
        } else {
            if (info.embedding_model != embedder->name())
                co_return fail(ErrorCode::invalid_argument,
                               fmt::format("{} was made with the embedding model {}, so {} cannot search it", info.name,
                                           info.embedding_model, embedder->name()));
            model = languages_of_embedder(embedder->name());
            std::vector<std::string> texts(1, query);
            auto embedded = co_await embedder->embed(std::move(texts), llm::EmbedKind::query, call);
            if (embedded) {
                vector = std::move(embedded->values);
            } else {
                const auto code = embedded.error().code();
                const bool passing = code == ErrorCode::unavailable || code == ErrorCode::rate_limited;
                if (options.mode == RetrieveMode::vector || !passing) co_return std::unexpected(embedded.error());
                problem = embedded.error();
            }
        }
    }
    TENON_CO_CHECK(still_wanted(call));
    Result<Retrieval> found = fail(ErrorCode::internal, "not searched");
    auto work = search(base, std::move(query), std::move(vector), options, model);
    if (blocking)
        found = co_await boost::asio::co_spawn(*blocking, std::move(work), boost::asio::use_awaitable);
    else
        found = co_await std::move(work);
    if (found) found->vector_problem = std::move(problem);
    co_return found;
}

}  // namespace tenon::rag
