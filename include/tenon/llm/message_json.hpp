// Conversations as JSON text, nothing lost but extensions: for checkpoints, sessions and exports.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"
#include "tenon/json/json.hpp"
#include "tenon/llm/message.hpp"

namespace tenon::llm {

/// A list of messages as a JSON array: `{"role", "content": [{"type": "text", …}], …}`; bytes are base64. Include
/// <boost/json/value.hpp> to use the Value forms.
[[nodiscard]] std::string to_json(std::span<const Message> messages);
void write_messages(std::span<const Message> messages, json::Value& to);

/// The inverse. Errors: corrupt (not JSON, or not of this form; the message says where).
[[nodiscard]] Result<std::vector<Message>> messages_from_json(std::string_view text);
[[nodiscard]] Result<std::vector<Message>> read_messages(const json::Value& from);

}  // namespace tenon::llm
