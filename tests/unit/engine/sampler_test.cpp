#include "engine/sampler.hpp"
#include "unit/effort.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace tenon::engine {
namespace {

std::vector<float> noise(std::size_t size, std::uint64_t seed, float scale = 4) {
    Random random(seed);
    std::vector<float> out(size);
    for (auto& x : out) x = static_cast<float>(random.uniform() * 2 - 1) * scale;
    return out;
}

TEST(Random, IsTheSameEverywhere) {
    // Values of the reference xoshiro256** seeded by SplitMix64(42).
    Random random(42);
    EXPECT_EQ(random.next(), 0x15780b2e0c2ec716U);
    EXPECT_EQ(random.next(), 0x6104d9866d113a7eU);
    EXPECT_EQ(random.next(), 0xae17533239e499a1U);
}

TEST(Sampler, SelectsTheLargestInOrder) {
    for (const std::size_t size : {1UL, 5UL, 63UL, 64UL, 65UL, 1000UL, 151936UL}) {
        auto logits = noise(size, size);
        if (size > 10) logits[7] = logits[3];
        std::vector<Candidate> all;
        for (std::size_t i = 0; i < size; ++i) all.push_back({logits[i], static_cast<text::TokenId>(i)});
        std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.logit > b.logit; });
        for (const std::size_t count : {0UL, 1UL, 3UL, 40UL, 5000UL}) {
            std::vector<Candidate> top;
            select_top(logits, count, top);
            ASSERT_EQ(top.size(), std::min(count, size));
            for (std::size_t i = 0; i < top.size(); ++i) {
                ASSERT_EQ(top[i].id, all[i].id) << size << " " << count << " " << i;
                ASSERT_EQ(top[i].logit, all[i].logit);
            }
        }
    }
    std::vector<float> equal(1000, 1.F);
    std::vector<Candidate> top;
    select_top(equal, 3, top);
    EXPECT_EQ(top[0].id, 0);
    EXPECT_EQ(top[2].id, 2);
}

TEST(Sampler, GreedyTakesTheFirstLargest) {
    auto logits = noise(1003, 5);
    logits[17] = logits[900] = 9;
    Sampler sampler(SamplingParams::greedy());
    EXPECT_EQ(sampler.sample(logits, {}, 0).value(), 17);
}

TEST(Sampler, NaNAndNothingLeftAreErrors) {
    for (const std::size_t at : {0UL, 100UL, 1002UL}) {
        auto logits = noise(1003, 5);
        logits[at] = std::numeric_limits<float>::quiet_NaN();
        for (const auto& params : {SamplingParams::greedy(), SamplingParams{}})
            EXPECT_EQ(Sampler(params).sample(logits, {}, 0).error().code(), ErrorCode::internal);
    }
    const std::vector<float> none(10, -std::numeric_limits<float>::infinity());
    EXPECT_EQ(Sampler({}).sample(none, {}, 0).error().code(), ErrorCode::internal);
}

// Probabilities by the definition: sort, cut, renormalise.
std::map<text::TokenId, double> expected_distribution(const std::vector<float>& logits, const SamplingParams& p) {
    std::vector<Candidate> all;
    for (std::size_t i = 0; i < logits.size(); ++i) all.push_back({logits[i], static_cast<text::TokenId>(i)});
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.logit > b.logit; });
    if (p.top_k > 0 && all.size() > static_cast<std::size_t>(p.top_k)) all.resize(static_cast<std::size_t>(p.top_k));
    double total = 0;
    for (const auto& c : all) total += std::exp(static_cast<double>(c.logit));
    double sum = 0;
    std::size_t keep = 0;
    while (keep < all.size() && (keep == 0 || p.top_p >= 1 || sum / total < static_cast<double>(p.top_p)))
        sum += std::exp(static_cast<double>(all[keep++].logit));
    all.resize(keep);
    std::erase_if(all, [&, first = all.front().logit](const auto& c) {
        return p.min_p > 0 && std::exp(static_cast<double>(c.logit - first)) < static_cast<double>(p.min_p);
    });
    double norm = 0;
    std::map<text::TokenId, double> out;
    for (const auto& c : all)
        norm += out[c.id] = std::exp(static_cast<double>(c.logit) / static_cast<double>(p.temperature));
    for (auto& [id, probability] : out) probability /= norm;
    return out;
}

TEST(Sampler, DrawsFromTheDefinedDistribution) {
    const auto logits = noise(200, 11, 5);
    std::vector<SamplingParams> cases(8);
    cases[1].top_k = 0;
    cases[2] = {.temperature = 1.5F, .top_k = 0, .top_p = 1, .min_p = 0};
    cases[3] = {.temperature = 0.5F, .top_k = 0, .top_p = 0.5F, .min_p = 0};
    cases[4] = {.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0.2F};
    cases[5] = {.temperature = 1, .top_k = 5, .top_p = 1, .min_p = 0};
    cases[6] = {.temperature = 1, .top_k = 0, .top_p = 0.999F, .min_p = 0};
    cases[7] = {.temperature = 1, .top_k = 10, .top_p = 0.3F, .min_p = 0.5F};
    for (std::size_t i = 0; i < cases.size(); ++i) {
        auto params = cases[i];
        params.seed = 99;
        const auto expected = expected_distribution(logits, params);
        Sampler sampler(params);
        std::map<text::TokenId, int> counts;
        constexpr auto draws = static_cast<int>(test::effort(20000));
        for (int n = 0; n < draws; ++n) ++counts[sampler.sample(logits, {}, 0).value()];
        for (const auto& [id, count] : counts) ASSERT_TRUE(expected.contains(id)) << "case " << i << " token " << id;
        for (const auto& [id, p] : expected) {
            const double sigma = std::sqrt(p * (1 - p) / draws);
            EXPECT_NEAR(static_cast<double>(counts[id]) / draws, p, 5 * sigma + 1e-4)
                << "case " << i << " token " << id;
        }
    }
}

TEST(Sampler, ASeedRepeatsItself) {
    const auto logits = noise(1000, 3);
    const auto run = [&](std::optional<std::uint64_t> seed) {
        Sampler sampler({.temperature = 2, .top_k = 0, .top_p = 1, .min_p = 0, .seed = seed});
        std::vector<text::TokenId> out;
        for (int i = 0; i < 32; ++i) out.push_back(sampler.sample(logits, {}, 0).value());
        return out;
    };
    EXPECT_EQ(run(1), run(1));
    EXPECT_NE(run(1), run(2));
    EXPECT_NE(run(std::nullopt), run(std::nullopt));
}

TEST(Sampler, PenaltiesAndBias) {
    const std::vector<float> logits = {5, 4.5F, 4, -1};
    const std::vector<text::TokenId> tokens = {0, 1, 1};
    auto p = SamplingParams::greedy();
    const auto pick = [&](std::size_t prompt) { return Sampler(p).sample(logits, tokens, prompt).value(); };
    EXPECT_EQ(pick(0), 0);
    p.repetition_penalty = 1.3F;  // 0 and 1 are divided
    EXPECT_EQ(pick(3), 2);
    p.repetition_penalty = 1;
    p.presence_penalty = 0.9F;
    EXPECT_EQ(pick(0), 0);  // 4.1, 3.6, 4: generated 0 and 1 lose 0.9
    p.presence_penalty = 1.1F;
    EXPECT_EQ(pick(0), 2);
    EXPECT_EQ(pick(3), 0);  // the prompt does not count
    EXPECT_EQ(pick(1), 0);  // only 1 was generated
    p.presence_penalty = 0;
    p.frequency_penalty = 0.4F;  // 4.6, 3.7, 4
    EXPECT_EQ(pick(0), 0);
    p.frequency_penalty = -0.4F;  // 5.4, 5.3
    EXPECT_EQ(pick(0), 0);
    p.frequency_penalty = -0.6F;  // 5.6, 5.7
    EXPECT_EQ(pick(0), 1);
    p.penalty_window = 1;  // 5, 5.1
    EXPECT_EQ(pick(0), 1);
    p.penalty_window = 0;
    EXPECT_EQ(pick(0), 0);
    p.frequency_penalty = 0;
    p.logit_bias = {{3, 100.F}};
    EXPECT_EQ(pick(0), 3);
    p.logit_bias = {{0, -100.F}};
    EXPECT_EQ(pick(0), 1);
}

TEST(Sampler, LogSumExp) {
    const std::vector<float> logits = {1000, 999, 0};
    EXPECT_NEAR(log_sum_exp(logits, 1000), 1000 + std::log(1 + std::exp(-1.0)), 1e-7);
}

TEST(Sampler, RejectsValuesOutOfRange) {
    const auto bad = [](auto change) {
        SamplingParams p;
        change(p);
        const auto result = validate(p, 100);
        return !result && result.error().code() == ErrorCode::invalid_argument;
    };
    EXPECT_TRUE(validate({}, 100));
    EXPECT_TRUE(bad([](auto& p) { p.temperature = -1; }));
    EXPECT_TRUE(bad([](auto& p) { p.temperature = std::numeric_limits<float>::quiet_NaN(); }));
    EXPECT_TRUE(bad([](auto& p) { p.top_p = 1.5F; }));
    EXPECT_TRUE(bad([](auto& p) { p.min_p = -0.1F; }));
    EXPECT_TRUE(bad([](auto& p) { p.top_k = -1; }));
    EXPECT_TRUE(bad([](auto& p) { p.repetition_penalty = 0; }));
    EXPECT_TRUE(bad([](auto& p) { p.penalty_window = -2; }));
    EXPECT_TRUE(bad([](auto& p) { p.logit_bias = {{100, 1.F}}; }));
    EXPECT_TRUE(bad([](auto& p) { p.logit_bias = {{-1, 1.F}}; }));
    EXPECT_TRUE(bad([](auto& p) { p.logit_bias = {{1, std::numeric_limits<float>::quiet_NaN()}}; }));
}

}  // namespace
}  // namespace tenon::engine
