// Messages of chat completions. Private to provider.
#pragma once

#include <boost/json.hpp>

#include "tenon/json/json.hpp"
#include "tenon/provider/openai.hpp"

namespace tenon::provider::openai {

/// Errors: invalid_argument (a part that this role cannot carry).
[[nodiscard]] Result<json::Array> messages_of(const std::vector<llm::Message>& messages, const OpenAiOptions& options);

}  // namespace tenon::provider::openai
