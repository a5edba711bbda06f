#include "provider/local/answer_parser.hpp"

#include <gtest/gtest.h>

#include "provider/local/tool_call.hpp"

namespace tenon::provider::local {
namespace {

struct Case {
    std::string text;
    std::string said;
    std::string reasoning;
    std::vector<std::pair<std::string, std::string>> calls;  // name, arguments
    bool tools = true;
    bool thinking = false;
};

AnswerPieces parse(const Case& c, const std::vector<std::string>& pieces) {
    AnswerParser parser(c.tools ? std::vector<std::string>{"get_weather", "search"} : std::vector<std::string>{},
                        c.thinking);
    AnswerPieces all;
    const auto take = [&](AnswerPieces p) {
        all.text += p.text;
        all.reasoning += p.reasoning;
        for (auto& call : p.calls) all.calls.push_back(std::move(call));
    };
    for (const auto& piece : pieces) take(parser.push(piece));
    take(parser.finish());
    EXPECT_EQ(parser.called(), !all.calls.empty());
    return all;
}

void expect(const Case& c, const AnswerPieces& got, const std::string& how) {
    EXPECT_EQ(got.text, c.said) << c.text << how;
    EXPECT_EQ(got.reasoning, c.reasoning) << c.text << how;
    ASSERT_EQ(got.calls.size(), c.calls.size()) << c.text << how;
    for (std::size_t i = 0; i < c.calls.size(); ++i) {
        EXPECT_EQ(got.calls[i].name, c.calls[i].first) << c.text << how;
        EXPECT_EQ(got.calls[i].arguments_json, c.calls[i].second) << c.text << how;
        EXPECT_TRUE(got.calls[i].id.starts_with("call_"));
    }
}

const std::vector<Case> cases = {
    {"Hello there", "Hello there", "", {}},
    {"", "", "", {}},
    {"  lead and trail \n", "  lead and trail \n", "", {}},
    {"<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"北京\"}}\n</tool_call>",
     "",
     "",
     {{"get_weather", "{\"city\":\"北京\"}"}}},
    {"Let me look.\n<tool_call>\n{\"name\": \"search\", \"arguments\": "
     "{}}\n</tool_call>\n<tool_call>{\"name\":\"get_weather\",\"arguments\":{\"c\":1}}</tool_call>\n",
     "Let me look.",
     "",
     {{"search", "{}"}, {"get_weather", "{\"c\":1}"}}},
    {"<tool_call>{\"name\": \"search\", \"arguments\": {\"q\": \"a\"}}",
     "",
     "",
     {{"search", "{\"q\":\"a\"}"}}},  // never closed
    {"<tool_call>not json</tool_call> after", "<tool_call>not json</tool_call> after", "", {}},
    {"a <tool_ b < c", "a <tool_ b < c", "", {}},
    {"<tool_call>{\"name\": \"x\", \"arguments\": {}}</tool_call>",
     "<tool_call>{\"name\": \"x\", \"arguments\": {}}</tool_call>",
     "",
     {},
     false},
    {"{\"name\": \"search\", \"parameters\": {\"q\": \"}{\\\"\"}}", "", "", {{"search", "{\"q\":\"}{\\\"\"}"}}},
    {"{\"name\": \"search\", \"parameters\": {\"q\": 1}}; {\"name\": \"get_weather\", \"parameters\": {}}",
     "",
     "",
     {{"search", "{\"q\":1}"}, {"get_weather", "{}"}}},
    {"[{\"name\": \"search\", \"arguments\": {\"q\": 1}}]", "", "", {{"search", "{\"q\":1}"}}},
    {"```json\n{\"name\": \"search\", \"arguments\": {\"q\": 1}}\n```", "", "", {{"search", "{\"q\":1}"}}},
    {"{\"type\": \"function\", \"function\": {\"name\": \"search\", \"arguments\": \"{\\\"q\\\": 2}\"}}",
     "",
     "",
     {{"search", "{\"q\": 2}"}}},
    {"{\"name\": \"Bob\", \"arguments\": {}}", "{\"name\": \"Bob\", \"arguments\": {}}", "", {}},  // no such tool
    {"{\"answer\": 42}", "{\"answer\": 42}", "", {}},
    {"```cpp\nint x;\n```", "```cpp\nint x;\n```", "", {}},
    {"[1, 2]", "[1, 2]", "", {}},
    {"{\"name\": \"search\", \"arguments\": {\"q\": 1}} and then",
     "{\"name\": \"search\", \"arguments\": {\"q\": 1}} and then",
     "",
     {}},
    {"<think>\nHm.\n</think>\n\nYes.", "Yes.", "\nHm.\n", {}},
    {"<think>Hm.</think><tool_call>{\"name\":\"search\",\"arguments\":{}}</tool_call>", "", "Hm.", {{"search", "{}"}}},
    {"<think>never ends", "", "never ends", {}},
    {"already </th at it</think> done", "done", "already </th at it", {}, true, true},
    {"<think>x</think>y", "y", "x", {}, false},
    {"<thin air>", "<thin air>", "", {}},
    {"later <think>is text</think>", "later <think>is text</think>", "", {}},
};

TEST(AnswerParser, SplitsAnswersWhateverThePieces) {
    for (const auto& c : cases) {
        expect(c, parse(c, {c.text}), " (whole)");
        for (std::size_t cut = 1; cut < c.text.size(); ++cut)
            expect(c, parse(c, {c.text.substr(0, cut), c.text.substr(cut)}), " cut at " + std::to_string(cut));
        std::vector<std::string> bytes;
        for (const char b : c.text) bytes.emplace_back(1, b);
        expect(c, parse(c, bytes), " (by bytes)");
    }
}

TEST(AnswerParser, StreamsTextAtOnce) {
    AnswerParser parser({"search"}, false);
    EXPECT_EQ(parser.push("Hello").text, "Hello");
    EXPECT_EQ(parser.push(" world").text, " world");
    EXPECT_EQ(parser.push(" a < b").text, " a < b");
    AnswerParser object({"search"}, false);
    EXPECT_EQ(object.push("{\"ans").text, "{\"ans");  // cannot become a call
}

TEST(ToolCall, HostileTextIsNoCall) {
    EXPECT_FALSE(parse_tool_call(std::string(100000, '{')));
    EXPECT_TRUE(parse_tool_calls(std::string(100000, '{')).empty());
    EXPECT_TRUE(parse_tool_calls("{\"name\":\"a\",\"arguments\":[1]}").empty());
    EXPECT_TRUE(parse_tool_calls("{\"name\":\"a\",\"arguments\":\"not json\"}").empty());
    EXPECT_TRUE(parse_tool_calls("```").empty());
}

}  // namespace
}  // namespace tenon::provider::local
