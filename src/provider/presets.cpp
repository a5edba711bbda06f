// Sources of what stands here: each provider's published API reference, as of November 2026.
#include "tenon/provider/presets.hpp"

#include <algorithm>

#include "tenon/provider/anthropic.hpp"
#include "tenon/provider/gemini.hpp"
#include "tenon/provider/kserve.hpp"
#include "tenon/provider/ollama.hpp"

namespace tenon::provider {
namespace {

using Reasoning = OpenAiQuirks::Reasoning;
using Constraint = OpenAiQuirks::Constraint;
using Style = RerankOptions::Style;

/// A server one runs oneself.
Preset local(std::string name, std::string base_url) {
    Preset out;
    out.name = std::move(name);
    out.base_url = std::move(base_url);
    out.key_required = false;
    out.quirks.developer_role = false;
    out.quirks.max_tokens_field = OpenAiQuirks::MaxTokensField::max_tokens;
    return out;
}

Preset hosted(std::string name, std::string base_url, std::vector<std::string> keys) {
    auto out = local(std::move(name), std::move(base_url));
    out.key_variables = std::move(keys);
    out.key_required = true;
    out.quirks.completions = false;
    return out;
}

Preset native(std::string name, Protocol protocol, std::string base_url, std::vector<std::string> keys) {
    Preset out;
    out.name = std::move(name);
    out.protocol = protocol;
    out.base_url = std::move(base_url);
    out.key_variables = std::move(keys);
    return out;
}

void add_own_protocols(std::vector<Preset>& all) {
    all.push_back(native("openai", Protocol::openai, OpenAiOptions{}.base_url, {"OPENAI_API_KEY"}));
    all.back().key_required = false;  // many servers of this protocol want none
    all.push_back(native("openai-responses", Protocol::openai_responses, OpenAiOptions{}.base_url, {"OPENAI_API_KEY"}));
    all.push_back(native("anthropic", Protocol::anthropic, AnthropicOptions{}.base_url, {"ANTHROPIC_API_KEY"}));
    all.push_back(native("gemini", Protocol::gemini, GeminiOptions{}.base_url, {"GEMINI_API_KEY", "GOOGLE_API_KEY"}));
    all.push_back(native("ollama", Protocol::ollama, OllamaOptions{}.base_url, {"OLLAMA_API_KEY"}));
    all.back().key_required = false;
    all.push_back(native("kserve", Protocol::kserve, KserveOptions{}.base_url, {}));
    all.back().key_required = false;
    all.push_back(native("triton", Protocol::kserve, KserveOptions{}.base_url, {}));
    all.back().key_required = false;
}

void add_servers(std::vector<Preset>& all) {
    all.push_back(local("vllm", "http://127.0.0.1:8000/v1"));
    all.back().key_variables = {"VLLM_API_KEY"};
    all.back().quirks.reasoning = Reasoning::chat_template;
    all.back().quirks.constraint = Constraint::vllm;
    all.back().quirks.reasoning_field = "reasoning";
    all.back().quirks.audio = true;
    all.back().rerank = Style::jina;
    all.push_back(local("sglang", "http://127.0.0.1:30000/v1"));
    all.back().quirks.reasoning = Reasoning::chat_template;
    all.back().quirks.constraint = Constraint::sglang;
    all.back().quirks.reasoning_field = "reasoning_content";
    all.back().rerank = Style::jina;
    all.push_back(local("tensorrt-llm", "http://127.0.0.1:8000/v1"));
    all.back().quirks.reasoning = Reasoning::chat_template;
    all.push_back(local("llamacpp", "http://127.0.0.1:8080/v1"));
    all.back().key_variables = {"LLAMA_API_KEY"};
    all.back().quirks.reasoning = Reasoning::chat_template;
    all.back().quirks.constraint = Constraint::llama_cpp;
    all.back().quirks.reasoning_field = "reasoning_content";
    all.back().rerank = Style::jina;
    all.push_back(local("lmstudio", "http://127.0.0.1:1234/v1"));
    all.back().quirks.json = false;  // "json_schema" or "text" alone
    all.push_back(local("tei", "http://127.0.0.1:8080"));
    all.back().protocol = Protocol::rerank_only;
    all.back().rerank = Style::tei;
}

void add_services(std::vector<Preset>& all) {
    all.push_back(hosted("deepseek", "https://api.deepseek.com", {"DEEPSEEK_API_KEY"}));
    all.back().quirks.reasoning = Reasoning::thinking_effort;
    all.back().quirks.reasoning_field = "reasoning_content";  // wanted back in turns that call tools
    all.back().quirks.json_schema = all.back().quirks.images = false;
    all.push_back(hosted("dashscope", "https://dashscope.aliyuncs.com/compatible-mode/v1", {"DASHSCOPE_API_KEY"}));
    all.back().quirks.reasoning = Reasoning::enable_thinking;
    all.back().quirks.reasoning_field = "reasoning_content";
    all.push_back(all.back());
    all.back().name = "qwen";
    all.push_back(all.back());
    all.back().name = "dashscope-intl";
    all.back().base_url = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1";
    all.push_back(hosted("moonshot", "https://api.moonshot.ai/v1", {"MOONSHOT_API_KEY", "KIMI_API_KEY"}));
    all.back().quirks.reasoning = Reasoning::thinking_effort;
    all.back().quirks.reasoning_field = "reasoning_content";
    all.back().quirks.max_tokens_field = OpenAiQuirks::MaxTokensField::max_completion_tokens;
    all.push_back(all.back());
    all.back().name = "moonshot-cn";
    all.back().base_url = "https://api.moonshot.cn/v1";
    all.push_back(hosted("zhipu", "https://open.bigmodel.cn/api/paas/v4", {"ZHIPUAI_API_KEY", "ZAI_API_KEY"}));
    all.back().quirks.reasoning = Reasoning::thinking_type;
    all.back().quirks.reasoning_field = "reasoning_content";
    all.back().quirks.forced_tools = all.back().quirks.json_schema = false;  // tool_choice is "auto" alone
    all.back().quirks.ask_for_usage = false;
    all.push_back(all.back());
    all.back().name = "zai";
    all.back().base_url = "https://api.z.ai/api/paas/v4";
    all.back().key_variables = {"ZAI_API_KEY", "ZHIPUAI_API_KEY"};
    all.push_back(hosted("openrouter", "https://openrouter.ai/api/v1", {"OPENROUTER_API_KEY"}));
    all.back().quirks.reasoning = Reasoning::openrouter;
    all.back().quirks.reasoning_field = "reasoning";
    all.back().quirks.audio = all.back().quirks.documents = all.back().quirks.completions = true;
    all.push_back(hosted("azure", "", {"AZURE_OPENAI_API_KEY"}));  // https://RESOURCE.openai.azure.com/openai/v1
    all.back().api_key_header = "api-key";
    all.back().quirks = OpenAiQuirks{};
    all.push_back(
        hosted("bedrock", "https://bedrock-runtime.{region}.amazonaws.com/openai/v1", {"AWS_BEARER_TOKEN_BEDROCK"}));
    all.back().quirks.max_tokens_field = OpenAiQuirks::MaxTokensField::max_completion_tokens;
    all.push_back(all.back());
    all.back().name = "bedrock-mantle";
    all.back().base_url = "https://bedrock-mantle.{region}.api.aws/openai/v1";
    all.push_back(hosted("jina", RerankOptions{}.base_url, {"JINA_API_KEY"}));
    all.back().protocol = Protocol::rerank_only;
    all.back().rerank = Style::jina;
    all.push_back(hosted("cohere", "https://api.cohere.com/v2", {"COHERE_API_KEY", "CO_API_KEY"}));
    all.back().protocol = Protocol::rerank_only;
    all.back().rerank = Style::cohere;
}

}  // namespace

std::vector<Preset> presets() {
    std::vector<Preset> all;
    add_own_protocols(all);
    add_servers(all);
    add_services(all);
    std::ranges::sort(all, {}, &Preset::name);
    return all;
}

std::optional<Preset> find_preset(std::string_view name) {
    for (auto& preset : presets())
        if (preset.name == name) return std::move(preset);
    return std::nullopt;
}

}  // namespace tenon::provider
