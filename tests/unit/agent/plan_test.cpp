// Agents that plan: the plan, its tasks, what is done anew, limits, approval, and going on where a run broke off.
#include <gtest/gtest.h>

#include <atomic>
#include <boost/describe/class.hpp>

#include "fake/scripted_model.hpp"
#include "tenon/agent/agent.hpp"

namespace tenon::agent {
namespace {

using fake::Script;
using fake::scripted_model;

struct Sum {
    int a = 0, b = 0;
};
BOOST_DESCRIBE_STRUCT(Sum, (), (a, b))

class PlanTest : public testing::Test {
  protected:
    Agent agent(PlanOptions options = {}, ToolPolicy policy = {}) {
        options.planner = planner_;
        return Agent{worker_}
            .with(tool<Sum>(
                "add", "Adds two numbers",
                [this](Sum s) {
                    ++ran_;
                    return std::to_string(s.a + s.b);
                },
                policy))
            .plans(std::move(options));
    }
    Result<Answer> finish(agent::Run run) { return sync_wait(runtime_, run.answer()); }
    /// Two tasks, the first by a tool.
    void script() {
        planner_->reply(R"({"tasks":["Add 1 and 2.","Say it in words."]})")
            .reply(R"({"answer":"","tasks":["Say it in words."]})")
            .reply(R"({"answer":"Three.","tasks":[]})");
        worker_->reply(Script().calls("add", R"({"a":1,"b":2})", "c1")).reply("The sum is 3.").reply("three");
    }
    std::shared_ptr<fake::ScriptedModel> planner_ = scripted_model("planner"), worker_ = scripted_model("worker");
    std::atomic<int> ran_ = 0;
    Runtime runtime_{2};
};

TEST_F(PlanTest, PlansActsAndLooksAgain) {
    script();
    auto run = agent().run("What is 1 + 2, in words?");
    std::vector<Plan> plans;
    std::string text;
    std::optional<Answer> answer;
    int calls = 0;
    for (const Step& step : run.steps(runtime_)) {
        if (const auto* plan = std::get_if<PlanStep>(&step)) plans.push_back(plan->plan);
        if (const auto* said = std::get_if<TextStep>(&step)) text += said->text;
        if (const auto* done = std::get_if<Answer>(&step)) answer = *done;
        calls += std::holds_alternative<CallStep>(step) ? 1 : 0;
    }
    ASSERT_TRUE(answer) << run.error()->describe();
    EXPECT_EQ(answer->text, "Three.");
    EXPECT_EQ(text, "Three.") << "what tasks say is no part of the answer";
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(ran_.load(), 1);
    ASSERT_EQ(plans.size(), 3U) << "made, and after each task; the unchanged plan is not told again";
    EXPECT_EQ(plans[0].tasks.size(), 2U);
    EXPECT_EQ(plans[1].tasks[0].status, PlannedTask::Status::done);
    EXPECT_EQ(plans[1].tasks[0].result, "The sum is 3.");
    EXPECT_EQ(plans[2].tasks[1].result, "three");
    EXPECT_EQ(answer->state.steps, 6U) << "answers of both models";
    EXPECT_EQ(answer->state.tool_calls, 1U);
    EXPECT_GT(answer->state.usage.output_tokens, 0U);
    const auto asked = worker_->requests();
    EXPECT_NE(asked.back().messages.back().text().find("Result: The sum is 3."), std::string::npos);
    EXPECT_NE(asked.back().messages.back().text().find("only this; report what came of it: Say it in words."),
              std::string::npos);
    EXPECT_NE(planner_->requests()[0].messages[0].text().find("add: Adds two numbers"), std::string::npos);
    EXPECT_EQ(answer->state.messages.size(), 2U);
}

TEST_F(PlanTest, AFailedTaskIsPlannedAround) {
    PlanOptions options;
    options.steps_per_task = 2;
    planner_->reply(R"({"tasks":["Go in circles.","Then this."]})")
        .reply(R"({"answer":"","tasks":["Another way."]})")
        .reply(R"({"answer":"可以。","tasks":[]})");
    worker_->reply(Script().calls("add", R"({"a":1,"b":1})"))
        .reply(Script().calls("add", R"({"a":1,"b":1})"))
        .reply("it worked");
    const auto answer = finish(agent(options).run("行吗？"));
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->text, "可以。");
    ASSERT_EQ(answer->state.plan->tasks.size(), 2U);
    EXPECT_EQ(answer->state.plan->tasks[0].status, PlannedTask::Status::failed);
    EXPECT_EQ(answer->state.plan->tasks[0].result, "no result: out_of_steps");
    EXPECT_EQ(answer->state.plan->tasks[1].task, "Another way.");
    EXPECT_NE(planner_->requests()[1].messages.back().text().find("[failed] Go in circles."), std::string::npos);
}

TEST_F(PlanTest, APlannerWithNothingToAddLetsThePlanGoOnAndThenConcludes) {
    planner_->reply(R"({"tasks":["One.","Two."]})")
        .reply(R"({"answer":" ","tasks":[]})")
        .reply(R"({"answer":"","tasks":[]})")
        .reply("Both are done.");
    worker_->reply("1").reply("2");
    const auto answer = finish(agent().run("?"));
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->text, "Both are done.");
    EXPECT_EQ(worker_->calls(), 2U);
}

TEST_F(PlanTest, LimitsHoldForTheWhole) {
    const auto forever = [&] {
        ran_ = 0;
        planner_ = scripted_model("planner");
        worker_ = scripted_model("worker");
        planner_->otherwise([](const llm::ChatRequest&) { return Script(R"({"answer":"","tasks":["again"]})"); });
        worker_->otherwise([](const llm::ChatRequest& r) {
            return r.messages.back().role == llm::Role::tool ? Script("hm") : Script().calls("add", R"({"a":1,"b":1})");
        });
    };
    forever();
    EXPECT_EQ(finish(agent().limit(7_steps).run("?"))->outcome, Outcome::out_of_steps);
    EXPECT_LE(planner_->calls() + worker_->calls(), 8U);
    forever();
    EXPECT_EQ(finish(agent().limit(100_steps, 2_tool_calls).run("?"))->outcome, Outcome::out_of_tool_calls);
    EXPECT_EQ(ran_.load(), 2);
    forever();
    EXPECT_EQ(finish(agent().limit(100_steps, 30_tokens).run("?"))->outcome, Outcome::out_of_tokens);
    forever();
    PlanOptions few;
    few.rounds = 3;
    EXPECT_EQ(finish(agent(few).limit(1000_steps).run("?"))->outcome, Outcome::out_of_steps);
    EXPECT_EQ(planner_->calls(), 3U);
    planner_ = scripted_model("planner");
    planner_->otherwise(Script("late").delays(std::chrono::seconds(20)));
    const auto late = finish(agent().limit(std::chrono::milliseconds(100)).run("?"));
    ASSERT_TRUE(late) << late.error().describe();
    EXPECT_EQ(late->outcome, Outcome::out_of_time);
}

TEST_F(PlanTest, WaitsForApprovalInTheMiddleOfATask) {
    script();
    ToolPolicy careful;
    careful.approval = true;
    const auto store = store::Checkpoints::in_memory();
    const auto planner = agent({}, careful).checkpoints(store);
    RunOptions options;
    options.name = "sum";
    const auto waits = finish(planner.run("What is 1 + 2, in words?", options));
    ASSERT_TRUE(waits) << waits.error().describe();
    EXPECT_EQ(waits->outcome, Outcome::interrupted);
    ASSERT_EQ(waits->state.pending.size(), 1U);
    EXPECT_EQ(ran_.load(), 0);
    const auto saved = State::from_json(store->latest("sum")->state);
    EXPECT_EQ(saved->pending.at(0).status, PendingCall::Status::waiting) << "what --yes looks for";
    const auto answer = finish(planner.resume(options, {{saved->pending[0].call.id, true}}));
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->text, "Three.");
    EXPECT_EQ(ran_.load(), 1);
}

TEST_F(PlanTest, GoesOnWhereverItBrokeOff) {
    // Destroyed after each of its steps, as a killed process is, and gone on from what was saved.
    for (int stop_after = 0; stop_after < 12; ++stop_after) {
        planner_ = scripted_model("planner");
        worker_ = scripted_model("worker");
        // Both answer from what they are shown, so that being asked again changes nothing.
        planner_->otherwise([](const llm::ChatRequest& r) {
            const auto seen = r.messages.back().text();
            if (seen.find("[done] Say it") != std::string::npos) return Script(R"({"answer":"Three.","tasks":[]})");
            if (seen.find("[done] Add") != std::string::npos)
                return Script(R"({"answer":"","tasks":["Say it in words."]})");
            return Script(R"({"tasks":["Add 1 and 2.","Say it in words."]})");
        });
        worker_->otherwise([](const llm::ChatRequest& r) {
            if (r.messages.back().role == llm::Role::tool) return Script("The sum is 3.");
            if (r.messages.back().text().find("of it: Say it") != std::string::npos) return Script("three");
            return Script().calls("add", R"({"a":1,"b":2})");
        });
        ran_ = 0;
        const auto store = store::Checkpoints::in_memory();
        const auto planner = agent().checkpoints(store);
        RunOptions options;
        options.name = "sum";
        bool told = false;  // of the tool's result, which is then saved
        {
            auto run = planner.run("What is 1 + 2, in words?", options);
            for (int i = 0; i < stop_after; ++i) {
                const auto step = sync_wait(runtime_, run.next());
                if (!step) break;
                told = told || std::holds_alternative<ResultStep>(*step);
            }
        }
        auto answer = finish(planner.resume(options));
        if (!answer && answer.error().code() == ErrorCode::not_found)
            answer = finish(planner.run("What is 1 + 2, in words?", options));
        ASSERT_TRUE(answer) << stop_after << ": " << answer.error().describe();
        EXPECT_EQ(answer->text, "Three.") << stop_after;
        // A call that was under way is made again; one whose result is known is not.
        EXPECT_LE(ran_.load(), told ? 1 : 2) << stop_after;
        EXPECT_EQ(answer->state.plan->tasks.size(), 2U) << stop_after;
    }
}

TEST_F(PlanTest, WhatGoesWrongEndsTheRun) {
    EXPECT_EQ(finish(agent().run(" ")).error().code(), ErrorCode::invalid_argument);
    planner_->otherwise(Script("I would rather not plan."));
    EXPECT_EQ(finish(agent().run("?")).error().code(), ErrorCode::protocol);
    planner_ = scripted_model("planner");
    planner_->reply(R"({"tasks":[]})").reply(R"({"tasks":[""]})").reply(R"({"tasks":"go"})");
    EXPECT_EQ(finish(agent().run("?")).error().code(), ErrorCode::protocol) << "a plan has tasks";
    planner_->reply(R"({"tasks":["Go."]})");
    worker_->reply(Error(ErrorCode::unavailable, "gone"));
    EXPECT_EQ(finish(agent().run("?")).error().code(), ErrorCode::unavailable);
}

TEST_F(PlanTest, TheStateSurvivesJson) {
    script();
    const auto answer = finish(agent().run("多少？"));
    ASSERT_TRUE(answer);
    const auto text = answer->state.to_json();
    const auto back = State::from_json(text);
    ASSERT_TRUE(back) << back.error().describe();
    EXPECT_EQ(back->to_json(), text);
    for (std::size_t cut = 0; cut < text.size(); ++cut) EXPECT_FALSE(State::from_json(text.substr(0, cut)));
    for (const auto* bad : {R"({"form":1,"messages":[],"plan":7})", R"({"form":1,"messages":[],"plan":{}})",
                            R"({"form":1,"messages":[],"plan":{"tasks":[{"task":"x","status":"lost"}]}})"})
        EXPECT_EQ(State::from_json(bad).error().code(), ErrorCode::corrupt) << bad;
}

}  // namespace
}  // namespace tenon::agent
