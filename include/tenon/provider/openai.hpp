// Models behind an OpenAI-compatible HTTP API: OpenAI itself, vLLM, llama.cpp, SGLang, TensorRT-LLM, Ollama, LM Studio,
// and every gateway that speaks it. Published at platform.openai.com/docs/api-reference.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "tenon/llm/model.hpp"
#include "tenon/net/http_client.hpp"

namespace tenon::provider {

struct OpenAiOptions {
    std::string base_url =
        "https://api.openai.com/v1";         ///< what "/chat/completions" is appended to; may end with a query
    std::string api_key;                     ///< sent as a bearer token; empty: none
    std::string organization, project;       ///< OpenAI-Organization, OpenAI-Project; empty: none
    net::Headers headers;                    ///< sent with every request, over the ones above
    net::RetryPolicy retry{};                ///< for what fails before the first token
    std::chrono::seconds idle_timeout{300};  ///< without a byte from the server
    std::uint64_t context_length = 0;        ///< of the model, when known
    bool ask_for_usage = true;               ///< `stream_options`; off for servers that refuse it
    /// The field `max_tokens` goes into: `max_completion_tokens` suits newer OpenAI models, `max_tokens` everyone else.
    enum class MaxTokensField : std::uint8_t { by_host, max_tokens, max_completion_tokens };
    MaxTokensField max_tokens_field = MaxTokensField::by_host;
    // Embeddings
    std::uint64_t dimensions = 0;              ///< asked of models that can shorten their vectors; 0: the model's own
    std::size_t batch = 128;                   ///< texts in one request
    std::string query_prefix, passage_prefix;  ///< put before each text, as E5-like models want
    bool base64 = true;                        ///< vectors as base64; servers that send numbers instead are understood
};

/// Chat and text completion. Always streams; understands servers that answer whole, leave out usage, `[DONE]` or the
/// space after "data:", or send an error object in the middle of the stream.
/// Errors: those of net::HttpClient and net::status_error; besides, from the error object: resource_exhausted (quota,
/// context length), not_found (model), protocol (the stream breaks the format), unavailable (it ended early).
/// A call may be sent again (see `retry`) only while none of its answer has been given out.
/// `count_tokens` estimates.
[[nodiscard]] llm::ChatModelPtr make_openai_chat_model(std::shared_ptr<net::HttpClient> client, std::string model,
                                                       OpenAiOptions options);

/// Rows in the order of the texts; texts are sent `batch` at a time. Errors as above; protocol also when the number or
/// length of the vectors is not what it must be.
[[nodiscard]] llm::EmbedderPtr make_openai_embedder(std::shared_ptr<net::HttpClient> client, std::string model,
                                                    OpenAiOptions options);

}  // namespace tenon::provider
