// Tool calls as models write them.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "tenon/llm/message.hpp"

namespace tenon::provider::local {

/// One JSON object {"name": …, "arguments" or "parameters": …}, or OpenAI's {"function": {…}}. The id is made up.
[[nodiscard]] std::optional<llm::ToolCallPart> parse_tool_call(std::string_view json);
/// A whole text made of such objects: one, several (separated by spaces, commas or semicolons), a list, or in a fence.
/// Empty when anything else stands there.
[[nodiscard]] std::vector<llm::ToolCallPart> parse_tool_calls(std::string_view text);
/// Whether `text`, so far, may still become such a whole text.
[[nodiscard]] bool may_become_tool_calls(std::string_view text);

}  // namespace tenon::provider::local
