// Finding the passages of a knowledge base that a question is about: BM25 and vectors, fused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/async/task.hpp"
#include "tenon/base/error.hpp"
#include "tenon/llm/model.hpp"
#include "tenon/store/knowledge_base.hpp"

namespace tenon::rag {

enum class RetrieveMode : std::uint8_t {
    hybrid,  ///< both, weighed by what the embedding model can read of the question and the passages
    text,    ///< BM25 alone: needs no embedder
    vector,  ///< cosine similarity alone
};

struct RetrieveOptions {
    std::size_t top_k = 5;
    std::size_t candidates = 50;  ///< taken from each index before fusing
    RetrieveMode mode = RetrieveMode::hybrid;
    bool deduplicate = true;    ///< of passages that say the same in nearly the same words, only the best is kept
    std::size_t neighbors = 0;  ///< chunks before and after each hit to fetch with it
};

/// A passage found, and why. `hit.score` is what the list is sorted by: within one retrieval comparable, 0 … about 1.
struct RetrievedPassage {
    store::Hit hit;
    std::optional<std::size_t> text_rank;    ///< 1-based, by BM25
    std::optional<std::size_t> vector_rank;  ///< 1-based, by similarity
    double coverage = 0;  ///< share of the question's terms, by weight, that the passage or its heading has; 0 … 1
    double proximity =
        0;  ///< share of the question's neighbouring terms that stand close together in the passage; 0 … 1
    std::vector<store::Hit> before, after;  ///< neighbours in the document, in its order
};

struct Retrieval {
    std::vector<RetrievedPassage> passages;  ///< best first
    double vector_weight = 0;                ///< 0: BM25 decided alone … 1: similarity alone
    std::size_t chunks = 0;                  ///< searched
    double similarity_mean = 0;              ///< over all chunks of the base
    double similarity_deviation = 0;
    std::vector<store::TermStatistic> terms;  ///< of the question, and how rare each is
    std::optional<Error>
        vector_problem;  ///< why a hybrid search went without vectors (the embedder could not be reached)
};

/// Which writing an embedding model was trained to read.
enum class ModelLanguages : std::uint8_t { unknown, english, multilingual };
/// By the model's published name ("minilm", "BAAI/bge-m3", "intfloat/multilingual-e5-small" …). Pure.
[[nodiscard]] ModelLanguages languages_of_embedder(std::string_view name);

/// Thread-safe; any number of retrievals may run at once.
class Retriever {
  public:
    /// `embedder` may be null: then only text is searched. It must be the model the base was made with.
    /// `blocking`: where the search of the base, some milliseconds of work, runs; without it, on the caller's executor.
    explicit Retriever(std::shared_ptr<store::KnowledgeBase> base, llm::EmbedderPtr embedder = nullptr,
                       std::optional<Executor> blocking = std::nullopt);
    /// Errors: invalid_argument (another embedding model, vector mode without one), cancelled, deadline_exceeded,
    /// those of the embedder (vector mode) and the base. A question without any words finds nothing.
    [[nodiscard]] task<Result<Retrieval>> retrieve(std::string query, RetrieveOptions options = {},
                                                   CallOptions call = {}) const;
    [[nodiscard]] const std::shared_ptr<store::KnowledgeBase>& base() const noexcept { return base_; }

    /// The model given at construction, or null.
    [[nodiscard]] const llm::EmbedderPtr& embedder() const noexcept { return embedder_; }

  private:
    std::shared_ptr<store::KnowledgeBase> base_;
    llm::EmbedderPtr embedder_;
    std::optional<Executor> blocking_;
};

}  // namespace tenon::rag
