#include "serve/openai_request.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include "serve/answer_form.hpp"
#include "serve/decoding.hpp"
#include "serve/fields.hpp"
#include "tenon/base/base64.hpp"
#include "tenon/provider/local.hpp"

namespace tenon::serve {
namespace {

std::string_view view(const boost::json::string& s) { return {s.data(), s.size()}; }

const json::Value* given(const json::Value& body, std::string_view key) {
    const auto* value = json::find(body, key);
    return value == nullptr || value->is_null() ? nullptr : value;
}

ApiResult<std::optional<double>> number(const json::Value& body, const char* key, double low, double high) {
    return Fields(body).number(key, low, high);
}
ApiResult<std::optional<std::int64_t>> integer(const json::Value& body, const char* key, std::int64_t low,
                                               std::int64_t high) {
    return Fields(body).integer(key, low, high);
}
ApiResult<bool> boolean(const json::Value& body, const char* key) { return Fields(body).boolean(key); }

ApiResult<std::string> model_name(const json::Value& body) { return Fields(body).text("model"); }

ApiResult<llm::GenerationSettings> settings(const json::Value& body, std::uint64_t max_tokens,
                                            const char* max_tokens_key) {
    llm::GenerationSettings s;
    SERVE_TRY(s.temperature, number(body, "temperature", 0, 2));
    SERVE_TRY(s.top_p, number(body, "top_p", 0, 1));
    SERVE_TRY(s.min_p, number(body, "min_p", 0, 1));
    SERVE_TRY(s.presence_penalty, number(body, "presence_penalty", -2, 2));
    SERVE_TRY(s.frequency_penalty, number(body, "frequency_penalty", -2, 2));
    // llama.cpp's name counts too.
    const char* repetition = given(body, "repetition_penalty") == nullptr ? "repeat_penalty" : "repetition_penalty";
    SERVE_TRY(s.repetition_penalty, number(body, repetition, 0.01, 10));
    SERVE_TRY(const auto top_k, integer(body, "top_k", -1, 1'000'000));
    if (top_k) s.top_k = std::max(0, static_cast<int>(*top_k));  // vLLM's -1: all
    SERVE_TRY(s.decoding, read_decoding(Fields(body)));
    SERVE_TRY(const auto seed, integer(body, "seed", INT64_MIN, INT64_MAX));
    if (seed) s.seed = static_cast<std::uint64_t>(*seed);
    // The older name counts too; errors speak of the one that was given.
    if (given(body, max_tokens_key) == nullptr && given(body, "max_tokens") != nullptr) max_tokens_key = "max_tokens";
    // A completion may be asked for nothing but its prompt.
    const bool whole = std::string_view(max_tokens_key) == "max_tokens" && given(body, "messages") == nullptr;
    SERVE_TRY(const auto most, integer(body, max_tokens_key, whole ? 0 : 1, INT64_MAX));
    if (most && static_cast<std::uint64_t>(*most) > max_tokens)
        return bad_param(max_tokens_key,
                         fmt::format("at most {} tokens may be asked for here, not {}", max_tokens, *most));
    s.max_tokens = most ? static_cast<std::uint64_t>(*most) : max_tokens;
    SERVE_TRY(const auto prompt_logprobs, integer(body, "prompt_logprobs", 0, 20));
    if (prompt_logprobs) s.prompt_logprobs = static_cast<int>(*prompt_logprobs);
    SERVE_TRY(const bool stream, boolean(body, "stream"));
    if (prompt_logprobs && stream)
        return bad_param("prompt_logprobs", "'prompt_logprobs' are not given in a stream; leave out 'stream'");
    if (const auto* stop = given(body, "stop")) {
        if (stop->is_string()) {
            s.stop.emplace_back(view(stop->get_string()));
        } else if (const auto* list = stop->if_array(); list != nullptr && list->size() <= 16) {
            for (const auto& item : *list) {
                if (!item.is_string())
                    return bad_param("stop", "'stop' must be a string or a list of strings", "invalid_type");
                s.stop.emplace_back(view(item.get_string()));
            }
        } else {
            return bad_param("stop", "'stop' must be a string or a list of at most 16 strings", "invalid_type");
        }
        std::erase(s.stop, "");
    }
    if (const auto* bias = given(body, "logit_bias")) {
        if (!bias->is_object())
            return bad_param("logit_bias", "'logit_bias' must be an object of token ids and numbers", "invalid_type");
        for (const auto& [token, amount] : bias->get_object()) {
            const std::string text(token);
            char* end = nullptr;
            const long id = std::strtol(text.c_str(), &end, 10);
            if (text.empty() || *end != '\0' || id < 0 || id > INT32_MAX || !amount.is_number())
                return bad_param(
                    "logit_bias",
                    fmt::format("'logit_bias' has the entry '{}', which is not a token id with a number", text));
            const double v = amount.to_number<double>();
            if (!(v >= -100 && v <= 100))
                return bad_param("logit_bias", "values of 'logit_bias' must be between -100 and 100");
            s.logit_bias.emplace_back(static_cast<std::int32_t>(id), v);
        }
    }
    return s;
}

/// "data:image/png;base64,…" or a URL.
ApiResult<llm::ImagePart> image_part(const json::Value& part, const std::string& param) {
    const auto* image = json::find(part, "image_url");
    if (image == nullptr) return bad_param(param, "an image part needs 'image_url'", "missing_required_parameter");
    llm::ImagePart out;
    out.url =
        image->is_string() ? std::string(view(image->get_string())) : std::string(json::string_or(*image, "url", ""));
    out.detail = json::string_or(*image, "detail", "");
    if (out.url.starts_with("data:")) {
        const auto comma = out.url.find(";base64,");
        if (comma == std::string::npos) return bad_param(param, "an image's data URL must be base64");
        auto bytes = base64_decode(std::string_view(out.url).substr(comma + 8));
        if (!bytes) return bad_param(param, "an image's data URL is not base64");
        out.media_type = out.url.substr(5, comma - 5);
        out.bytes = std::move(*bytes);
        out.url.clear();
    }
    return out;
}

ApiResult<llm::Message> message(const json::Value& value, const std::string& param) {
    if (!value.is_object())
        return bad_param(param, fmt::format("{} must be an object with 'role' and 'content'", param), "invalid_type");
    llm::Message out;
    const auto role_text = json::string_or(value, "role", "");
    const auto role = llm::role_from(role_text == "function" ? "tool" : role_text);
    if (!role)
        return bad_param(param + ".role",
                         fmt::format("'{}' is not a role; use system, developer, user, assistant or tool", role_text));
    out.role = *role;
    out.name = json::string_or(value, "name", "");
    std::string text;
    if (const auto* content = given(value, "content")) {
        if (content->is_string()) {
            text = std::string(view(content->get_string()));
        } else if (const auto* parts = content->if_array()) {
            for (std::size_t i = 0; i < parts->size(); ++i) {
                const auto& part = (*parts)[i];
                const std::string where = fmt::format("{}.content[{}]", param, i);
                const auto type = json::string_or(part, "type", part.is_string() ? "text" : "");
                if (part.is_string())
                    text += view(part.get_string());
                else if (type == "text" || type == "input_text" || type == "output_text")
                    text += json::string_or(part, "text", "");
                else if (type == "refusal")
                    text += json::string_or(part, "refusal", "");
                else if (type == "image_url") {
                    SERVE_TRY(auto image, image_part(part, where));
                    out.content.emplace_back(std::move(image));
                } else
                    return bad_param(
                        where,
                        fmt::format("content parts of type '{}' are not supported; use text or image_url", type));
            }
        } else {
            return bad_param(param + ".content", "'content' must be a string or a list of parts", "invalid_type");
        }
    } else if (out.role != llm::Role::assistant) {
        return bad_param(param + ".content", fmt::format("{} has no 'content'", param), "missing_required_parameter");
    }
    if (out.role == llm::Role::tool) {
        out.content.clear();
        out.content.emplace_back(llm::ToolResultPart{std::string(json::string_or(value, "tool_call_id", "")), out.name,
                                                     std::move(text), false});
        return out;
    }
    if (!text.empty()) out.content.insert(out.content.begin(), llm::TextPart{std::move(text)});
    if (const auto* calls = given(value, "tool_calls")) {
        if (!calls->is_array()) return bad_param(param + ".tool_calls", "'tool_calls' must be a list", "invalid_type");
        for (const auto& call : calls->get_array()) {
            const auto* function = json::find(call, "function");
            if (function == nullptr)
                return bad_param(param + ".tool_calls", "a tool call needs 'function'", "missing_required_parameter");
            out.content.emplace_back(llm::ToolCallPart{std::string(json::string_or(call, "id", "")),
                                                       std::string(json::string_or(*function, "name", "")),
                                                       std::string(json::string_or(*function, "arguments", "{}"))});
        }
    }
    return out;
}

/// {"type": "content", "content": "text" or [{"type": "text", "text"}]}
ApiResult<std::string> prediction(const json::Value& body) {
    const auto* value = given(body, "prediction");
    if (value == nullptr) return std::string();
    const auto* content = value->is_object() ? given(*value, "content") : nullptr;
    if (content == nullptr || json::string_or(*value, "type", "") != "content")
        return bad_param("prediction", "'prediction' must be an object with 'type': \"content\" and 'content'",
                         "invalid_type");
    if (content->is_string()) return std::string(view(content->get_string()));
    std::string out;
    if (const auto* parts = content->if_array()) {
        for (const auto& part : *parts) {
            if (json::string_or(part, "type", "") != "text")
                return bad_param("prediction.content", "parts of a prediction must be text", "invalid_type");
            out += json::string_or(part, "text", "");
        }
        return out;
    }
    return bad_param("prediction.content", "'content' of a prediction must be a string or a list of text parts",
                     "invalid_type");
}

}  // namespace

ApiResult<json::Value> parse_body(std::string_view body) {
    auto value = json::parse(body);
    if (!value) {
        ApiError e;
        e.message = "the request body is " + value.error().message();
        e.code = "invalid_json";
        return std::unexpected(std::move(e));
    }
    if (!value->is_object()) {
        ApiError e;
        e.message = "the request body must be a JSON object";
        e.code = "invalid_json";
        return std::unexpected(std::move(e));
    }
    return std::move(*value);
}

ApiResult<std::vector<llm::Message>> parse_messages(const json::Value& list, const std::string& param) {
    const auto* array = list.if_array();
    if (array == nullptr) return bad_param(param, fmt::format("'{}' must be a list", param), "invalid_type");
    std::vector<llm::Message> out;
    for (std::size_t i = 0; i < array->size(); ++i) {
        SERVE_TRY(auto m, message((*array)[i], fmt::format("{}[{}]", param, i)));
        out.push_back(std::move(m));
    }
    return out;
}

ApiResult<ChatBody> parse_chat(const json::Value& body, std::uint64_t max_tokens) {
    ChatBody out;
    SERVE_TRY(out.model, model_name(body));
    const auto* messages = given(body, "messages");
    if (messages == nullptr) return bad_param("messages", "'messages' is missing", "missing_required_parameter");
    SERVE_TRY(out.request.messages, parse_messages(*messages, "messages"));
    if (out.request.messages.empty()) return bad_param("messages", "'messages' must hold at least one message");
    SERVE_TRY(out.request.settings, settings(body, max_tokens, "max_completion_tokens"));
    SERVE_TRY(const auto n, integer(body, "n", 1, 16));
    out.n = static_cast<std::size_t>(n.value_or(1));
    SERVE_TRY(out.stream, boolean(body, "stream"));
    if (const auto* options = given(body, "stream_options"))
        out.include_usage = json::bool_or(*options, "include_usage", false);
    SERVE_TRY(const bool logprobs, boolean(body, "logprobs"));
    SERVE_TRY(const auto top, integer(body, "top_logprobs", 0, 20));
    if (top && !logprobs) return bad_param("top_logprobs", "'top_logprobs' needs 'logprobs': true");
    if (logprobs) out.request.settings.top_logprobs = static_cast<int>(top.value_or(0));
    if (const auto* tools = given(body, "tools")) {
        if (!tools->is_array()) return bad_param("tools", "'tools' must be a list", "invalid_type");
        SERVE_TRY(out.request.tool_choice, tool_choice(body));
        const bool none = out.request.tool_choice.mode == llm::ToolChoice::Mode::none;
        for (std::size_t i = 0; i < tools->get_array().size(); ++i) {
            const auto& tool = tools->get_array()[i];
            const auto* function = json::find(tool, "function");
            const auto name = function == nullptr ? std::string_view{} : json::string_or(*function, "name", "");
            if (name.empty())
                return bad_param(fmt::format("tools[{}]", i),
                                 "a tool needs 'type': \"function\" and a 'function' with a 'name'",
                                 "missing_required_parameter");
            if (none) continue;
            const auto* schema = json::find(*function, "parameters");
            out.request.tools.push_back(
                {std::string(name), std::string(json::string_or(*function, "description", "")),
                 schema == nullptr ? "{\"type\":\"object\",\"properties\":{}}" : json::dump(*schema),
                 json::bool_or(*function, "strict", false)});
        }
    }
    SERVE_TRY(out.request.settings.prediction, prediction(body));
    SERVE_TRY(out.request.format, answer_form(body));
    SERVE_CHECK(Fields(body).none({"functions", "function_call"}, "is not taken any more; use 'tools'"));
    SERVE_CHECK(Fields(body).none({"audio", "web_search_options"}, "is not supported"));
    SERVE_TRY(const auto modalities, Fields(body).texts("modalities", 8));
    for (const auto& modality : modalities)
        if (modality != "text")
            return bad_param("modalities", fmt::format("answers are text here, not {}", modality), "unsupported_value");
    SERVE_TRY(const auto effort, Fields(body).text("reasoning_effort"));
    if (!effort.empty()) {
        out.request.reasoning.emplace().effort = llm::effort_from(effort);
        if (!out.request.reasoning->effort)
            return bad_param("reasoning_effort", fmt::format("'{}' is no effort; use none, minimal, low, medium, high "
                                                             "or xhigh",
                                                             effort));
    }
    if (const auto* arguments = given(body, "chat_template_kwargs")) {
        if (!arguments->is_object())
            return bad_param("chat_template_kwargs", "'chat_template_kwargs' must be an object", "invalid_type");
        if (const auto* thinking = given(*arguments, "enable_thinking"); thinking != nullptr) {
            if (!thinking->is_bool())
                return bad_param("chat_template_kwargs.enable_thinking", "'enable_thinking' must be true or false",
                                 "invalid_type");
            // Said in our own words too, for models behind other servers.
            if (!thinking->get_bool() && effort.empty())
                out.request.reasoning.emplace().effort = llm::ReasoningSettings::Effort::none;
        }
        out.request.extensions.set(provider::local::RequestExtras{json::dump(*arguments)});
    }
    out.request.user = json::string_or(body, "user", "");
    return out;
}

ApiResult<CompletionBody> parse_completion(const json::Value& body, std::uint64_t max_tokens) {
    CompletionBody out;
    SERVE_TRY(out.model, model_name(body));
    const auto* prompt = given(body, "prompt");
    if (prompt == nullptr) return bad_param("prompt", "'prompt' is missing", "missing_required_parameter");
    if (prompt->is_string()) {
        out.prompts.emplace_back(view(prompt->get_string()));
    } else if (const auto* list = prompt->if_array(); list != nullptr && !list->empty() && list->size() <= 64) {
        for (const auto& item : *list) {
            if (!item.is_string())
                return bad_param("prompt", "'prompt' must be a string or a list of strings (token ids are not taken)",
                                 "invalid_type");
            out.prompts.emplace_back(view(item.get_string()));
        }
    } else {
        return bad_param("prompt", "'prompt' must be a string or a list of 1 to 64 strings", "invalid_type");
    }
    SERVE_TRY(out.settings, settings(body, max_tokens, "max_tokens"));
    if (given(body, "max_tokens") == nullptr)
        out.settings.max_tokens = std::min<std::uint64_t>(16, max_tokens);  // OpenAI's default here
    SERVE_TRY(const auto n, integer(body, "n", 1, 16));
    out.n = static_cast<std::size_t>(n.value_or(1));
    SERVE_TRY(out.echo, boolean(body, "echo"));
    SERVE_TRY(out.stream, boolean(body, "stream"));
    if (const auto* options = given(body, "stream_options"))
        out.include_usage = json::bool_or(*options, "include_usage", false);
    SERVE_TRY(const auto logprobs, integer(body, "logprobs", 0, 20));
    if (logprobs) out.logprobs = out.settings.top_logprobs = static_cast<int>(*logprobs);
    out.prompt_logprobs = out.settings.prompt_logprobs;
    if (out.echo && logprobs)
        out.settings.prompt_logprobs = std::max(out.prompt_logprobs.value_or(0), static_cast<int>(*logprobs));
    out.only_prompt = out.settings.max_tokens == 0U;
    if (out.only_prompt) out.settings.max_tokens = 1;
    if (given(body, "suffix") != nullptr && !json::string_or(body, "suffix", "").empty())
        return bad_param("suffix", "'suffix' is not supported", "unsupported_value");
    SERVE_TRY(const auto best_of, integer(body, "best_of", 1, 16));
    out.best_of = best_of ? static_cast<std::size_t>(*best_of) : out.n;
    if (out.best_of < out.n) return bad_param("best_of", "'best_of' must be at least 'n'");
    SERVE_TRY(out.format, answer_form(body));
    SERVE_TRY(out.beams, boolean(body, "use_beam_search"));
    SERVE_TRY(const auto penalty, number(body, "length_penalty", -100, 100));
    out.length_penalty = penalty.value_or(1);
    if (out.beams && out.stream)
        return bad_param("use_beam_search", "beams are told when all are complete; leave out 'stream'");
    if (out.beams && (out.best_of > 10 || out.prompt_logprobs || logprobs || out.only_prompt ||
                      !std::holds_alternative<llm::TextFormat>(out.format)))
        return bad_param("use_beam_search",
                         "a beam search takes 'n' and 'best_of' up to 10, 'max_tokens' from 1, no 'logprobs', and no "
                         "grammar or schema");
    if (out.best_of > out.n && out.stream)
        return bad_param("best_of",
                         "the best can be told when all are complete; leave out 'stream', or let 'best_of' equal 'n'");
    if (out.best_of > out.n && !logprobs) out.settings.top_logprobs = 0;  // what they are judged by
    if (out.best_of * out.prompts.size() > 64)
        return bad_param("n", "'n' (or 'best_of') times the number of prompts must be at most 64");
    return out;
}

ApiResult<EmbeddingBody> parse_embedding(const json::Value& body) {
    EmbeddingBody out;
    SERVE_TRY(out.model, model_name(body));
    const auto* input = given(body, "input");
    if (input == nullptr) return bad_param("input", "'input' is missing", "missing_required_parameter");
    if (input->is_string()) {
        out.inputs.emplace_back(view(input->get_string()));
    } else if (const auto* list = input->if_array(); list != nullptr && !list->empty() && list->size() <= 2048) {
        for (const auto& item : *list) {
            if (!item.is_string())
                return bad_param("input", "'input' must be a string or a list of strings (token ids are not taken)",
                                 "invalid_type");
            out.inputs.emplace_back(view(item.get_string()));
        }
    } else {
        return bad_param("input", "'input' must be a string or a list of 1 to 2048 strings", "invalid_type");
    }
    for (const auto& text : out.inputs)
        if (text.empty()) return bad_param("input", "'input' must not hold an empty string");
    const auto format = json::string_or(body, "encoding_format", "float");
    if (format != "float" && format != "base64")
        return bad_param("encoding_format", fmt::format("'encoding_format' must be float or base64, not '{}'", format));
    out.base64 = format == "base64";
    if (json::string_or(body, "input_type", "passage") == "query") out.kind = llm::EmbedKind::query;
    SERVE_TRY(const auto dimensions, integer(body, "dimensions", 1, 1 << 20));
    if (dimensions) out.dimensions = static_cast<std::size_t>(*dimensions);
    return out;
}

}  // namespace tenon::serve
