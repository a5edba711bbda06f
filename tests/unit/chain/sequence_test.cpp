#include "tenon/chain/sequence.hpp"

#include <gtest/gtest.h>

#include <boost/describe/class.hpp>

#include "fake/scripted_model.hpp"
#include "tenon/async/runtime.hpp"
#include "tenon/chain/model.hpp"

namespace tenon::chain {
namespace {

struct Topic {
    std::string name;
};
BOOST_DESCRIBE_STRUCT(Topic, (), (name))

class SequenceTest : public testing::Test {
  protected:
    template <class T>
    T wait(task<T> work) {
        return sync_wait(runtime, std::move(work));
    }
    template <class T>
    task<Result<std::vector<T>>> collect(task<Result<StreamPtr<T>>> opening) {
        auto stream = co_await std::move(opening);
        if (!stream) co_return std::unexpected(stream.error());
        std::vector<T> all;
        for (;;) {
            auto chunk = co_await (*stream)->next();
            if (!chunk) co_return std::unexpected(chunk.error());
            if (!*chunk) break;
            all.push_back(std::move(**chunk));
        }
        co_return all;
    }
    Runtime runtime{1};
};

TEST_F(SequenceTest, LambdasOfEveryShapeAreSteps) {
    auto chain = step([](int n) { return n + 1; }) | [](int n) -> Result<std::string> {
        return std::to_string(n);
    } | [](std::string s) -> task<std::string> { co_return s + "!"; } |
                                 [](std::string s, Context) -> task<Result<std::string>> { co_return s + "?"; } |
                                                                   [](auto s) { return s.size(); };
    static_assert(std::same_as<decltype(chain)::input_type, int>);
    static_assert(std::same_as<decltype(chain)::output_type, std::size_t>);
    EXPECT_EQ(*wait(chain(99)), 5U);
}

TEST_F(SequenceTest, StepsThatDoNotWaitNeedNoCoroutine) {
    auto chain = step([](int n) { return n * 2; }) | [](int n) { return std::to_string(n); };
    static_assert(SyncStep<decltype(chain)>);
    EXPECT_EQ(*chain.call(21, {}), "42");
}

TEST_F(SequenceTest, TheFirstErrorEndsTheRun) {
    bool reached = false;
    auto chain = step([](int) -> Result<int> { return fail(ErrorCode::not_found, "no such number"); }) |
                 [&reached](int n) -> task<int> {
        reached = true;
        co_return n;
    };
    EXPECT_EQ(wait(chain(1)).error().code(), ErrorCode::not_found);
    EXPECT_FALSE(reached);
}

TEST_F(SequenceTest, AModelBetweenTextAndText) {
    const auto model = fake::scripted_model();
    model->reply("Bonjour");
    auto chain = step([](Topic t) { return "Translate: " + t.name; }) | model | to_text();
    static_assert(std::same_as<decltype(chain)::chunk_type, std::string>);
    EXPECT_EQ(*wait(chain(Topic{"hello"})), "Bonjour");
    EXPECT_EQ(model->requests().at(0).messages.at(0).text(), "Translate: hello");
}

TEST_F(SequenceTest, TextFlowsIntoAStructOfOneMember) {
    const auto model = fake::scripted_model();
    model->reply("a").reply("b");
    auto name = step([](int n) { return std::to_string(n); }) | model | to_text();
    auto about = step([](Topic t) { return "about " + t.name; }) | model | to_text();
    EXPECT_EQ(*wait((name | about)(7)), "b");
    EXPECT_EQ(model->requests().at(1).messages.at(0).text(), "about a");
}

TEST_F(SequenceTest, StreamsFromTheLastStepThatCan) {
    const auto model = fake::scripted_model();
    model->reply(fake::Script().says("first", 2)).reply(fake::Script().says("abcdef", 2));
    auto chain = step([](int n) { return std::to_string(n); }) | model | to_text() | model | to_text();
    static_assert(decltype(chain)::streams);
    const auto pieces = wait(collect<std::string>(chain.stream(1)));
    EXPECT_EQ(*pieces, (std::vector<std::string>{"ab", "cd", "ef"}));
    EXPECT_EQ(model->requests().at(1).messages.at(0).text(), "first");
}

TEST_F(SequenceTest, AStepThatCannotStreamGivesOnePiece) {
    const auto model = fake::scripted_model();
    model->reply(fake::Script().says("abcdef", 2));
    auto chain =
        step([](int n) { return std::to_string(n); }) | model | to_text() | [](std::string s) { return s.size(); };
    static_assert(!decltype(chain)::streams);
    EXPECT_EQ(*wait(collect<std::size_t>(chain.stream(1))), std::vector<std::size_t>{6});
}

TEST_F(SequenceTest, AStreamMayOutliveItsChainAndFailsWhereTheModelDoes) {
    const auto model = fake::scripted_model();
    model->reply(fake::Script().says("abcdef", 2).fails_at(2, Error(ErrorCode::unavailable, "gone")));
    auto opened = wait((step([](int n) { return std::to_string(n); }) | model | to_text()).stream(1));
    ASSERT_TRUE(opened);
    EXPECT_EQ(**wait((*opened)->next()), "ab");
    EXPECT_EQ(**wait((*opened)->next()), "cd");
    EXPECT_EQ(wait((*opened)->next()).error().message(), "gone");
    opened->reset();
    EXPECT_EQ(model->in_flight(), 0U);
}

TEST_F(SequenceTest, CancellationAndDeadlineReachTheModel) {
    using namespace std::chrono_literals;
    const auto model = fake::scripted_model();
    model->otherwise(fake::Script("late").delays(10s));
    auto chain = step([](int n) { return std::to_string(n); }) | model | to_text();
    EXPECT_EQ(wait(chain(1, CallOptions::within(20ms))).error().code(), ErrorCode::deadline_exceeded);
    std::stop_source stop;
    stop.request_stop();
    const auto calls = model->calls();
    EXPECT_EQ(wait(chain(1, CallOptions{{}, stop.get_token()})).error().code(), ErrorCode::cancelled);
    EXPECT_EQ(model->calls(), calls);
}

TEST_F(SequenceTest, EveryStepIsASpan) {
    const auto model = fake::scripted_model("oracle");
    model->reply("12345678").reply(Error(ErrorCode::rate_limited, "slow down"));
    auto chain = named("question", [](int n) { return std::to_string(n); }) | model | to_text();
    const auto tracer = std::make_shared<MemoryTracer>();
    const auto root = tracer->begin("run", 0);
    EXPECT_TRUE(wait(chain(1, Context({}, tracer, root))));
    auto spans = tracer->spans();
    ASSERT_EQ(spans.size(), 4U);
    EXPECT_EQ(spans[1].name, "question");
    EXPECT_EQ(spans[2].name, "model");
    EXPECT_EQ(spans[3].name, "to_text");
    for (int i = 1; i < 4; ++i) EXPECT_EQ(spans[i].parent, root);
    EXPECT_EQ(std::get<std::int64_t>(*spans[2].attribute("gen_ai.usage.output_tokens")), 2);
    EXPECT_EQ(std::get<std::string>(*spans[2].attribute("gen_ai.response.model")), "oracle");

    EXPECT_FALSE(wait(chain(1, Context({}, tracer, root))));
    spans = tracer->spans();
    ASSERT_EQ(spans.size(), 6U);
    EXPECT_EQ(spans[5].error->code(), ErrorCode::rate_limited);
}

TEST_F(SequenceTest, StreamedStepsAreSpansThatEndWithTheStream) {
    const auto model = fake::scripted_model();
    model->reply(fake::Script().says("abcd", 2));
    auto chain = step([](int n) { return std::to_string(n); }) | model | to_text();
    const auto tracer = std::make_shared<MemoryTracer>();
    EXPECT_TRUE(wait(collect<std::string>(chain.stream(1, Context({}, tracer)))));
    const auto spans = tracer->spans();
    ASSERT_EQ(spans.size(), 3U);
    for (const auto& s : spans) EXPECT_FALSE(s.open) << s.name;
    EXPECT_EQ(std::get<std::int64_t>(*spans[1].attribute("gen_ai.usage.output_tokens")), 2);
    EXPECT_EQ(std::get<std::int64_t>(*spans[2].attribute("tenon.stream.chunks")), 2);
}

}  // namespace
}  // namespace tenon::chain
