// Models behind Ollama's own API (/api/chat, /api/generate, /api/embed), published in its docs/api.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "tenon/llm/model.hpp"
#include "tenon/net/http_client.hpp"

namespace tenon::provider {

struct OllamaOptions {
    std::string base_url = "http://127.0.0.1:11434";  ///< what "/api/chat" is appended to
    std::string api_key;                              ///< of a hosted server; sent as a bearer token; empty: none
    net::Headers headers;
    net::RetryPolicy retry{};                ///< for what fails before the first token
    std::chrono::seconds idle_timeout{600};  ///< without a byte from the server; loading a model takes long
    std::uint64_t context_length = 0;        ///< of the model, when known; also asked for (num_ctx)
    std::string keep_alive;                  ///< "5m", "-1": how long the model stays in memory
    // Embeddings
    std::uint64_t dimensions = 0;              ///< 0: the model's own
    std::size_t batch = 64;                    ///< texts in one request
    std::string query_prefix, passage_prefix;  ///< put before each text
};

namespace ollama {

/// Of requests (`ChatRequest::extensions`).
struct RequestExtras {
    std::string keep_alive;
    std::map<std::string, std::string> options;  ///< further model options by name, each a JSON text: {"num_gpu", "1"}
};

/// Of answers (`ChatResponse::extensions`).
struct AnswerExtras {
    std::string done_reason;
    double load_ms = 0, total_ms = 0;
};

}  // namespace ollama

/// Always streams. Calls get ids of ours, since the API has none; results are matched by the tool's name. Pictures must
/// be given as bytes. ToolChoice::required and named are refused (unsupported), as are biases, sound, documents and
/// grammars; ToolChoice::none leaves the tools out.
/// Errors: those of net::HttpClient and net::status_error; not_found also when the model is not there to be served.
[[nodiscard]] llm::ChatModelPtr make_ollama_chat_model(std::shared_ptr<net::HttpClient> client, std::string model,
                                                       OllamaOptions options);

/// Rows in the order of the texts. Errors as above; protocol also when the number or length of the vectors is wrong.
[[nodiscard]] llm::EmbedderPtr make_ollama_embedder(std::shared_ptr<net::HttpClient> client, std::string model,
                                                    OllamaOptions options);

}  // namespace tenon::provider
