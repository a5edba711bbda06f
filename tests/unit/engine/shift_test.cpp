// Texts that go on beyond the context.
#include <gtest/gtest.h>

#include <future>

#include "support.hpp"

namespace tenon::engine {
namespace {

using fake::FakeModel;

TEST(ContextShift, ForgetsTheOlderHalfOfWhatIsNotKept) {
    const auto left = [](std::size_t length, std::size_t context, int keep, std::size_t prompt = 0) {
        const auto shift = shift_context(length, context, keep, prompt);
        return shift ? std::pair(shift->keep, shift->from) : std::pair<std::size_t, std::size_t>(999, 999);
    };
    EXPECT_EQ(left(101, 100, 0), std::pair(0UL, 50UL));
    EXPECT_EQ(left(101, 100, 20), std::pair(20UL, 60UL));
    EXPECT_EQ(left(101, 100, -1, 30), std::pair(30UL, 65UL));
    EXPECT_EQ(left(1000, 100, 10), std::pair(10UL, 955UL));
    EXPECT_EQ(left(101, 100, 96), std::pair(96UL, 98UL));
    EXPECT_EQ(left(101, 100, 97), std::pair(999UL, 999UL));
    EXPECT_EQ(left(101, 100, -1, 100), std::pair(999UL, 999UL));
    for (std::size_t context = 4; context < 40; ++context)
        for (std::size_t length = 1; length < 200; ++length)
            for (int keep = 0; keep + 4 <= static_cast<int>(context); ++keep) {
                const auto shift = shift_context(length, context, keep, 0);
                ASSERT_TRUE(shift);
                ASSERT_LE(shift->from, length);
                ASSERT_LT(shift->keep + length - shift->from, std::max(context, length));
            }
}

TEST(ContextShift, TheAnswerGoesOnAsAShorterTextWould) {
    for (const bool lookup : {false, true}) {
        for (const int keep : {0, 7, -1, 60}) {
            auto model = std::make_shared<FakeModel>(1024);
            if (lookup)
                model->next = [](std::span<const text::TokenId> tokens) {
                    return static_cast<text::TokenId>('a' + (tokens.back() + tokens[0]) % 7);
                };
            EngineOptions options{.threads = 1, .context = 64, .prompt_chunk = 20, .context_shift = true};
            options.context_keep = keep;
            options.speculation.lookup = lookup;
            Engine engine(model, options);
            const auto prompt = bytes("a prompt to begin with");
            const auto answer = engine.generate(greedy(prompt, 300)).value();
            EXPECT_EQ(answer.tokens, expect_shifted(*model, prompt, 300, options)) << keep;
            EXPECT_EQ(answer.usage.completion_tokens, 300U);
            EXPECT_EQ(answer.usage.prompt_tokens, prompt.size());
            EXPECT_EQ(answer.finish, FinishReason::length);
            EXPECT_EQ(answer.usage.drafted_tokens > 0, lookup);
        }
    }
}

TEST(ContextShift, WithoutItTheContextIsTheEnd) {
    auto model = std::make_shared<FakeModel>(1024);
    Engine engine(model, {.threads = 1, .context = 64});
    const auto answer = engine.generate(greedy(bytes("abc"), 300)).value();
    EXPECT_EQ(answer.finish, FinishReason::length);
    EXPECT_EQ(answer.tokens.size(), 64U - 3 + 1);
    EXPECT_EQ(engine.generate(greedy(bytes(std::string(65, 'x')), 1)).error().code(), ErrorCode::resource_exhausted);
    // Nor when all is kept.
    Engine keeping(model, {.threads = 1, .context = 64, .context_shift = true, .context_keep = -1});
    const auto full = keeping.generate(greedy(bytes(std::string(62, 'x')), 300)).value();
    EXPECT_EQ(full.finish, FinishReason::length);
    EXPECT_EQ(full.tokens.size(), 3U);
}

TEST(ContextShift, LongPromptsAreShortened) {
    auto model = std::make_shared<FakeModel>(1024);
    Engine engine(model, {.threads = 1, .context = 64, .context_shift = true, .context_keep = 4});
    const auto text = bytes("keep" + std::string(100, 'x') + "and this is what is left of it");
    const auto answer = engine.generate(greedy(text, 5)).value();
    const auto left = shift_context(text.size(), 64, 4, 0).value();
    std::vector<text::TokenId> shorter(text.begin(), text.begin() + 4);
    shorter.insert(shorter.end(), text.begin() + static_cast<std::ptrdiff_t>(left.from), text.end());
    EXPECT_LT(shorter.size(), 64U);
    EXPECT_GE(shorter.size(), 32U);
    EXPECT_EQ(answer.tokens, model->expect(shorter, 5));
    EXPECT_EQ(answer.usage.prompt_tokens, shorter.size());
    auto scored = greedy(text, 1);
    scored.prompt_logprobs = 0;  // of a prompt that is not there any more
    EXPECT_EQ(engine.generate(scored).error().code(), ErrorCode::resource_exhausted);
}

TEST(ContextShift, AGroupMayBeginAtTheVeryEnd) {
    auto model = std::make_shared<FakeModel>(1024);
    EngineOptions options{.threads = 1, .context = 64, .context_shift = true};
    Engine engine(model, options);
    const auto prompt = bytes(std::string(64, 'z'));
    std::vector<Submission> group;
    std::vector<std::vector<text::TokenId>> said(3);
    std::promise<void> done;
    std::size_t over = 0;
    for (std::size_t i = 0; i < 3; ++i)
        group.push_back({greedy(prompt, 40 + i), [&, i](GenerationEvent event) {
                             said[i].insert(said[i].end(), event.tokens.begin(), event.tokens.end());
                             if (event.last() && ++over == 3) done.set_value();
                         }});
    ASSERT_TRUE(engine.submit(std::move(group)));
    done.get_future().wait();
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(said[i], expect_shifted(*model, prompt, 40 + i, options)) << i;
}

}  // namespace
}  // namespace tenon::engine
