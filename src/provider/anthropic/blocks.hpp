// Content blocks of the Messages API. Private to provider.
#pragma once

#include <boost/json.hpp>

#include "tenon/json/json.hpp"
#include "tenon/llm/model.hpp"

namespace tenon::provider::anthropic {

struct Conversation {
    json::Array system, messages;
};

/// Errors: invalid_argument, unsupported.
[[nodiscard]] Result<Conversation> conversation_of(const std::vector<llm::Message>& messages);

}  // namespace tenon::provider::anthropic
