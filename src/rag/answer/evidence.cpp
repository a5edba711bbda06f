#include "rag/answer/evidence.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "rag/answer/prompt.hpp"
#include "tenon/base/utf8.hpp"
#include "tenon/store/analyzer.hpp"

namespace tenon::rag {
namespace {

constexpr std::size_t looked_at = 12;  // units, from the best

/// Chinese says in one character what takes two or three letters.
std::size_t columns(std::string_view text) {
    std::size_t out = 0;
    for (std::size_t i = 0; i < text.size();) {
        const auto d = utf8::decode(text, i);
        out += utf8::is_cjk(d.code_point) ? 2 : 1;
        i += d.length;
    }
    return out;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return out;
}

bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }
bool is_name_part(char c) {
    return is_capital(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("/._-+").find(c) != std::string_view::npos;
}

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
            // A heading or question without what it announces says nothing.
            const std::size_t after = candidates[c] + 1;
            if (announces_more(text_of(unit, hits)) &&
                (after >= units.size() || units[after].hit != unit.hit || announces_more(text_of(units[after], hits))))
                continue;
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
            const auto next = text_of(units[n], hits);
            if (used.contains(n)) break;
            if (!announces && (n > candidates[best] + 1 || announces_more(next) || next.starts_with('|'))) break;
            const auto all =
                std::string_view(hits[first.hit].chunk.text).substr(first.begin, units[n].end - first.begin);
            if (columns(all) > limit) break;
            last = n;
            used.insert(n);
        }
        out.push_back({first.hit, first.begin, units[last].end});
    }
    return out;
}

double rarest_missing(std::string_view question, std::span<const store::TermStatistic> terms,
                      std::span<const store::Hit> hits) {
    const bool chinese = prompt_language(question) == PromptLanguage::chinese;
    std::unordered_set<std::string> present;
    std::string all;
    for (const auto& hit : hits)
        for (const std::string_view text :
             {std::string_view(hit.chunk.text), std::string_view(hit.chunk.heading), std::string_view(hit.title)})
            for (auto& term : store::analyze(text).terms) present.insert(std::move(term.text));
    double rarest = 0;
    for (std::size_t i = 0; i < question.size();) {
        std::size_t end = i;
        while (end < question.size() && is_name_part(question[end])) ++end;
        auto word = question.substr(i, end - i);
        // The first word of a sentence is capitalised whatever it is.
        const auto before = question.substr(0, i).find_last_not_of(" \t\r\n\"'");
        const bool first = before == std::string_view::npos || std::string_view(".?!:").contains(question[before]);
        i = std::max(end, i + 1);
        while (!word.empty() && std::string_view("./-_+").find(word.back()) != std::string_view::npos)
            word.remove_suffix(1);
        if (word.size() < 3) continue;
        bool marked = chinese || (!first && is_capital(word.front()));
        for (std::size_t k = 0; k < word.size(); ++k)
            marked |= (word[k] >= '0' && word[k] <= '9') || word[k] == '/' || word[k] == '_' ||
                      (k > 0 && is_capital(word[k]));
        if (!marked) continue;
        // The whole word comes first among its terms; its parts ("two", "factor") may well be elsewhere.
        const auto parts = store::analyze(word).terms;
        if (parts.empty() || present.contains(parts.front().text) || all.contains(lower(word))) continue;
        double idf = 0;
        for (const auto& term : terms)
            if (term.text == parts.front().text) idf = term.idf;
        rarest = std::max(rarest, idf);
    }
    return rarest;
}

}  // namespace tenon::rag
