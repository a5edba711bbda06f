#include <gtest/gtest.h>

#include <boost/describe/class.hpp>

#include "tenon/agent/protocol.hpp"

namespace tenon::agent {
namespace {

struct Query {
    std::string query;
};
BOOST_DESCRIBE_STRUCT(Query, (), (query))
struct Sum {
    int a = 0, b = 0;
};
BOOST_DESCRIBE_STRUCT(Sum, (), (a, b))

std::vector<Tool> tools() {
    return {tool<Query>("search", "Looks things up", [](Query) { return "x"; }),
            tool<Sum>("add", "Adds", [](Sum s) { return std::to_string(s.a + s.b); })};
}

Turn read(std::string text, ReActOptions options = {}) {
    llm::ChatResponse response;
    response.message = llm::Message::assistant(std::move(text));
    return react(std::move(options))->read(std::move(response), 3, tools());
}

struct Case {
    const char* text;
    const char* name;
    const char* arguments;
};

TEST(ReAct, ReadsActionsAsModelsWriteThem) {
    for (const auto& c : std::vector<Case>{
             {"Thought: look\nAction: search\nAction Input: {\"query\": \"tenon\"}", "search",
              "{\"query\": \"tenon\"}"},
             {"Action: search\nAction Input: tenon joint", "search", "{\"query\":\"tenon joint\"}"},
             {"Action: search\nAction Input: \"tenon joint\"\n", "search", "{\"query\":\"tenon joint\"}"},
             {"Thought: x\n**Action:** search\n**Action Input:** ```json\n{\"query\": \"a}b\"}\n```", "search",
              "{\"query\": \"a}b\"}"},
             {"Action: search[tenon]", "search", "{\"query\":\"tenon\"}"},
             {"Action: search({\"query\": \"x\"})", "search", "{\"query\": \"x\"}"},
             {"Action: add\nAction Input: {\"a\": 1, \"b\": 2}\nObservation: 7\nThought: done\nFinal Answer: 7", "add",
              "{\"a\": 1, \"b\": 2}"},
             {"Action: add\nAction Input: {\"a\": 1,\n \"b\": 2}\nAction: search\nAction Input: y", "add",
              "{\"a\": 1,\n \"b\": 2}"},
             {"思考：查一下\n行动：search\n行动输入：{\"query\": \"榫\"}", "search", "{\"query\": \"榫\"}"},
             {"行动：search\n行动输入：榫卯", "search", "{\"query\":\"榫卯\"}"},
             {"Action: `search`\nAction Input: `x`", "search", "{\"query\":\"x\"}"},
         }) {
        const auto turn = read(c.text);
        ASSERT_EQ(turn.calls.size(), 1U) << c.text << " / " << turn.complaint;
        EXPECT_EQ(turn.calls[0].name, c.name) << c.text;
        EXPECT_EQ(turn.calls[0].arguments_json, c.arguments) << c.text;
        EXPECT_EQ(turn.message.text().find("Observation"), std::string::npos);
    }
}

TEST(ReAct, ReadsFinalAnswers) {
    EXPECT_EQ(read("Thought: I know\nFinal Answer: 42").answer, "42");
    EXPECT_EQ(read("最终答案：四十二").answer, "四十二");
    EXPECT_EQ(read("Final Answer: first\nsecond line").answer, "first\nsecond line");
    EXPECT_EQ(read("Paris is the capital of France.").answer, "Paris is the capital of France.");
    EXPECT_FALSE(read("Thought: I should think about it").complaint.empty());
    EXPECT_FALSE(read("").complaint.empty());
    EXPECT_FALSE(read("Final Answer:").complaint.empty());
}

TEST(ReAct, TellsTheModelOfItsToolsAndStopsBeforeObservations) {
    llm::ChatRequest request;
    request.messages.push_back(llm::Message::user("q"));
    react()->prepare(request, "Be kind.", tools());
    ASSERT_EQ(request.messages.size(), 2U);
    const auto system = request.messages[0].text();
    EXPECT_TRUE(system.starts_with("Be kind."));
    EXPECT_NE(system.find("search: Looks things up"), std::string::npos);
    EXPECT_NE(system.find("one of search, add"), std::string::npos);
    EXPECT_TRUE(request.tools.empty());
    EXPECT_FALSE(request.settings.stop.empty());
    const auto told = react()->results({{"c", "add", "3", false, {}}});
    EXPECT_EQ(told.at(0).text(), "Observation: 3");
}

TEST(ReAct, OnlyTheFinalAnswerIsSpoken) {
    const std::string text = "Thought: I know\nit now\nFinal Answer: It is 4.\nFinal: yes";
    for (std::size_t piece = 1; piece < text.size(); ++piece) {
        const auto filter = react()->filter();
        std::string spoken, thought;
        for (std::size_t at = 0; at < text.size(); at += piece) {
            llm::ChatEvent e;
            e.text = text.substr(at, piece);
            auto p = filter->add(e);
            spoken += p.text;
            thought += p.thought;
        }
        auto p = filter->finish();
        spoken += p.text;
        thought += p.thought;
        EXPECT_EQ(spoken, "It is 4.\nFinal: yes") << piece;
        EXPECT_EQ(thought, "Thought: I know\nit now\n") << piece;
    }
}

}  // namespace
}  // namespace tenon::agent
