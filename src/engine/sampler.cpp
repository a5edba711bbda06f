#include "engine/sampler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <random>

namespace tenon::engine {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr std::size_t lanes = 16;    // independent maxima, so that the loop becomes vector instructions
constexpr std::size_t block = 64;    // logits per block maximum in select_top
constexpr float negligible = -30.F;  // exp of it, times any vocabulary, is below float32 resolution

bool before(const Candidate& a, const Candidate& b) noexcept {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

float maximum(std::span<const float> values) noexcept {
    std::array<float, lanes> best;
    best.fill(-infinity);
    std::size_t i = 0;
    for (; i + lanes <= values.size(); i += lanes)
        for (std::size_t j = 0; j < lanes; ++j) best[j] = values[i + j] > best[j] ? values[i + j] : best[j];
    float largest = -infinity;
    for (; i < values.size(); ++i) largest = std::max(largest, values[i]);
    for (const float b : best) largest = std::max(largest, b);
    return largest;
}

bool has_nan(std::span<const float> values) noexcept {
    std::array<std::int32_t, lanes> bad{};
    std::size_t i = 0;
    for (; i + lanes <= values.size(); i += lanes)
        for (std::size_t j = 0; j < lanes; ++j) bad[j] |= values[i + j] != values[i + j] ? 1 : 0;
    std::int32_t any = 0;
    for (; i < values.size(); ++i) any |= values[i] != values[i] ? 1 : 0;
    for (const std::int32_t b : bad) any |= b;
    return any != 0;
}

Result<void> in_range(std::string_view name, float value, float low, float high) {
    if (value >= low && value <= high) return {};
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is {}; give a value from {} to {}", name, value, low, high));
}

}  // namespace

Result<Candidate> find_largest(std::span<const float> logits) {
    if (has_nan(logits))
        return fail(ErrorCode::internal,
                    "the model computed a logit that is not a number; its file may be damaged: verify it");
    const float largest = maximum(logits);
    if (largest == -infinity)
        return fail(ErrorCode::internal, "every token is forbidden; remove logit biases or loosen the grammar");
    const auto at = std::find(logits.begin(), logits.end(), largest);
    return Candidate{largest, static_cast<text::TokenId>(at - logits.begin())};
}

void select_top(std::span<const float> logits, std::size_t count, std::vector<Candidate>& out) {
    out.clear();
    count = std::min(count, logits.size());
    if (count == 0) return;
    float threshold = -infinity;
    const std::size_t blocks = logits.size() / block;
    std::vector<float> maxima(blocks);
    for (std::size_t b = 0; b < blocks; ++b) maxima[b] = maximum(logits.subspan(b * block, block));
    if (count < blocks) {
        // At least `count` logits are as large as the count-th largest block maximum.
        std::vector<float> sorted = maxima;
        std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(count - 1), sorted.end(),
                         std::greater<>{});
        threshold = sorted[count - 1];
    }
    const auto scan = [&](std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < to; ++i)
            if (logits[i] >= threshold) out.push_back({logits[i], static_cast<text::TokenId>(i)});
    };
    for (std::size_t b = 0; b < blocks; ++b)
        if (maxima[b] >= threshold) scan(b * block, (b + 1) * block);
    scan(blocks * block, logits.size());
    const auto middle = out.begin() + static_cast<std::ptrdiff_t>(count);
    if (out.size() > 4 * count) std::nth_element(out.begin(), middle, out.end(), before);
    if (out.size() > 4 * count) out.resize(count);
    std::partial_sort(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count), out.end(), before);
    out.resize(count);
}

double log_sum_exp(std::span<const float> logits, float largest) {
    double sum = 0;
    for (const float x : logits)
        if (const float d = x - largest; d > negligible) sum += static_cast<double>(std::exp(d));
    return static_cast<double>(largest) + std::log(sum);
}

Result<void> validate(const SamplingParams& p, std::size_t vocabulary) {
    constexpr float most = std::numeric_limits<float>::max();
    TENON_CHECK(in_range("temperature", p.temperature, 0, 100));
    TENON_CHECK(in_range("top_p", p.top_p, 0, 1));
    TENON_CHECK(in_range("min_p", p.min_p, 0, 1));
    TENON_CHECK(in_range("repetition_penalty", p.repetition_penalty, std::numeric_limits<float>::min(), 100));
    TENON_CHECK(in_range("presence_penalty", p.presence_penalty, -100, 100));
    TENON_CHECK(in_range("frequency_penalty", p.frequency_penalty, -100, 100));
    if (p.top_k < 0)
        return fail(ErrorCode::invalid_argument, fmt::format("top_k is {}; give 0 (all) or more", p.top_k));
    if (p.penalty_window < -1)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("penalty_window is {}; give -1 (all), 0 (none) or more", p.penalty_window));
    for (const auto& [token, bias] : p.logit_bias) {
        if (token < 0 || static_cast<std::size_t>(token) >= vocabulary)
            return fail(
                ErrorCode::invalid_argument,
                fmt::format("logit_bias names token {}; the model's tokens are 0 to {}", token, vocabulary - 1));
        if (bias != -infinity) TENON_CHECK(in_range("logit_bias", bias, -most, most));
    }
    return {};
}

Sampler::Sampler(SamplingParams params)
    : params_(std::move(params)), random_(params_.seed ? *params_.seed : [] {
          std::random_device device;
          return (std::uint64_t{device()} << 32) | device();
      }()) {}

std::span<const float> Sampler::adjust(std::span<const float> logits, std::span<const text::TokenId> tokens,
                                       std::size_t prompt_tokens) {
    const bool penalised =
        params_.penalty_window != 0 && !tokens.empty() &&
        (params_.repetition_penalty != 1 || params_.presence_penalty != 0 || params_.frequency_penalty != 0);
    if (params_.logit_bias.empty() && !penalised) return logits;
    adjusted_.assign(logits.begin(), logits.end());
    for (const auto& [token, bias] : params_.logit_bias) adjusted_[static_cast<std::size_t>(token)] += bias;
    if (!penalised) return adjusted_;

    const std::size_t window =
        params_.penalty_window < 0 ? tokens.size() : static_cast<std::size_t>(params_.penalty_window);
    const std::size_t first = tokens.size() - std::min(window, tokens.size());
    if (params_.repetition_penalty != 1) {
        window_.assign(tokens.begin() + static_cast<std::ptrdiff_t>(first), tokens.end());
        std::sort(window_.begin(), window_.end());
        window_.erase(std::unique(window_.begin(), window_.end()), window_.end());
        for (const auto token : window_) {
            float& logit = adjusted_[static_cast<std::size_t>(token)];
            logit = logit > 0 ? logit / params_.repetition_penalty : logit * params_.repetition_penalty;
        }
    }
    if (params_.presence_penalty != 0 || params_.frequency_penalty != 0) {
        const std::size_t generated = std::max(first, std::min(prompt_tokens, tokens.size()));
        window_.assign(tokens.begin() + static_cast<std::ptrdiff_t>(generated), tokens.end());
        std::sort(window_.begin(), window_.end());
        for (std::size_t i = 0; i < window_.size();) {
            std::size_t end = i;
            while (end < window_.size() && window_[end] == window_[i]) ++end;
            adjusted_[static_cast<std::size_t>(window_[i])] -=
                params_.presence_penalty + params_.frequency_penalty * static_cast<float>(end - i);
            i = end;
        }
    }
    return adjusted_;
}

std::span<const float> Sampler::forbid(std::span<const float> logits, std::span<const std::uint64_t> allowed) {
    if (logits.data() != adjusted_.data()) adjusted_.assign(logits.begin(), logits.end());
    for (std::size_t first = 0, word = 0; first < adjusted_.size(); first += 64, ++word) {
        const std::uint64_t bits = word < allowed.size() ? allowed[word] : 0;
        if (bits == ~std::uint64_t{0}) continue;
        const std::size_t count = std::min<std::size_t>(64, adjusted_.size() - first);
        for (std::size_t i = 0; i < count; ++i)
            adjusted_[first + i] = ((bits >> i) & 1U) != 0 ? adjusted_[first + i] : -infinity;
    }
    return adjusted_;
}

// Keeps the smallest prefix of the sorted candidates whose exp(logit - first) reach top_p of `total`.
void Sampler::cut_top_p(double total) {
    double sum = 0;
    std::size_t keep = 0;
    while (keep < candidates_.size() && (keep == 0 || sum < static_cast<double>(params_.top_p) * total))
        sum += std::exp(static_cast<double>(candidates_[keep++].logit - candidates_.front().logit));
    candidates_.resize(keep);
}

// Fills candidates_ with what top-k, top-p and min-p leave. Each of them cuts the sorted list at some length, so
// candidates below the min-p threshold need not be sorted as long as top-p's total counts them.
void Sampler::gather(std::span<const float> logits, float largest) {
    const float floor = params_.min_p > 0 ? largest + std::log(params_.min_p) : -infinity;
    if (params_.top_k > 0 && static_cast<std::size_t>(params_.top_k) < logits.size()) {
        select_top(logits, static_cast<std::size_t>(params_.top_k), candidates_);
        while (candidates_.back().logit == -infinity) candidates_.pop_back();  // the largest is finite
        if (params_.top_p < 1) {
            double total = 0;
            for (const auto& c : candidates_) total += std::exp(static_cast<double>(c.logit - largest));
            cut_top_p(total);
        }
        const auto end =
            std::find_if(candidates_.begin() + 1, candidates_.end(), [&](const auto& c) { return c.logit < floor; });
        candidates_.erase(end, candidates_.end());
        return;
    }
    const auto collect = [&](float least) {
        candidates_.clear();
        for (std::size_t i = 0; i < logits.size(); ++i)
            if (logits[i] >= least && logits[i] > -infinity)
                candidates_.push_back({logits[i], static_cast<text::TokenId>(i)});
    };
    if (params_.top_p >= 1)
        return collect(std::max(floor, largest + 100 * negligible * std::max(1.F, params_.temperature)));
    const double total = std::exp(log_sum_exp(logits, largest) - static_cast<double>(largest));
    for (const float depth : {4.F, 8.F, 16.F, infinity}) {
        const float least = std::max(floor, largest - depth);
        collect(least);
        double sum = 0;
        for (const auto& c : candidates_) sum += std::exp(static_cast<double>(c.logit - largest));
        if (sum >= static_cast<double>(params_.top_p) * total || least == floor) break;
    }
    std::sort(candidates_.begin(), candidates_.end(), before);
    cut_top_p(total);
}

text::TokenId Sampler::draw() {
    float largest = -infinity;
    for (const auto& c : candidates_) largest = std::max(largest, c.logit);
    const auto weight = [&](const Candidate& c) {
        return std::exp(static_cast<double>(c.logit - largest) / static_cast<double>(params_.temperature));
    };
    double total = 0;
    for (const auto& c : candidates_) total += weight(c);
    double left = random_.uniform() * total;
    for (const auto& c : candidates_) {
        left -= weight(c);
        if (left < 0) return c.id;
    }
    return candidates_.back().id;
}

Result<text::TokenId> Sampler::sample(std::span<const float> logits, std::span<const text::TokenId> tokens,
                                      std::size_t prompt_tokens, std::span<const std::uint64_t> allowed) {
    auto adjusted = adjust(logits, tokens, prompt_tokens);
    if (!allowed.empty()) adjusted = forbid(adjusted, allowed);
    TENON_TRY(const Candidate largest, find_largest(adjusted));
    if (params_.temperature == 0 || params_.top_k == 1 || largest.logit == infinity) return largest.id;
    gather(adjusted, largest.logit);
    return draw();
}

}  // namespace tenon::engine
