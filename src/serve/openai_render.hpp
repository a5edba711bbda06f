// Our answers as OpenAI's objects.
#pragma once

#include <string>
#include <vector>

#include "serve/steps.hpp"
#include "tenon/json/json.hpp"
#include "tenon/llm/model.hpp"

namespace tenon::serve {

[[nodiscard]] json::Object render_usage(const llm::Usage& usage);
/// {"content": [{"token", "logprob", "bytes", "top_logprobs"}]}
[[nodiscard]] json::Value render_chat_logprobs(const std::vector<llm::TokenLogprob>& tokens);
/// {"tokens", "token_logprobs", "top_logprobs", "text_offset"}; `offset`: characters before the first token.
[[nodiscard]] json::Value render_completion_logprobs(const std::vector<llm::TokenLogprob>& tokens, std::size_t offset);
[[nodiscard]] json::Array render_tool_calls(const std::vector<llm::ToolCallPart>& calls);
/// The same as pieces of a stream: what these steps add to the calls of an answer, each with its index.
[[nodiscard]] json::Array render_call_pieces(const std::vector<Step>& steps);

}  // namespace tenon::serve
