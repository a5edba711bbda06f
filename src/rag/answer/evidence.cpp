#include "rag/answer/evidence.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "tenon/base/utf8.hpp"
#include "tenon/store/analyzer.hpp"

namespace tenon::rag {
namespace {

constexpr std::size_t looked_at = 12;  // units, from the best

using Weights = std::unordered_map<std::string, double>;

std::string_view text_of(const Unit& u, std::span<const store::Hit> hits) {
    return std::string_view(hits[u.hit].chunk.text).substr(u.begin, u.end - u.begin);
}

std::unordered_set<std::string> asked_terms(std::string_view text, const Weights& weights) {
    std::unordered_set<std::string> out;
    for (auto& term : store::analyze(text).terms)
        if (weights.contains(term.text)) out.insert(std::move(term.text));
    return out;
}

}  // namespace

std::vector<Evidence> choose_evidence(std::span<const Unit> units, std::span<const std::size_t> order,
                                      std::span<const store::Hit> hits, std::span<const store::TermStatistic> terms,
                                      const EvidenceOptions& options) {
    Weights weights;
    double total = 0;
    for (const auto& term : terms) {
        const double w = term.weight * std::max(0.05, term.idf);
        weights[term.text] += w;
        total += w;
    }
    const auto candidates = order.first(std::min(order.size(), looked_at));
    std::vector<std::unordered_set<std::string>> has;
    for (const std::size_t i : candidates) has.push_back(asked_terms(text_of(units[i], hits), weights));

    std::vector<Evidence> out;
    std::set<std::size_t> used;
    std::unordered_set<std::string> covered;
    while (out.size() < options.most) {
        std::size_t best = candidates.size();
        double best_worth = 0;
        for (std::size_t c = 0; c < candidates.size(); ++c) {
            const auto& unit = units[candidates[c]];
            if (used.contains(candidates[c]) || unit.score < options.relative * units[candidates[0]].score) continue;
            double fresh = 0;
            if (!out.empty() && total > 0)
                for (const auto& term : has[c])
                    if (!covered.contains(term)) fresh += weights[term] / total;
            const double worth = unit.score + options.novelty * fresh;
            if (best == candidates.size() || worth > best_worth) {
                best = c;
                best_worth = worth;
            }
        }
        if (best == candidates.size()) break;
        std::size_t last = candidates[best];
        const auto& first = units[last];
        used.insert(last);
        covered.insert(has[best].begin(), has[best].end());
        const bool announces = announces_more(text_of(first, hits));
        const std::size_t limit = announces ? options.list_length : options.length;
        // One unit more; all of the list, as far as it is short, after an announcement.
        for (std::size_t n = last + 1; n < units.size() && units[n].hit == first.hit; ++n) {
            if (!announces && n > candidates[best] + 1) break;
            const auto all =
                std::string_view(hits[first.hit].chunk.text).substr(first.begin, units[n].end - first.begin);
            if (utf8::length(all) > limit) break;
            last = n;
            used.insert(n);
        }
        out.push_back({first.hit, first.begin, units[last].end});
    }
    return out;
}

double rarest_missing(std::span<const store::TermStatistic> terms, std::span<const store::Hit> hits) {
    std::unordered_set<std::string> present;
    for (const auto& hit : hits)
        for (const std::string_view text :
             {std::string_view(hit.chunk.text), std::string_view(hit.chunk.heading), std::string_view(hit.title)})
            for (auto& term : store::analyze(text).terms) present.insert(std::move(term.text));
    double rarest = 0;
    for (const auto& term : terms) {
        if (term.text.size() <= 2 || static_cast<unsigned char>(term.text.front()) >= 0x80) continue;
        if (!present.contains(term.text)) rarest = std::max(rarest, term.weight * term.idf);
    }
    return rarest;
}

}  // namespace tenon::rag
