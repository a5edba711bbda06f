// The scripted model itself: everyone's tests stand on it.
#include "fake/scripted_model.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "tenon/async/runtime.hpp"
#include "tenon/chain/context.hpp"

namespace tenon::fake {
namespace {

using namespace std::chrono_literals;

llm::ChatRequest question(std::string text) {
    llm::ChatRequest request;
    request.messages.push_back(llm::Message::user(std::move(text)));
    return request;
}

TEST(ScriptedModel, RulesComeBeforeTheQueueAndTheQueueBeforeTheRest) {
    Runtime runtime(1);
    const auto model = scripted_model();
    model->reply("first").reply("second").when("weather", "sunny").otherwise("dunno");
    const auto ask = [&](const char* text) {
        return sync_wait(runtime, model->generate(question(text), {}))->message.text();
    };
    EXPECT_EQ(ask("hello"), "first");
    EXPECT_EQ(ask("the weather?"), "sunny");
    EXPECT_EQ(ask("hello"), "second");
    EXPECT_EQ(ask("hello"), "dunno");
    EXPECT_EQ(model->requests().at(1).messages.back().text(), "the weather?");
    const auto none = sync_wait(runtime, scripted_model()->generate(question("why"), {}));
    ASSERT_FALSE(none);
    EXPECT_NE(none.error().message().find("why"), std::string::npos);
}

task<Result<std::vector<std::string>>> pieces(llm::ChatModelPtr model) {
    TENON_CO_TRY(const auto events, co_await model->stream(question("q"), {}));
    std::vector<std::string> texts;
    for (;;) {
        TENON_CO_TRY(auto event, co_await events->next());
        if (!event) break;
        texts.push_back(event->finish ? "." : event->text);
    }
    co_return texts;
}

TEST(ScriptedModel, GivesPiecesThatNeverSplitACharacterAndClosesWithUsage) {
    Runtime runtime(1);
    const auto model = scripted_model();
    model->reply(Script().says("你好吗", 4)).reply(Script().says("abcdefgh", 3).calls("add", "{}"));
    EXPECT_EQ(*sync_wait(runtime, pieces(model)), (std::vector<std::string>{"你好", "吗", "."}));
    const auto answer = sync_wait(runtime, model->generate(question("12345"), {}));
    EXPECT_EQ(answer->finish, llm::FinishReason::tool_calls);
    EXPECT_EQ(answer->message.tool_calls().at(0)->name, "add");
    EXPECT_EQ(answer->usage.input_tokens, 2U);
    EXPECT_EQ(answer->usage.output_tokens, 3U);
}

TEST(ScriptedModel, FailsWhereTheScriptSays) {
    Runtime runtime(1);
    const auto model = scripted_model();
    model->reply(Error(ErrorCode::rate_limited, "slow down"));
    model->reply(Script().says("abc", 1).fails_at(2, Error(ErrorCode::unavailable, "gone")));
    EXPECT_EQ(sync_wait(runtime, pieces(model)).error().code(), ErrorCode::rate_limited);
    EXPECT_EQ(sync_wait(runtime, pieces(model)).error().message(), "gone");
    EXPECT_EQ(model->in_flight(), 0U);
}

TEST(ScriptedModel, DelaysObeyDeadlineAndStopToken) {
    Runtime runtime(1);
    const auto model = scripted_model();
    model->otherwise(Script("late").delays(10s));
    const auto late = sync_wait(runtime, model->generate(question("q"), CallOptions::within(20ms)));
    EXPECT_EQ(late.error().code(), ErrorCode::deadline_exceeded);
    std::stop_source stop;
    std::jthread stopper([&] { stop.request_stop(); });
    const auto stopped = sync_wait(runtime, model->generate(question("q"), {{}, stop.get_token()}));
    EXPECT_EQ(stopped.error().code(), ErrorCode::cancelled);
}

}  // namespace
}  // namespace tenon::fake
