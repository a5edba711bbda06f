// The form a request wants its answer in, as OpenAI, vLLM and llama.cpp each spell it.
#pragma once

#include "serve/api_error.hpp"
#include "tenon/llm/model.hpp"

namespace tenon::serve {

/// `response_format` (text, json_object, json_schema), vLLM's guided_json, guided_regex, guided_choice, guided_grammar
/// and structured_outputs, llama.cpp's grammar and json_schema. At most one of them.
[[nodiscard]] ApiResult<llm::ResponseFormat> answer_form(const json::Value& body);

/// `tool_choice` and `parallel_tool_calls`.
[[nodiscard]] ApiResult<llm::ToolChoice> tool_choice(const json::Value& body);

}  // namespace tenon::serve
