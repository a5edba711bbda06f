// Searching a knowledge base: both indexes, one moment.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "store/postings.hpp"
#include "store/sqlite_knowledge_base.hpp"
#include "tenon/store/analyzer.hpp"
#include "tenon/tensor/ops.hpp"

namespace tenon::store {
namespace {

constexpr std::string_view hit_columns =
    "SELECT c.id, d.id, d.source, d.title, c.text, c.heading, c.page, c.start_line, c.end_line, c.start_char, "
    "c.end_char "
    "FROM chunk c JOIN document d ON d.id = ";

void read_hit(const Statement& row, Hit& hit) {
    hit.chunk_id = row.integer(0);
    hit.document_id = row.integer(1);
    hit.ordinal = static_cast<std::size_t>(hit.chunk_id % chunks_per_document);
    hit.source = row.text(2);
    hit.title = row.text(3);
    hit.chunk.text = row.text(4);
    hit.chunk.heading = row.text(5);
    hit.chunk.page = static_cast<int>(row.integer(6));
    hit.chunk.start_line = static_cast<std::size_t>(row.integer(7));
    hit.chunk.end_line = static_cast<std::size_t>(row.integer(8));
    hit.chunk.start_char = static_cast<std::size_t>(row.integer(9));
    hit.chunk.end_char = static_cast<std::size_t>(row.integer(10));
}

/// `bm25` for the order of the chunks, `absolute` for what their scores are worth; they may be one.
Result<void> score_text(Connection& db, const Layout& layout, std::string_view query, Bm25& bm25, Bm25& absolute,
                        std::vector<TermStatistic>& statistics) {
    const auto terms = analyze_query(query);
    TENON_TRY(auto statement, db.prepare("SELECT document_id, data FROM posting WHERE term = ? ORDER BY document_id"));
    std::vector<Posting> postings;
    std::vector<std::pair<std::uint32_t, Posting>> found;
    for (const QueryTerm& term : terms) {
        found.clear();
        statement.bind(1, term.text);
        auto entry = layout.documents.begin();
        while (true) {
            TENON_TRY(const bool row, statement.step());
            if (!row) break;
            const std::int64_t id = statement.integer(0);
            entry =
                std::lower_bound(entry, layout.documents.end(), id,
                                 [](const Layout::Entry& e, std::int64_t wanted) { return e.document_id < wanted; });
            if (entry == layout.documents.end()) break;
            if (entry->document_id != id) continue;
            TENON_CHECK(decode_postings(statement.blob(1), postings));
            for (const Posting& posting : postings)
                if (posting.ordinal < entry->chunks) found.emplace_back(entry->first_slot + posting.ordinal, posting);
        }
        statement.reset();
        // A term of no chunk says nothing about the others, but its absence is part of the limit.
        bm25.add(found, term.weight);
        if (&absolute != &bm25) absolute.add(found, term.weight);
        const auto n = static_cast<double>(std::max(layout.chunks(), typical_chunks));
        // A term that no chunk has counts as one that a single chunk has.
        const auto df = static_cast<double>(std::max<std::size_t>(1, found.size()));
        statistics.push_back({term.text, term.weight, std::log(1.0 + (n - df + 0.5) / (df + 0.5))});
    }
    return {};
}

Result<std::vector<float>> score_vectors(const Vectors& vectors, std::size_t chunks, std::span<const float> query) {
    double norm = 0;
    for (const float x : query) norm += static_cast<double>(x) * x;
    if (!std::isfinite(norm))
        return fail(ErrorCode::invalid_argument, "the query vector holds a value that is not finite");
    const double scale = norm > 0 ? 1.0 / std::sqrt(norm) : 0.0;
    std::vector<float> unit(query.size());
    std::ranges::transform(query, unit.begin(), [&](float x) { return static_cast<float>(x * scale); });
    std::vector<float> out;
    out.reserve(chunks);
    for (const auto& [id, block] : vectors.blocks)
        for (std::size_t row = 0; row < block->size(); row += unit.size())
            out.push_back(tensor::dot(block->data() + row, unit.data(), unit.size()));
    return out;
}

/// The `k` best of `slots` by score, ties by place.
std::vector<std::uint32_t> best(std::vector<std::uint32_t> slots, std::span<const float> scores, std::size_t k) {
    k = std::min(k, slots.size());
    std::ranges::partial_sort(
        slots, slots.begin() + static_cast<std::ptrdiff_t>(k),
        [&](std::uint32_t a, std::uint32_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; });
    slots.resize(k);
    return slots;
}

}  // namespace

Result<SqliteKnowledgeBase::Cache> SqliteKnowledgeBase::snapshot(const ConnectionPool::Lease& db,
                                                                 bool with_vectors) const {
    TENON_TRY(const auto generation, db->integer("SELECT value FROM setting WHERE name = 'generation'"));
    Cache known;
    {
        const std::lock_guard lock(cache_mutex_);
        known = cache_;
    }
    Cache fresh{db.epoch(), generation, nullptr, nullptr, -1};
    if (known.epoch == db.epoch()) {
        fresh = known;
        if (known.generation == generation && (!with_vectors || known.vectors_generation == generation)) return fresh;
        fresh.generation = generation;
    }
    if (!fresh.layout || known.generation != generation) {
        TENON_TRY(fresh.layout, load_layout(*db));
    }
    if (with_vectors) {
        TENON_TRY(fresh.vectors, load_vectors(*db, *fresh.layout, settings_.dimension, fresh.vectors.get()));
        fresh.vectors_generation = generation;
    }
    const std::lock_guard lock(cache_mutex_);
    const bool newer = cache_.epoch != fresh.epoch || cache_.generation < generation ||
                       (cache_.generation == generation && cache_.vectors_generation < fresh.vectors_generation);
    if (newer) cache_ = fresh;
    return fresh;
}

Result<Candidates> SqliteKnowledgeBase::candidates(std::string_view query, std::span<const float> vector,
                                                   std::size_t k) const {
    const bool with_vectors = !vector.empty();
    if (with_vectors && vector.size() != settings_.dimension)
        return fail(
            ErrorCode::invalid_argument,
            fmt::format("the query vector has {} numbers, but {} was made with {}", vector.size(), settings_.name,
                        settings_.dimension == 0 ? "no embedding model" : std::to_string(settings_.dimension)));
    TENON_TRY(auto db, connection());
    TENON_TRY(auto transaction, Transaction::begin(*db, Transaction::Kind::read));
    TENON_TRY(const Cache cache, snapshot(db, with_vectors));
    const Layout& layout = *cache.layout;
    Candidates out;
    out.chunks = layout.chunks();

    Bm25 bm25(layout.lengths);
    std::optional<Bm25> of_few;
    if (layout.chunks() < typical_chunks) of_few.emplace(layout.lengths, typical_chunks);
    Bm25& absolute = of_few ? *of_few : bm25;
    TENON_CHECK(score_text(*db, layout, query, bm25, absolute, out.terms));
    const auto text_scores = bm25.scores();
    std::vector<std::uint32_t> slots = best({bm25.touched().begin(), bm25.touched().end()}, text_scores, k);

    std::vector<float> similarities;
    if (with_vectors) {
        TENON_TRY(similarities, score_vectors(*cache.vectors, layout.chunks(), vector));
        if (!similarities.empty()) {
            const auto n = static_cast<double>(similarities.size());
            out.similarity_mean = std::accumulate(similarities.begin(), similarities.end(), 0.0) / n;
            double squares = 0;
            for (const float s : similarities) squares += (s - out.similarity_mean) * (s - out.similarity_mean);
            out.similarity_deviation = std::sqrt(squares / n);
        }
        std::vector<std::uint32_t> all(similarities.size());
        std::iota(all.begin(), all.end(), 0U);
        const auto nearest = best(std::move(all), similarities, k);
        slots.insert(slots.end(), nearest.begin(), nearest.end());
    }
    std::ranges::sort(slots);
    slots.erase(std::unique(slots.begin(), slots.end()), slots.end());

    TENON_TRY(auto statement, db->prepare(std::string(hit_columns) + "? WHERE c.id = ?"));
    for (const std::uint32_t slot : slots) {
        const auto [document_id, ordinal] = layout.locate(slot);
        statement.bind(1, document_id).bind(2, document_id * chunks_per_document + ordinal);
        TENON_TRY(const bool row, statement.step());
        if (!row)
            return fail(ErrorCode::corrupt, fmt::format("{} is damaged: a chunk is missing; remove it and index again",
                                                        pool_.file().string()));
        Hit& hit = out.hits.emplace_back();
        read_hit(statement, hit);
        if (text_scores[slot] > 0) {
            hit.bm25 = text_scores[slot];
            hit.bm25_share = absolute.scores()[slot] / absolute.limit();
        }
        if (with_vectors) hit.similarity = similarities[slot];
        statement.reset();
    }
    return out;
}

Result<std::vector<Hit>> SqliteKnowledgeBase::text_search(std::string_view query, std::size_t k) const {
    TENON_TRY(auto found, candidates(query, {}, k));
    for (Hit& hit : found.hits) hit.score = hit.bm25.value_or(0);
    std::ranges::stable_sort(found.hits, std::ranges::greater{}, &Hit::score);
    return std::move(found.hits);
}

Result<std::vector<Hit>> SqliteKnowledgeBase::vector_search(std::span<const float> query, std::size_t k) const {
    if (query.size() != settings_.dimension || query.empty())
        return fail(
            ErrorCode::invalid_argument,
            settings_.dimension == 0
                ? fmt::format("{} was made without an embedding model, so it has no vectors to search", settings_.name)
                : fmt::format("the query vector has {} numbers, but {} was made with {}", query.size(), settings_.name,
                              settings_.dimension));
    TENON_TRY(auto found, candidates({}, query, k));
    for (Hit& hit : found.hits) hit.score = hit.similarity.value_or(0);
    std::ranges::stable_sort(found.hits, std::ranges::greater{}, &Hit::score);
    return std::move(found.hits);
}

Result<std::vector<Hit>> SqliteKnowledgeBase::chunks(std::int64_t document_id, std::size_t first,
                                                     std::size_t last) const {
    std::vector<Hit> out;
    if (first > last || document_id <= 0 || document_id > (std::int64_t{1} << 42)) return out;
    const auto limit = static_cast<std::size_t>(chunks_per_document - 1);
    TENON_TRY(auto db, connection());
    TENON_TRY(auto statement, db->prepare(std::string(hit_columns) + "?1 WHERE c.id BETWEEN ?2 AND ?3 ORDER BY c.id"));
    const std::int64_t base = document_id * chunks_per_document;
    statement.bind(1, document_id)
        .bind(2, base + static_cast<std::int64_t>(std::min(first, limit)))
        .bind(3, base + static_cast<std::int64_t>(std::min(last, limit)));
    while (true) {
        TENON_TRY(const bool row, statement.step());
        if (!row) return out;
        read_hit(statement, out.emplace_back());
    }
}

}  // namespace tenon::store
