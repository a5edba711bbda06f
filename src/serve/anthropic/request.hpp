// Bodies of Anthropic's Messages API to our types. Published at docs.anthropic.com/en/api/messages.
#pragma once

#include "serve/answer.hpp"
#include "serve/fields.hpp"

namespace tenon::serve::anthropic {

/// POST /v1/messages. What the API knows and we cannot pass on (tools that run at Anthropic, an answer that begins
/// with given words …) is refused, and so is what nobody knows; hints that change no answer are left out.
/// `max_tokens` above `most_tokens` is brought down to it: clients must name some number, and the answer says when it
/// was cut.
[[nodiscard]] ApiResult<Question> read_messages(const json::Value& body, std::uint64_t most_tokens);
/// POST /v1/messages/count_tokens: the same without max_tokens.
[[nodiscard]] ApiResult<Question> read_count(const json::Value& body);

/// Content blocks of one message; tool results become a message of their own before it.
[[nodiscard]] ApiResult<void> read_message(const Fields& message, std::vector<llm::Message>& out);

}  // namespace tenon::serve::anthropic
