#include "tenon/agent/middleware.hpp"

#include <gtest/gtest.h>

#include <boost/describe/class.hpp>

#include "fake/scripted_model.hpp"
#include "tenon/agent/agent.hpp"

namespace tenon::agent {
namespace {

using namespace std::chrono_literals;
using fake::Script;
using fake::scripted_model;

struct Word {
    std::string text;
};
BOOST_DESCRIBE_STRUCT(Word, (), (text))

Tool echo() {
    return tool<Word>("echo", "Says it again", [](Word w) { return w.text; });
}

class MiddlewareTest : public testing::Test {
  protected:
    Result<Answer> ask(const Agent& agent, std::string question, RunOptions options = {}) {
        agent::Run run = agent.run(std::move(question), std::move(options));
        return sync_wait(runtime_, run.answer());
    }
    Runtime runtime_{2};
};

/// Every tool result has its call before it, whatever was cut.
void expect_no_orphans(const llm::ChatRequest& request) {
    std::vector<std::string> called;
    for (const auto& m : request.messages)
        for (const auto& p : m.content) {
            if (const auto* c = std::get_if<llm::ToolCallPart>(&p)) called.push_back(c->id);
            const auto* r = std::get_if<llm::ToolResultPart>(&p);
            if (r != nullptr) {
                EXPECT_NE(std::ranges::find(called, r->call_id), called.end()) << r->call_id;
            }
        }
}

TEST_F(MiddlewareTest, LongConversationsAreSummarisedWithoutOrphans) {
    auto model = scripted_model();
    auto writer = scripted_model("writer");
    writer->otherwise("They said many words.");
    for (int i = 0; i < 8; ++i)
        model->reply(Script().calls("echo", R"({"text":")" + std::string(200, 'a') + R"("})", "c" + std::to_string(i)));
    model->reply("done");
    const auto answer = ask(Agent{model}.with(echo(), summarise(writer, {300, 120, {}})), "go");
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_GT(writer->calls(), 0U);
    for (const auto& r : model->requests()) expect_no_orphans(r);
    EXPECT_NE(model->requests().back().messages.front().text().find("They said many words."), std::string::npos);
    EXPECT_LT(model->requests().back().messages.size(), 8U);
}

TEST_F(MiddlewareTest, TrimKeepsTheStateWhole) {
    auto model = scripted_model();
    for (int i = 0; i < 8; ++i)
        model->reply(Script().calls("echo", R"({"text":")" + std::string(200, 'a') + R"("})", "c" + std::to_string(i)));
    model->reply("done");
    const auto answer = ask(Agent{model}.with(echo(), trim(model, 200)), "go");
    ASSERT_TRUE(answer);
    for (const auto& r : model->requests()) expect_no_orphans(r);
    EXPECT_LT(model->requests().back().messages.size(), 6U);
    EXPECT_EQ(answer->state.messages.size(), 18U);
}

TEST_F(MiddlewareTest, AToolMayBeCalledOnlySoOften) {
    auto model = scripted_model();
    model->reply(Script().calls("echo", R"({"text":"1"})", "a").calls("echo", R"({"text":"2"})", "b"))
        .reply(Script().calls("echo", R"({"text":"3"})", "c"))
        .reply("done");
    const auto answer = ask(Agent{model}.with(echo(), limit_tool("echo", 2)), "go");
    ASSERT_TRUE(answer);
    const auto last = std::get<llm::ToolResultPart>(model->requests().back().messages.back().content[0]);
    EXPECT_TRUE(last.is_error);
    EXPECT_NE(last.content.find("2 times"), std::string::npos);
}

TEST_F(MiddlewareTest, PassingFailuresAreTriedAgain) {
    auto model = scripted_model();
    model->reply(Error(ErrorCode::unavailable, "503"))
        .reply(Script("half").fails_at(1, Error(ErrorCode::unavailable, "cut")))
        .reply("whole");
    const auto agent = Agent{model}.with(retry_model(3, 1ms));
    EXPECT_EQ(ask(agent, "?")->text, "whole");
    model->reply(Error(ErrorCode::unauthenticated, "401"));
    EXPECT_EQ(ask(agent, "?").error().code(), ErrorCode::unauthenticated);
    for (int i = 0; i < 3; ++i) model->reply(Error(ErrorCode::rate_limited, "429"));
    EXPECT_EQ(ask(agent, "?").error().code(), ErrorCode::rate_limited);
}

TEST_F(MiddlewareTest, TextsAreRedactedOnTheirWay) {
    auto model = scripted_model();
    model->reply("secret yes");
    Redactor redactor;
    redactor.to_model = [](std::string s) {
        if (const auto at = s.find("13800138000"); at != std::string::npos) s.replace(at, 11, "[phone]");
        return s;
    };
    redactor.from_model = [](std::string s) { return s == "secret yes" ? "yes" : s; };
    EXPECT_EQ(ask(Agent{model}.with(redact(redactor)), "call 13800138000")->text, "yes");
    EXPECT_EQ(model->requests()[0].messages[0].text(), "call [phone]");
}

TEST_F(MiddlewareTest, CostIsLimited) {
    auto model = scripted_model();
    model->otherwise([](const llm::ChatRequest&) {
        return Script().calls("echo", R"({"text":"x"})").uses({1000, 0, 1000});
    });
    const auto r = ask(Agent{model}.with(echo(), limit_cost(0.01, 1, 4)), "?");
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code(), ErrorCode::resource_exhausted);
    EXPECT_EQ(model->calls(), 2U);
}

TEST_F(MiddlewareTest, OnlyTheNearestToolsAreOffered) {
    class Letters final : public llm::Embedder {
      public:
        const std::string& name() const noexcept override { return name_; }
        std::size_t dimension() const override { return 26; }
        task<Result<llm::Embeddings>> embed(std::vector<std::string> texts, llm::EmbedKind, CallOptions) override {
            llm::Embeddings out;
            out.dimension = 26;
            for (const auto& t : texts) {
                std::vector<float> row(26, 0.0F);
                for (const char c : t)
                    if (c >= 'a' && c <= 'z') row[static_cast<std::size_t>(c - 'a')] += 1;
                out.values.insert(out.values.end(), row.begin(), row.end());
            }
            co_return out;
        }

      private:
        std::string name_ = "letters";
    };
    auto model = scripted_model();
    model->reply("ok");
    const auto named = [](std::string n) { return tool<Word>(n, n, [](Word) { return "x"; }); };
    ASSERT_TRUE(ask(
        Agent{model}.with(named("zzz"), named("weather"), named("qqq"), select_tools(std::make_shared<Letters>(), 1)),
        "the weather there"));
    ASSERT_EQ(model->requests()[0].tools.size(), 1U);
    EXPECT_EQ(model->requests()[0].tools[0].name, "weather");
}

TEST(CleanCut, NeverBeginsWithAResult) {
    std::vector<llm::Message> m{llm::Message::user("q"), llm::Message::assistant("a"),
                                llm::Message::tool_result("1", "t", "x"), llm::Message::tool_result("2", "t", "y"),
                                llm::Message::user("z")};
    EXPECT_EQ(clean_cut(m, 1), 1U);
    EXPECT_EQ(clean_cut(m, 2), 4U);
    EXPECT_EQ(clean_cut(m, 3), 4U);
    EXPECT_EQ(clean_cut(m, 9), 5U);
}

}  // namespace
}  // namespace tenon::agent
