#include "tenon/llm/price.hpp"

#include <gtest/gtest.h>

#include <set>

namespace tenon::llm {
namespace {

PriceTable table() {
    auto parsed = PriceTable::parse(R"({"prices":[
        {"provider":"openai","model":"gpt-5","input":1.25,"cached_input":0.125,"output":10,"as_of":"2026-11-24","source":"s"},
        {"provider":"openai","model":"gpt-5-mini","input":0.25,"output":2},
        {"provider":"anthropic","model":"claude","input":3,"cached_input":0.3,"cache_write":3.75,"output":15,
         "above":{"tokens":200000,"input":6,"cached_input":0.6,"cache_write":7.5,"output":22.5}},
        {"provider":"other","model":"gpt-5","input":9,"output":9}]})");
    EXPECT_TRUE(parsed) << parsed.error().describe();
    return std::move(*parsed);
}

Usage usage(std::uint64_t input, std::uint64_t output, std::uint64_t cached = 0, std::uint64_t written = 0) {
    Usage out;
    out.input_tokens = input;
    out.output_tokens = output;
    out.cached_input_tokens = cached;
    out.cache_write_tokens = written;
    return out;
}

TEST(Price, IsExact) {
    const auto prices = table();
    EXPECT_EQ(prices.cost("gpt-5", usage(1, 0))->picodollars(), 1'250'000U);
    EXPECT_EQ(prices.cost("gpt-5", usage(1'000'000, 0))->microdollars(), 1'250'000U);
    EXPECT_EQ(prices.cost("gpt-5", usage(1000, 100, 400))->picodollars(),
              600U * 1'250'000 + 400U * 125'000 + 100U * 10'000'000);
    EXPECT_EQ(prices.cost("claude", usage(1000, 10, 500, 300))->picodollars(),
              200U * 3'000'000 + 500U * 300'000 + 300U * 3'750'000 + 10U * 15'000'000);
    // What is cached costs what input does where no price says otherwise.
    EXPECT_EQ(prices.cost("gpt-5-mini", usage(10, 0, 10))->picodollars(), 10U * 250'000);
    Cost sum;
    for (int i = 0; i < 1'000'000; ++i) sum += *prices.cost("gpt-5", usage(1, 0));
    EXPECT_EQ(sum.microdollars(), 1'250'000U);
    EXPECT_EQ(Cost(499'999).microdollars(), 0U);
    EXPECT_EQ(Cost(500'000).microdollars(), 1U);
}

TEST(Price, RisesWithLongPrompts) {
    const auto prices = table();
    EXPECT_EQ(prices.cost("claude", usage(200'000, 0))->microdollars(), 600'000U);
    EXPECT_EQ(prices.cost("claude", usage(200'001, 0))->picodollars(), 200'001U * 6'000'000ULL);
}

TEST(Price, SurvivesImpossibleUsage) {
    const auto prices = table();
    EXPECT_EQ(prices.cost("gpt-5", usage(10, 0, 50, 50))->picodollars(), 10U * 125'000);
    EXPECT_EQ(prices.cost("gpt-5", usage(UINT64_MAX, UINT64_MAX))->picodollars(), UINT64_MAX);
    Cost most(UINT64_MAX);
    most += Cost(1);
    EXPECT_EQ(most.picodollars(), UINT64_MAX);
}

TEST(Price, IsFoundByNameVersionAndProvider) {
    const auto prices = table();
    EXPECT_EQ(prices.find("gpt-5")->as_of, "2026-11-24");
    EXPECT_EQ(prices.find("openai:gpt-5-2025-08-07")->model, "gpt-5");
    EXPECT_EQ(prices.find("gpt-5-mini-2025-08-07")->model, "gpt-5-mini");
    EXPECT_EQ(prices.find("claude-latest")->model, "claude");
    EXPECT_EQ(prices.find("other:gpt-5")->rates.input, 9'000'000U);
    EXPECT_EQ(prices.find("gpt-5-nano"), nullptr);
    EXPECT_EQ(prices.find("gpt-5.1"), nullptr);
    EXPECT_EQ(prices.find("gpt-5-2"), nullptr);
    EXPECT_EQ(prices.find("anthropic:gpt-5"), nullptr);
    const auto unknown = prices.cost("x", usage(1, 1));
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code(), ErrorCode::not_found);
}

TEST(Price, OfTheUserWins) {
    auto prices = table();
    prices.merge(
        PriceTable::parse(
            R"({"prices":[{"provider":"openai","model":"gpt-5","input":2,"output":2},{"model":"mine","input":0.5}]})")
            .value());
    EXPECT_EQ(prices.find("gpt-5")->rates.input, 2'000'000U);
    EXPECT_EQ(prices.find("vllm:mine")->rates.input, 500'000U);
    EXPECT_EQ(prices.entries().size(), 5U);
}

TEST(Price, RefusesBrokenTables) {
    for (const auto* text :
         {"", "[]", "{}", R"({"prices":[{}]})", R"({"prices":[{"model":"m","input":-1}]})",
          R"({"prices":[{"model":"m","input":"1"}]})", R"({"prices":[{"model":"m","input":0.0000001}]})"})
        EXPECT_FALSE(PriceTable::parse(text)) << text;
}

TEST(Price, TheBuiltInTableIsWholeAndDated) {
    const auto prices = PriceTable::builtin();
    EXPECT_GT(prices.entries().size(), 100U);
    std::set<std::string> seen;
    for (const auto& price : prices.entries()) {
        EXPECT_TRUE(seen.insert(price.provider + ":" + price.model).second) << price.model;
        EXPECT_EQ(price.as_of.size(), 10U) << price.model;
        EXPECT_TRUE(price.source.starts_with("https://")) << price.model;
        EXPECT_LE(price.rates.cached_input, price.rates.input) << price.model;
    }
    EXPECT_NE(prices.find("openai:gpt-5"), nullptr);
    EXPECT_NE(prices.find("claude-sonnet-4-5-20250929"), nullptr);
}

}  // namespace
}  // namespace tenon::llm
