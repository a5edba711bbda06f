#include "provider/openai/request.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "provider/wire/fields.hpp"
#include "tenon/json/json.hpp"

namespace tenon::provider::openai {
namespace {

using namespace llm;

json::Value body_of(const ChatRequest& request, const OpenAiOptions& options = {}) {
    const auto body = chat_body("m", request, options);
    EXPECT_TRUE(body) << body.error().describe();
    return json::parse(body.value_or("null")).value_or(nullptr);
}

json::Value parsed(std::string_view text) { return json::parse(text).value_or("test is wrong"); }

TEST(OpenAiRequest, WritesMessages) {
    ChatRequest request;
    request.messages = {
        Message::system("be brief"), Message::user("hi \xE4\xBD\xA0"),
        Message{Role::assistant, {ReasoningPart{"hm", ""}, ToolCallPart{"c1", "get", R"({"a":1})"}}, ""},
        Message{Role::tool, {ToolResultPart{"c1", "get", "42", false}, ToolResultPart{"c2", "f", "no", true}}, ""},
        Message{Role::user,
                {TextPart{"see"}, ImagePart{"", "image/png", "\x01\x02\x03", "low"},
                 ImagePart{"https://x/y.png", "", "", ""}},
                "ann"}};
    EXPECT_EQ(body_of(request).at("messages"), parsed(R"([
        {"role":"system","content":"be brief"},
        {"role":"user","content":"hi 你"},
        {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"get","arguments":"{\"a\":1}"}}]},
        {"role":"tool","tool_call_id":"c1","content":"42"},
        {"role":"tool","tool_call_id":"c2","content":"no"},
        {"role":"user","content":[{"type":"text","text":"see"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AQID","detail":"low"}},
            {"type":"image_url","image_url":{"url":"https://x/y.png"}}],"name":"ann"}])"));
}

TEST(OpenAiRequest, WritesSettingsOnlyWhenSet) {
    ChatRequest request;
    request.messages = {Message::user("x")};
    EXPECT_EQ(
        body_of(request),
        parsed(
            R"({"model":"m","messages":[{"role":"user","content":"x"}],"stream":true,"stream_options":{"include_usage":true}})"));
    request.settings.temperature = 0.5;
    request.settings.seed = 7;
    request.settings.max_tokens = 9;
    request.settings.stop = {"\n", "END"};
    request.settings.logit_bias = {{50256, -100.0}};
    request.settings.top_logprobs = 2;
    request.settings.top_k = 40;
    request.settings.decoding.typical_p = 0.5;
    request.settings.decoding.ignore_eos = true;
    request.settings.decoding.bad_words = {"x"};
    request.user = "u";
    OpenAiOptions options;
    options.quirks.ask_for_usage = false;
    options.base_url = "http://127.0.0.1:8000/v1";
    EXPECT_EQ(
        body_of(request, options),
        parsed(
            R"({"model":"m","messages":[{"role":"user","content":"x"}],"temperature":0.5,"seed":7,"top_k":40,"typical_p":0.5,
        "ignore_eos":true,"bad_words":["x"],"stop":["\n","END"],"logit_bias":{"50256":-100.0},"stream":true,"max_tokens":9,"logprobs":true,"top_logprobs":2,"user":"u"})"));
    options.base_url = "https://api.openai.com/v1";
    EXPECT_EQ(body_of(request, options).at("max_completion_tokens"), json::Value(9));
    options.quirks.max_tokens_field = OpenAiQuirks::MaxTokensField::max_tokens;
    EXPECT_EQ(body_of(request, options).at("max_tokens"), json::Value(9));
}

TEST(OpenAiRequest, WritesTools) {
    ChatRequest request;
    request.messages = {Message::user("x")};
    request.tools = {{"get", "Gets.", R"({"type":"object","properties":{"q":{"type":"string"}}})"}, {"now", "", ""}};
    EXPECT_EQ(
        body_of(request).at("tools"),
        parsed(
            R"([{"type":"function","function":{"name":"get","description":"Gets.","parameters":{"type":"object","properties":{"q":{"type":"string"}}}}},
        {"type":"function","function":{"name":"now","description":""}}])"));
    request.tools[0].parameters_schema = "{";
    const auto bad = chat_body("m", request, {});
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().code(), ErrorCode::invalid_argument);
    EXPECT_NE(bad.error().message().find("get"), std::string::npos);
}

TEST(OpenAiRequest, RefusesPartsARoleCannotCarry) {
    ChatRequest request;
    request.messages = {Message{Role::tool, {TextPart{"x"}}, ""}};
    EXPECT_FALSE(chat_body("m", request, {}));
    request.messages = {Message{Role::user, {ToolCallPart{"a", "b", "{}"}}, ""}};
    EXPECT_FALSE(chat_body("m", request, {}));
}

TEST(OpenAiRequest, WritesCompletionsAndEmbeddings) {
    CompletionRequest completion;
    completion.prompt = "Once";
    completion.settings.max_tokens = 3;
    completion.settings.top_logprobs = 1;
    EXPECT_EQ(
        parsed(completion_body("m", completion, {}).value_or("")),
        parsed(
            R"({"model":"m","prompt":"Once","stream":true,"stream_options":{"include_usage":true},"max_tokens":3,"logprobs":1})"));
    OpenAiOptions options;
    options.dimensions = 256;
    EXPECT_EQ(parsed(embeddings_body("e", {"a", "b"}, options)),
              parsed(R"({"model":"e","input":["a","b"],"encoding_format":"base64","dimensions":256})"));
}

TEST(OpenAiRequest, JoinsTheEndpoint) {
    EXPECT_EQ(wire::endpoint("http://h/v1", "/chat/completions"), "http://h/v1/chat/completions");
    EXPECT_EQ(wire::endpoint("http://h/v1/", "/embeddings"), "http://h/v1/embeddings");
    EXPECT_EQ(wire::endpoint("https://h/openai/deployments/d?api-version=2024-10-21", "/chat/completions"),
              "https://h/openai/deployments/d/chat/completions?api-version=2024-10-21");
}

}  // namespace
}  // namespace tenon::provider::openai
