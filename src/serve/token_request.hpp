// Bodies of /tokenize and /detokenize, in the shapes of llama.cpp's server and of vLLM.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "serve/api_error.hpp"
#include "tenon/llm/model.hpp"
#include "tenon/text/tokenizer.hpp"

namespace tenon::serve {

struct TokenizeBody {
    std::string model, text;
    std::optional<llm::ChatRequest> chat;  ///< instead of the text
    bool add_special = false, parse_special = true;
    bool with_pieces = false;    ///< llama.cpp: tokens as {"id", "piece"}
    bool token_strings = false;  ///< vLLM: "token_strs"
};

struct DetokenizeBody {
    std::string model;
    std::vector<text::TokenId> tokens;
};

/// The text is `content` (llama.cpp), `prompt` (vLLM) or `text`; or `messages` stand in its place (vLLM).
[[nodiscard]] ApiResult<TokenizeBody> parse_tokenize(const json::Value& body);
[[nodiscard]] ApiResult<DetokenizeBody> parse_detokenize(const json::Value& body);

}  // namespace tenon::serve
