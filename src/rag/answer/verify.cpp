#include "rag/answer/verify.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "tenon/base/utf8.hpp"
#include "tenon/store/analyzer.hpp"

namespace tenon::rag {
namespace {

std::string fold(std::string_view text) {
    std::string out;
    for (const char c : text)
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r' && c != '`' && c != '"' && c != '\'')
            out += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    return out;
}

/// Runs of letters, digits and the marks of paths, versions, options and addresses that hold a digit, a slash, an
/// underscore, an inner dot or capital: what a model must not make up.
std::vector<std::string> facts(std::string_view text) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < text.size();) {
        const auto part = [](char c) {
            return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                   std::string_view("/._-+@:=~").find(c) != std::string_view::npos;
        };
        if (!part(text[i])) {
            ++i;
            continue;
        }
        std::size_t end = i;
        while (end < text.size() && part(text[end])) ++end;
        auto word = text.substr(i, end - i);
        i = end;
        while (!word.empty() && std::string_view(".:-=").find(word.back()) != std::string_view::npos)
            word.remove_suffix(1);
        bool digit = false, mark = false, inner_capital = false;
        for (std::size_t k = 0; k < word.size(); ++k) {
            digit |= std::isdigit(static_cast<unsigned char>(word[k])) != 0;
            mark |=
                word[k] == '/' || word[k] == '_' || word[k] == '@' || (word[k] == '.' && k > 0 && k + 1 < word.size());
            inner_capital |= k > 0 && std::isupper(static_cast<unsigned char>(word[k])) != 0;
        }
        if (digit || mark || inner_capital) out.push_back(fold(word));
    }
    return out;
}

std::vector<std::string> lower_words(std::string_view text) {
    std::vector<std::string> out;
    bool inside = false;
    for (const char c : text) {
        const char low = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        const bool part = (low >= 'a' && low <= 'z') || (low == '\'' && inside);
        if (part) {
            if (!inside) out.emplace_back();
            out.back() += low;
        }
        inside = part;
    }
    return out;
}

std::unordered_set<std::string> content_terms(std::string_view text) {
    std::unordered_set<std::string> out;
    for (auto& term : store::analyze_query(text))
        if (term.weight >= 0.5) out.insert(std::move(term.text));
    return out;
}

}  // namespace

bool asks_yes_or_no(std::string_view question) {
    for (const std::string_view mark :
         {"吗", "是否", "能否", "可否", "能不能", "会不会", "可不可以", "要不要", "是不是"})
        if (question.find(mark) != std::string_view::npos) return true;
    const auto begin = question.find_first_not_of(" \t\r\n\"'");
    if (begin == std::string_view::npos) return false;
    question.remove_prefix(begin);
    const auto words = lower_words(question.substr(0, 24));
    if (words.empty()) return false;
    static constexpr std::array<std::string_view, 20> openers{
        "is",    "are",  "was",   "were",   "can",  "could", "do",  "does", "did", "may",
        "might", "must", "shall", "should", "will", "would", "has", "have", "had", "am"};
    return std::ranges::find(openers, words.front()) != openers.end();
}

bool denies(std::string_view text) {
    for (const std::string_view mark : {"不", "没有", "无法", "未", "禁止", "避免", "切勿", "请勿"})
        if (text.find(mark) != std::string_view::npos) return true;
    static constexpr std::array<std::string_view, 14> marks{"not",       "no",      "never",   "cannot",    "none",
                                                            "nor",       "neither", "without", "avoid",     "unable",
                                                            "forbidden", "nothing", "nobody",  "impossible"};
    return std::ranges::any_of(lower_words(text), [](const std::string& word) {
        return word.ends_with("n't") || std::ranges::find(marks, word) != marks.end();
    });
}

Verifier::Verifier(std::string_view question, std::span<const Passage> passages)
    : passages_(passages), question_(content_terms(question)), folded_question_(fold(question)) {
    for (const auto& p : passages) {
        Terms terms;
        for (auto& term : store::analyze(p.text).terms) terms.insert(std::move(term.text));
        terms_.push_back(std::move(terms));
        folded_.push_back(fold(p.text));
    }
}

Support Verifier::check(std::string_view sentence) const {
    Support out;
    const auto terms = content_terms(sentence);
    // Words taken over from the question prove nothing, but are no fault either: they count half.
    double total = 0, found = 0;
    std::vector<double> each(passages_.size(), 0.0);
    for (const auto& term : terms) {
        const double weight = question_.contains(term) ? 0.4 : 1.0;
        total += weight;
        bool any = false;
        for (std::size_t p = 0; p < passages_.size(); ++p)
            if (terms_[p].contains(term)) {
                each[p] += weight;
                any = true;
            }
        if (any) found += weight;
    }
    out.share = total > 0 ? found / total : 0;
    const auto fresh = std::ranges::count_if(terms, [&](const auto& t) { return !question_.contains(t); });
    out.novelty = terms.empty() ? 0 : static_cast<double>(fresh) / static_cast<double>(terms.size());
    std::vector<bool> holds(passages_.size(), true);
    for (const auto& fact : facts(sentence)) {
        bool any = folded_question_.find(fact) != std::string::npos;
        const bool asked = any;
        for (std::size_t p = 0; p < passages_.size(); ++p) {
            if (folded_[p].find(fact) != std::string::npos)
                any = true;
            else if (!asked)
                holds[p] = false;
        }
        out.facts_found &= any;
    }
    std::vector<std::size_t> order(passages_.size());
    for (std::size_t p = 0; p < order.size(); ++p) order[p] = p;
    // A passage with every fact of the sentence goes before one that merely shares words.
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
        return each[a] + (holds[a] ? 1.0 : 0.0) > each[b] + (holds[b] ? 1.0 : 0.0);
    });
    double covered = 0;
    for (const std::size_t p : order) {
        const double share = total > 0 ? each[p] / total : 0;
        if (out.passages.empty() ? share > 0 : share >= 0.6 && covered < 0.8 * out.share) {
            out.passages.push_back(p);
            out.shares.push_back(share);
            covered = std::max(covered, share);
        }
        if (out.passages.size() == 2) break;
    }
    return out;
}

text::Range Verifier::quote(std::size_t p, std::string_view sentence) const {
    const auto& text = passages_[p].text;
    const auto ranges = unit_ranges(text);
    if (ranges.empty()) return {0, text.size()};
    auto wanted = content_terms(sentence);
    const auto wanted_facts = facts(sentence);
    const auto worth = [&](const text::Range& r) {
        const auto part = std::string_view(text).substr(r.begin, r.end - r.begin);
        double sum = 0;
        std::unordered_set<std::string> here;
        for (auto& term : store::analyze(part).terms) here.insert(std::move(term.text));
        for (const auto& t : wanted)
            if (here.contains(t)) sum += question_.contains(t) ? 0.4 : 1.0;
        const auto folded = fold(part);
        for (const auto& f : wanted_facts)
            if (folded.find(f) != std::string::npos) sum += 2;
        return sum;
    };
    std::size_t best = 0;
    double best_worth = -1;
    for (std::size_t i = 0; i < ranges.size(); ++i)
        if (const double w = worth(ranges[i]); w > best_worth) {
            best_worth = w;
            best = i;
        }
    // The neighbour joins when it adds as much again as half the best.
    text::Range out = ranges[best];
    for (const std::size_t n : {best + 1, best - 1}) {
        if (n >= ranges.size()) continue;
        const text::Range joined{std::min(out.begin, ranges[n].begin), std::max(out.end, ranges[n].end)};
        if (worth(joined) >= best_worth * 1.5 + 0.5) {
            out = joined;
            break;
        }
    }
    return out;
}

}  // namespace tenon::rag
