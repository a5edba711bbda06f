// Requests as the OpenAI API wants them. No sockets. Private to provider.
#pragma once

#include <string>
#include <vector>

#include "tenon/llm/model.hpp"
#include "tenon/provider/openai.hpp"

namespace tenon::provider::openai {

/// Bodies of POST /chat/completions and /completions, streamed. Errors: invalid_argument (a tool's schema is not JSON,
/// a part that this role cannot carry), unsupported (a form or setting this server has no word for).
[[nodiscard]] Result<std::string> chat_body(const std::string& model, const llm::ChatRequest& request,
                                            const OpenAiOptions& options);
[[nodiscard]] Result<std::string> completion_body(const std::string& model, const llm::CompletionRequest& request,
                                                  const OpenAiOptions& options);
[[nodiscard]] std::string embeddings_body(const std::string& model, const std::vector<std::string>& texts,
                                          const OpenAiOptions& options);
/// OpenAI itself or Azure.
[[nodiscard]] bool is_openai_host(const std::string& base_url);
/// "wav" of "audio/x-wav".
[[nodiscard]] std::string audio_format(std::string_view media_type);

}  // namespace tenon::provider::openai
