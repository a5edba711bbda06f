#include "tenon/chain/thought.hpp"

#include <gtest/gtest.h>

#include "fake/scripted_model.hpp"
#include "tenon/chain/prompt.hpp"

namespace tenon::chain {
namespace {

TEST(Thought, FindsTheAnswer) {
    EXPECT_EQ(extract_answer("3 + 4 = 7.\nAnswer: 7"), "7");
    EXPECT_EQ(extract_answer("So\n**Answer:** **Paris**.\n"), "Paris");
    EXPECT_EQ(extract_answer("The final answer is \"blue\"."), "blue");
    EXPECT_EQ(extract_answer("Answer: 1? No.\nAnswer: 2"), "2");
    EXPECT_EQ(extract_answer("Answer:\n42\nbecause"), "42");
    EXPECT_EQ(extract_answer("We get \\boxed{\\frac{1}{2}}."), "\\frac{1}{2}");
    EXPECT_EQ(extract_answer("steps\n#### 1,234"), "1,234");
    EXPECT_EQ(extract_answer("先算三乘四。\n答案：12。"), "12");
    EXPECT_EQ(extract_answer("所以答案是 北京"), "北京");
    EXPECT_EQ(extract_answer("no mark\n\nthe last line.\n"), "the last line");
    EXPECT_EQ(extract_answer("Answer: 5\nAnswer:"), "5");
    EXPECT_EQ(extract_answer(""), "");
}

TEST(Thought, FindsNumbersAndComparesAnswers) {
    EXPECT_EQ(extract_number("3 apples and 1,234.50 yuan."), "1234.50");
    EXPECT_EQ(extract_number("x = -7"), "-7");
    EXPECT_EQ(extract_number("5-3"), "3");
    EXPECT_EQ(extract_number("共４２个"), "42");
    EXPECT_EQ(extract_number("none"), "");
    EXPECT_EQ(normalise_answer("1,000.0"), normalise_answer("$1000"));
    EXPECT_EQ(normalise_answer(" **Paris**. "), normalise_answer("paris"));
    EXPECT_EQ(normalise_answer("４２"), "42");
    EXPECT_NE(normalise_answer("1000"), normalise_answer("100"));
    EXPECT_NE(normalise_answer("a b"), normalise_answer("ac"));
}

TEST(Thought, ZeroShotAsksInTheLanguageOfTheQuestion) {
    Runtime runtime(1);
    const auto model = fake::scripted_model();
    model->reply("Four and three.\nAnswer: 7").reply("答案：七");
    auto chain = prompt<std::string>("{question}") | think_first() | model | to_thought();
    const auto thought = run(runtime, chain, "4 + 3?");
    EXPECT_EQ(thought->answer, "7");
    EXPECT_NE(model->requests().at(0).messages.at(0).text().find("step by step"), std::string::npos);
    EXPECT_EQ(run(runtime, chain, "四加三？")->answer, "七");
    EXPECT_NE(model->requests().at(1).messages.at(0).text().find("一步一步"), std::string::npos);
    EXPECT_EQ(worked("a ", "b"), "a\nAnswer: b");
    EXPECT_EQ(extract_answer(worked("想一想", "七")), "七");
}

TEST(Thought, SelfConsistencyVotes) {
    Runtime runtime(2);
    const auto model = fake::scripted_model();
    for (const char* reply : {"Answer: 8", "Answer: 7", "Answer: 7.0", "I am not sure:", "Answer: 7"})
        model->reply(reply);
    auto votes = prompt<std::string>("{question}") |
                 self_consistency(step([](std::string s) { return s; }) |
                                      Model(model, {.temperature = 0.7, .seed = 100}) | to_thought(),
                                  {.samples = 5, .concurrency = 1});
    const auto out = run(runtime, votes, "4 + 3?");
    ASSERT_TRUE(out);
    EXPECT_EQ(out->answer, "7");
    EXPECT_EQ(out->votes, 3U);
    EXPECT_EQ(out->samples, 5U);
    EXPECT_EQ(out->thoughts.size(), 5U);
    std::vector<std::uint64_t> seeds;
    for (const auto& r : model->requests()) seeds.push_back(*r.settings.seed);
    EXPECT_EQ(seeds, (std::vector<std::uint64_t>{100, 101, 102, 103, 104}));
}

TEST(Thought, SelfConsistencyBearsFailuresUntilAllFail) {
    Runtime runtime(1);
    const auto model = fake::scripted_model();
    const Error gone(ErrorCode::unavailable, "gone");
    model->reply(gone).reply("Answer: a").reply(gone);
    auto votes =
        self_consistency(step([](std::string s) { return s; }) | model | to_text(), {.samples = 3, .concurrency = 1});
    const auto out = run(runtime, votes, "q");
    ASSERT_TRUE(out);
    EXPECT_EQ(out->answer, "a");
    EXPECT_EQ(out->samples, 1U);
    model->otherwise(gone);
    EXPECT_EQ(run(runtime, votes, "q").error().message(), "gone");
    EXPECT_EQ(majority({}).votes, 0U);
}

}  // namespace
}  // namespace tenon::chain
