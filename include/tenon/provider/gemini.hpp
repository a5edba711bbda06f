// Gemini models over Google's Generative Language API, published at ai.google.dev/api (generateContent,
// streamGenerateContent, countTokens, batchEmbedContents).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tenon/llm/model.hpp"
#include "tenon/net/http_client.hpp"

namespace tenon::provider {

struct GeminiOptions {
    /// What "/models/NAME:streamGenerateContent" is appended to.
    std::string base_url = "https://generativelanguage.googleapis.com/v1beta";
    std::string api_key;                                              ///< sent as x-goog-api-key; empty: none
    net::Headers headers;                                             ///< sent with every request, over the one above
    net::RetryPolicy retry{};                                         ///< for what fails before the first token
    std::chrono::seconds idle_timeout{300};                           ///< without a byte from the server
    std::uint64_t context_length = 1'048'576, max_output_tokens = 0;  ///< of the model; 0: unknown
    /// JSON Schemas go into `parametersJsonSchema` and `responseJsonSchema` as they are; false: into the older
    /// `parameters` and `responseSchema`, without the keywords those do not know.
    bool json_schema = true;
    /// How an effort is said: a level (Gemini 3 and later) or a budget of tokens (2.5).
    enum class Thinking : std::uint8_t { by_model, level, budget };
    Thinking thinking = Thinking::by_model;
    // Embeddings
    std::uint64_t dimensions = 0;  ///< 0: the model's own
    std::size_t batch = 100;       ///< texts in one request
};

namespace gemini {

/// Of requests (`ChatRequest::extensions`). Empty fields are not sent.
struct RequestExtras {
    std::vector<std::pair<std::string, std::string>> safety;  ///< category and threshold, as the API names them
    std::string cached_content;                               ///< "cachedContents/ID"
    std::string service_tier;
    std::vector<std::string> response_modalities;        ///< TEXT, IMAGE, AUDIO
    std::vector<std::string> tools_json;                 ///< the provider's own tools: {"googleSearch": {}}
    std::map<std::string, std::string> more;             ///< further fields by name, each a JSON text
    std::map<std::string, std::string> more_generation;  ///< the same, of `generationConfig`
};

/// Of answers (`ChatResponse::extensions`).
struct AnswerExtras {
    std::string finish_reason;                                ///< as the provider named it
    std::string block_reason;                                 ///< why the prompt was refused
    std::vector<std::pair<std::string, std::string>> safety;  ///< category and probability
    std::string grounding_json;                               ///< groundingMetadata, as it came
};

}  // namespace gemini

/// Always streams. System messages become the system instruction. Calls the provider gave no id get one of ours.
/// Thought signatures travel in `ToolCallPart::signature`, `ReasoningPart::signature` and, on text, a ProviderPart of
/// "gemini" and type "thought_signature".
/// A blocked prompt or answer ends with FinishReason::content_filter. Of the settings, min_p, repetition_penalty and
/// ToolChoice::parallel have no counterpart and are left out; biases are refused (unsupported), as are grammars.
/// `complete` is unsupported. `count_request_tokens` asks the provider.
/// Errors: those of net::HttpClient and net::status_error; from the error object, by its status; unavailable also when
/// the model's call is malformed.
[[nodiscard]] llm::ChatModelPtr make_gemini_chat_model(std::shared_ptr<net::HttpClient> client, std::string model,
                                                       GeminiOptions options);

/// Rows in the order of the texts; texts are sent `batch` at a time. Errors as above; protocol also when the number or
/// length of the vectors is not what it must be.
[[nodiscard]] llm::EmbedderPtr make_gemini_embedder(std::shared_ptr<net::HttpClient> client, std::string model,
                                                    GeminiOptions options);

}  // namespace tenon::provider
