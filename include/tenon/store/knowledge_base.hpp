// The embedded store: knowledge bases of documents, chunks, vectors and full text, one SQLite file each.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon::store {

struct Chunk {
    std::string text;
    std::string heading;                       ///< headings above it, " > " between
    int page = 0;                              ///< 1-based; 0: the format has none
    std::size_t start_line = 0, end_line = 0;  ///< 1-based, inclusive
    std::size_t start_char = 0, end_char = 0;  ///< code points of the document's text, end exclusive
};

struct Document {
    std::string source;  ///< path or name as the user gave it; unique in its knowledge base
    std::string title;
    std::string media_type;
    std::string content_hash;     ///< SHA-256 of the original bytes
    std::string text;             ///< extracted UTF-8 text that the character ranges refer to
    std::int64_t indexed_at = 0;  ///< Unix seconds; set by the store
};

struct DocumentSummary {
    std::int64_t id = 0;
    std::string source, title, media_type, content_hash;
    std::size_t chunks = 0;
    std::size_t characters = 0;
    std::int64_t indexed_at = 0;
};

/// One chunk found, with the score of each part.
struct Hit {
    std::int64_t chunk_id = 0;
    std::int64_t document_id = 0;
    std::size_t ordinal = 0;  ///< place of the chunk in its document
    std::string source;
    std::string title;
    Chunk chunk;
    double score = 0;  ///< what the list is sorted by
    std::optional<double> bm25;
    /// BM25 as a share of what an imaginary chunk with every term of the query would have at most; terms are as rare as
    /// TermStatistic has them.
    std::optional<double> bm25_share;
    std::optional<double> similarity;  ///< cosine
};

/// A base of fewer chunks tells nothing about how rare a word is: it is taken for one of so many, the others without
/// it.
inline constexpr std::size_t typical_chunks = 1'000;

/// A term of the query and how rare it is: idf = ln(1 + (N - df + 0.5) / (df + 0.5)) over the chunks searched, N at
/// least `typical_chunks`.
struct TermStatistic {
    std::string text;
    double weight = 1;  ///< as the analyzer gave it
    double idf = 0;
};

/// What one search of both indexes saw, as of one moment.
struct Candidates {
    std::vector<Hit> hits;  ///< the union of both lists, by document and ordinal; bm25 and similarity set on each hit
                            ///< where it has one
    double similarity_mean = 0;  ///< of the cosine over all chunks
    double similarity_deviation = 0;
    std::size_t chunks = 0;            ///< searched
    std::vector<TermStatistic> terms;  ///< of the query, in its order
};

struct KnowledgeBaseInfo {
    std::string name;
    std::string embedding_model;  ///< empty: full text only
    std::size_t dimension = 0;
    std::size_t documents = 0, chunks = 0;
    std::uint64_t bytes = 0;
    std::int64_t updated_at = 0;
    std::string problem;  ///< in a listing: why this one cannot be read (damaged, made by a newer Tenon); else empty
};

/// Thread-safe. Every change is one transaction: after kill -9 a document is there whole or not at all.
class KnowledgeBase {
  public:
    virtual ~KnowledgeBase() = default;
    [[nodiscard]] virtual Result<KnowledgeBaseInfo> info() const = 0;
    /// Inserts or replaces a document by `source`. `vectors`: one row per chunk, or empty when the base has no
    /// embedder. Errors: invalid_argument (dimension differs), resource_exhausted (disk full), io.
    [[nodiscard]] virtual Result<std::int64_t> put(const Document& document, std::span<const Chunk> chunks,
                                                   std::span<const float> vectors) = 0;
    [[nodiscard]] virtual Result<bool> remove(std::string_view source) = 0;
    [[nodiscard]] virtual Result<std::vector<DocumentSummary>> list() const = 0;
    [[nodiscard]] virtual Result<Document> document(std::string_view source) const = 0;
    /// Chunks `first` … `last` (inclusive ordinals) of a document.
    [[nodiscard]] virtual Result<std::vector<Hit>> chunks(std::int64_t document_id, std::size_t first,
                                                          std::size_t last) const = 0;
    /// Exact cosine search, best first.
    [[nodiscard]] virtual Result<std::vector<Hit>> vector_search(std::span<const float> query, std::size_t k) const = 0;
    /// BM25 over words, stems and CJK bigrams of text and headings, best first.
    [[nodiscard]] virtual Result<std::vector<Hit>> text_search(std::string_view query, std::size_t k) const = 0;
    /// The best `k` of each search, both scores given for every one. An empty `query` or `vector` leaves its part out.
    [[nodiscard]] virtual Result<Candidates> candidates(std::string_view query, std::span<const float> vector,
                                                        std::size_t k) const = 0;
};

/// A folder of knowledge bases. Thread-safe.
class Store {
  public:
    virtual ~Store() = default;
    /// Creates the folder when missing.
    [[nodiscard]] static Result<std::unique_ptr<Store>> open(const std::filesystem::path& folder);
    /// Errors: not_found, with the names that exist; corrupt.
    [[nodiscard]] virtual Result<std::shared_ptr<KnowledgeBase>> get(std::string_view name) = 0;
    /// Opens or creates. A base keeps the embedder it was made with: another one is invalid_argument, and says how to
    /// re-index.
    [[nodiscard]] virtual Result<std::shared_ptr<KnowledgeBase>> create(std::string_view name,
                                                                        std::string_view embedding_model,
                                                                        std::size_t dimension) = 0;
    [[nodiscard]] virtual Result<std::vector<KnowledgeBaseInfo>> list() = 0;
    [[nodiscard]] virtual Result<void> remove(std::string_view name) = 0;
};

}  // namespace tenon::store
