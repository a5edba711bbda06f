// Models by name: the table of providers, and rerankers behind HTTP.
#include "tenon/provider/open.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <set>

#include "fake/provider_server.hpp"
#include "fake/rich_requests.hpp"
#include "fake/strict_provider.hpp"
#include "provider/rerank/protocol.hpp"

namespace tenon::provider {
namespace {

using namespace llm;

TEST(Presets, AreWholeAndOfDifferentNames) {
    std::set<std::string> names;
    for (const auto& preset : presets()) {
        EXPECT_TRUE(names.insert(preset.name).second) << preset.name;
        EXPECT_TRUE(preset.base_url.empty() || preset.base_url.starts_with("http")) << preset.name;
        EXPECT_TRUE(!preset.key_required || !preset.key_variables.empty()) << preset.name;
        EXPECT_TRUE(preset.protocol != Protocol::rerank_only || preset.rerank) << preset.name;
        // A key goes nowhere in the clear but to this machine.
        EXPECT_TRUE(!preset.key_required || preset.base_url.empty() || preset.base_url.starts_with("https://"))
            << preset.name;
    }
    for (const char* name :
         {"openai", "anthropic", "gemini", "ollama", "vllm", "sglang", "tensorrt-llm", "llamacpp", "lmstudio",
          "deepseek", "dashscope", "moonshot", "zhipu", "openrouter", "azure", "bedrock", "jina", "cohere"})
        EXPECT_TRUE(names.contains(name)) << name;
    EXPECT_FALSE(find_preset("hf"));
}

TEST(ModelName, IsAProvidersOrLocal) {
    EXPECT_EQ(parse_model_name("openai:gpt-5").preset->name, "openai");
    EXPECT_EQ(parse_model_name("ollama:qwen3:8b").model, "qwen3:8b");
    EXPECT_EQ(parse_model_name("vllm:Qwen/Qwen3-8B").model, "Qwen/Qwen3-8B");
    for (const char* local : {"qwen2.5-coder-0.5b", "hf:org/repo:file", "file:/x/y.gguf", "https://h/m.gguf"})
        EXPECT_FALSE(parse_model_name(local).preset) << local;
}

struct Opened {
    fake::ProviderServer server{std::map<std::string, fake::Endpoint>{
        {"/chat/completions", {{}, fake::recorded("openai_chat/text.sse")}},
        {"/openai/v1/chat/completions", {fake::openai_chat, fake::recorded("openai_chat/text.sse")}},
        {"/responses", {fake::openai_responses, fake::recorded("openai_responses/text.sse")}},
        {"/messages", {fake::anthropic_messages, fake::recorded("anthropic/text.sse")}},
        {"/models/g:streamGenerateContent", {fake::gemini_generate, fake::recorded("gemini/text.sse")}},
        {"/api/chat", {fake::ollama_chat, fake::recorded("ollama/text.ndjson"), "application/x-ndjson"}}}};

    OpenSettings settings() {
        OpenSettings out;
        out.client = server.client;
        out.base_url = server.url();
        out.api_key = "k";
        return out;
    }
    Result<ChatResponse> ask(const std::string& name, OpenSettings with,
                             ChatRequest request = fake::tool_conversation()) {
        auto model = sync_wait(server.runtime, open_chat_model(name, std::move(with), {}));
        if (!model) return std::unexpected(model.error());
        return sync_wait(server.runtime, (*model)->generate(std::move(request), {}));
    }
};

TEST(OpenChatModel, SpeaksEachProvidersProtocol) {
    Opened opened;
    for (const char* name :
         {"openai:m", "openai-responses:m", "anthropic:m", "gemini:g", "ollama:m", "vllm:m", "deepseek:m"}) {
        const auto answer = opened.ask(name, opened.settings());
        ASSERT_TRUE(answer) << name << answer.error().describe();
        EXPECT_NE(answer->message.text().find("你好"), std::string::npos) << name;
    }
    auto azure = opened.settings();
    azure.base_url += "/openai/v1";
    azure.api_version = "preview";
    ASSERT_TRUE(opened.ask("azure:m", azure));
    EXPECT_EQ(opened.server.header("api-key"), "k");
    EXPECT_EQ(opened.server.target(), "/openai/v1/chat/completions?api-version=preview");
}

TEST(OpenChatModel, SaysWhatIsAmiss) {
    Opened opened;
    const auto code = [&](const std::string& name, OpenSettings with) {
        const auto answer = opened.ask(name, std::move(with));
        return answer ? ErrorCode::internal : answer.error().code();
    };
    OpenSettings keyless;
    keyless.client = opened.server.client;
    EXPECT_EQ(code("anthropic:m", keyless), ErrorCode::unauthenticated);
    EXPECT_EQ(code("anthropic:", opened.settings()), ErrorCode::invalid_argument);
    EXPECT_EQ(code("openai:m", {}), ErrorCode::invalid_argument);
    EXPECT_EQ(code("local-model", opened.settings()), ErrorCode::invalid_argument);
    EXPECT_EQ(code("jina:m", opened.settings()), ErrorCode::unsupported);
    keyless.api_key = "k";
    EXPECT_EQ(code("azure:m", keyless), ErrorCode::invalid_argument);
    EXPECT_EQ(code("bedrock:m", keyless), ErrorCode::invalid_argument);
    const auto embedder = sync_wait(opened.server.runtime, open_embedder("anthropic:m", opened.settings(), {}));
    EXPECT_EQ(embedder.error().code(), ErrorCode::unsupported);
    EXPECT_EQ(open_reranker("openai:m", opened.settings()).error().code(), ErrorCode::unsupported);
}

TEST(OpenChatModel, QuirksReachTheRequest) {
    Opened opened;
    auto request = fake::schema_question();
    EXPECT_EQ(opened.ask("deepseek:m", opened.settings(), request).error().code(), ErrorCode::unsupported);
    request.format = {};
    request.reasoning = ReasoningSettings{ReasoningSettings::Effort::high};
    request.settings.max_tokens = 5;
    ASSERT_TRUE(opened.ask("deepseek:m", opened.settings(), request));
    EXPECT_EQ(opened.server.body().at("thinking").at("type"), json::Value("enabled"));
    EXPECT_EQ(opened.server.body().at("reasoning_effort"), json::Value("high"));
    EXPECT_EQ(opened.server.body().at("max_tokens"), json::Value(5));
    auto tools = fake::tool_conversation();
    ASSERT_TRUE(opened.ask("deepseek:m", opened.settings(), tools));
    EXPECT_EQ(opened.server.body().at("messages").at(2).at("reasoning_content"), json::Value("two calls"));
    tools.tool_choice.mode = ToolChoice::Mode::required;
    EXPECT_EQ(opened.ask("zhipu:m", opened.settings(), tools).error().code(), ErrorCode::unsupported);
}

TEST(Reranker, ReadsEveryStyle) {
    for (
        const auto* body :
        {R"({"results":[{"index":0,"relevance_score":0.1},{"index":1,"relevance_score":0.9}],"usage":{"total_tokens":7}})",
         R"({"results":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.1}],"meta":{"billed_units":{"search_units":1}}})",
         R"([{"index":1,"score":0.9},{"index":0,"score":0.1}])",
         R"({"data":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.1}]})"}) {
        const auto ranking = rerank::decode(body, 2, 0);
        ASSERT_TRUE(ranking) << body;
        EXPECT_EQ(ranking->documents.at(0).index, 1U);
        EXPECT_EQ(ranking->documents.size(), 2U);
        EXPECT_EQ(rerank::decode(body, 2, 1)->documents.size(), 1U);
    }
    for (const auto* body : {"", "{}", R"({"results":[]})",
                             R"({"results":[{"index":0,"relevance_score":1},{"index":0,"relevance_score":1}]})",
                             R"({"results":[{"index":5,"relevance_score":1},{"index":0,"relevance_score":1}]})",
                             R"({"results":[{"index":0},{"index":1}]})"})
        EXPECT_FALSE(rerank::decode(body, 2, 0)) << body;
}

TEST(Reranker, AsksOverHttp) {
    fake::ProviderServer server(
        {{"/v1/rerank", {{}, R"({"results":[{"index":1,"relevance_score":2.5}]})", "application/json"}}});
    OpenSettings settings;
    settings.client = server.client;
    settings.base_url = server.url() + "/v1";
    settings.api_key = "k";
    const auto reranker = open_reranker("jina:jina-reranker-v2", settings);
    ASSERT_TRUE(reranker) << reranker.error().describe();
    const auto ranking = sync_wait(server.runtime, (*reranker)->rerank("q", {"a", "b"}, 1, {}));
    ASSERT_TRUE(ranking) << ranking.error().describe();
    EXPECT_EQ(ranking->documents.at(0).index, 1U);
    EXPECT_EQ(
        server.body(),
        json::parse(
            R"({"model":"jina-reranker-v2","query":"q","documents":["a","b"],"top_n":1,"return_documents":false})")
            .value());
    EXPECT_TRUE(sync_wait(server.runtime, (*reranker)->rerank("q", {}, 0, {}))->documents.empty());
}

}  // namespace
}  // namespace tenon::provider
