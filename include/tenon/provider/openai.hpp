// Models behind an OpenAI-compatible HTTP API: OpenAI itself, vLLM, llama.cpp, SGLang, TensorRT-LLM, Ollama, LM Studio,
// and every gateway that speaks it. Published at platform.openai.com/docs/api-reference (chat completions, completions,
// embeddings, responses).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tenon/llm/model.hpp"
#include "tenon/net/http_client.hpp"

namespace tenon::provider {

/// Where servers that speak OpenAI's protocol differ from it.
struct OpenAiQuirks {
    /// The field `max_tokens` goes into: `max_completion_tokens` suits newer OpenAI models, `max_tokens` everyone else.
    enum class MaxTokensField : std::uint8_t { by_host, max_tokens, max_completion_tokens };
    MaxTokensField max_tokens_field = MaxTokensField::by_host;
    /// How `ReasoningSettings` are said.
    enum class Reasoning : std::uint8_t {
        effort,           ///< "reasoning_effort"
        openrouter,       ///< "reasoning": {"effort" | "max_tokens", "exclude"}
        thinking_type,    ///< "thinking": {"type": "enabled" | "disabled"} (DeepSeek, Moonshot, Zhipu)
        thinking_effort,  ///< that, and "reasoning_effort" (DeepSeek)
        enable_thinking,  ///< "enable_thinking", "thinking_budget" (DashScope)
        chat_template,    ///< "chat_template_kwargs": {"enable_thinking"} (vLLM, SGLang, llama.cpp)
        none,             ///< not at all: settings are an error (unsupported)
    };
    Reasoning reasoning = Reasoning::effort;
    /// How grammars and regular expressions are said.
    enum class Constraint : std::uint8_t {
        none,       ///< not at all
        vllm,       ///< "structured_outputs": {"grammar" | "regex"}
        sglang,     ///< "ebnf", "regex"
        llama_cpp,  ///< "grammar" (GBNF)
    };
    Constraint constraint = Constraint::none;
    /// The field an assistant message's thoughts are given back in; empty: they are left out.
    std::string reasoning_field;
    /// False: the role `developer` is sent as `system`. Unset: by host (OpenAI's and Azure's know it).
    std::optional<bool> developer_role;
    bool ask_for_usage = true;  ///< `stream_options`; off for servers that refuse it
    bool completions = true;    ///< /completions is there
    bool tools = true, forced_tools = true, parallel_tools = true;
    bool json = true, json_schema = true, images = true, audio = false, documents = false;
};

struct OpenAiOptions {
    /// What "/chat/completions" is appended to; may end with a query; "{model}" becomes the model's name.
    std::string base_url = "https://api.openai.com/v1";
    std::string api_key;                     ///< sent as a bearer token; empty: none
    std::string api_key_header;              ///< not empty: the key goes into this header, bare ("api-key" for Azure)
    std::string organization, project;       ///< OpenAI-Organization, OpenAI-Project; empty: none
    net::Headers headers;                    ///< sent with every request, over the ones above
    net::RetryPolicy retry{};                ///< for what fails before the first token
    std::chrono::seconds idle_timeout{300};  ///< without a byte from the server
    std::uint64_t context_length = 0;        ///< of the model, when known
    OpenAiQuirks quirks{};
    // Embeddings
    std::uint64_t dimensions = 0;              ///< asked of models that can shorten their vectors; 0: the model's own
    std::size_t batch = 128;                   ///< texts in one request
    std::string query_prefix, passage_prefix;  ///< put before each text, as E5-like models want
    bool base64 = true;                        ///< vectors as base64; servers that send numbers instead are understood
};

namespace openai {

/// Of requests (`ChatRequest::extensions`), for chat completions and responses. Empty and unset fields are not sent.
struct RequestExtras {
    std::string service_tier;       ///< auto, default, flex, scale, priority
    std::optional<bool> store;      ///< keep the answer at the provider
    std::string safety_identifier;  ///< a stable hash of the end user
    std::string prompt_cache_key, prompt_cache_retention;
    std::string verbosity;               ///< low, medium, high
    std::string prediction;              ///< text the answer will mostly repeat; chat completions only
    std::string audio_voice;             ///< not empty: an answer in speech too; chat completions only
    std::string audio_format = "pcm16";  ///< of it; streams take pcm16
    // Responses only:
    std::string previous_response_id;        ///< the conversation so far lies at the provider
    std::string conversation;                ///< an id
    std::string truncation;                  ///< auto, disabled
    std::string reasoning_summary = "auto";  ///< auto, concise, detailed; with ReasoningSettings::include
    std::vector<std::string> include;        ///< "web_search_call.action.sources", …
    std::vector<std::string> tools_json;     ///< the provider's own tools, each a JSON object: {"type": "web_search"}
    /// Further fields by name, each a JSON text: what a server takes beyond the published interface.
    std::map<std::string, std::string> more;
};

/// Of answers (`ChatResponse::extensions`).
struct AnswerExtras {
    std::string service_tier, system_fingerprint;
    std::string finish_reason;  ///< as the provider named it
    std::string refusal;        ///< the text is a refusal, in the model's words
    std::uint64_t audio_input_tokens = 0, audio_output_tokens = 0;
    std::uint64_t accepted_prediction_tokens = 0, rejected_prediction_tokens = 0;
};

}  // namespace openai

/// Chat and text completion. Always streams; understands servers that answer whole, leave out usage, `[DONE]` or the
/// space after "data:", or send an error object in the middle of the stream.
/// Errors: those of net::HttpClient and net::status_error; besides, from the error object: resource_exhausted (quota,
/// context length), not_found (model), protocol (the stream breaks the format), unavailable (it ended early);
/// unsupported (a form of answer or reasoning that `quirks` rule out).
/// A call may be sent again (see `retry`) only while none of its answer has been given out.
/// `count_tokens` estimates.
[[nodiscard]] llm::ChatModelPtr make_openai_chat_model(std::shared_ptr<net::HttpClient> client, std::string model,
                                                       OpenAiOptions options);

/// The same models over /responses: reasoning items (encrypted, where the provider does not keep the answer), the
/// provider's own tools, and conversations it stores (`RequestExtras::previous_response_id`; the answer's id is
/// `ChatResponse::id`). Items of its own tools travel as ProviderPart of "openai" and go back as they came. Leading
/// system messages become the instructions. Stop strings and biases are refused (unsupported); seed, penalties, top_k
/// and min_p are left out. `complete` is unsupported.
[[nodiscard]] llm::ChatModelPtr make_openai_responses_model(std::shared_ptr<net::HttpClient> client, std::string model,
                                                            OpenAiOptions options);

/// Rows in the order of the texts; texts are sent `batch` at a time. Errors as above; protocol also when the number or
/// length of the vectors is not what it must be.
[[nodiscard]] llm::EmbedderPtr make_openai_embedder(std::shared_ptr<net::HttpClient> client, std::string model,
                                                    OpenAiOptions options);

}  // namespace tenon::provider
