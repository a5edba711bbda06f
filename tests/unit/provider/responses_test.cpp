// Requests of the Responses API held to OpenAI's published interface, and what its answers become.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "fake/provider_server.hpp"
#include "fake/rich_requests.hpp"
#include "fake/strict_provider.hpp"
#include "provider/responses/decode.hpp"
#include "provider/responses/request.hpp"

namespace tenon::provider {
namespace {

using namespace llm;

json::Value body_of(const ChatRequest& request) {
    const auto body = responses::responses_body("gpt-5", request, {});
    EXPECT_TRUE(body) << body.error().describe();
    return json::parse(body.value_or("null")).value_or(nullptr);
}
json::Value parsed(std::string_view text) { return json::parse(text).value_or("test is wrong"); }

ChatResponse decoded(const std::string& stream) {
    responses::ResponsesDecoder decoder;
    std::vector<ChatEvent> events;
    EXPECT_TRUE(decoder.feed(stream, events));
    EXPECT_TRUE(decoder.done());
    ResponseBuilder builder;
    for (auto& event : events) builder.add(event);
    return builder.take();
}

TEST(ResponsesRequest, TheFakeRefusesWhatTheProviderRefuses) {
    const auto check = [](const char* text) { return fake::openai_responses(parsed(text)); };
    EXPECT_EQ(check(R"({"model":"m","input":[{"role":"user","content":"x"}],"stream":true})"), "");
    EXPECT_NE(check(R"({"model":"m","input":[{"role":"user","content":"x"}],"stream":true,"stop":["x"]})"), "");
    EXPECT_NE(check(R"({"model":"m","input":[{"role":"tool","content":"x"}],"stream":true})"), "");
    EXPECT_NE(
        check(R"({"model":"m","input":[{"type":"function_call_output","call_id":"a","output":"x"}],"stream":true})"),
        "");
    EXPECT_NE(check(R"({"model":"m","input":"x","stream":true,"text":{"format":{"type":"json_schema","schema":{}}}})"),
              "");
}

TEST(ResponsesRequest, EveryRequestOfTheVocabularyFits) {
    for (const auto& request :
         {fake::tool_conversation(), fake::picture_question(), fake::document_question(), fake::schema_question()})
        EXPECT_EQ(fake::openai_responses(body_of(request)), "") << json::dump(body_of(request));
    auto request = fake::tool_conversation();
    for (const auto mode :
         {ToolChoice::Mode::automatic, ToolChoice::Mode::none, ToolChoice::Mode::required, ToolChoice::Mode::named}) {
        request.tool_choice = {mode, "now", false};
        EXPECT_EQ(fake::openai_responses(body_of(request)), "") << json::dump(body_of(request));
    }
    request.reasoning = ReasoningSettings{ReasoningSettings::Effort::low};
    request.settings.max_tokens = 100;
    request.settings.temperature = 1;
    request.settings.top_logprobs = 2;
    request.metadata = {{"a", "b"}};
    openai::RequestExtras extras;
    extras.store = false;
    extras.verbosity = "low";
    extras.truncation = "auto";
    extras.previous_response_id = "resp_1";
    extras.tools_json = {R"({"type":"web_search"})"};
    request.extensions.set(extras);
    const auto body = body_of(request);
    EXPECT_EQ(fake::openai_responses(body), "") << json::dump(body);
    EXPECT_EQ(body.at("include"), parsed(R"(["message.output_text.logprobs","reasoning.encrypted_content"])"));
    EXPECT_EQ(body.at("reasoning"), parsed(R"({"effort":"low","summary":"auto"})"));
    request.settings.stop = {"x"};
    EXPECT_EQ(responses::responses_body("m", request, {}).error().code(), ErrorCode::unsupported);
}

TEST(ResponsesRequest, WritesItemsInTheirOrder) {
    const auto body = body_of(fake::tool_conversation());
    EXPECT_EQ(body.at("instructions"), json::Value("Be brief."));
    EXPECT_EQ(body.at("input"), parsed(R"([
        {"role":"user","content":[{"type":"input_text","text":"Weather in Paris, and the time?"}]},
        {"role":"assistant","content":"I look."},
        {"type":"function_call","call_id":"call_1","name":"get_weather","arguments":"{\"city\":\"Paris\"}"},
        {"type":"function_call","call_id":"call_2","name":"now","arguments":"{}"},
        {"type":"function_call_output","call_id":"call_1","output":"rain"},
        {"type":"function_call_output","call_id":"call_2","output":"no clock"},
        {"role":"user","content":[{"type":"input_text","text":"So?"}]}])"));
    EXPECT_EQ(body_of(fake::schema_question()).at("text").at("format").at("type"), json::Value("json_schema"));
}

TEST(ResponsesDecode, ReasoningGoesBackWithItsCipher) {
    ChatRequest request;
    request.messages = {
        Message::user("x"), decoded(fake::recorded("openai_responses/reasoning_and_tools.sse")).message,
        Message{Role::tool, {ToolResultPart{"call_a", "", "a"}, ToolResultPart{"call_b", "", "b"}}, ""}};
    const auto body = body_of(request);
    EXPECT_EQ(fake::openai_responses(body), "") << json::dump(body);
    EXPECT_EQ(body.at("input").at(1), parsed(R"({"type":"reasoning","id":"rs_0",
        "summary":[{"type":"summary_text","text":"Look it up.\n\nThen answer."}],"encrypted_content":"gAAAAABo"})"));
}

TEST(ResponsesDecode, ItemsOfTheProvidersToolsGoBackAsTheyCame) {
    ChatRequest request;
    request.messages = {Message::user("x"), decoded(fake::recorded("openai_responses/web_search.sse")).message,
                        Message::user("y")};
    const auto body = body_of(request);
    EXPECT_EQ(fake::openai_responses(body), "") << json::dump(body);
    EXPECT_EQ(body.at("input").at(1).at("type"), json::Value("web_search_call"));
}

TEST(ResponsesDecode, FailuresAndWholeAnswers) {
    responses::ResponsesDecoder failed;
    std::vector<ChatEvent> events;
    const auto result = failed.feed(
        "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"id\":\"r\",\"status\":\"failed\","
        "\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"slow down\"}}}\n\n",
        events);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), ErrorCode::rate_limited);
    responses::ResponsesDecoder whole;
    ASSERT_TRUE(whole.whole(
        R"({"id":"r","model":"m","status":"completed","error":null,"output":[
            {"type":"message","id":"m1","role":"assistant","content":[{"type":"output_text","text":"hi","annotations":[{"type":"file_citation","file_id":"f","filename":"a.txt","index":1}]}]},
            {"type":"function_call","call_id":"c","name":"f","arguments":"{\"x\":1}"}],"usage":{"input_tokens":3,"output_tokens":4}})",
        events));
    ResponseBuilder builder;
    for (auto& event : events) builder.add(event);
    const auto answer = builder.take();
    EXPECT_EQ(answer.message.text(), "hi");
    EXPECT_EQ(std::get<CitationPart>(answer.message.content.at(1)).title, "a.txt");
    EXPECT_EQ(answer.message.tool_calls().at(0)->arguments_json, "{\"x\":1}");
    EXPECT_EQ(answer.finish, FinishReason::tool_calls);
    EXPECT_EQ(answer.usage.output_tokens, 4U);
}

TEST(ResponsesProvider, AnswersOverHttp) {
    fake::ProviderServer server(
        {{"/v1/responses", {fake::openai_responses, fake::recorded("openai_responses/text.sse")}}});
    OpenAiOptions options;
    options.base_url = server.url() + "/v1";
    options.api_key = "sk";
    const auto model = make_openai_responses_model(server.client, "gpt-5", options);
    const auto answer = sync_wait(server.runtime, model->generate(fake::document_question(), {}));
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->message.text(), "Hi there 你好!");
    EXPECT_EQ(answer->id, "resp_67c9fdcecf488190bdd9a0409de3a1ec");
    EXPECT_EQ(server.header("authorization"), "Bearer sk");
}

}  // namespace
}  // namespace tenon::provider
