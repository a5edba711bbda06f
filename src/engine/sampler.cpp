#include "engine/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <random>

namespace tenon::engine {
namespace {

constexpr std::size_t mirostat_tokens = 100;  // that its first version estimates from

}  // namespace

Sampler::Sampler(SamplingParams params, DryBreakersPtr breakers)
    : params_(std::move(params)),
      breakers_(std::move(breakers)),
      random_(params_.seed ? *params_.seed : [] {
          std::random_device device;
          return (std::uint64_t{device()} << 32) | device();
      }()),
      mu_(2 * static_cast<double>(params_.mirostat_tau)) {}

std::span<float> Sampler::own_row() {
    if (row_.data() != adjusted_.data()) adjusted_.assign(row_.begin(), row_.end());
    row_ = adjusted_;
    return adjusted_;
}

void Sampler::forbid(std::span<const std::uint64_t> allowed) {
    const auto row = own_row();
    for (std::size_t first = 0, word = 0; first < row.size(); first += 64, ++word) {
        const std::uint64_t bits = word < allowed.size() ? allowed[word] : 0;
        if (bits == ~std::uint64_t{0}) continue;
        const std::size_t count = std::min<std::size_t>(64, row.size() - first);
        for (std::size_t i = 0; i < count; ++i) row[first + i] = ((bits >> i) & 1U) != 0 ? row[first + i] : -infinity;
    }
}

float Sampler::largest() const {
    if (!gathered_) return maximum(row_);
    if (sorted_) return candidates_.front().logit;
    return std::ranges::max_element(candidates_, {}, &Candidate::logit)->logit;
}

void Sampler::sort() {
    if (!sorted_) std::sort(candidates_.begin(), candidates_.end(), before);
    sorted_ = true;
}

void Sampler::gather(float least) {
    candidates_.clear();
    for (std::size_t i = 0; i < row_.size(); ++i)
        if (row_[i] >= least && row_[i] > -infinity) candidates_.push_back({row_[i], static_cast<text::TokenId>(i)});
    gathered_ = true;
    sorted_ = false;
}

void Sampler::apply(const std::vector<Change>& changes) {
    const auto change = [](float& logit, const Change& c) {
        logit = (logit > 0 ? logit / c.factor : logit * c.factor) - c.minus;
    };
    if (changes.empty()) return;
    if (!gathered_) {
        const auto row = own_row();
        for (const auto& c : changes) change(row[static_cast<std::size_t>(c.id)], c);
        return;
    }
    for (const auto& c : changes)
        for (auto& candidate : candidates_)
            if (candidate.id == c.id) change(candidate.logit, c);
    sorted_ = false;
}

void Sampler::penalise(Tokens tokens, std::size_t prompt_tokens) {
    const float repetition = params_.repetition_penalty;
    if (params_.penalty_window == 0 || tokens.empty() ||
        (repetition == 1 && params_.presence_penalty == 0 && params_.frequency_penalty == 0))
        return;
    const std::size_t window =
        params_.penalty_window < 0 ? tokens.size() : static_cast<std::size_t>(params_.penalty_window);
    const std::size_t first = tokens.size() - std::min(window, tokens.size());
    const auto sorted_from = [&](std::size_t from) {
        window_.assign(tokens.begin() + static_cast<std::ptrdiff_t>(from), tokens.end());
        std::sort(window_.begin(), window_.end());
    };
    std::vector<Change> changes;
    const std::size_t generated = std::max(first, std::min(prompt_tokens, tokens.size()));
    sorted_from(generated);
    for (std::size_t i = 0; i < window_.size();) {
        std::size_t end = i;
        while (end < window_.size() && window_[end] == window_[i]) ++end;
        changes.push_back({window_[i], repetition,
                           params_.presence_penalty + params_.frequency_penalty * static_cast<float>(end - i)});
        i = end;
    }
    if (repetition != 1 && generated > first) {
        const std::size_t own = changes.size();  // in order of id
        sorted_from(first);
        window_.erase(std::unique(window_.begin(), window_.end()), window_.end());
        for (const auto id : window_)
            if (!std::binary_search(changes.begin(), changes.begin() + static_cast<std::ptrdiff_t>(own),
                                    Change{id, 1, 0}, [](const auto& a, const auto& b) { return a.id < b.id; }))
                changes.push_back({id, repetition, 0});
    }
    apply(changes);
}

void Sampler::dry(Tokens tokens) {
    std::vector<Change> changes;
    for (const auto& [id, loss] : dry_penalties(tokens, params_, breakers_.get())) changes.push_back({id, 1, loss});
    apply(changes);
}

// Tang et al. 2024. Logits of -infinity count for nothing.
void Sampler::top_n_sigma() {
    if (params_.top_n_sigma <= 0) return;
    double sum = 0, squares = 0, count = 0;
    const float most = largest();
    const auto each = [&](auto take) {
        if (gathered_)
            for (const auto& c : candidates_) take(c.logit);
        else
            for (const float x : row_) take(x);
    };
    each([&](float x) {
        if (x == -infinity) return;
        const double d = static_cast<double>(x) - static_cast<double>(most);
        sum += d;
        squares += d * d;
        ++count;
    });
    if (count < 2) return;
    const double mean = sum / count;
    const double deviation = std::sqrt(std::max(0.0, squares / count - mean * mean));
    const auto least =
        static_cast<float>(static_cast<double>(most) - static_cast<double>(params_.top_n_sigma) * deviation);
    if (gathered_)
        std::erase_if(candidates_, [&](const auto& c) { return c.logit < least; });
    else
        gather(least);
}

void Sampler::top_k(std::size_t count) {
    if (count == 0) return;
    if (!gathered_) {
        if (count >= row_.size()) return;
        select_top(row_, count, candidates_);
        while (candidates_.back().logit == -infinity) candidates_.pop_back();  // the largest is finite
        gathered_ = sorted_ = true;
        return;
    }
    if (count >= candidates_.size()) return;
    if (!sorted_)
        std::partial_sort(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(count),
                          candidates_.end(), before);
    candidates_.resize(count);
    sorted_ = true;
}

// Those whose surprise is nearest to the expected one, until they make up the probability.
void Sampler::typical_p() {
    if (params_.typical_p >= 1) return;
    if (!gathered_) gather(largest() + negligible);
    const float most = largest();
    double weights = 0, weighted = 0;
    for (const auto& c : candidates_) {
        const double d = static_cast<double>(c.logit - most);
        weights += std::exp(d);
        weighted += d * std::exp(d);
    }
    const double expected = -weighted / weights;  // entropy, and surprise below, both less log(weights)
    const auto distance = [&](const Candidate& c) { return std::abs(-static_cast<double>(c.logit - most) - expected); };
    std::sort(candidates_.begin(), candidates_.end(), [&](const auto& a, const auto& b) {
        const double x = distance(a), y = distance(b);
        return x != y ? x < y : before(a, b);
    });
    sorted_ = false;
    double sum = 0;
    std::size_t keep = 0;
    while (keep < candidates_.size() && (keep < std::max<std::size_t>(1, params_.min_keep) ||
                                         sum <= static_cast<double>(params_.typical_p) * weights))
        sum += std::exp(static_cast<double>(candidates_[keep++].logit - most));
    candidates_.resize(keep);
}

// The smallest set of the most likely tokens that reaches the probability.
void Sampler::top_p() {
    if (params_.top_p >= 1) return;
    const float most = largest();
    const double share = static_cast<double>(params_.top_p);
    double total = 0;
    if (gathered_) {
        for (const auto& c : candidates_) total += std::exp(static_cast<double>(c.logit - most));
    } else {
        total = exp_sums(row_, most).weights;
        for (const float depth : {4.F, 8.F, 16.F, infinity}) {
            gather(most - depth);
            double sum = 0;
            for (const auto& c : candidates_) sum += std::exp(static_cast<double>(c.logit - most));
            if (candidates_.size() >= params_.min_keep && sum >= share * total) break;
        }
    }
    sort();
    double sum = 0;
    std::size_t keep = 0;
    while (keep < candidates_.size() && (keep < std::max<std::size_t>(1, params_.min_keep) || sum < share * total))
        sum += std::exp(static_cast<double>(candidates_[keep++].logit - most));
    candidates_.resize(keep);
}

void Sampler::min_p() {
    if (params_.min_p <= 0) return;
    const float least = largest() + std::log(params_.min_p);
    if (!gathered_) {
        const auto row = row_;
        gather(least);
        if (candidates_.size() >= params_.min_keep) return;
        gathered_ = false;
        row_ = row;
        top_k(params_.min_keep);
        return;
    }
    if (params_.min_keep <= 1) {
        std::erase_if(candidates_, [&](const auto& c) { return c.logit < least; });
        return;
    }
    sort();
    std::size_t keep = std::min(params_.min_keep, candidates_.size());
    while (keep < candidates_.size() && candidates_[keep].logit >= least) ++keep;
    candidates_.resize(keep);
}

// Exclude top choices: of the tokens that reach the threshold only the least likely stays.
void Sampler::xtc() {
    if (params_.xtc_probability <= 0 || params_.xtc_threshold > 0.5F) return;
    if (!gathered_) gather(largest() + negligible);
    if (candidates_.size() < 2) return;
    if (random_.uniform() > static_cast<double>(params_.xtc_probability)) return;
    sort();
    double total = 0;
    const auto weight = [&](const Candidate& c) {
        return std::exp(static_cast<double>(c.logit - candidates_.front().logit));
    };
    for (const auto& c : candidates_) total += weight(c);
    std::size_t likely = 0;
    while (likely < candidates_.size() &&
           weight(candidates_[likely]) >= static_cast<double>(params_.xtc_threshold) * total)
        ++likely;
    if (likely > 1 && candidates_.size() - (likely - 1) >= params_.min_keep)
        candidates_.erase(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(likely - 1));
}

void Sampler::scale(float by) {
    if (by == 1) return;
    if (gathered_)
        for (auto& c : candidates_) c.logit *= by;
    else
        for (auto& x : own_row()) x *= by;
}

// Fixed, or between two bounds by the entropy's share of what it could be at most (kalomaze's dynamic temperature).
void Sampler::temperature() {
    float now = params_.temperature;
    if (params_.dynatemp_range > 0) {
        const float most = largest();
        ExpSums sums;
        double size = 0;
        if (gathered_) {
            size = static_cast<double>(candidates_.size());
            for (const auto& c : candidates_) {
                const double d = static_cast<double>(c.logit - most);
                sums.weights += std::exp(d);
                sums.weighted += d * std::exp(d);
            }
        } else {
            size = static_cast<double>(std::ranges::count_if(row_, [](float x) { return x > -infinity; }));
            sums = exp_sums(row_, most);
        }
        if (size < 2) return;
        const double entropy = std::max(0.0, std::log(sums.weights) - sums.weighted / sums.weights);
        const double low = std::max(0.0, static_cast<double>(now - params_.dynatemp_range));
        const double high = static_cast<double>(now + params_.dynatemp_range);
        now = static_cast<float>(
            low + (high - low) * std::pow(entropy / std::log(size), static_cast<double>(params_.dynatemp_exponent)));
    }
    if (now > 1e-6F)
        scale(1 / now);
    else
        top_k(1);
}

void Sampler::mirostat() {
    temperature();
    const float most = largest();
    if (params_.mirostat == 2) {
        // Those whose surprise in bits does not exceed mu; at least one.
        double norm = 0;
        if (gathered_) {
            for (const auto& c : candidates_) norm += std::exp(static_cast<double>(c.logit - most));
        } else {
            norm = exp_sums(row_, most).weights;
        }
        const auto least = static_cast<float>(static_cast<double>(most) + std::log(norm) - mu_ * std::log(2.0));
        if (least > most)
            top_k(1);
        else if (gathered_)
            std::erase_if(candidates_, [&](const auto& c) { return c.logit < least; });
        else
            gather(least);
        return;
    }
    // Zipf's exponent from the most likely tokens, from it how many tokens have the surprise aimed at.
    std::vector<Candidate> top = candidates_;
    if (!gathered_) select_top(row_, mirostat_tokens, top);
    double products = 0, squares = 0;
    for (std::size_t i = 0; i + 1 < top.size() && top[i + 1].logit > -infinity; ++i) {
        const double t = std::log(static_cast<double>(i + 2) / static_cast<double>(i + 1));
        products += t * static_cast<double>(top[i].logit - top[i + 1].logit);
        squares += t * t;
    }
    const double s = squares > 0 ? products / squares : 0, epsilon = s - 1;
    const auto size = static_cast<double>(row_.size());
    const double k = std::pow(epsilon * std::exp2(mu_) / (1 - std::pow(size, -epsilon)), 1 / s);
    top_k(k >= 1 ? static_cast<std::size_t>(std::min(k, size)) : 1);  // NaN: 1
}

void Sampler::take(SamplerStep step, Tokens tokens, std::size_t prompt_tokens) {
    switch (step) {
        case SamplerStep::penalties:
            return penalise(tokens, prompt_tokens);
        case SamplerStep::dry:
            return dry(tokens);
        case SamplerStep::top_n_sigma:
            return top_n_sigma();
        case SamplerStep::top_k:
            return top_k(static_cast<std::size_t>(params_.top_k));
        case SamplerStep::typical_p:
            return typical_p();
        case SamplerStep::top_p:
            return top_p();
        case SamplerStep::min_p:
            return min_p();
        case SamplerStep::xtc:
            return xtc();
        case SamplerStep::temperature:
            return temperature();
    }
}

Result<std::span<const Candidate>> Sampler::candidates(std::span<const float> logits, Tokens tokens,
                                                       std::size_t prompt_tokens,
                                                       std::span<const std::uint64_t> allowed,
                                                       std::span<const text::TokenId> forbidden) {
    row_ = logits;
    gathered_ = sorted_ = false;
    if (!params_.logit_bias.empty()) {
        const auto row = own_row();
        for (const auto& [token, bias] : params_.logit_bias) row[static_cast<std::size_t>(token)] += bias;
    }
    if (!allowed.empty()) forbid(allowed);
    if (!forbidden.empty()) {
        const auto row = own_row();
        for (const auto token : forbidden) row[static_cast<std::size_t>(token)] = -infinity;
    }
    TENON_TRY(const Candidate first, find_largest(row_));
    const auto only = [&](const Candidate& c) {
        candidates_.assign(1, c);
        return std::span<const Candidate>(candidates_);
    };
    if (first.logit == infinity) return only(first);
    if (params_.temperature == 0) {
        for (const auto step : params_.steps)
            if (step == SamplerStep::penalties || step == SamplerStep::dry) take(step, tokens, prompt_tokens);
        TENON_TRY(const Candidate best, find_largest(row_));
        return only(best);
    }
    if (params_.mirostat != 0)
        mirostat();
    else
        for (const auto step : params_.steps) take(step, tokens, prompt_tokens);
    if (!gathered_) gather(largest() + negligible * 3);  // what is below has no weight in float64 either
    return std::span<const Candidate>(candidates_);
}

text::TokenId Sampler::draw() {
    if (candidates_.size() == 1) return candidates_.front().id;
    return draw_weighted(weigh());
}

double Sampler::weigh() {
    const float most = largest();
    weights_.clear();
    double total = 0;
    for (const auto& c : candidates_) {
        weights_.push_back(std::exp(static_cast<double>(c.logit - most)));
        total += weights_.back();
    }
    return total;
}

text::TokenId Sampler::draw_weighted(double total) {
    double left = random_.uniform() * total;
    std::size_t last = 0;  // that has any weight
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
        if (weights_[i] <= 0) continue;
        left -= weights_[i];
        if (left < 0) return candidates_[i].id;
        last = i;
    }
    return candidates_[last].id;
}

void Sampler::observe(text::TokenId chosen) {
    if (params_.mirostat == 0 || params_.temperature == 0) return;
    const float most = largest();
    double total = 0, own = 0;
    for (const auto& c : candidates_) {
        const double weight = std::exp(static_cast<double>(c.logit - most));
        total += weight;
        if (c.id == chosen) own = weight;
    }
    if (own > 0)
        mu_ -= static_cast<double>(params_.mirostat_eta) *
               (std::log2(total / own) - static_cast<double>(params_.mirostat_tau));
}

Result<text::TokenId> Sampler::sample(std::span<const float> logits, Tokens tokens, std::size_t prompt_tokens,
                                      std::span<const std::uint64_t> allowed,
                                      std::span<const text::TokenId> forbidden) {
    TENON_CHECK(candidates(logits, tokens, prompt_tokens, allowed, forbidden));
    const auto chosen = draw();
    observe(chosen);
    return chosen;
}

Result<Guess> Sampler::guess(std::span<const float> logits, Tokens tokens, std::size_t prompt_tokens) {
    TENON_CHECK(candidates(logits, tokens, prompt_tokens));
    Guess out{draw(), {}};
    if (candidates_.size() == 1) return out;
    const double total = weigh();
    for (std::size_t i = 0; i < candidates_.size(); ++i) out.odds.push_back({candidates_[i].id, weights_[i] / total});
    return out;
}

Result<text::TokenId> Sampler::check(const Guess& guess, std::span<const float> logits, Tokens tokens,
                                     std::size_t prompt_tokens, std::span<const std::uint64_t> allowed,
                                     std::span<const text::TokenId> forbidden) {
    if (guess.odds.empty()) return sample(logits, tokens, prompt_tokens, allowed, forbidden);
    TENON_CHECK(candidates(logits, tokens, prompt_tokens, allowed, forbidden));
    const double total = weigh();
    guessed_.resize(logits.size());
    const auto mark = [&](bool set) {
        for (const auto& odds : guess.odds)
            if (static_cast<std::size_t>(odds.id) < guessed_.size())
                guessed_[static_cast<std::size_t>(odds.id)] = set ? odds.probability : 0;
    };
    mark(true);
    // The guess stays with probability p/q; otherwise the token comes from what p has more of than q.
    double own = 0, more = 0;
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
        const double p = weights_[i] / total;
        if (candidates_[i].id == guess.token) own = p;
        weights_[i] = std::max(0.0, p - guessed_[static_cast<std::size_t>(candidates_[i].id)]);
        more += weights_[i];
    }
    const double odds = guessed_[static_cast<std::size_t>(guess.token)];
    mark(false);
    const bool kept = own > 0 && random_.uniform() * odds < own;
    const auto chosen = kept ? guess.token : more > 0 ? draw_weighted(more) : draw();
    observe(chosen);
    return chosen;
}

}  // namespace tenon::engine
