#include "provider/openai/request.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "tenon/base/base64.hpp"
#include "tenon/base/utf8.hpp"
#include "tenon/json/json.hpp"

namespace tenon::provider::openai {
namespace {

using namespace llm;

std::string data_url(const std::string& media_type, const std::string& bytes) {
    return fmt::format("data:{};base64,{}", media_type.empty() ? "application/octet-stream" : media_type,
                       base64_encode(bytes));
}

std::string audio_format(std::string_view media_type) {
    const auto slash = media_type.find('/');
    auto format = std::string(slash == std::string_view::npos ? media_type : media_type.substr(slash + 1));
    if (format == "mpeg") return "mp3";
    if (format == "x-wav" || format == "wave") return "wav";
    return format;
}

json::Value text_part(const std::string& text) { return json::Object{{"type", "text"}, {"text", text}}; }

/// What the parts of one message become.
struct Parts {
    json::Array content;
    std::string text;
    bool only_text = true;
    json::Array tool_calls;
    json::Array tool_messages;

    void operator()(const TextPart& part) {
        content.push_back(text_part(part.text));
        text += part.text;
    }
    void operator()(const ImagePart& part) {
        json::Object image{{"url", part.url.empty() ? data_url(part.media_type, part.bytes) : part.url}};
        if (!part.detail.empty()) image["detail"] = part.detail;
        add({{"type", "image_url"}, {"image_url", std::move(image)}});
    }
    void operator()(const AudioPart& part) {
        add({{"type", "input_audio"},
             {"input_audio",
              json::Object{{"data", base64_encode(part.bytes)}, {"format", audio_format(part.media_type)}}}});
    }
    void operator()(const DocumentPart& part) {
        add({{"type", "file"},
             {"file", json::Object{{"filename", part.name}, {"file_data", data_url(part.media_type, part.bytes)}}}});
    }
    // What the API takes none of back:
    void operator()(const ReasoningPart&) {}
    void operator()(const CitationPart&) {}
    void operator()(const ProviderPart&) {}
    void operator()(const ToolCallPart& part) {
        tool_calls.push_back(json::Object{
            {"id", part.id},
            {"type", "function"},
            {"function",
             json::Object{{"name", part.name},
                          {"arguments", part.arguments_json.empty() ? std::string("{}") : part.arguments_json}}}});
    }
    void operator()(const ToolResultPart& part) {
        tool_messages.push_back(
            json::Object{{"role", "tool"}, {"tool_call_id", part.call_id}, {"content", part.content}});
    }

  private:
    void add(json::Object part) {
        only_text = false;
        content.push_back(std::move(part));
    }
};

Result<void> add_message(json::Array& out, const Message& message) {
    Parts parts;
    for (const auto& part : message.content) std::visit(parts, part);
    for (auto& result : parts.tool_messages) out.push_back(std::move(result));
    if (!parts.tool_calls.empty() && message.role != Role::assistant)
        return fail(ErrorCode::invalid_argument, "only messages of the assistant carry tool calls");
    if (message.role == Role::tool) {
        if (parts.tool_messages.empty() || !parts.content.empty())
            return fail(ErrorCode::invalid_argument, "a tool message carries tool results and nothing else");
        return {};
    }
    if (!parts.tool_messages.empty() && parts.content.empty()) return {};
    json::Object object{{"role", std::string(to_string(message.role))}};
    if (!parts.only_text)
        object["content"] = std::move(parts.content);
    else if (parts.text.empty() && !parts.tool_calls.empty())
        object["content"] = nullptr;
    else
        object["content"] = parts.text;
    if (!message.name.empty()) object["name"] = message.name;
    if (!parts.tool_calls.empty()) object["tool_calls"] = std::move(parts.tool_calls);
    out.push_back(std::move(object));
    return {};
}

void add_settings(json::Object& body, const GenerationSettings& settings, const OpenAiOptions& options) {
    const auto set = [&](const char* name, const auto& value) {
        if (value) body[name] = *value;
    };
    set("temperature", settings.temperature);
    set("top_p", settings.top_p);
    set("presence_penalty", settings.presence_penalty);
    set("frequency_penalty", settings.frequency_penalty);
    set("seed", settings.seed);
    // Extensions that vLLM, SGLang and llama.cpp take; sent only when asked for.
    set("top_k", settings.top_k);
    set("min_p", settings.min_p);
    set("repetition_penalty", settings.repetition_penalty);
    if (!settings.stop.empty()) body["stop"] = json::Array(settings.stop.begin(), settings.stop.end());
    if (!settings.logit_bias.empty()) {
        json::Object bias;
        for (const auto& [token, value] : settings.logit_bias) bias[std::to_string(token)] = value;
        body["logit_bias"] = std::move(bias);
    }
    body["stream"] = true;
    if (options.ask_for_usage) body["stream_options"] = json::Object{{"include_usage", true}};
}

bool is_openai_host(const std::string& base_url) {
    return base_url.starts_with("https://api.openai.com/") || base_url.contains(".openai.azure.com/");
}

}  // namespace

Result<std::string> chat_body(const std::string& model, const ChatRequest& request, const OpenAiOptions& options) {
    json::Array messages;
    for (const auto& message : request.messages) TENON_CHECK(add_message(messages, message));
    json::Object body{{"model", model}, {"messages", std::move(messages)}};
    if (!request.tools.empty()) {
        json::Array tools;
        for (const auto& tool : request.tools) {
            json::Object function{{"name", tool.name}, {"description", tool.description}};
            if (!tool.parameters_schema.empty()) {
                auto schema = json::parse(tool.parameters_schema);
                if (!schema)
                    return fail(ErrorCode::invalid_argument,
                                fmt::format("the parameters of tool \"{}\" are not JSON", tool.name), schema.error());
                function["parameters"] = std::move(*schema);
            }
            tools.push_back(json::Object{{"type", "function"}, {"function", std::move(function)}});
        }
        body["tools"] = std::move(tools);
    }
    add_settings(body, request.settings, options);
    if (request.settings.max_tokens) {
        using Field = OpenAiOptions::MaxTokensField;
        const bool newer = options.max_tokens_field == Field::max_completion_tokens ||
                           (options.max_tokens_field == Field::by_host && is_openai_host(options.base_url));
        body[newer ? "max_completion_tokens" : "max_tokens"] = *request.settings.max_tokens;
    }
    if (request.settings.top_logprobs) {
        body["logprobs"] = true;
        body["top_logprobs"] = *request.settings.top_logprobs;
    }
    if (!request.user.empty()) body["user"] = request.user;
    return json::dump(body);
}

Result<std::string> completion_body(const std::string& model, const CompletionRequest& request,
                                    const OpenAiOptions& options) {
    json::Object body{{"model", model}, {"prompt", request.prompt}};
    if (request.echo) body["echo"] = true;
    add_settings(body, request.settings, options);
    if (request.settings.max_tokens) body["max_tokens"] = *request.settings.max_tokens;
    if (request.settings.top_logprobs) body["logprobs"] = *request.settings.top_logprobs;
    return json::dump(body);
}

std::string embeddings_body(const std::string& model, const std::vector<std::string>& texts,
                            const OpenAiOptions& options) {
    json::Object body{{"model", model},
                      {"input", json::Array(texts.begin(), texts.end())},
                      {"encoding_format", options.base64 ? "base64" : "float"}};
    if (options.dimensions != 0) body["dimensions"] = options.dimensions;
    return json::dump(body);
}

std::string endpoint(const std::string& base_url, std::string_view path) {
    const auto question = base_url.find('?');
    std::string out = base_url.substr(0, question);
    while (out.ends_with('/')) out.pop_back();
    out += path;
    if (question != std::string::npos) out += base_url.substr(question);
    return out;
}

}  // namespace tenon::provider::openai
