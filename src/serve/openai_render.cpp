#include "serve/openai_render.hpp"

#include <boost/json.hpp>

#include "tenon/base/utf8.hpp"

namespace tenon::serve {
namespace {

json::Object token_object(std::string_view text, std::string_view bytes, double logprob) {
    json::Array raw;
    for (const char c : bytes) raw.emplace_back(static_cast<unsigned char>(c));
    return json::Object{{"token", std::string(text)}, {"logprob", logprob}, {"bytes", std::move(raw)}};
}

}  // namespace

json::Object render_usage(const llm::Usage& u) {
    return json::Object{{"prompt_tokens", u.input_tokens},
                        {"completion_tokens", u.output_tokens},
                        {"total_tokens", u.input_tokens + u.output_tokens},
                        {"prompt_tokens_details", json::Object{{"cached_tokens", u.cached_input_tokens}}},
                        {"completion_tokens_details", json::Object{{"reasoning_tokens", u.reasoning_tokens}}}};
}

json::Value render_chat_logprobs(const std::vector<llm::TokenLogprob>& tokens) {
    json::Array content;
    for (const auto& t : tokens) {
        auto object = token_object(t.text, t.bytes, t.logprob);
        json::Array top;
        for (const auto& a : t.top) top.push_back(token_object(a.text, a.bytes, a.logprob));
        object["top_logprobs"] = std::move(top);
        content.push_back(std::move(object));
    }
    return json::Object{{"content", std::move(content)}, {"refusal", nullptr}};
}

json::Value render_completion_logprobs(const std::vector<llm::TokenLogprob>& tokens, std::size_t offset) {
    json::Array texts, logprobs, tops, offsets;
    for (const auto& t : tokens) {
        texts.emplace_back(t.text);
        logprobs.emplace_back(t.logprob);
        json::Object top;
        for (const auto& a : t.top) top[a.text] = a.logprob;
        tops.push_back(std::move(top));
        offsets.emplace_back(offset);
        offset += utf8::length(t.text);
    }
    return json::Object{{"tokens", std::move(texts)},
                        {"token_logprobs", std::move(logprobs)},
                        {"top_logprobs", std::move(tops)},
                        {"text_offset", std::move(offsets)}};
}

json::Array render_tool_calls(const std::vector<llm::ToolCallPart>& calls, bool with_index) {
    json::Array out;
    for (std::size_t i = 0; i < calls.size(); ++i) {
        json::Object call{{"id", calls[i].id},
                          {"type", "function"},
                          {"function", json::Object{{"name", calls[i].name}, {"arguments", calls[i].arguments_json}}}};
        if (with_index) call["index"] = i;
        out.push_back(std::move(call));
    }
    return out;
}

}  // namespace tenon::serve
