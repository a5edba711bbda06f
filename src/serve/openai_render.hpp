// Our answers as OpenAI's objects.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serve/steps.hpp"
#include "tenon/json/json.hpp"
#include "tenon/llm/model.hpp"

namespace tenon::serve {

[[nodiscard]] json::Object render_usage(const llm::Usage& usage);
/// {"content": [{"token", "logprob", "bytes", "top_logprobs"}]}
[[nodiscard]] json::Value render_chat_logprobs(const std::vector<llm::TokenLogprob>& tokens);
/// The prompt at the beginning of the text, and what is known of its tokens.
struct EchoedPrompt {
    std::string_view text{};
    std::span<const llm::TokenLogprob> tokens{};
};
/// {"tokens", "token_logprobs", "top_logprobs", "text_offset"}; `offset`: characters before the first of `tokens`.
[[nodiscard]] json::Value render_completion_logprobs(const EchoedPrompt& prompt,
                                                     const std::vector<llm::TokenLogprob>& tokens, std::size_t offset,
                                                     int alternatives);
/// vLLM's list: null for the first token, then {"ID": {"logprob", "rank", "decoded_token"}} of the token and of the
/// likeliest.
[[nodiscard]] json::Value render_prompt_logprobs(const std::vector<llm::TokenLogprob>& tokens, int alternatives);
[[nodiscard]] json::Array render_tool_calls(const std::vector<llm::ToolCallPart>& calls);
/// The same as pieces of a stream: what these steps add to the calls of an answer, each with its index.
[[nodiscard]] json::Array render_call_pieces(const std::vector<Step>& steps);

}  // namespace tenon::serve
