#include "rag/answer/passages.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "tenon/base/utf8.hpp"
#include "tenon/store/analyzer.hpp"

namespace tenon::rag {
namespace {

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

/// List items, table rows, definition lines and code are units of their own: their line ends mean something.
bool stands_alone(std::string_view line) {
    const auto at = line.find_first_not_of(" \t");
    if (at == std::string_view::npos) return false;
    const char c = line[at];
    if (c == '|' || c == '$' || c == '>' || at >= 4) return true;
    if ((c == '-' || c == '*' || c == '+') && at + 1 < line.size() && line[at + 1] == ' ') return true;
    if (line.substr(at).starts_with("•") || line.substr(at).starts_with("#")) return true;
    std::size_t digits = at;
    while (digits < line.size() && line[digits] >= '0' && line[digits] <= '9') ++digits;
    return digits > at && digits + 1 < line.size() && (line[digits] == '.' || line[digits] == ')') &&
           line[digits + 1] == ' ';
}

text::Range trimmed(std::string_view text, std::size_t begin, std::size_t end) {
    while (begin < end && std::string_view(" \t\r\n").find(text[begin]) != std::string_view::npos) ++begin;
    while (end > begin && std::string_view(" \t\r\n").find(text[end - 1]) != std::string_view::npos) --end;
    return {begin, end};
}

}  // namespace

std::vector<text::Range> unit_ranges(std::string_view chunk) {
    std::vector<text::Range> out;
    const auto add = [&](std::size_t begin, std::size_t end) {
        const auto range = trimmed(chunk, begin, end);
        if (range.begin < range.end) out.push_back(range);
    };
    const auto add_prose = [&](std::size_t begin, std::size_t end) {
        for (const auto& s : text::sentences(chunk.substr(begin, end - begin))) add(begin + s.begin, begin + s.end);
    };
    std::size_t prose = 0;  // start of the running text not yet divided
    for (std::size_t line = 0; line < chunk.size();) {
        const std::size_t newline = std::min(chunk.find('\n', line), chunk.size());
        const std::size_t next = std::min(newline + 1, chunk.size());
        const auto text = chunk.substr(line, newline - line);
        if (text.starts_with("```") || text.starts_with("~~~")) {  // a fence is one unit
            add_prose(prose, line);
            const auto close = chunk.find(std::string("\n") + std::string(text.substr(0, 3)),
                                          newline == chunk.size() ? newline : line + 3);
            const std::size_t after =
                close == std::string_view::npos ? chunk.size() : std::min(chunk.find('\n', close + 1), chunk.size());
            add(line, after);
            line = prose = std::max(after, next);
            continue;
        }
        if (is_blank(text)) {
            add_prose(prose, line);
            prose = next;
        } else if (stands_alone(text)) {
            add_prose(prose, line);
            // An item goes on over the lines that are indented below it.
            std::size_t end = newline, after = next;
            while (after < chunk.size() && chunk[line] != '|') {
                const std::size_t stop = std::min(chunk.find('\n', after), chunk.size());
                const auto following = chunk.substr(after, stop - after);
                if (is_blank(following) || stands_alone(following) ||
                    !(following.starts_with("  ") || following.starts_with("\t")))
                    break;
                end = stop;
                after = std::min(stop + 1, chunk.size());
            }
            for (const auto& s : text::sentences(chunk.substr(line, end - line))) add(line + s.begin, line + s.end);
            line = prose = after;
            if (after >= chunk.size()) break;
            continue;
        }
        line = next;
        if (newline == chunk.size()) break;
    }
    if (prose < chunk.size()) add_prose(prose, chunk.size());
    return out;
}

std::vector<Unit> find_units(std::span<const store::Hit> hits) {
    std::vector<Unit> units;
    for (std::size_t h = 0; h < hits.size(); ++h)
        for (const auto& range : unit_ranges(hits[h].chunk.text)) units.push_back({h, range.begin, range.end, 0, 0, 0});
    return units;
}

bool announces_more(std::string_view unit) noexcept {
    const auto end = unit.find_last_not_of(" \t\r\n*_`");
    if (end == std::string_view::npos) return false;
    unit = unit.substr(0, end + 1);
    for (const std::string_view mark : {"?", "？", ":", "："})
        if (unit.ends_with(mark)) return true;
    return false;
}

std::vector<std::size_t> rank_units(std::span<Unit> units, std::span<const store::Hit> hits,
                                    std::span<const store::TermStatistic> terms) {
    double total = 0;
    std::unordered_map<std::string, double> weights;
    for (const auto& term : terms) {
        const double w = term.weight * std::max(0.05, term.idf);
        weights[term.text] += w;
        total += w;
    }
    const auto covered = [&](const std::unordered_set<std::string>& present) {
        double sum = 0;
        for (const auto& t : present)
            if (const auto found = weights.find(t); found != weights.end()) sum += found->second;
        return total > 0 ? sum / total : 0.0;
    };
    const auto terms_of = [](std::string_view text) {
        std::unordered_set<std::string> out;
        for (auto& term : store::analyze(text).terms) out.insert(std::move(term.text));
        return out;
    };
    std::vector<std::unordered_set<std::string>> headings;
    for (const auto& hit : hits)
        headings.push_back(terms_of(hit.chunk.heading.empty() ? hit.title : hit.chunk.heading));

    std::vector<double> own(units.size());
    for (std::size_t i = 0; i < units.size(); ++i) {
        auto& unit = units[i];
        auto present = terms_of(std::string_view(hits[unit.hit].chunk.text).substr(unit.begin, unit.end - unit.begin));
        own[i] = covered(present);
        present.insert(headings[unit.hit].begin(), headings[unit.hit].end());
        unit.coverage = own[i] + 0.4 * (covered(present) - own[i]);
    }
    for (std::size_t i = 0; i < units.size(); ++i) {
        auto& unit = units[i];
        // A sentence that follows a matching one often completes it ("It is kept in …").
        double neighbour = 0;
        if (i > 0 && units[i - 1].hit == unit.hit) neighbour = std::max(neighbour, own[i - 1]);
        if (i + 1 < units.size() && units[i + 1].hit == unit.hit) neighbour = std::max(neighbour, 0.6 * own[i + 1]);
        const double rank_prior = 0.20 / (1.0 + static_cast<double>(unit.hit));
        const auto text = std::string_view(hits[unit.hit].chunk.text).substr(unit.begin, unit.end - unit.begin);
        // A heading or question has the words of the question and not the answer.
        const double empty = announces_more(text) ? 0.4 : text.size() < 24 ? 0.15 : 0.0;
        unit.score = unit.coverage + 0.5 * unit.similarity + 0.25 * neighbour + rank_prior - empty;
    }
    std::vector<std::size_t> order(units.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return units[a].score > units[b].score; });
    return order;
}

std::vector<Passage> choose_passages(std::span<const Unit> units, std::span<const std::size_t> order,
                                     std::span<const store::Hit> hits, const PassageOptions& options,
                                     const text::TokenCounter& count) {
    std::set<std::size_t> chosen;
    std::size_t used = 0;
    std::map<std::size_t, std::size_t> cost;
    const auto cost_of = [&](std::size_t i) {
        const auto [at, fresh] = cost.try_emplace(i, 0);
        if (fresh) {
            const auto& u = units[i];
            at->second = std::min(options.unit_tokens,
                                  count(std::string_view(hits[u.hit].chunk.text).substr(u.begin, u.end - u.begin))) +
                         1;
        }
        return at->second;
    };
    std::set<std::size_t> chunks;
    const auto take = [&](std::size_t i) {
        if (chosen.contains(i)) return true;
        if (used + cost_of(i) > options.max_tokens && !chosen.empty()) return false;
        if (!chunks.contains(units[i].hit) && chunks.size() >= options.max_passages) return false;
        chosen.insert(i);
        chunks.insert(units[i].hit);
        used += cost_of(i);
        return true;
    };
    std::size_t rank = 0;
    for (const std::size_t i : order) {
        if (used >= options.max_tokens * 9 / 10) break;
        if (take(i)) {
            // The best ones bring their surroundings: what comes next first, then what came before.
            const std::size_t after = rank < 2 ? 2 : rank < 4 ? 1 : 0;
            for (std::size_t n = 1; n <= after && i + n < units.size() && units[i + n].hit == units[i].hit; ++n)
                take(i + n);
            if (rank < 2 && i > 0 && units[i - 1].hit == units[i].hit) take(i - 1);
        }
        ++rank;
    }
    std::vector<Passage> out;
    for (const std::size_t i : chosen) {
        const auto& u = units[i];
        const auto& text = hits[u.hit].chunk.text;
        std::size_t end = u.end;
        if (cost_of(i) > options.unit_tokens) {  // cut a long unit; about three bytes a token
            end =
                u.begin +
                utf8::truncate(std::string_view(text).substr(u.begin, u.end - u.begin), options.unit_tokens * 3).size();
        }
        const bool touches = !out.empty() && out.back().hit == u.hit &&
                             is_blank(std::string_view(text).substr(out.back().end, u.begin - out.back().end));
        if (touches) {
            out.back().end = end;
            out.back().best = std::max(out.back().best, u.score);
        } else {
            out.push_back({u.hit, u.begin, end, {}, u.score});
        }
    }
    for (auto& p : out) p.text = hits[p.hit].chunk.text.substr(p.begin, p.end - p.begin);
    std::ranges::stable_sort(out, [](const Passage& a, const Passage& b) { return a.best > b.best; });
    return out;
}

}  // namespace tenon::rag
