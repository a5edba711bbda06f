// Bodies of OpenAI's responses API to our types. Published at platform.openai.com/docs/api-reference/responses.
#pragma once

#include <boost/json.hpp>
#include <string>

#include "serve/answer.hpp"
#include "serve/fields.hpp"

namespace tenon::serve::responses {

struct ResponsesBody {
    Question question;  ///< without messages: they need what is stored
    json::Array input;  ///< items, each with an id; references are still to be resolved
    std::string instructions, previous_response_id;
    bool store = true;
    bool sealed_thoughts = false;  ///< reasoning items carry what gives them back to their maker
    json::Object echo;             ///< what the response repeats of its request
};

/// POST /v1/responses. What runs at OpenAI alone (its tools, prompts, conversations, work in the background) is
/// refused, and so is what nobody knows.
[[nodiscard]] ApiResult<ResponsesBody> read_response(const json::Value& body, std::uint64_t most_tokens);

}  // namespace tenon::serve::responses
