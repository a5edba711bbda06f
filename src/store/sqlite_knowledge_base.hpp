// A knowledge base in one SQLite file.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "store/pool.hpp"
#include "store/schema.hpp"
#include "store/snapshot.hpp"
#include "tenon/store/knowledge_base.hpp"

namespace tenon::store {

class SqliteKnowledgeBase final : public KnowledgeBase {
  public:
    /// Errors: those of read_settings and Connection::open.
    [[nodiscard]] static Result<std::shared_ptr<SqliteKnowledgeBase>> open(const std::filesystem::path& file);

    [[nodiscard]] const Settings& settings() const noexcept { return settings_; }
    /// False when the file was removed or another base took its place since it was opened.
    [[nodiscard]] bool current();

    [[nodiscard]] Result<KnowledgeBaseInfo> info() const override;
    [[nodiscard]] Result<std::int64_t> put(const Document& document, std::span<const Chunk> chunks,
                                           std::span<const float> vectors) override;
    [[nodiscard]] Result<bool> remove(std::string_view source) override;
    [[nodiscard]] Result<std::vector<DocumentSummary>> list() const override;
    [[nodiscard]] Result<Document> document(std::string_view source) const override;
    [[nodiscard]] Result<std::vector<Hit>> chunks(std::int64_t document_id, std::size_t first,
                                                  std::size_t last) const override;
    [[nodiscard]] Result<std::vector<Hit>> vector_search(std::span<const float> query, std::size_t k) const override;
    [[nodiscard]] Result<std::vector<Hit>> text_search(std::string_view query, std::size_t k) const override;
    [[nodiscard]] Result<Candidates> candidates(std::string_view query, std::span<const float> vector,
                                                std::size_t k) const override;

  private:
    struct Cache {
        std::uint64_t epoch = 0;
        std::int64_t generation = -1;
        std::shared_ptr<const Layout> layout;
        std::shared_ptr<const Vectors> vectors;  ///< null until a vector search wants them
        std::int64_t vectors_generation = -1;    ///< what they belong to; older ones are built upon
    };

    SqliteKnowledgeBase(std::filesystem::path file, Settings settings)
        : pool_(std::move(file)), settings_(std::move(settings)) {}

    [[nodiscard]] Result<ConnectionPool::Lease> connection() const;
    /// The cache as of the transaction that is open on the connection.
    [[nodiscard]] Result<Cache> snapshot(const ConnectionPool::Lease& connection, bool with_vectors) const;

    mutable ConnectionPool pool_;
    Settings settings_;
    std::mutex write_mutex_;
    mutable std::mutex cache_mutex_;
    mutable Cache cache_;
};

}  // namespace tenon::store
