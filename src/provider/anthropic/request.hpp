// Requests as the Messages API wants them. No sockets. Private to provider.
#pragma once

#include <string>

#include "tenon/llm/model.hpp"
#include "tenon/provider/anthropic.hpp"

namespace tenon::provider::anthropic {

/// Body of POST /messages, streamed. Errors: invalid_argument (a schema or arguments that are not JSON, a part this
/// role cannot carry), unsupported (what the API has no word for).
[[nodiscard]] Result<std::string> messages_body(const std::string& model, const llm::ChatRequest& request,
                                                const AnthropicOptions& options);
/// Body of POST /messages/count_tokens.
[[nodiscard]] Result<std::string> count_body(const std::string& model, const llm::ChatRequest& request,
                                             const AnthropicOptions& options);
/// What a model understands, by its name; a name we do not know is taken for a newer one.
struct Abilities {
    bool adaptive = false, budget = false;  ///< ways to say how hard to think
    bool sampling = false;                  ///< temperature, top_p, top_k
};
[[nodiscard]] Abilities abilities_of(const std::string& model) noexcept;

}  // namespace tenon::provider::anthropic
