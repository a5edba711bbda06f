// Requests of the Messages API held to Anthropic's published interface, and what its answers become.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "fake/provider_server.hpp"
#include "fake/rich_requests.hpp"
#include "fake/strict_provider.hpp"
#include "provider/anthropic/decode.hpp"
#include "provider/anthropic/request.hpp"
#include "provider/wire/error.hpp"

namespace tenon::provider {
namespace {

using namespace llm;
using Effort = ReasoningSettings::Effort;

json::Value body_of(const ChatRequest& request, const std::string& model = "claude-sonnet-4-5") {
    const auto body = anthropic::messages_body(model, request, {});
    EXPECT_TRUE(body) << body.error().describe();
    return json::parse(body.value_or("null")).value_or(nullptr);
}
json::Value parsed(std::string_view text) { return json::parse(text).value_or("test is wrong"); }

TEST(AnthropicRequest, TheFakeRefusesWhatTheProviderRefuses) {
    const auto check = [](const char* text) { return fake::anthropic_messages(parsed(text)); };
    EXPECT_EQ(check(R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],"stream":true})"), "");
    EXPECT_NE(check(R"({"model":"m","messages":[{"role":"user","content":"x"}],"stream":true})"), "");
    EXPECT_NE(
        check(
            R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":""}]}],"stream":true})"),
        "");
    EXPECT_NE(
        check(
            R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"}]}],"stream":true})"),
        "");
    EXPECT_NE(
        check(R"({"model":"m","max_tokens":9,"seed":1,"messages":[{"role":"user","content":"x"}],"stream":true})"), "");
    EXPECT_NE(
        check(
            R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"x"}}]}],"stream":true})"),
        "");
}

TEST(AnthropicRequest, EveryRequestOfTheVocabularyFits) {
    for (const auto& request :
         {fake::tool_conversation(), fake::picture_question(), fake::document_question(), fake::schema_question()}) {
        EXPECT_EQ(fake::anthropic_messages(body_of(request)), "") << json::dump(body_of(request));
        const auto count = anthropic::count_body("m", request, {});
        ASSERT_TRUE(count);
        EXPECT_EQ(fake::anthropic_count(parsed(*count)), "") << *count;
    }
    auto request = fake::tool_conversation();
    for (const auto mode :
         {ToolChoice::Mode::automatic, ToolChoice::Mode::none, ToolChoice::Mode::required, ToolChoice::Mode::named})
        for (const auto parallel : {std::optional<bool>{}, std::optional<bool>{false}}) {
            request.tool_choice = {mode, "now", parallel};
            EXPECT_EQ(fake::anthropic_messages(body_of(request)), "") << json::dump(body_of(request));
        }
    EXPECT_EQ(body_of(request).at("tool_choice"),
              parsed(R"({"type":"tool","name":"now","disable_parallel_tool_use":true})"));
    request.settings.temperature = 0.5;
    request.settings.top_k = 5;
    request.settings.stop = {"###"};
    request.user = "u1";
    request.messages[0].cache = CacheHint{};
    request.messages[5].cache = CacheHint{std::chrono::hours(1)};
    anthropic::RequestExtras extras;
    extras.service_tier = "standard_only";
    extras.tools_json = {R"({"type":"web_search_20250305","name":"web_search"})"};
    request.extensions.set(extras);
    const auto body = body_of(request);
    EXPECT_EQ(fake::anthropic_messages(body), "") << json::dump(body);
    EXPECT_EQ(body.at("system").at(0).at("cache_control"), parsed(R"({"type":"ephemeral","ttl":"5m"})"));
    EXPECT_EQ(body.at("messages").at(2).at("content").at(2).at("cache_control").at("ttl"), json::Value("1h"));
    EXPECT_EQ(body.at("metadata").at("user_id"), json::Value("u1"));
}

TEST(AnthropicRequest, WritesTurns) {
    EXPECT_EQ(body_of(fake::tool_conversation()).at("messages"), parsed(R"([
        {"role":"user","content":[{"type":"text","text":"Weather in Paris, and the time?"}]},
        {"role":"assistant","content":[{"type":"thinking","thinking":"two calls","signature":"c2lnbmF0dXJl"},{"type":"text","text":"I look."},
            {"type":"tool_use","id":"call_1","name":"get_weather","input":{"city":"Paris"}},{"type":"tool_use","id":"call_2","name":"now","input":{}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":"rain"},
            {"type":"tool_result","tool_use_id":"call_2","content":"no clock","is_error":true},{"type":"text","text":"So?"}]}])"));
    const auto document = body_of(fake::document_question()).at("messages").at(0).at("content").at(0);
    EXPECT_EQ(
        document,
        parsed(R"({"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0xLjc="},
        "title":"report.pdf","context":"last year's","citations":{"enabled":true}})"));
}

TEST(AnthropicRequest, ThinksAsTheModelCan) {
    auto request = fake::schema_question();
    request.format = {};
    request.reasoning = ReasoningSettings{Effort::high};
    auto body = body_of(request);
    EXPECT_EQ(fake::anthropic_messages(body), "");
    EXPECT_EQ(body.at("thinking"), parsed(R"({"type":"enabled","budget_tokens":16384})"));
    EXPECT_EQ(body.at("max_tokens"), json::Value(8192 + 16384));
    body = body_of(request, "claude-opus-4-7");
    EXPECT_EQ(fake::anthropic_messages(body), "");
    EXPECT_EQ(body.at("thinking"), parsed(R"({"type":"adaptive","display":"summarized"})"));
    EXPECT_EQ(body.at("output_config").at("effort"), json::Value("high"));
    request.settings.temperature = 0;
    EXPECT_EQ(fake::anthropic_messages(body_of(request, "claude-opus-4-7")), "");
    EXPECT_FALSE(body_of(request, "claude-opus-4-7").as_object().contains("temperature"));
    request.reasoning->budget_tokens = 10;
    EXPECT_EQ(body_of(request, "claude-opus-4-7").at("thinking").at("type"), json::Value("adaptive"));
    EXPECT_EQ(body_of(request, "claude-opus-4-6").at("thinking").at("type"), json::Value("enabled"));
    request.settings.max_tokens = 2000;
    EXPECT_EQ(body_of(request).at("thinking").at("budget_tokens"), json::Value(1024));
    request.reasoning = ReasoningSettings{Effort::none};
    EXPECT_EQ(body_of(request).at("thinking").at("type"), json::Value("disabled"));
}

TEST(AnthropicRequest, RefusesWhatTheApiHasNoWordFor) {
    const auto code = [](const ChatRequest& request) {
        const auto body = anthropic::messages_body("m", request, {});
        return body ? ErrorCode::internal : body.error().code();
    };
    auto request = fake::schema_question();
    request.format = JsonFormat{};
    EXPECT_EQ(code(request), ErrorCode::unsupported);
    request.format = RegexFormat{"a"};
    EXPECT_EQ(code(request), ErrorCode::unsupported);
    request.format = {};
    request.settings.top_logprobs = 1;
    EXPECT_EQ(code(request), ErrorCode::unsupported);
    request.settings = {};
    request.messages = {Message{Role::user, {AudioPart{"audio/wav", "x"}}, ""}};
    EXPECT_EQ(code(request), ErrorCode::unsupported);
    request.messages = {Message{Role::user, {ToolCallPart{"a", "b", "{}"}}, ""}};
    EXPECT_EQ(code(request), ErrorCode::invalid_argument);
    request.messages = {Message{Role::assistant, {ToolCallPart{"a", "b", "["}}, ""}};
    EXPECT_EQ(code(request), ErrorCode::invalid_argument);
}

TEST(AnthropicDecode, KeepsWhereCitationsPoint) {
    anthropic::MessageDecoder decoder;
    std::vector<ChatEvent> events;
    ASSERT_TRUE(decoder.feed(fake::recorded("anthropic/citations.sse"), events));
    std::vector<CitationPart> found;
    for (const auto& event : events)
        for (const auto& part : event.parts) found.push_back(std::get<CitationPart>(part));
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].source, "facts.txt");
    EXPECT_EQ(found[0].start, 4U);
    EXPECT_EQ(found[0].end, 20U);
    EXPECT_EQ(found[0].unit, CitationPart::Unit::characters);
    EXPECT_EQ(found[1].document, 1U);
    EXPECT_EQ(found[1].unit, CitationPart::Unit::pages);
    EXPECT_EQ(events.back().extensions.get<anthropic::AnswerExtras>()->stop_sequence, "###");
}

TEST(AnthropicDecode, IgnoresEventsItDoesNotKnow) {
    auto stream = fake::recorded("anthropic/text.sse");
    stream.insert(stream.find("event: content_block_delta"),
                  "event: surprise\ndata: {\"type\":\"surprise\",\"index\":0}\n\n"
                  "event: content_block_delta\ndata: "
                  "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"new_delta\"}}\n\n");
    anthropic::MessageDecoder decoder;
    std::vector<ChatEvent> events;
    ASSERT_TRUE(decoder.feed(stream, events));
    ResponseBuilder builder;
    for (auto& event : events) builder.add(event);
    EXPECT_EQ(builder.take().message.text(), "Hello 你好!");
}

TEST(AnthropicDecode, ErrorsByTheirType) {
    const auto code = [](int status, std::string_view type) {
        return wire::error_of_response(
                   status, {{"retry-after", "3"}},
                   R"({"type":"error","error":{"type":")" + std::string(type) + R"(","message":"m"},"request_id":"r"})")
            .code();
    };
    EXPECT_EQ(code(529, "overloaded_error"), ErrorCode::unavailable);
    EXPECT_EQ(code(429, "rate_limit_error"), ErrorCode::rate_limited);
    EXPECT_EQ(code(401, "authentication_error"), ErrorCode::unauthenticated);
    EXPECT_EQ(code(413, "request_too_large"), ErrorCode::resource_exhausted);
    EXPECT_EQ(code(404, "not_found_error"), ErrorCode::not_found);
    EXPECT_EQ(code(400, "invalid_request_error"), ErrorCode::invalid_argument);
}

TEST(AnthropicProvider, AnswersAndCountsOverHttp) {
    fake::ProviderServer server(
        {{"/v1/messages", {fake::anthropic_messages, fake::recorded("anthropic/thinking_and_tools.sse")}},
         {"/v1/messages/count_tokens", {fake::anthropic_count, R"({"input_tokens":2095})", "application/json"}}});
    AnthropicOptions options;
    options.base_url = server.url() + "/v1";
    options.api_key = "sk-ant";
    options.betas = {"a-2025-01-01"};
    const auto model = make_anthropic_chat_model(server.client, "claude-sonnet-4-5", options);
    auto request = fake::tool_conversation();
    anthropic::RequestExtras extras;
    extras.betas = {"b-2025-01-01"};
    request.extensions.set(extras);
    const auto answer = sync_wait(server.runtime, model->generate(request, {}));
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(server.header("x-api-key"), "sk-ant");
    EXPECT_EQ(server.header("anthropic-version"), "2023-06-01");
    EXPECT_EQ(server.header("anthropic-beta"), "a-2025-01-01,b-2025-01-01");
    ASSERT_EQ(answer->message.content.size(), 4U);
    EXPECT_EQ(std::get<ReasoningPart>(answer->message.content[0]).signature, "EqQBCgIYAhIM1gbcDa9GJwZA2b3h");
    // The answer goes back as it came.
    request.messages = {
        Message::user("x"), answer->message,
        Message{Role::tool, {ToolResultPart{"toolu_1", "", "a"}, ToolResultPart{"toolu_2", "", "b"}}, ""}};
    EXPECT_EQ(fake::anthropic_messages(body_of(request)), "");
    const auto count = sync_wait(server.runtime, model->count_request_tokens(request, {}));
    ASSERT_TRUE(count) << count.error().describe();
    EXPECT_EQ(*count, 2095U);
}

TEST(AnthropicProvider, ServerToolsGoBackAsTheyCame) {
    anthropic::MessageDecoder decoder;
    std::vector<ChatEvent> events;
    ASSERT_TRUE(decoder.feed(fake::recorded("anthropic/server_tools.sse"), events));
    ResponseBuilder builder;
    for (auto& event : events) builder.add(event);
    ChatRequest request;
    request.messages = {Message::user("x"), builder.take().message, Message::user("y")};
    const auto body = body_of(request);
    EXPECT_EQ(fake::anthropic_messages(body), "") << json::dump(body);
    EXPECT_EQ(body.at("messages").at(1).at("content").at(0).at("input").at("query"), json::Value("rain"));
}

}  // namespace
}  // namespace tenon::provider
