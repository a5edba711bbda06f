// Anthropic's words for models and errors, which share paths with OpenAI's.
#pragma once

#include "serve/document/describe.hpp"

namespace tenon::serve::document {

struct AnthropicModel {
    std::string type, id, display_name, created_at;
    std::int64_t max_input_tokens;
};
BOOST_DESCRIBE_STRUCT(AnthropicModel, (), (type, id, display_name, created_at, max_input_tokens))
struct AnthropicModelList {
    std::vector<AnthropicModel> data;
    bool has_more;
    std::optional<std::string> first_id, last_id;
};
BOOST_DESCRIBE_STRUCT(AnthropicModelList, (), (data, has_more, first_id, last_id))
struct AnthropicErrorDetail {
    std::string type, message;
};
BOOST_DESCRIBE_STRUCT(AnthropicErrorDetail, (), (type, message))
struct AnthropicError {
    std::string type;
    AnthropicErrorDetail error;
    std::optional<std::string> request_id;
};
BOOST_DESCRIBE_STRUCT(AnthropicError, (), (type, error, request_id))

}  // namespace tenon::serve::document
