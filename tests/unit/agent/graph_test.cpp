#include "tenon/agent/graph.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/describe/class.hpp>

#include "tenon/async/runtime.hpp"
#include "tenon/async/signal.hpp"

namespace tenon::agent {
namespace {

using namespace std::chrono_literals;

struct Review {
    std::string draft{};
    std::vector<std::string> remarks{};
    int rounds = 0;
    int words = 0;
};
BOOST_DESCRIBE_STRUCT(Review, (), (draft, remarks, rounds, words))

class GraphTest : public testing::Test {
  protected:
    template <class T>
    T wait(task<T> t) {
        return sync_wait(runtime_, std::move(t));
    }
    Runtime runtime_{2};
    GraphOptions named_{.name = "r"};
};

Review write(Review r) {
    r.draft += "draft" + std::to_string(++r.rounds) + ";";
    return r;
}
auto remark(std::string text) {
    return [text](Review r) {
        r.remarks.push_back(text + std::to_string(r.rounds));
        r.words += 1;
        return r;
    };
}

Graph<Review> reviewing() {
    return Graph<Review>()
        .node("write", write)
        .node("style", remark("style"))
        .node("facts", remark("facts"))
        .node("publish", [](Review r) { return r; })
        .reduce(&Review::remarks, append)
        .reduce(&Review::words, sum)
        .edge(start, "write")
        .edge("write", "style")
        .edge("write", "facts")
        .join({"style", "facts"}, "publish")
        .branch("publish", [](const Review& r) { return r.rounds >= 3 ? end : "write"; });
}

TEST_F(GraphTest, CyclesBranchesAndMergedParallelNodes) {
    const auto r = wait(reviewing().run({}));
    ASSERT_TRUE(r) << r.error().describe();
    EXPECT_TRUE(r->finished);
    EXPECT_EQ(r->state.draft, "draft1;draft2;draft3;");
    EXPECT_EQ(r->state.remarks, (std::vector<std::string>{"style1", "facts1", "style2", "facts2", "style3", "facts3"}));
    EXPECT_EQ(r->state.words, 6);
    EXPECT_EQ(r->steps, 9U);
}

TEST_F(GraphTest, ParallelNodesRunSideBySide) {
    std::atomic<int> now = 0, most = 0;
    const auto slow = [&](Review r) -> task<Review> {
        most = std::max(most.load(), ++now);
        Signal never;
        (void)co_await never.wait(CallOptions::within(50ms));
        --now;
        co_return r;
    };
    const auto graph = Graph<Review>()
                           .node("a", slow)
                           .node("b", slow)
                           .node("c", slow)
                           .edge(start, "a")
                           .edge(start, "b")
                           .edge(start, "c");
    ASSERT_TRUE(wait(graph.run({})));
    EXPECT_GT(most.load(), 1);
    most = 0;
    GraphOptions one;
    one.concurrency = 1;
    ASSERT_TRUE(wait(graph.run({}, one)));
    EXPECT_EQ(most.load(), 1);
}

TEST_F(GraphTest, ConflictsAreErrorsUnlessReduced) {
    const auto set = [](std::string to) {
        return [to](Review r) {
            r.draft = to;
            return r;
        };
    };
    auto graph = Graph<Review>().node("a", set("x")).node("b", set("y")).edge(start, "a").edge(start, "b");
    const auto bad = wait(graph.run({}));
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().code(), ErrorCode::invalid_argument);
    EXPECT_NE(bad.error().message().find("'draft'"), std::string::npos);
    graph.reduce(&Review::draft, last);
    EXPECT_EQ(wait(graph.run({}))->state.draft, "y");
    // The same change twice is no conflict, nor are changes to different fields.
    const auto same = Graph<Review>().node("a", set("x")).node("b", set("x")).edge(start, "a").edge(start, "b");
    EXPECT_EQ(wait(same.run({}))->state.draft, "x");
}

TEST_F(GraphTest, FaultsOfItsShapeAreAllTold) {
    auto graph = Graph<Review>()
                     .node("a", write)
                     .node("a", write)
                     .node("alone", write)
                     .edge(start, "a")
                     .edge("a", "nowhere")
                     .join({"b"}, "a");
    const auto bad = graph.check();
    ASSERT_FALSE(bad);
    for (const auto* part : {"two nodes named a", "nowhere", "waits for b", "nothing leads to alone"})
        EXPECT_NE(bad.error().message().find(part), std::string::npos) << bad.error().message();
    EXPECT_FALSE(Graph<Review>().node("a", write).check());
    EXPECT_FALSE(wait(graph.run({})));
    const auto lost =
        Graph<Review>().node("a", write).edge(start, "a").branch("a", [](const Review&) { return "moon"; });
    EXPECT_NE(wait(lost.run({})).error().message().find("moon"), std::string::npos);
    const auto endless = Graph<Review>().node("a", write).edge(start, "a").edge("a", "a").limit(7);
    EXPECT_EQ(wait(endless.run({})).error().code(), ErrorCode::resource_exhausted);
    EXPECT_TRUE(reviewing().to_mermaid().starts_with("flowchart TD\n"));
}

TEST_F(GraphTest, AsksAPersonAndGoesOn) {
    const auto checkpoints = store::Checkpoints::in_memory();
    std::atomic<int> other = 0;
    const auto graph = Graph<Review>()
                           .node("ask",
                                 [](Review r, NodeContext& c) -> Result<Review> {
                                     TENON_TRY(const bool yes, c.ask<bool>("Publish " + r.draft + "?"));
                                     TENON_TRY(const auto name, c.ask("By whom?"));
                                     r.draft += yes ? " by " + name : " withdrawn";
                                     return r;
                                 })
                           .node("count",
                                 [&](Review r) {
                                     ++other;
                                     r.words = 5;
                                     return r;
                                 })
                           .edge(start, "ask")
                           .edge(start, "count")
                           .checkpoints(checkpoints);
    const auto first = wait(graph.run({.draft = "it"}, named_));
    ASSERT_TRUE(first) << first.error().describe();
    EXPECT_FALSE(first->finished);
    ASSERT_EQ(first->questions.size(), 1U);
    EXPECT_EQ(first->questions[0].question, "Publish it?");
    const auto second = wait(graph.resume(named_, {{"ask", "true"}}));
    EXPECT_EQ(second->questions.at(0).question, "By whom?");
    const auto third = wait(graph.resume(named_, {{"ask", "\"Ada\""}}));
    ASSERT_TRUE(third) << third.error().describe();
    EXPECT_TRUE(third->finished);
    EXPECT_EQ(third->state.draft, "it by Ada");
    EXPECT_EQ(third->state.words, 5);
    EXPECT_EQ(other.load(), 1);
    EXPECT_EQ(wait(graph.resume(named_, {{"ask", "tru"}})).error().code(), ErrorCode::invalid_argument);
}

TEST_F(GraphTest, StopsBeforeANodeForALook) {
    auto graph = reviewing();
    graph.checkpoints(store::Checkpoints::in_memory()).interrupt_before("publish");
    auto r = wait(graph.run({}, named_));
    int looks = 0;
    while (r && !r->finished) {
        ++looks;
        EXPECT_EQ(r->questions.at(0).node, "publish");
        r = wait(graph.resume(named_));
    }
    ASSERT_TRUE(r);
    EXPECT_EQ(looks, 3);
    EXPECT_EQ(r->state.rounds, 3);
}

TEST_F(GraphTest, WhatHadEndedIsNotRunAgain) {
    std::atomic<int> good = 0, tries = 0;
    const auto graph = Graph<Review>()
                           .node("good",
                                 [&](Review r) {
                                     ++good;
                                     r.words = 1;
                                     return r;
                                 })
                           .node("bad",
                                 [&](Review r) -> Result<Review> {
                                     if (++tries < 3) return fail(ErrorCode::unavailable, "not today");
                                     r.draft = "done";
                                     return r;
                                 })
                           .edge(start, "good")
                           .edge(start, "bad")
                           .checkpoints(store::Checkpoints::in_memory());
    const auto failed = wait(graph.run({}, named_));
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().describe(), "the node bad failed: not today");
    EXPECT_FALSE(wait(graph.resume(named_)));
    const auto r = wait(graph.resume(named_));
    ASSERT_TRUE(r) << r.error().describe();
    EXPECT_EQ(good.load(), 1);
    EXPECT_EQ(r->state.draft, "done");
    EXPECT_EQ(r->state.words, 1);
    GraphOptions nobody{.name = "x"};
    EXPECT_EQ(wait(graph.resume(nobody)).error().code(), ErrorCode::not_found);
}

TEST_F(GraphTest, EveryCheckpointLeadsToTheSameEnd) {
    const auto checkpoints = store::Checkpoints::in_memory();
    auto graph = reviewing();
    graph.checkpoints(checkpoints);
    const auto whole = wait(graph.run({}, named_));
    const auto history = checkpoints->history("r").value();
    EXPECT_GT(history.size(), 15U);
    for (const auto& point : history) {
        const auto r = wait(graph.resume(named_, {}, point.id));
        ASSERT_TRUE(r) << point.label << r.error().describe();
        EXPECT_EQ(json::to_text(r->state), json::to_text(whole->state)) << point.label;
    }
    EXPECT_EQ(graph.state_at("r", history.front().id)->rounds, 0);
    // Time travel with another past.
    const auto other = wait(graph.resume_with({.draft = "mine;", .rounds = 2}, named_, history.front().id));
    EXPECT_EQ(other->state.draft, "mine;draft3;");
}

TEST_F(GraphTest, StopsWhenToldTo) {
    std::stop_source stop;
    const auto graph = Graph<Review>()
                           .node("a",
                                 [&](Review r, NodeContext& c) -> task<Result<Review>> {
                                     stop.request_stop();
                                     Signal never;
                                     TENON_CO_CHECK(co_await never.wait(c.options));
                                     co_return r;
                                 })
                           .edge(start, "a");
    GraphOptions options;
    options.call.stop = stop.get_token();
    const auto r = wait(graph.run({}, options));
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code(), ErrorCode::cancelled);
}

task<Result<GraphResult<Review>>> run_inside_a_coroutine(Graph<Review> graph) {
    Review begin;
    auto r = co_await graph.run(begin);
    co_return r;
}

TEST_F(GraphTest, RunsWithItsDefaultsInsideACoroutine) {
    const auto r = wait(run_inside_a_coroutine(reviewing()));
    ASSERT_TRUE(r) << r.error().describe();
    EXPECT_EQ(r->state.rounds, 3);
}

TEST_F(GraphTest, TellsItsWatcher) {
    std::string seen;
    GraphOptions options;
    options.watch = [&](const GraphEvent& e) {
        if (e.kind == GraphEvent::Kind::told) seen += e.node + ":" + e.text + ";";
        if (e.kind == GraphEvent::Kind::step_finished) seen += "|";
    };
    const auto graph = Graph<Review>()
                           .node("a",
                                 [](Review r, NodeContext& c) {
                                     c.tell("half way");
                                     return r;
                                 })
                           .edge(start, "a");
    ASSERT_TRUE(wait(graph.run({}, options)));
    EXPECT_EQ(seen, "a:half way;|");
}

}  // namespace
}  // namespace tenon::agent
