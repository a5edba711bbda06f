// Input items of the responses API to messages, and what reasoning items carry.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "serve/fields.hpp"
#include "tenon/llm/message.hpp"

namespace tenon::serve::responses {

/// Items that name others ({"type": "item_reference", "id"}) put in place by those: `find` knows the stored ones.
/// Errors: a reference to nothing.
using FindItem = std::function<std::optional<json::Value>(const std::string& id)>;
[[nodiscard]] ApiResult<void> resolve_references(json::Array& items, const FindItem& find);
/// Whether there is any to resolve.
[[nodiscard]] bool has_references(const json::Array& items);

/// Items of one turn of the assistant (what it thinks, says and calls) become one message, results of its calls
/// another.
[[nodiscard]] ApiResult<void> read_items(const json::Array& items, std::vector<llm::Message>& out);

/// What a thought needs to be given back to its maker, in one opaque text, and back.
[[nodiscard]] std::string seal(const llm::ReasoningPart& part);
void unseal(std::string_view sealed, llm::ReasoningPart& part);

}  // namespace tenon::serve::responses
