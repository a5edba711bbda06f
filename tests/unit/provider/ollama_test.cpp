// Requests of Ollama's API held to its published types, and what its answers become.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "fake/provider_server.hpp"
#include "fake/rich_requests.hpp"
#include "fake/strict_provider.hpp"
#include "provider/ollama/decode.hpp"
#include "provider/ollama/request.hpp"

namespace tenon::provider {
namespace {

using namespace llm;
using Effort = ReasoningSettings::Effort;

json::Value body_of(const ChatRequest& request, const std::string& model = "qwen3:8b") {
    const auto body = ollama::chat_body(model, request, {});
    EXPECT_TRUE(body) << body.error().describe();
    return json::parse(body.value_or("null")).value_or(nullptr);
}
json::Value parsed(std::string_view text) { return json::parse(text).value_or("test is wrong"); }

TEST(OllamaRequest, EveryRequestItCanSayFits) {
    auto request = fake::tool_conversation();
    request.settings.temperature = 0;
    request.settings.top_k = 3;
    request.settings.min_p = 0.1;
    request.settings.repetition_penalty = 1.1;
    request.settings.seed = 5;
    request.settings.max_tokens = 9;
    request.settings.stop = {"x"};
    request.settings.top_logprobs = 2;
    request.reasoning = ReasoningSettings{Effort::high};
    ollama::RequestExtras extras;
    extras.keep_alive = "5m";
    extras.options = {{"num_gpu", "1"}};
    request.extensions.set(extras);
    const auto body = body_of(request);
    EXPECT_EQ(fake::ollama_chat(body), "") << json::dump(body);
    EXPECT_EQ(body.at("think"), json::Value(true));
    EXPECT_EQ(body_of(request, "gpt-oss:20b").at("think"), json::Value("high"));
    EXPECT_EQ(body.at("options").at("num_predict"), json::Value(9));
    EXPECT_EQ(body.at("options").at("num_gpu"), json::Value(1));
    EXPECT_EQ(fake::ollama_chat(body_of(fake::schema_question())), "");
    EXPECT_EQ(body_of(fake::schema_question()).at("format").at("type"), json::Value("object"));
    EXPECT_NE(fake::ollama_chat(parsed(R"({"model":"m","messages":[{"role":"user","content":"x"}],"temperature":1})")),
              "");
}

TEST(OllamaRequest, WritesMessages) {
    EXPECT_EQ(body_of(fake::tool_conversation()).at("messages"), parsed(R"([
        {"role":"system","content":"Be brief."},{"role":"user","content":"Weather in Paris, and the time?"},
        {"role":"assistant","content":"I look.","thinking":"two calls","tool_calls":[
            {"function":{"name":"get_weather","arguments":{"city":"Paris"}}},{"function":{"name":"now","arguments":{}}}]},
        {"role":"tool","content":"rain","tool_name":"get_weather"},{"role":"tool","content":"no clock","tool_name":"now"},
        {"role":"user","content":"So?"}])"));
}

TEST(OllamaRequest, RefusesWhatTheApiHasNoWordFor) {
    const auto code = [](const ChatRequest& request) {
        const auto body = ollama::chat_body("m", request, {});
        return body ? ErrorCode::internal : body.error().code();
    };
    EXPECT_EQ(code(fake::picture_question()), ErrorCode::unsupported);  // one of them is an address
    EXPECT_EQ(code(fake::document_question()), ErrorCode::unsupported);
    auto request = fake::tool_conversation();
    request.tool_choice.mode = ToolChoice::Mode::required;
    EXPECT_EQ(code(request), ErrorCode::unsupported);
    request.tool_choice.mode = ToolChoice::Mode::none;
    EXPECT_FALSE(body_of(request).as_object().contains("tools"));
}

TEST(OllamaProvider, ChatsCompletesAndEmbedsOverHttp) {
    fake::ProviderServer server(
        {{"/api/chat", {fake::ollama_chat, fake::recorded("ollama/thinking.ndjson"), "application/x-ndjson"}},
         {"/api/generate",
          {fake::ollama_generate,
           "{\"model\":\"m\",\"response\":\" "
           "upon\",\"done\":false}\n{\"model\":\"m\",\"response\":\"\",\"done\":true,\"done_reason\":\"length\"}\n",
           "application/x-ndjson"}},
         {"/api/embed",
          {fake::ollama_embed, R"({"model":"e","embeddings":[[1,2],[3,4]],"prompt_eval_count":6})",
           "application/json"}}});
    OllamaOptions options;
    options.base_url = server.url();
    const auto model = make_ollama_chat_model(server.client, "qwen3:8b", options);
    const auto answer = sync_wait(server.runtime, model->generate(fake::tool_conversation(), {}));
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->message.text(), "42");
    EXPECT_EQ(answer->message.reasoning(), "Let me see.");
    EXPECT_NEAR(answer->timings.decode_ms, 4535.6, 0.1);
    CompletionRequest completion;
    completion.prompt = "Once";
    completion.echo = true;
    auto stream = sync_wait(server.runtime, model->complete(completion, {}));
    ASSERT_TRUE(stream) << stream.error().describe();
    EXPECT_EQ((*sync_wait(server.runtime, (*stream)->next()))->text, "Once upon");
    EXPECT_EQ((*sync_wait(server.runtime, (*stream)->next()))->finish, FinishReason::length);
    const auto embedder = make_ollama_embedder(server.client, "e", options);
    const auto rows = sync_wait(server.runtime, embedder->embed({"a", "b"}, EmbedKind::passage, {}));
    ASSERT_TRUE(rows) << rows.error().describe();
    EXPECT_EQ(rows->values, (std::vector<float>{1, 2, 3, 4}));
    EXPECT_EQ(rows->usage.input_tokens, 6U);
}

}  // namespace
}  // namespace tenon::provider
