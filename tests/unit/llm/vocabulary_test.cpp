#include <gtest/gtest.h>

#include <atomic>

#include <boost/asio/this_coro.hpp>

#include "tenon/async/runtime.hpp"
#include "tenon/llm/model.hpp"

namespace tenon::llm {
namespace {

struct Tier {
    std::string name;
};
struct Other {};

TEST(Extensions, HoldOneValueOfEachTypeAndAreSharedByCopies) {
    Extensions a;
    EXPECT_EQ(a.get<Tier>(), nullptr);
    a.set(Tier{"flex"}).set(Other{});
    const Extensions b = a;
    a.set(Tier{"priority"});
    EXPECT_EQ(a.get<Tier>()->name, "priority");
    EXPECT_EQ(b.get<Tier>()->name, "flex");
    EXPECT_NE(b.get<Other>(), nullptr);
}

TEST(ResponseBuilder, KeepsThePartsInTheirOrder) {
    ResponseBuilder builder;
    ChatEvent e;
    e.id = "r1";
    e.reasoning = "I ";
    builder.add(e);
    e = {};
    e.reasoning = "think";
    builder.add(e);
    e = {};
    e.reasoning_signature = "sig";
    builder.add(e);
    e = {};
    e.reasoning = "again";
    builder.add(e);
    e = {};
    e.text = "An";
    builder.add(e);
    e.text = "swer";
    builder.add(e);
    e = {};
    e.parts.emplace_back(CitationPart{.source = "a.md"});
    builder.add(e);
    e = {};
    e.text = " more";
    builder.add(e);
    e = {};
    e.tool_calls.push_back({"c1", "get", "{}"});
    e.finish = FinishReason::tool_calls;
    e.usage.output_tokens = 7;
    builder.add(e);
    const ChatResponse r = builder.take();
    ASSERT_EQ(r.message.content.size(), 6U);
    EXPECT_EQ(std::get<ReasoningPart>(r.message.content[0]).text, "I think");
    EXPECT_EQ(std::get<ReasoningPart>(r.message.content[0]).signature, "sig");
    EXPECT_EQ(std::get<ReasoningPart>(r.message.content[1]).text, "again");
    EXPECT_EQ(std::get<TextPart>(r.message.content[2]).text, "Answer");
    EXPECT_EQ(std::get<CitationPart>(r.message.content[3]).source, "a.md");
    EXPECT_EQ(r.message.text(), "Answer more");
    EXPECT_EQ(r.message.tool_calls().front()->name, "get");
    EXPECT_EQ(r.id, "r1");
    EXPECT_EQ(r.finish, FinishReason::tool_calls);
    EXPECT_EQ(r.usage.output_tokens, 7U);
    EXPECT_TRUE(builder.take().message.content.empty());
}

class Echo final : public ChatModel {
  public:
    const std::string& name() const noexcept override { return name_; }
    Capabilities capabilities() const override { return {}; }
    task<Result<StreamPtr<ChatEvent>>> stream(ChatRequest request, CallOptions) override {
        if (request.messages.empty()) co_return fail(ErrorCode::invalid_argument, "nothing to say");
        highest = std::max(highest.load(), ++running);
        --running;
        class One final : public Stream<ChatEvent> {
          public:
            explicit One(std::string text) : text_(std::move(text)) {}
            task<Result<std::optional<ChatEvent>>> next() override {
                if (over_) co_return std::nullopt;
                over_ = true;
                ChatEvent e;
                e.text = text_;
                e.finish = FinishReason::stop;
                co_return e;
            }

          private:
            std::string text_;
            bool over_ = false;
        };
        co_return std::make_unique<One>(request.messages.back().text());
    }
    task<Result<StreamPtr<ChatEvent>>> complete(CompletionRequest, CallOptions) override {
        co_return fail(ErrorCode::unsupported, "no completions");
    }
    std::size_t count_tokens(std::string_view text) const override { return text.size(); }
    std::atomic<int> running = 0, highest = 0;

  private:
    std::string name_ = "echo";
};

TEST(GenerateBatch, AnswersInOrderEachWithItsOwnError) {
    Runtime runtime(2);
    std::vector<ChatRequest> requests(50);
    for (std::size_t i = 0; i < requests.size(); ++i)
        if (i != 7) requests[i].messages.push_back(Message::user(std::to_string(i)));
    const auto answers = sync_wait(runtime, generate_batch(std::make_shared<Echo>(), std::move(requests), 8, {}));
    ASSERT_EQ(answers.size(), 50U);
    for (std::size_t i = 0; i < answers.size(); ++i) {
        if (i == 7)
            EXPECT_EQ(answers[i].error().code(), ErrorCode::invalid_argument);
        else
            EXPECT_EQ(answers[i]->message.text(), std::to_string(i));
    }
    EXPECT_TRUE(sync_wait(runtime, generate_batch(std::make_shared<Echo>(), {}, 0, {})).empty());
}

TEST(CountRequestTokens, CountsEveryPartWhereTheModelCannotTell) {
    Runtime runtime(1);
    auto model = std::make_shared<Echo>();
    ChatRequest request;
    request.messages.push_back(Message::user("12345"));
    const auto one = sync_wait(runtime, model->count_request_tokens(request, {}));
    request.tools.push_back({"name", "what it does", "{}"});
    const auto two = sync_wait(runtime, model->count_request_tokens(request, {}));
    ASSERT_TRUE(one && two);
    EXPECT_GE(*one, 5U);
    EXPECT_GE(*two, *one + 18);
}

TEST(Names, OfEffortsGoBothWays) {
    EXPECT_EQ(effort_from("high"), ReasoningSettings::Effort::high);
    EXPECT_EQ(to_string(ReasoningSettings::Effort::xhigh), "xhigh");
    EXPECT_EQ(effort_from("huge"), std::nullopt);
}

}  // namespace
}  // namespace tenon::llm
