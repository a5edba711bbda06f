// Requests as Ollama's API wants them. No sockets. Private to provider.
#pragma once

#include <string>
#include <vector>

#include "tenon/llm/model.hpp"
#include "tenon/provider/ollama.hpp"

namespace tenon::provider::ollama {

/// Bodies of POST /api/chat and /api/generate, streamed. Errors: invalid_argument, unsupported.
[[nodiscard]] Result<std::string> chat_body(const std::string& model, const llm::ChatRequest& request,
                                            const OllamaOptions& options);
[[nodiscard]] Result<std::string> generate_body(const std::string& model, const llm::CompletionRequest& request,
                                                const OllamaOptions& options);
[[nodiscard]] std::string embed_body(const std::string& model, const std::vector<std::string>& texts,
                                     const OllamaOptions& options);

}  // namespace tenon::provider::ollama
