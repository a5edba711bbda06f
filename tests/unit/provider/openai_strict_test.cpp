// Requests of chat completions held to OpenAI's published interface.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "fake/provider_server.hpp"
#include "fake/rich_requests.hpp"
#include "fake/strict_provider.hpp"
#include "provider/openai/request.hpp"
#include "tenon/provider/openai.hpp"

namespace tenon::provider {
namespace {

using namespace llm;

json::Value body_of(const ChatRequest& request, const OpenAiOptions& options = {}) {
    const auto body = openai::chat_body("gpt-5", request, options);
    EXPECT_TRUE(body) << body.error().describe();
    return json::parse(body.value_or("null")).value_or(nullptr);
}

TEST(OpenAiStrict, TheFakeRefusesWhatTheProviderRefuses) {
    const auto check = [](const char* text) { return fake::openai_chat(json::parse(text).value()); };
    EXPECT_EQ(check(R"({"model":"m","messages":[{"role":"user","content":"x"}],"stream":true})"), "");
    EXPECT_NE(check(R"({"model":"m","messages":[{"role":"user","content":"x"}],"stream":true,"top_k":3})"), "");
    EXPECT_NE(check(R"({"model":"m","messages":[{"role":"robot","content":"x"}],"stream":true})"), "");
    EXPECT_NE(check(R"({"model":"m","stream":true})"), "");
    EXPECT_NE(check(R"({"model":"m","messages":[{"role":"user","content":"x"}],"stream":true,"tool_choice":"auto"})"),
              "");
    EXPECT_NE(check(R"({"model":"m","messages":[{"role":"tool","content":"x","tool_call_id":"1"}],"stream":true})"),
              "");
}

TEST(OpenAiStrict, EveryRequestOfTheVocabularyFits) {
    for (const auto& request :
         {fake::tool_conversation(), fake::picture_question(), fake::document_question(), fake::schema_question()})
        EXPECT_EQ(fake::openai_chat(body_of(request)), "") << json::dump(body_of(request));
    auto request = fake::tool_conversation();
    for (const auto mode :
         {ToolChoice::Mode::automatic, ToolChoice::Mode::none, ToolChoice::Mode::required, ToolChoice::Mode::named}) {
        request.tool_choice = {mode, "now", false};
        EXPECT_EQ(fake::openai_chat(body_of(request)), "");
    }
    EXPECT_EQ(body_of(request).at("tool_choice").at("function").at("name"), json::Value("now"));
    request.reasoning = ReasoningSettings{ReasoningSettings::Effort::minimal};
    request.metadata = {{"run", "7"}};
    request.user = "u";
    request.settings.temperature = 1;
    request.settings.max_tokens = 100;
    request.settings.top_logprobs = 2;
    request.settings.seed = 3;
    request.settings.stop = {"END"};
    request.settings.logit_bias = {{5, -100}};
    openai::RequestExtras extras;
    extras.service_tier = "flex";
    extras.store = false;
    extras.safety_identifier = "s";
    extras.prompt_cache_key = "k";
    extras.prompt_cache_retention = "24h";
    extras.verbosity = "low";
    extras.prediction = "So it rains.";
    extras.audio_voice = "alloy";
    extras.more = {{"web_search_options", R"({"search_context_size":"low"})"}};
    request.extensions.set(extras);
    const auto body = body_of(request);
    EXPECT_EQ(fake::openai_chat(body), "") << json::dump(body);
    EXPECT_EQ(body.at("reasoning_effort"), json::Value("minimal"));
    EXPECT_EQ(body.at("max_completion_tokens"), json::Value(100));
    EXPECT_EQ(body.at("store"), json::Value(false));
    request.format = JsonFormat{};
    EXPECT_EQ(body_of(request).at("response_format"), json::parse(R"({"type":"json_object"})").value());
    extras.more = {{"x", "{"}};
    request.extensions.set(extras);
    EXPECT_EQ(openai::chat_body("m", request, {}).error().code(), ErrorCode::invalid_argument);
}

TEST(OpenAiStrict, PicturesThatToolsGiveFollowTheirResults) {
    auto request = fake::tool_conversation();
    std::get<ToolResultPart>(request.messages[3].content[0]).images = {ImagePart{"", "image/png", "x", ""}};
    const auto body = body_of(request);
    EXPECT_EQ(fake::openai_chat(body), "") << json::dump(body);
    EXPECT_EQ(body.at("messages").at(5).at("content").at(0).at("type"), json::Value("image_url"));
}

TEST(OpenAiStrict, GrammarsAndReasoningGoTheServersWay) {
    ChatRequest request = fake::schema_question();
    request.format = RegexFormat{"[a-z]+"};
    EXPECT_EQ(openai::chat_body("m", request, {}).error().code(), ErrorCode::unsupported);
    OpenAiOptions options;
    options.quirks.constraint = OpenAiQuirks::Constraint::vllm;
    EXPECT_EQ(body_of(request, options).at("structured_outputs").at("regex"), json::Value("[a-z]+"));
    options.quirks.constraint = OpenAiQuirks::Constraint::llama_cpp;
    EXPECT_EQ(openai::chat_body("m", request, options).error().code(), ErrorCode::unsupported);
    request.format = GrammarFormat{"root ::= \"a\""};
    EXPECT_EQ(body_of(request, options).at("grammar"), json::Value("root ::= \"a\""));
    request.format = {};
    request.reasoning = ReasoningSettings{ReasoningSettings::Effort::none};
    using Style = OpenAiQuirks::Reasoning;
    const auto with = [&](Style style) {
        options.quirks.reasoning = style;
        return body_of(request, options);
    };
    EXPECT_EQ(with(Style::thinking_type).at("thinking").at("type"), json::Value("disabled"));
    EXPECT_EQ(with(Style::enable_thinking).at("enable_thinking"), json::Value(false));
    EXPECT_EQ(with(Style::chat_template).at("chat_template_kwargs").at("enable_thinking"), json::Value(false));
    EXPECT_EQ(with(Style::openrouter).at("reasoning").at("effort"), json::Value("none"));
    options.quirks.reasoning = Style::none;
    EXPECT_EQ(openai::chat_body("m", request, options).error().code(), ErrorCode::unsupported);
}

TEST(OpenAiStrict, TheDeveloperIsTheSystemElsewhere) {
    ChatRequest request;
    request.messages = {Message{Role::developer, {TextPart{"x"}}, ""}};
    EXPECT_EQ(body_of(request).at("messages").at(0).at("role"), json::Value("developer"));
    OpenAiOptions options;
    options.base_url = "http://127.0.0.1/v1";
    EXPECT_EQ(body_of(request, options).at("messages").at(0).at("role"), json::Value("system"));
}

TEST(OpenAiStrict, OverHttpWithToolsAndExtras) {
    fake::ProviderServer server(
        {{"/v1/chat/completions", {fake::openai_chat, fake::recorded("openai_chat/parallel_tools.sse")}}});
    OpenAiOptions options;
    options.base_url = server.url() + "/v1?api-version=2024-10-21";
    options.api_key = "k";
    options.api_key_header = "api-key";
    const auto model = make_openai_chat_model(server.client, "gpt-5", options);
    const auto answer = sync_wait(server.runtime, model->generate(fake::tool_conversation(), {}));
    ASSERT_TRUE(answer) << answer.error().describe();
    ASSERT_EQ(answer->message.tool_calls().size(), 2U);
    EXPECT_EQ(answer->finish, FinishReason::tool_calls);
    EXPECT_EQ(answer->model, "gpt-5-2025-08-07");
    EXPECT_EQ(answer->extensions.get<openai::AnswerExtras>()->service_tier, "default");
    EXPECT_EQ(server.header("api-key"), "k");
    EXPECT_EQ(server.header("authorization"), "(none)");
    EXPECT_EQ(server.target(), "/v1/chat/completions?api-version=2024-10-21");
}

TEST(OpenAiStrict, SpeechAndRefusalsAreKept) {
    fake::ProviderServer server(
        {{"/v1/chat/completions",
          {{},
           R"({"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"no",
              "audio":{"id":"audio_1","data":"AQID","transcript":"hm","expires_at":1}},"finish_reason":"stop"}]})",
           "application/json"}}});
    OpenAiOptions options;
    options.base_url = server.url() + "/v1";
    const auto model = make_openai_chat_model(server.client, "m", options);
    auto request = fake::schema_question();
    openai::RequestExtras extras;
    extras.audio_format = "mp3";
    request.extensions.set(extras);
    const auto answer = sync_wait(server.runtime, model->generate(request, {}));
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->message.text(), "no");
    EXPECT_EQ(answer->extensions.get<openai::AnswerExtras>()->refusal, "no");
    const auto& audio = std::get<AudioPart>(answer->message.content.back());
    EXPECT_EQ(audio.media_type, "audio/mpeg");
    EXPECT_EQ(audio.bytes, "\x01\x02\x03");
    EXPECT_EQ(audio.transcript, "hm");
}

}  // namespace
}  // namespace tenon::provider
