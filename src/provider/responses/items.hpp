// Conversations as input items of the Responses API. Private to provider.
#pragma once

#include <boost/json.hpp>
#include <string>

#include "tenon/json/json.hpp"
#include "tenon/llm/model.hpp"

namespace tenon::provider::responses {

struct Input {
    std::string instructions;
    json::Array items;
};
/// Errors: invalid_argument, unsupported.
[[nodiscard]] Result<Input> input_of(const std::vector<llm::Message>& messages);

}  // namespace tenon::provider::responses
