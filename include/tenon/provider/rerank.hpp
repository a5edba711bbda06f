// Rerankers behind HTTP: Jina's /rerank, which vLLM, SGLang, llama.cpp, Voyage and others speak; Cohere's /v2/rerank;
// and /rerank of Text Embeddings Inference.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "tenon/llm/model.hpp"
#include "tenon/net/http_client.hpp"

namespace tenon::provider {

struct RerankOptions {
    std::string base_url = "https://api.jina.ai/v1";  ///< what "/rerank" is appended to
    std::string api_key;                              ///< sent as a bearer token; empty: none
    enum class Style : std::uint8_t {
        jina,    ///< {"query", "documents", "top_n", "return_documents"}; Cohere's v2 takes all but the last
        cohere,  ///< {"query", "documents", "top_n"}
        tei,     ///< {"query", "texts"}
    };
    Style style = Style::jina;
    net::Headers headers;
    net::RetryPolicy retry{};
    std::chrono::seconds idle_timeout{120};
};

/// Every document comes back unless `top_n` asks for fewer. Errors: those of net::HttpClient and net::status_error;
/// protocol (a document is missing, unknown or scored twice).
[[nodiscard]] llm::RerankerPtr make_remote_reranker(std::shared_ptr<net::HttpClient> client, std::string model,
                                                    RerankOptions options);

}  // namespace tenon::provider
