#include "store/sqlite_knowledge_base.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>

#include "store/postings.hpp"
#include "tenon/base/utf8.hpp"
#include "tenon/tensor/ops.hpp"

namespace tenon::store {
namespace {

std::int64_t now() {
    using namespace std::chrono;
    return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

Result<void> mark_changed(Connection& db) {
    TENON_CHECK(db.execute("UPDATE setting SET value = value + 1 WHERE name = 'generation'"));
    TENON_TRY(auto statement, db.prepare("UPDATE setting SET value = ? WHERE name = 'updated_at'"));
    statement.bind(1, now());
    return statement.run();
}

/// Inside a write transaction. False: there is no such document.
Result<bool> erase(Connection& db, std::string_view source) {
    TENON_TRY(auto find,
              db.prepare("SELECT d.id, t.terms FROM document d LEFT JOIN document_text t ON t.document_id = d.id "
                         "WHERE d.source = ?"));
    find.bind(1, source);
    TENON_TRY(const bool found, find.step());
    if (!found) return false;
    const std::int64_t id = find.integer(0);
    const std::string terms(find.text(1));
    find.reset();

    TENON_TRY(auto posting, db.prepare("DELETE FROM posting WHERE term = ? AND document_id = ?"));
    std::string_view rest = terms;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\n'), rest.size());
        posting.bind(1, rest.substr(0, end)).bind(2, id);
        TENON_CHECK(posting.run());
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    TENON_TRY(auto chunk, db.prepare("DELETE FROM chunk WHERE id BETWEEN ? AND ?"));
    chunk.bind(1, id * chunks_per_document).bind(2, (id + 1) * chunks_per_document - 1);
    TENON_CHECK(chunk.run());
    for (const char* sql : {"DELETE FROM document_text WHERE document_id = ?",
                            "DELETE FROM vector WHERE document_id = ?", "DELETE FROM document WHERE id = ?"}) {
        TENON_TRY(auto statement, db.prepare(sql));
        statement.bind(1, id);
        TENON_CHECK(statement.run());
    }
    return true;
}

Result<std::vector<float>> unit_rows(std::span<const float> vectors, std::size_t dimension) {
    std::vector<float> out(vectors.begin(), vectors.end());
    for (std::size_t row = 0; row < out.size(); row += dimension) {
        double sum = 0;
        for (std::size_t i = 0; i < dimension; ++i) sum += static_cast<double>(out[row + i]) * out[row + i];
        if (!std::isfinite(sum)) return fail(ErrorCode::invalid_argument, "a vector holds a value that is not finite");
        const double scale = sum > 0 ? 1.0 / std::sqrt(sum) : 0.0;
        for (std::size_t i = 0; i < dimension; ++i) out[row + i] = static_cast<float>(out[row + i] * scale);
    }
    return out;
}

Result<void> insert_chunks(Connection& db, std::int64_t id, std::span<const Chunk> chunks) {
    TENON_TRY(auto statement,
              db.prepare("INSERT INTO chunk (id, text, heading, page, start_line, end_line, start_char, end_char) "
                         "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"));
    for (std::size_t i = 0; i < chunks.size(); ++i) {
        const Chunk& chunk = chunks[i];
        statement.bind(1, id * chunks_per_document + static_cast<std::int64_t>(i))
            .bind(2, chunk.text)
            .bind(3, chunk.heading)
            .bind(4, std::int64_t{chunk.page})
            .bind(5, static_cast<std::int64_t>(chunk.start_line))
            .bind(6, static_cast<std::int64_t>(chunk.end_line))
            .bind(7, static_cast<std::int64_t>(chunk.start_char))
            .bind(8, static_cast<std::int64_t>(chunk.end_char));
        TENON_CHECK(statement.run());
    }
    return {};
}

}  // namespace

Result<std::shared_ptr<SqliteKnowledgeBase>> SqliteKnowledgeBase::open(const std::filesystem::path& file) {
    TENON_TRY(auto connection, Connection::open(file, Connection::Mode::read_write));
    TENON_TRY(auto settings, read_settings(*connection, file.string()));
    return std::shared_ptr<SqliteKnowledgeBase>(new SqliteKnowledgeBase(file, std::move(settings)));
}

Result<ConnectionPool::Lease> SqliteKnowledgeBase::connection() const { return pool_.acquire(); }

bool SqliteKnowledgeBase::current() {
    auto lease = pool_.acquire();
    if (!lease) return false;
    const auto settings = read_settings(**lease, pool_.file().string());
    return settings && settings->embedding_model == settings_.embedding_model &&
           settings->dimension == settings_.dimension;
}

Result<KnowledgeBaseInfo> SqliteKnowledgeBase::info() const {
    TENON_TRY(auto db, connection());
    TENON_TRY(auto statement,
              db->prepare("SELECT (SELECT count(*) FROM document), (SELECT coalesce(sum(chunks), 0) FROM document), "
                          "(SELECT value FROM setting WHERE name = 'updated_at')"));
    TENON_CHECK(statement.step());
    KnowledgeBaseInfo info;
    info.name = settings_.name;
    info.embedding_model = settings_.embedding_model;
    info.dimension = settings_.dimension;
    info.documents = static_cast<std::size_t>(statement.integer(0));
    info.chunks = static_cast<std::size_t>(statement.integer(1));
    info.updated_at = statement.integer(2);
    for (const char* suffix : {"", "-wal"}) {
        std::error_code missing;
        auto part = pool_.file();
        part += suffix;
        const auto size = std::filesystem::file_size(part, missing);
        if (!missing) info.bytes += size;
    }
    return info;
}

Result<std::int64_t> SqliteKnowledgeBase::put(const Document& document, std::span<const Chunk> chunks,
                                              std::span<const float> vectors) {
    if (document.source.empty()) return fail(ErrorCode::invalid_argument, "a document needs a source");
    if (chunks.size() >= static_cast<std::size_t>(chunks_per_document))
        return fail(ErrorCode::resource_exhausted,
                    fmt::format("{} has {} chunks; a document may have {}: split the file", document.source,
                                chunks.size(), chunks_per_document - 1));
    if (vectors.size() != chunks.size() * settings_.dimension)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("{} chunks need {} numbers of vectors ({} each, as {} was made), but there are {}",
                                chunks.size(), chunks.size() * settings_.dimension, settings_.dimension, settings_.name,
                                vectors.size()));
    // Everything slow happens before the lock is taken.
    const DocumentPostings postings = index_document(document, chunks);
    std::vector<float> rows;
    if (settings_.dimension != 0) {
        TENON_TRY(rows, unit_rows(vectors, settings_.dimension));
    }
    std::string terms;
    for (const auto& [term, data] : postings.terms) (terms += term) += '\n';
    const std::string lengths = encode_lengths(postings.lengths);

    const std::lock_guard lock(write_mutex_);
    TENON_TRY(auto db, connection());
    TENON_TRY(auto transaction, Transaction::begin(*db, Transaction::Kind::write));
    TENON_CHECK(erase(*db, document.source));
    std::int64_t id = 0;
    {
        TENON_TRY(auto statement,
                  db->prepare("INSERT INTO document (source, title, media_type, content_hash, characters, "
                              "chunks, indexed_at, lengths) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"));
        statement.bind(1, document.source)
            .bind(2, document.title)
            .bind(3, document.media_type)
            .bind(4, document.content_hash)
            .bind(5, static_cast<std::int64_t>(utf8::length(document.text)))
            .bind(6, static_cast<std::int64_t>(chunks.size()))
            .bind(7, now())
            .bind_blob(8, std::as_bytes(std::span(lengths)));
        TENON_CHECK(statement.run());
        id = db->last_insert_id();
    }
    {
        TENON_TRY(auto statement, db->prepare("INSERT INTO document_text (document_id, text, terms) VALUES (?, ?, ?)"));
        statement.bind(1, id).bind(2, document.text).bind(3, terms);
        TENON_CHECK(statement.run());
    }
    TENON_CHECK(insert_chunks(*db, id, chunks));
    if (!rows.empty()) {
        TENON_TRY(auto statement, db->prepare("INSERT INTO vector (document_id, data) VALUES (?, ?)"));
        statement.bind(1, id).bind_blob(2, std::as_bytes(std::span(rows)));
        TENON_CHECK(statement.run());
    }
    {
        TENON_TRY(auto statement, db->prepare("INSERT INTO posting (term, document_id, data) VALUES (?, ?, ?)"));
        for (const auto& [term, data] : postings.terms) {
            statement.bind(1, term).bind(2, id).bind_blob(3, std::as_bytes(std::span(data)));
            TENON_CHECK(statement.run());
        }
    }
    TENON_CHECK(mark_changed(*db));
    TENON_CHECK(transaction.commit());
    return id;
}

Result<bool> SqliteKnowledgeBase::remove(std::string_view source) {
    const std::lock_guard lock(write_mutex_);
    TENON_TRY(auto db, connection());
    TENON_TRY(auto transaction, Transaction::begin(*db, Transaction::Kind::write));
    TENON_TRY(const bool found, erase(*db, source));
    if (found) TENON_CHECK(mark_changed(*db));
    TENON_CHECK(transaction.commit());
    return found;
}

Result<std::vector<DocumentSummary>> SqliteKnowledgeBase::list() const {
    TENON_TRY(auto db, connection());
    TENON_TRY(auto statement,
              db->prepare("SELECT id, source, title, media_type, content_hash, chunks, characters, indexed_at "
                          "FROM document ORDER BY source"));
    std::vector<DocumentSummary> out;
    while (true) {
        TENON_TRY(const bool row, statement.step());
        if (!row) return out;
        DocumentSummary& summary = out.emplace_back();
        summary.id = statement.integer(0);
        summary.source = statement.text(1);
        summary.title = statement.text(2);
        summary.media_type = statement.text(3);
        summary.content_hash = statement.text(4);
        summary.chunks = static_cast<std::size_t>(statement.integer(5));
        summary.characters = static_cast<std::size_t>(statement.integer(6));
        summary.indexed_at = statement.integer(7);
    }
}

Result<Document> SqliteKnowledgeBase::document(std::string_view source) const {
    TENON_TRY(auto db, connection());
    TENON_TRY(auto statement,
              db->prepare("SELECT d.source, d.title, d.media_type, d.content_hash, d.indexed_at, t.text "
                          "FROM document d JOIN document_text t ON t.document_id = d.id WHERE d.source = ?"));
    statement.bind(1, source);
    TENON_TRY(const bool row, statement.step());
    if (!row)
        return fail(ErrorCode::not_found,
                    fmt::format("the knowledge base {} has no document \"{}\"", settings_.name, source));
    Document document;
    document.source = statement.text(0);
    document.title = statement.text(1);
    document.media_type = statement.text(2);
    document.content_hash = statement.text(3);
    document.indexed_at = statement.integer(4);
    document.text = statement.text(5);
    return document;
}

}  // namespace tenon::store
