// Requests as the OpenAI API wants them. No sockets. Private to provider.
#pragma once

#include <string>
#include <vector>

#include "tenon/llm/model.hpp"
#include "tenon/provider/openai.hpp"

namespace tenon::provider::openai {

/// Bodies of POST /chat/completions and /completions, streamed. Errors: invalid_argument (a tool's schema is not JSON,
/// a part that this role cannot carry).
[[nodiscard]] Result<std::string> chat_body(const std::string& model, const llm::ChatRequest& request,
                                            const OpenAiOptions& options);
[[nodiscard]] Result<std::string> completion_body(const std::string& model, const llm::CompletionRequest& request,
                                                  const OpenAiOptions& options);
[[nodiscard]] std::string embeddings_body(const std::string& model, const std::vector<std::string>& texts,
                                          const OpenAiOptions& options);
/// "base/v1?x=1" and "/chat/completions" → "base/v1/chat/completions?x=1".
[[nodiscard]] std::string endpoint(const std::string& base_url, std::string_view path);

}  // namespace tenon::provider::openai
