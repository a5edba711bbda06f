#include "serve/openai_render.hpp"

#include <boost/json.hpp>

#include <utility>

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
    json::Object details{{"reasoning_tokens", u.reasoning_tokens}};
    if (u.accepted_prediction_tokens + u.rejected_prediction_tokens > 0) {
        details["accepted_prediction_tokens"] = u.accepted_prediction_tokens;
        details["rejected_prediction_tokens"] = u.rejected_prediction_tokens;
    }
    return json::Object{{"prompt_tokens", u.input_tokens},
                        {"completion_tokens", u.output_tokens},
                        {"total_tokens", u.input_tokens + u.output_tokens},
                        {"prompt_tokens_details", json::Object{{"cached_tokens", u.cached_input_tokens}}},
                        {"completion_tokens_details", std::move(details)}};
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

json::Value render_completion_logprobs(const EchoedPrompt& prompt, const std::vector<llm::TokenLogprob>& tokens,
                                       std::size_t offset, int alternatives) {
    json::Array texts, logprobs, tops, offsets;
    const auto add = [&](const llm::TokenLogprob& t, std::size_t at, bool known) {
        texts.emplace_back(t.text);
        offsets.emplace_back(at);
        logprobs.push_back(known ? json::Value(t.logprob) : json::Value(nullptr));
        json::Object top;
        for (const auto& a : t.top)
            if (std::cmp_less(top.size(), alternatives)) top[a.text] = a.logprob;
        tops.push_back(known ? json::Value(std::move(top)) : json::Value(nullptr));
    };
    // A token stands where its text does; one that has none there (the beginning of text) takes no room.
    std::size_t at = 0;
    for (std::size_t i = 0; i < prompt.tokens.size(); ++i) {
        const auto rest = prompt.text.substr(at);
        std::string_view bytes = prompt.tokens[i].bytes;
        add(prompt.tokens[i], utf8::length(prompt.text.substr(0, at)), i > 0);
        if (!rest.starts_with(bytes) && bytes.starts_with(' ')) bytes.remove_prefix(1);  // a tokenizer's own space
        if (rest.starts_with(bytes)) at += bytes.size();
    }
    for (const auto& t : tokens) {
        add(t, offset, true);
        offset += utf8::length(t.text);
    }
    return json::Object{{"tokens", std::move(texts)},
                        {"token_logprobs", std::move(logprobs)},
                        {"top_logprobs", std::move(tops)},
                        {"text_offset", std::move(offsets)}};
}

json::Value render_prompt_logprobs(const std::vector<llm::TokenLogprob>& tokens, int alternatives) {
    json::Array out;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        if (i == 0) {
            out.emplace_back(nullptr);
            continue;
        }
        json::Object entry;
        const auto add = [&](std::int32_t id, double logprob, std::uint64_t rank, const std::string& text) {
            entry[std::to_string(id)] = json::Object{{"logprob", logprob}, {"rank", rank}, {"decoded_token", text}};
        };
        const auto& token = tokens[i];
        add(token.id, token.logprob, token.rank, token.text);
        for (std::size_t a = 0; a < token.top.size() && std::cmp_less(a, alternatives); ++a)
            add(token.top[a].id, token.top[a].logprob, token.top[a].rank, token.top[a].text);
        out.push_back(std::move(entry));
    }
    return out;
}

json::Array render_tool_calls(const std::vector<llm::ToolCallPart>& calls) {
    json::Array out;
    for (const auto& call : calls)
        out.push_back(
            json::Object{{"id", call.id},
                         {"type", "function"},
                         {"function", json::Object{{"name", call.name}, {"arguments", call.arguments_json}}}});
    return out;
}

json::Array render_call_pieces(const std::vector<Step>& steps) {
    json::Array out;
    for (const auto& step : steps) {
        if (const auto* call = std::get_if<CallStep>(&step)) {
            out.push_back(json::Object{{"index", call->index},
                                       {"id", call->id},
                                       {"type", "function"},
                                       {"function", json::Object{{"name", call->name}, {"arguments", ""}}}});
        } else if (const auto* piece = std::get_if<ArgumentsStep>(&step)) {
            if (!out.empty() && out.back().at("index") == piece->index)
                out.back().get_object()["function"].get_object()["arguments"] = piece->text;
            else
                out.push_back(
                    json::Object{{"index", piece->index}, {"function", json::Object{{"arguments", piece->text}}}});
        }
    }
    return out;
}

}  // namespace tenon::serve
