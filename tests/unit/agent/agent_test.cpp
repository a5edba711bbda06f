#include "tenon/agent/agent.hpp"

#include <gtest/gtest.h>

#include <boost/describe/class.hpp>
#include <sstream>
#include <thread>

#include "fake/scripted_model.hpp"
#include "tenon/agent/middleware.hpp"
#include "tenon/agent/protocol.hpp"
#include "tenon/async/signal.hpp"

namespace tenon::agent {
namespace {

using namespace std::chrono_literals;
using fake::Script;
using fake::scripted_model;

struct Sum {
    int a = 0, b = 0;
};
BOOST_DESCRIBE_STRUCT(Sum, (), (a, b))
struct Nothing {};
BOOST_DESCRIBE_STRUCT(Nothing, (), ())

Tool adder(std::atomic<int>* ran = nullptr, ToolPolicy policy = {}) {
    return tool<Sum>(
        "add", "Adds two numbers",
        [ran](Sum s) {
            if (ran != nullptr) ++*ran;
            return std::to_string(s.a + s.b);
        },
        policy);
}

class AgentTest : public testing::Test {
  protected:
    Result<Answer> ask(const Agent& agent, std::string question, RunOptions options = {}) {
        agent::Run run = agent.run(std::move(question), std::move(options));
        return sync_wait(runtime_, run.answer());
    }
    Result<Answer> go_on(agent::Run run) { return sync_wait(runtime_, run.answer()); }
    Runtime runtime_{2};
};

TEST_F(AgentTest, CallsAToolAndAnswers) {
    auto model = scripted_model();
    model->reply(Script().calls("add", R"({"a":2,"b":3})")).reply("It is 5.");
    const auto answer = ask(Agent{model}.instructions("Count well.").with(adder()), "2 + 3?");
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->text, "It is 5.");
    EXPECT_EQ(answer->outcome, Outcome::answered);
    EXPECT_EQ(answer->state.steps, 2U);
    EXPECT_EQ(answer->state.tool_calls, 1U);
    const auto asked = model->requests();
    ASSERT_EQ(asked.size(), 2U);
    EXPECT_EQ(asked[0].messages[0].text(), "Count well.");
    EXPECT_EQ(asked[0].tools.at(0).name, "add");
    ASSERT_EQ(asked[1].messages.size(), 4U);
    const auto& result = std::get<llm::ToolResultPart>(asked[1].messages[3].content[0]);
    EXPECT_EQ(result.content, "5");
    EXPECT_EQ(result.call_id, std::get<llm::ToolCallPart>(asked[1].messages[2].content[0]).id);
}

TEST_F(AgentTest, TellsItsStepsAsTheyHappen) {
    auto model = scripted_model();
    model->reply(Script().thinks("hm").calls("add", R"({"a":2,"b":3})")).reply(Script().says("It is 5.", 3));
    agent::Run run = Agent{model}.with(adder()).run("2 + 3?");
    std::ostringstream out;
    std::string text;
    int calls = 0, results = 0, answers = 0;
    for (const Step& step : run.steps(runtime_)) {
        out << step;
        if (const auto* t = std::get_if<TextStep>(&step)) text += t->text;
        calls += std::holds_alternative<CallStep>(step) ? 1 : 0;
        results += std::holds_alternative<ResultStep>(step) ? 1 : 0;
        answers += std::holds_alternative<Answer>(step) ? 1 : 0;
    }
    EXPECT_EQ(text, "It is 5.");
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(results, 1);
    EXPECT_EQ(answers, 1);
    EXPECT_EQ(out.str(), "hm\n→ add {\"a\":2,\"b\":3}\n← 5\nIt is 5.\n");
    EXPECT_FALSE(run.error());
}

TEST_F(AgentTest, CallsOfOneAnswerRunSideBySideAndKeepTheirOrder) {
    std::atomic<int> now = 0, most = 0;
    const auto slow = tool<Sum>("add", "", [&](Sum s) -> task<std::string> {
        most = std::max(most.load(), ++now);
        Signal never;
        (void)co_await never.wait(CallOptions::within(std::chrono::milliseconds(60 - 20 * s.a)));
        --now;
        co_return std::to_string(s.a);
    });
    auto model = scripted_model();
    model
        ->reply(Script()
                    .calls("add", R"({"a":0,"b":0})", "x")
                    .calls("add", R"({"a":1,"b":0})", "y")
                    .calls("add", R"({"a":2,"b":0})", "z"))
        .reply("done");
    const auto answer = ask(Agent{model}.with(slow), "go");
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_GT(most.load(), 1);
    const auto last = model->requests().back().messages;
    std::string ids;
    for (const auto& m : last)
        for (const auto& p : m.content)
            if (const auto* r = std::get_if<llm::ToolResultPart>(&p)) ids += r->call_id + r->content;
    EXPECT_EQ(ids, "x0y1z2");
    ToolPolicy alone;
    alone.concurrent = false;
    most = 0;
    model->reply(Script().calls("add", R"({"a":1,"b":0})", "x").calls("add", R"({"a":1,"b":0})", "y")).reply("done");
    ASSERT_TRUE(ask(Agent{model}.with(slow.with_policy(alone)), "go"));
    EXPECT_EQ(most.load(), 1);
}

TEST_F(AgentTest, MistakesOfTheModelComeBackToIt) {
    auto model = scripted_model();
    model->reply(Script().calls("multiply", "{}")).reply(Script().calls("add", R"({"a":"two"})")).reply("I give up.");
    const auto answer = ask(Agent{model}.with(adder()), "?");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->text, "I give up.");
    const auto result = std::get<llm::ToolResultPart>(model->requests()[1].messages.back().content[0]);
    EXPECT_EQ(result.content, "there is no tool named multiply; there are add");
    EXPECT_TRUE(std::get<llm::ToolResultPart>(model->requests()[2].messages.back().content[0]).is_error);
}

TEST_F(AgentTest, StopsAtItsLimits) {
    auto forever = scripted_model();
    forever->otherwise([](const llm::ChatRequest&) { return Script().calls("add", R"({"a":1,"b":1})"); });
    EXPECT_EQ(ask(Agent{forever}.with(adder()).limit(3_steps), "?")->outcome, Outcome::out_of_steps);
    EXPECT_EQ(forever->calls(), 3U);
    EXPECT_EQ(ask(Agent{forever}.with(adder()).limit(2_tool_calls), "?")->outcome, Outcome::out_of_tool_calls);
    EXPECT_EQ(ask(Agent{forever}.with(adder()).limit(10_tokens), "?")->outcome, Outcome::out_of_tokens);
    auto slow = scripted_model();
    slow->otherwise(Script("late").delays(20s));
    const auto late = ask(Agent{slow}.limit(100ms), "?");
    ASSERT_TRUE(late) << late.error().describe();
    EXPECT_EQ(late->outcome, Outcome::out_of_time);
}

TEST_F(AgentTest, WaitsForApprovalAndGoesOn) {
    std::atomic<int> ran = 0;
    ToolPolicy careful;
    careful.approval = true;
    auto model = scripted_model();
    model->reply(Script().calls("add", R"({"a":1,"b":1})", "c1"))
        .reply("two")
        .reply(Script().calls("add", R"({"a":1,"b":1})", "c2"))
        .reply("no");
    const auto agent = Agent{model}.with(adder(&ran, careful));
    const auto waits = ask(agent, "?");
    ASSERT_TRUE(waits);
    EXPECT_EQ(waits->outcome, Outcome::interrupted);
    EXPECT_EQ(ran.load(), 0);
    const auto yes = go_on(agent.resume(waits->state, {}, {{"c1", true, {}, R"({"a":20,"b":1})"}}));
    ASSERT_TRUE(yes) << yes.error().describe();
    EXPECT_EQ(yes->text, "two");
    EXPECT_EQ(ran.load(), 1);
    EXPECT_EQ(std::get<llm::ToolResultPart>(model->requests()[1].messages.back().content[0]).content, "21");
    const auto again = ask(agent, "?");
    const auto no = go_on(agent.resume(again->state, {}, {{"c2", false, "too dear"}}));
    ASSERT_TRUE(no);
    EXPECT_EQ(ran.load(), 1);
    EXPECT_NE(
        std::get<llm::ToolResultPart>(model->requests().back().messages.back().content[0]).content.find("too dear"),
        std::string::npos);
}

TEST_F(AgentTest, NobodyIsAskedAboutACallThatCannotBeMade) {
    std::atomic<int> ran = 0, asked = 0;
    ToolPolicy careful;
    careful.approval = true;
    auto model = scripted_model();
    const auto agent = Agent{model}.with(adder(&ran, careful)).approved_by([&](llm::ToolCallPart) -> task<Decision> {
        ++asked;
        co_return Decision{{}, true};
    });
    for (const char* wrong : {R"({"a":"two","b":1})", R"({"a":1})", "{", ""}) {
        model->reply(Script().calls("add", wrong, "bad").calls("add", R"({"a":1,"b":1})", "good")).reply("2");
        asked = ran = 0;
        const auto answer = ask(agent, "?");
        ASSERT_TRUE(answer) << wrong << answer.error().describe();
        EXPECT_EQ(answer->text, "2") << wrong;
        EXPECT_EQ(asked.load(), 1) << wrong;
        EXPECT_EQ(ran.load(), 1) << wrong;
        bool told = false;
        const auto last = model->requests().back();
        for (const auto& message : last.messages)
            for (const auto& part : message.content)
                if (const auto* result = std::get_if<llm::ToolResultPart>(&part))
                    told = told || (result->call_id == "bad" && result->is_error);
        EXPECT_TRUE(told) << wrong;
    }
    // Without a person at hand the run is not interrupted for it either.
    model->reply(Script().calls("add", R"({"a":"two"})")).reply("I give up.");
    EXPECT_EQ(ask(Agent{model}.with(adder(&ran, careful)), "?")->outcome, Outcome::answered);
}

TEST_F(AgentTest, APersonAtTheOtherEndDecidesAtOnce) {
    ToolPolicy careful;
    careful.approval = true;
    auto model = scripted_model();
    model->reply(Script().calls("add", R"({"a":1,"b":1})")).reply("ok");
    std::string seen;
    const auto answer =
        ask(Agent{model}.with(adder(nullptr, careful)).approved_by([&](llm::ToolCallPart call) -> task<Decision> {
            seen = call.name;
            co_return Decision{{}, true};
        }),
            "?");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->text, "ok");
    EXPECT_EQ(seen, "add");
}

TEST_F(AgentTest, AFailedRunGoesOnWithoutRepeatingFinishedCalls) {
    std::atomic<int> ran = 0;
    auto model = scripted_model();
    const auto store = store::Checkpoints::in_memory();
    model->reply(Script().calls("add", R"({"a":1,"b":2})", "p").calls("add", R"({"a":3,"b":4})", "q"))
        .reply(Error(ErrorCode::unavailable, "gone"))
        .reply("3 and 7");
    const auto agent = Agent{model}.with(adder(&ran)).checkpoints(store);
    RunOptions options;
    options.name = "sums";
    const auto failed = ask(agent, "?", options);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code(), ErrorCode::unavailable);
    EXPECT_EQ(ran.load(), 2);
    const auto resumed = go_on(agent.resume(options));
    ASSERT_TRUE(resumed) << resumed.error().describe();
    EXPECT_EQ(resumed->text, "3 and 7");
    EXPECT_EQ(ran.load(), 2);
    // A finished run only tells its answer again.
    EXPECT_EQ(go_on(agent.resume(options))->text, "3 and 7");
    // Time travel: from before the model's first answer, a new branch.
    const auto history = store->history("sums").value();
    EXPECT_EQ(history.front().label, "start");
    model->reply("another answer");
    EXPECT_EQ(go_on(agent.resume(options, {}, history.front().id))->text, "another answer");
    EXPECT_EQ(store->latest("sums")->parent, history.front().id);
    options.name = "nobody";
    EXPECT_EQ(go_on(agent.resume(options)).error().code(), ErrorCode::not_found);
}

TEST_F(AgentTest, CancelledAtAnyStepItCanBeResumed) {
    for (int stop_after = 0; stop_after < 12; ++stop_after) {
        std::atomic<int> ran = 0;
        auto model = scripted_model();
        model->when([](const llm::ChatRequest& r) { return r.messages.back().role == llm::Role::user; },
                    [](const llm::ChatRequest&) {
                        return Script().says("I will add.", 4).calls("add", R"({"a":1,"b":2})", "p");
                    });
        model->otherwise(Script().says("It is three.", 3));
        const auto agent = Agent{model}.with(adder(&ran)).checkpoints(store::Checkpoints::in_memory());
        RunOptions options;
        options.name = "r";
        std::stop_source stop;
        options.call.stop = stop.get_token();
        {
            agent::Run run = agent.run("?", options);
            for (int i = 0; i < stop_after; ++i)
                if (!sync_wait(runtime_, run.next())) break;
            stop.request_stop();
            while (sync_wait(runtime_, run.next())) {
            }
            if (run.error()) {
                EXPECT_EQ(run.error()->code(), ErrorCode::cancelled) << run.error()->describe();
            }
        }
        options.call = {};
        auto finished = go_on(agent.resume(options));
        // Stopped before anything was kept: begin again.
        if (!finished && finished.error().code() == ErrorCode::not_found) finished = ask(agent, "?", options);
        ASSERT_TRUE(finished) << stop_after << finished.error().describe();
        EXPECT_EQ(finished->text, "It is three.");
        EXPECT_EQ(finished->state.messages.size(), 4U) << stop_after;
        EXPECT_EQ(ran.load(), 1) << stop_after;
    }
}

TEST_F(AgentTest, StateSurvivesJson) {
    auto model = scripted_model();
    ToolPolicy careful;
    careful.approval = true;
    model->reply(Script().thinks("t").calls("add", R"({"a":1,"b":1})", "c1"));
    const auto waits = ask(Agent{model}.with(adder(nullptr, careful)), "多少？");
    const auto text = waits->state.to_json();
    const auto back = State::from_json(text);
    ASSERT_TRUE(back) << back.error().describe();
    EXPECT_EQ(back->to_json(), text);
    EXPECT_EQ(back->pending.at(0).status, PendingCall::Status::waiting);
    for (std::size_t cut = 0; cut < text.size(); ++cut) EXPECT_FALSE(State::from_json(text.substr(0, cut)));
    EXPECT_FALSE(State::from_json(R"({"form":99,"messages":[]})"));
}

TEST_F(AgentTest, ReActForModelsWithoutTools) {
    auto model = scripted_model();
    model->can({});
    model->reply("Thought: add them\nAction: add\nAction Input: {\"a\": 2, \"b\": 2}")
        .reply("Thought: done\nFinal Answer: 4");
    const auto answer = ask(Agent{model}.with(adder()), "2+2");
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->text, "4");
    EXPECT_EQ(model->requests()[1].messages.back().text(), "Observation: 4");
    // A form that is none is complained about.
    model->reply("Thought: hm").reply("Final Answer: 5");
    EXPECT_EQ(ask(Agent{model}.with(adder()), "2+3")->text, "5");
}

TEST_F(AgentTest, HandsTheConversationOver) {
    auto front = scripted_model("front"), books = scripted_model("books");
    front->reply(Script().calls("transfer_to_books", "{}"));
    books->reply(Script().calls("add", R"({"a":1,"b":1})")).reply("The books say 2.");
    const auto agent = Agent{front}.named("front").hands_off_to(
        Agent{books}.named("books", "Knows the figures").instructions("You are the books.").with(adder()));
    const auto answer = ask(agent, "What do the books say?");
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->text, "The books say 2.");
    EXPECT_EQ(answer->state.agent, "books");
    EXPECT_EQ(books->requests()[0].messages[0].text(), "You are the books.");
    EXPECT_EQ(front->requests()[0].tools.at(0).name, "transfer_to_books");
}

TEST_F(AgentTest, WorksForAnotherAgentAsATool) {
    auto boss = scripted_model("boss"), worker = scripted_model("worker");
    boss->reply(Script().calls("researcher", R"({"task":"find x"})")).reply("x is 7");
    worker->reply("it is 7");
    const auto answer = ask(Agent{boss}.with(Agent{worker}.named("researcher", "Finds things").as_tool()), "x?");
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->text, "x is 7");
    EXPECT_EQ(worker->requests()[0].messages.back().text(), "find x");
}

TEST_F(AgentTest, AnOutputCanBeTheAnswer) {
    auto model = scripted_model();
    ToolPolicy direct;
    direct.is_answer = true;
    model->reply(Script().calls("add", R"({"a":2,"b":3})"));
    EXPECT_EQ(ask(Agent{model}.with(adder(nullptr, direct)), "?")->text, "5");
}

TEST_F(AgentTest, UsersErrorsAreToldAtTheFirstStep) {
    auto model = scripted_model();
    EXPECT_EQ(ask(Agent{model}, "  ").error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(ask(Agent{model}.with(adder(), adder()), "x").error().code(), ErrorCode::already_exists);
    EXPECT_EQ(ask(Agent{nullptr}, "x").error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(go_on(Agent{model}.resume({})).error().code(), ErrorCode::invalid_argument);
}

TEST_F(AgentTest, EverythingIsTraced) {
    auto model = scripted_model();
    model->reply(Script().calls("add", R"({"a":2,"b":3})")).reply("5");
    auto tracer = std::make_shared<MemoryTracer>();
    RunOptions options;
    options.tracer = tracer;
    ASSERT_TRUE(ask(Agent{model}.with(adder()), "?", options));
    std::string names;
    for (const auto& span : tracer->spans()) {
        names += span.name + ";";
        EXPECT_FALSE(span.open) << span.name;
    }
    EXPECT_EQ(names, "agent agent;model scripted;tool add;model scripted;");
}

}  // namespace
}  // namespace tenon::agent
