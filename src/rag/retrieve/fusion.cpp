#include "rag/retrieve/fusion.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

#include "tenon/base/utf8.hpp"
#include "tenon/store/analyzer.hpp"

namespace tenon::rag {
namespace {

constexpr std::size_t near = 4;            // words within which neighbouring terms of the question count as together
constexpr std::size_t max_pairs = 64;      // of neighbouring terms looked at
constexpr double duplicate_overlap = 0.9;  // share of terms in common that makes two passages one

struct Analysis {
    std::unordered_map<std::string, std::vector<std::uint32_t>> positions;
    std::unordered_set<std::string> above;  // terms of heading and title
};

Analysis analyze_passage(const store::Hit& hit) {
    Analysis out;
    for (auto& term : store::analyze(hit.chunk.text).terms)
        out.positions[std::move(term.text)].push_back(term.position);
    for (auto& term : store::analyze(hit.chunk.heading + " \n" + hit.title).terms)
        out.above.insert(std::move(term.text));
    return out;
}

double coverage(std::span<const store::QueryTerm> terms, const Analysis& passage) {
    double found = 0, all = 0;
    for (const auto& term : terms) {
        all += term.weight;
        if (passage.positions.contains(term.text) || passage.above.contains(term.text)) found += term.weight;
    }
    return all > 0 ? found / all : 0;
}

/// Share of the question's neighbouring terms whose nearest places in the passage are close.
double proximity(std::span<const store::QueryTerm> terms, const Analysis& passage) {
    std::size_t pairs = 0, close = 0;
    for (std::size_t i = 0; i + 1 < terms.size() && pairs < max_pairs; ++i) {
        // The next term at another place of the question: not a part of the same identifier or character.
        std::size_t j = i + 1;
        while (j < terms.size() && terms[j].position == terms[i].position) ++j;
        if (j == terms.size()) break;
        ++pairs;
        const auto a = passage.positions.find(terms[i].text);
        const auto b = passage.positions.find(terms[j].text);
        if (a == passage.positions.end() || b == passage.positions.end()) continue;
        std::size_t x = 0, y = 0;
        while (x < a->second.size() && y < b->second.size()) {
            const auto p = a->second[x], q = b->second[y];
            if ((p > q ? p - q : q - p) <= near) {
                ++close;
                break;
            }
            if (p < q)
                ++x;
            else
                ++y;
        }
    }
    return pairs > 0 ? static_cast<double>(close) / static_cast<double>(pairs) : 0;
}

bool near_duplicates(const Analysis& a, const Analysis& b) {
    const auto& small = a.positions.size() < b.positions.size() ? a.positions : b.positions;
    const auto& large = a.positions.size() < b.positions.size() ? b.positions : a.positions;
    if (small.empty() || static_cast<double>(small.size()) < duplicate_overlap * static_cast<double>(large.size()))
        return false;
    std::size_t common = 0;
    for (const auto& [term, places] : small) common += large.contains(term) ? 1 : 0;
    const auto either = static_cast<double>(small.size() + large.size() - common);
    return static_cast<double>(common) >= duplicate_overlap * either;
}

/// 1-based ranks by a score; candidates without it have none.
template <class Score>
std::vector<std::size_t> ranks(const std::vector<store::Hit>& hits, Score score) {
    std::vector<std::size_t> order(hits.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return score(hits[a]) > score(hits[b]); });
    std::vector<std::size_t> out(hits.size());
    for (std::size_t i = 0; i < order.size(); ++i) out[order[i]] = i + 1;
    return out;
}

}  // namespace

double readability(ModelLanguages model, std::string_view text) {
    if (model == ModelLanguages::multilingual) return 1;
    std::size_t dense = 0, words = 0;
    bool inside = false;
    for (std::size_t at = 0; at < text.size();) {
        const auto [c, length, valid] = utf8::decode(text, at);
        at += length;
        const bool letter = c < 0x80 ? ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') : c >= 0xC0 && c < 0x250;
        if (letter && !inside) ++words;
        inside = letter;
        // Anything beyond Latin letters, be it Chinese, Cyrillic or Thai, is beyond an English model.
        if (utf8::is_cjk(c) || (c >= 0x370 && c < 0x2000)) ++dense;
    }
    if (dense == 0) return 1;
    // Two characters of Chinese make about one word.
    const double foreign = static_cast<double>(dense) / 2;
    const double share = foreign / (foreign + static_cast<double>(words));
    return std::clamp(1 - 2 * share, 0.0, 1.0);
}

Retrieval fuse(std::string_view query, store::Candidates candidates, const RetrieveOptions& options,
               ModelLanguages model, const FusionParameters& parameters) {
    Retrieval out;
    out.chunks = candidates.chunks;
    out.terms = std::move(candidates.terms);
    out.similarity_mean = candidates.similarity_mean;
    out.similarity_deviation = candidates.similarity_deviation;
    auto& hits = candidates.hits;
    const bool has_vectors = std::ranges::any_of(hits, [](const auto& hit) { return hit.similarity.has_value(); });
    const bool has_text = std::ranges::any_of(hits, [](const auto& hit) { return hit.bm25.has_value(); });

    double weight = parameters.vector_weight;
    const double question = readability(model, query);
    weight = parameters.unreadable_weight + (weight - parameters.unreadable_weight) * question;
    if (options.mode == RetrieveMode::vector || !has_text) weight = 1;
    if (options.mode == RetrieveMode::text || !has_vectors) weight = 0;
    out.vector_weight = weight;

    const auto text_ranks = ranks(hits, [](const auto& hit) { return hit.bm25.value_or(-1); });
    const auto vector_ranks = ranks(hits, [](const auto& hit) { return hit.similarity.value_or(-2); });
    double best_text = 0, best_similarity = candidates.similarity_mean;
    for (const auto& hit : hits) {
        best_text = std::max(best_text, hit.bm25.value_or(0));
        best_similarity = std::max(best_similarity, hit.similarity.value_or(-1));
    }
    const double spread = best_similarity - candidates.similarity_mean;
    const auto terms = store::analyze_query(query);

    std::vector<Analysis> analyses;
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < hits.size(); ++i) {
        store::Hit& hit = hits[i];
        RetrievedPassage& passage = out.passages.emplace_back();
        const Analysis& analysis = analyses.emplace_back(analyze_passage(hit));
        passage.coverage = coverage(terms, analysis);
        passage.proximity = proximity(terms, analysis);
        if (hit.bm25) passage.text_rank = text_ranks[i];
        if (hit.similarity) passage.vector_rank = vector_ranks[i];

        const auto reciprocal = [&](const std::optional<std::size_t>& rank) {
            return rank ? (parameters.rank_constant + 1) / (parameters.rank_constant + static_cast<double>(*rank))
                        : 0.0;
        };
        const double text_score = best_text > 0 ? hit.bm25.value_or(0) / best_text : 0;
        // A passage in a writing the model cannot read is near to anything and to nothing.
        const double readable = model == ModelLanguages::multilingual ? 1 : readability(model, hit.chunk.text);
        const double vector_score =
            hit.similarity && spread > 0 ? std::max(0.0, (*hit.similarity - candidates.similarity_mean) / spread) : 0;
        const double share = parameters.rank_share;
        const double text_part = (1 - share) * text_score + share * reciprocal(passage.text_rank);
        const double vector_part = ((1 - share) * vector_score + share * reciprocal(passage.vector_rank)) *
                                   (options.mode == RetrieveMode::vector ? 1 : readable);
        hit.score = (1 - weight) * text_part + weight * vector_part;
        if (options.mode != RetrieveMode::vector)
            hit.score += (1 - weight) * (parameters.proximity_weight * passage.proximity +
                                         parameters.coverage_weight * passage.coverage);
        passage.hit = std::move(hit);
        order.push_back(i);
    }
    std::ranges::stable_sort(
        order, [&](std::size_t a, std::size_t b) { return out.passages[a].hit.score > out.passages[b].hit.score; });
    std::vector<std::size_t> kept;
    for (const std::size_t i : order) {
        if (kept.size() == options.top_k) break;
        if (out.passages[i].hit.score <= 0) break;
        const bool repeated = options.deduplicate && std::ranges::any_of(kept, [&](std::size_t k) {
                                  return near_duplicates(analyses[k], analyses[i]);
                              });
        if (!repeated) kept.push_back(i);
    }
    std::vector<RetrievedPassage> best;
    best.reserve(kept.size());
    for (const std::size_t i : kept) best.push_back(std::move(out.passages[i]));
    out.passages = std::move(best);
    return out;
}

}  // namespace tenon::rag
