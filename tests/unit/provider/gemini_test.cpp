// Requests of the Generative Language API held to Google's published interface, and what its answers become.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "fake/provider_server.hpp"
#include "fake/rich_requests.hpp"
#include "fake/strict_provider.hpp"
#include "provider/gemini/decode.hpp"
#include "provider/gemini/request.hpp"
#include "provider/wire/error.hpp"

namespace tenon::provider {
namespace {

using namespace llm;
using Effort = ReasoningSettings::Effort;

json::Value body_of(const ChatRequest& request, const std::string& model = "gemini-3-pro-preview",
                    const GeminiOptions& options = {}) {
    const auto body = gemini::generate_body(model, request, options);
    EXPECT_TRUE(body) << body.error().describe();
    return body ? json::Value(*body) : json::Value();
}
json::Value parsed(std::string_view text) { return json::parse(text).value_or("test is wrong"); }

ChatResponse decoded(const std::string& stream) {
    gemini::ContentDecoder decoder;
    std::vector<ChatEvent> events;
    EXPECT_TRUE(decoder.feed(stream, events));
    EXPECT_TRUE(decoder.finish(events));
    ResponseBuilder builder;
    for (auto& event : events) builder.add(event);
    return builder.take();
}

TEST(GeminiRequest, TheFakeRefusesWhatTheProviderRefuses) {
    const auto check = [](const char* text) { return fake::gemini_generate(parsed(text)); };
    EXPECT_EQ(check(R"({"contents":[{"role":"user","parts":[{"text":"x"}]}]})"), "");
    EXPECT_NE(check(R"({"contents":[{"role":"user","parts":[{"txt":"x"}]}]})"), "");
    EXPECT_NE(check(R"({"contents":[{"role":"assistant","parts":[{"text":"x"}]}]})"), "");
    EXPECT_NE(check(R"({"contents":[{"role":"user","parts":[{"text":"x"}]}],"generationConfig":{"top_p":1}})"), "");
    EXPECT_NE(
        check(
            R"({"contents":[{"role":"user","parts":[{"text":"x"}]}],"toolConfig":{"functionCallingConfig":{"mode":"SOME"}}})"),
        "");
    EXPECT_NE(check(R"({"contents":[{"role":"user","parts":[{"functionResponse":{"name":"f","response":{}}}]}]})"), "");
}

TEST(GeminiRequest, EveryRequestOfTheVocabularyFits) {
    for (const auto& request :
         {fake::tool_conversation(), fake::picture_question(), fake::document_question(), fake::schema_question()})
        for (const bool newer : {true, false}) {
            GeminiOptions options;
            options.json_schema = newer;
            const auto body = body_of(request, "gemini-2.5-flash", options);
            EXPECT_EQ(fake::gemini_generate(body), "") << json::dump(body);
            const auto count = gemini::count_body("gemini-2.5-flash", request, options);
            ASSERT_TRUE(count);
            EXPECT_EQ(fake::gemini_count(parsed(*count)), "") << *count;
        }
    auto request = fake::tool_conversation();
    for (const auto mode :
         {ToolChoice::Mode::automatic, ToolChoice::Mode::none, ToolChoice::Mode::required, ToolChoice::Mode::named}) {
        request.tool_choice = {mode, "now", {}};
        EXPECT_EQ(fake::gemini_generate(body_of(request)), "") << json::dump(body_of(request));
    }
    request.settings.temperature = 0;
    request.settings.top_k = 4;
    request.settings.max_tokens = 10;
    request.settings.stop = {"x"};
    request.settings.top_logprobs = 3;
    request.settings.seed = 1;
    gemini::RequestExtras extras;
    extras.safety = {{"HARM_CATEGORY_HARASSMENT", "BLOCK_NONE"}};
    extras.cached_content = "cachedContents/x";
    extras.response_modalities = {"TEXT"};
    extras.tools_json = {R"({"googleSearch":{}})"};
    extras.more_generation = {{"candidateCount", "1"}};
    request.extensions.set(extras);
    EXPECT_EQ(fake::gemini_generate(body_of(request)), "") << json::dump(body_of(request));
}

TEST(GeminiRequest, WritesTurns) {
    EXPECT_EQ(body_of(fake::tool_conversation()).at("contents"), parsed(R"([
        {"role":"user","parts":[{"text":"Weather in Paris, and the time?"}]},
        {"role":"model","parts":[{"text":"two calls","thought":true,"thoughtSignature":"c2lnbmF0dXJl"},{"text":"I look."},
            {"functionCall":{"name":"get_weather","args":{"city":"Paris"},"id":"call_1"},"thoughtSignature":"c2lnMQ=="},
            {"functionCall":{"name":"now","args":{},"id":"call_2"}}]},
        {"role":"user","parts":[{"functionResponse":{"name":"get_weather","response":{"output":"rain"},"id":"call_1"}},
            {"functionResponse":{"name":"now","response":{"error":"no clock"},"id":"call_2"}},{"text":"So?"}]}])"));
    const auto picture = body_of(fake::picture_question()).at("contents").at(0).at("parts");
    EXPECT_EQ(picture.at(1), parsed(R"({"inlineData":{"mimeType":"image/png","data":"iVBORw=="}})"));
    EXPECT_EQ(picture.at(2), parsed(R"({"fileData":{"fileUri":"https://pictures.example/a.png"}})"));
}

TEST(GeminiRequest, ThinksAsTheModelCan) {
    auto request = fake::schema_question();
    request.reasoning = ReasoningSettings{Effort::low};
    const auto thinking = [&](const char* model) {
        const auto body = body_of(request, model);
        EXPECT_EQ(fake::gemini_generate(body), "") << json::dump(body);
        return body.at("generationConfig").at("thinkingConfig");
    };
    EXPECT_EQ(thinking("gemini-3-pro-preview"), parsed(R"({"includeThoughts":true,"thinkingLevel":"LOW"})"));
    EXPECT_EQ(thinking("gemini-2.5-pro"), parsed(R"({"includeThoughts":true,"thinkingBudget":1024})"));
    request.reasoning = ReasoningSettings{Effort::none, {}, false};
    EXPECT_EQ(thinking("gemini-2.5-flash"), parsed(R"({"includeThoughts":false,"thinkingBudget":0})"));
}

TEST(GeminiRequest, SaysSchemasInTheOlderDialect) {
    const auto schema = parsed(R"({"$schema":"x","type":"object","additionalProperties":false,"properties":{
        "type":{"type":["string","null"],"pattern":"a"},"list":{"type":"array","items":{"type":"integer","exclusiveMinimum":0}}},"required":["type"]})");
    EXPECT_EQ(json::Value(gemini::older_schema(schema.as_object())), parsed(R"({"type":"OBJECT","properties":{
        "type":{"type":"STRING","nullable":true,"pattern":"a"},"list":{"type":"ARRAY","items":{"type":"INTEGER"}}},"required":["type"]})"));
}

TEST(GeminiRequest, RefusesWhatTheApiHasNoWordFor) {
    auto request = fake::schema_question();
    request.format = GrammarFormat{"root ::= x"};
    EXPECT_EQ(gemini::generate_body("m", request, {}).error().code(), ErrorCode::unsupported);
    request.format = {};
    request.settings.logit_bias = {{1, 1}};
    EXPECT_EQ(gemini::generate_body("m", request, {}).error().code(), ErrorCode::unsupported);
    request.settings = {};
    request.messages = {Message{Role::tool, {ToolResultPart{"nobody", "", "x"}}, ""}};
    EXPECT_EQ(gemini::generate_body("m", request, {}).error().code(), ErrorCode::invalid_argument);
}

TEST(GeminiDecode, SignaturesGoBackWhereTheyCameFrom) {
    ChatRequest request;
    request.messages = {Message::user("x"), decoded(fake::recorded("gemini/parallel_tools.sse")).message,
                        Message{Role::tool, {ToolResultPart{"fc_1", "", "a"}, ToolResultPart{"fc_2", "", "b"}}, ""}};
    auto body = body_of(request);
    EXPECT_EQ(fake::gemini_generate(body), "") << json::dump(body);
    EXPECT_EQ(body.at("contents").at(1).at("parts").at(0).at("thoughtSignature"), json::Value("YSB0aG91Z2h0"));
    request.messages = {Message::user("x"), decoded(fake::recorded("gemini/thinking.sse")).message, Message::user("y")};
    body = body_of(request);
    EXPECT_EQ(fake::gemini_generate(body), "") << json::dump(body);
    EXPECT_EQ(body.at("contents").at(1),
              parsed(R"({"role":"model","parts":[{"text":"42"},{"text":"","thoughtSignature":"YSB0aG91Z2h0"}]})"));
}

TEST(GeminiDecode, CallsWithoutIdsGetOursAndKeepThemToThemselves) {
    const auto answer = decoded(
        "data: {\"responseId\":\"r\",\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\"}},"
        "{\"functionCall\":{\"name\":\"g\",\"args\":{\"x\":1}}}]},\"finishReason\":\"STOP\"}]}\n\n");
    const auto calls = answer.message.tool_calls();
    ASSERT_EQ(calls.size(), 2U);
    EXPECT_NE(calls[0]->id, calls[1]->id);
    ChatRequest request;
    request.messages = {
        Message::user("x"), answer.message,
        Message{Role::tool, {ToolResultPart{calls[0]->id, "", "a"}, ToolResultPart{calls[1]->id, "", "b"}}, ""}};
    const auto body = body_of(request);
    EXPECT_EQ(fake::gemini_generate(body), "") << json::dump(body);
    EXPECT_FALSE(body.at("contents").at(1).at("parts").at(0).at("functionCall").as_object().contains("id"));
}

TEST(GeminiDecode, PicturesLogprobsAndCodeAreKept) {
    const auto answer = decoded(
        R"(data: {"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"AQI="}},{"executableCode":{"language":"PYTHON","code":"1"}}]},)"
        R"("logprobsResult":{"chosenCandidates":[{"token":"a","logProbability":-0.5}],"topCandidates":[{"candidates":[{"token":"b","logProbability":-1}]}]},"finishReason":"STOP"}]})"
        "\n\n");
    ASSERT_EQ(answer.message.content.size(), 2U);
    EXPECT_EQ(std::get<ImagePart>(answer.message.content[0]).bytes, "\x01\x02");
    EXPECT_EQ(std::get<ProviderPart>(answer.message.content[1]).type, "executableCode");
    ASSERT_EQ(answer.logprobs.size(), 1U);
    EXPECT_EQ(answer.logprobs[0].top.at(0).text, "b");
}

TEST(GeminiDecode, ErrorsByTheirStatusWithTheirDelay) {
    const auto limited = wire::error_of_response(
        429, {},
        R"([{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}]}}])");
    EXPECT_EQ(limited.code(), ErrorCode::rate_limited);
    EXPECT_EQ(limited.retry_after_ms(), 34'500);
    gemini::ContentDecoder decoder;
    std::vector<ChatEvent> events;
    const auto malformed =
        decoder.feed("data: {\"candidates\":[{\"finishReason\":\"MALFORMED_FUNCTION_CALL\"}]}\n\n", events);
    ASSERT_FALSE(malformed);
    EXPECT_EQ(malformed.error().code(), ErrorCode::unavailable);
}

TEST(GeminiProvider, AnswersCountsAndEmbedsOverHttp) {
    const std::string base = "/v1beta/models/";
    fake::ProviderServer server(
        {{base + "gemini-3-pro-preview:streamGenerateContent",
          {fake::gemini_generate, fake::recorded("gemini/text.sse")}},
         {base + "gemini-3-pro-preview:countTokens", {fake::gemini_count, R"({"totalTokens":31})", "application/json"}},
         {base + "gemini-embedding-001:batchEmbedContents",
          {fake::gemini_embed, R"({"embeddings":[{"values":[1,2]},{"values":[3,4]}]})", "application/json"}}});
    GeminiOptions options;
    options.base_url = server.url() + "/v1beta";
    options.api_key = "key";
    const auto model = make_gemini_chat_model(server.client, "gemini-3-pro-preview", options);
    const auto answer = sync_wait(server.runtime, model->generate(fake::tool_conversation(), {}));
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->message.text(), "Hello 你好!");
    EXPECT_EQ(server.header("x-goog-api-key"), "key");
    EXPECT_EQ(server.target(), base + "gemini-3-pro-preview:streamGenerateContent?alt=sse");
    const auto count = sync_wait(server.runtime, model->count_request_tokens(fake::tool_conversation(), {}));
    ASSERT_TRUE(count) << count.error().describe();
    EXPECT_EQ(*count, 31U);
    options.dimensions = 2;
    const auto embedder = make_gemini_embedder(server.client, "gemini-embedding-001", options);
    const auto rows = sync_wait(server.runtime, embedder->embed({"a", "b"}, EmbedKind::query, {}));
    ASSERT_TRUE(rows) << rows.error().describe();
    EXPECT_EQ(rows->values, (std::vector<float>{1, 2, 3, 4}));
    EXPECT_EQ(server.body().at("requests").at(1).at("taskType"), json::Value("RETRIEVAL_QUERY"));
}

}  // namespace
}  // namespace tenon::provider
