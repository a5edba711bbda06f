// Requests as OpenAI's Responses API wants them. No sockets. Private to provider.
#pragma once

#include <string>

#include "tenon/llm/model.hpp"
#include "tenon/provider/openai.hpp"

namespace tenon::provider::responses {

/// Body of POST /responses, streamed. Errors: invalid_argument (JSON that is none, a part that a role cannot carry),
/// unsupported (what the API has no word for).
[[nodiscard]] Result<std::string> responses_body(const std::string& model, const llm::ChatRequest& request,
                                                 const OpenAiOptions& options);

}  // namespace tenon::provider::responses
