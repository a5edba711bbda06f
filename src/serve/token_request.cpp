#include "serve/token_request.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include "serve/fields.hpp"
#include "serve/openai_request.hpp"

namespace tenon::serve {

ApiResult<TokenizeBody> parse_tokenize(const json::Value& body) {
    const Fields fields(body);
    TokenizeBody out;
    SERVE_TRY(out.model, fields.text("model"));
    std::size_t given = 0;
    for (const char* key : {"content", "prompt", "text"}) {
        if (!fields.has(key)) continue;
        ++given;
        SERVE_TRY(out.text, fields.text(key));
    }
    if (const json::Value* messages = fields.find("messages")) {
        ++given;
        SERVE_TRY(const bool prompted, fields.boolean("add_generation_prompt", true));
        if (!prompted)
            return bad_param("add_generation_prompt",
                             "messages are counted as a request for an answer; leave 'add_generation_prompt' out",
                             "unsupported_parameter");
        json::Object chat{{"messages", *messages}};
        if (const json::Value* tools = fields.find("tools")) chat["tools"] = *tools;
        SERVE_TRY(auto parsed, parse_chat(json::Value(std::move(chat)), UINT64_MAX));
        out.chat = std::move(parsed.request);
    }
    if (given != 1)
        return bad_param("content", "give one of 'content', 'prompt', 'text' and 'messages'",
                         "missing_required_parameter");
    // vLLM adds the beginning of a text unless told otherwise, llama.cpp only when told.
    SERVE_TRY(const bool special, fields.boolean("add_special_tokens", fields.has("prompt")));
    SERVE_TRY(out.add_special, fields.boolean("add_special", special));
    SERVE_TRY(out.parse_special, fields.boolean("parse_special", true));
    SERVE_TRY(out.with_pieces, fields.boolean("with_pieces"));
    SERVE_TRY(out.token_strings, fields.boolean("return_token_strs"));
    return out;
}

ApiResult<DetokenizeBody> parse_detokenize(const json::Value& body) {
    const Fields fields(body);
    DetokenizeBody out;
    SERVE_TRY(out.model, fields.text("model"));
    SERVE_TRY(const json::Array* list, fields.list("tokens"));
    if (list == nullptr) return missing_param("tokens");
    out.tokens.reserve(list->size());
    for (std::size_t i = 0; i < list->size(); ++i) {
        const json::Value& value = (*list)[i];
        if (!value.is_int64() || value.get_int64() < 0 || value.get_int64() > INT32_MAX)
            return bad_param(fmt::format("tokens[{}]", i), "token ids are whole numbers from 0", "invalid_type");
        out.tokens.push_back(static_cast<text::TokenId>(value.get_int64()));
    }
    return out;
}

}  // namespace tenon::serve
