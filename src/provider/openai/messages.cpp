#include "provider/openai/messages.hpp"

#include "provider/openai/request.hpp"
#include "provider/wire/fields.hpp"
#include "tenon/base/base64.hpp"

namespace tenon::provider::openai {
namespace {

using namespace llm;

json::Value text_part(const std::string& text) { return json::Object{{"type", "text"}, {"text", text}}; }

/// What the parts of one message become.
struct Parts {
    json::Array content;
    std::string text, reasoning, audio_id;
    bool only_text = true;
    json::Array tool_calls;
    json::Array tool_messages;

    void operator()(const TextPart& part) {
        content.push_back(text_part(part.text));
        text += part.text;
    }
    void operator()(const ImagePart& part) {
        json::Object image{{"url", part.url.empty() ? wire::data_url(part.media_type, part.bytes) : part.url}};
        if (!part.detail.empty()) image["detail"] = part.detail;
        add({{"type", "image_url"}, {"image_url", std::move(image)}});
    }
    void operator()(const AudioPart& part) {
        if (!part.id.empty()) {
            audio_id = part.id;
            return;
        }
        add({{"type", "input_audio"},
             {"input_audio",
              json::Object{{"data", base64_encode(part.bytes)}, {"format", audio_format(part.media_type)}}}});
    }
    void operator()(const DocumentPart& part) {
        json::Object file;
        if (!part.file_id.empty()) {
            file["file_id"] = part.file_id;
        } else {
            file["filename"] = part.name.empty() ? std::string("document") : part.name;
            file["file_data"] = wire::data_url(part.media_type, part.bytes);
        }
        add({{"type", "file"}, {"file", std::move(file)}});
    }
    void operator()(const ReasoningPart& part) { reasoning += part.text; }
    // What the API takes none of back:
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
        // A tool's message carries text alone: its pictures follow as the user's.
        for (const auto& image : part.images) (*this)(image);
    }

  private:
    void add(json::Object part) {
        only_text = false;
        content.push_back(std::move(part));
    }
};

Result<void> add_message(json::Array& out, json::Array& pictures, const Message& message,
                         const OpenAiOptions& options) {
    Parts parts;
    for (const auto& part : message.content) std::visit(parts, part);
    for (auto& result : parts.tool_messages) out.push_back(std::move(result));
    if (!parts.tool_calls.empty() && message.role != Role::assistant)
        return fail(ErrorCode::invalid_argument, "only messages of the assistant carry tool calls");
    if (message.role == Role::tool) {
        if (parts.tool_messages.empty() || !parts.text.empty())
            return fail(ErrorCode::invalid_argument, "a tool message carries tool results and nothing else");
        for (auto& picture : parts.content) pictures.push_back(std::move(picture));
        return {};
    }
    if (!parts.tool_messages.empty() && parts.content.empty()) return {};
    if (message.role == Role::assistant && !parts.only_text)
        return fail(ErrorCode::invalid_argument, "messages of the assistant carry no pictures, sound or documents");
    auto role = message.role;
    if (role == Role::developer && !options.quirks.developer_role.value_or(is_openai_host(options.base_url)))
        role = Role::system;
    json::Object object{{"role", std::string(to_string(role))}};
    if (!parts.only_text)
        object["content"] = std::move(parts.content);
    else if (parts.text.empty() && (!parts.tool_calls.empty() || !parts.audio_id.empty()))
        object["content"] = nullptr;
    else
        object["content"] = parts.text;
    if (!message.name.empty()) object["name"] = message.name;
    if (!parts.audio_id.empty()) object["audio"] = json::Object{{"id", parts.audio_id}};
    if (!parts.tool_calls.empty()) object["tool_calls"] = std::move(parts.tool_calls);
    if (!options.quirks.reasoning_field.empty() && !parts.reasoning.empty() && role == Role::assistant)
        object[options.quirks.reasoning_field] = parts.reasoning;
    out.push_back(std::move(object));
    return {};
}

}  // namespace

Result<json::Array> messages_of(const std::vector<Message>& messages, const OpenAiOptions& options) {
    json::Array out, pictures;
    const auto flush = [&] {
        if (!pictures.empty()) out.push_back(json::Object{{"role", "user"}, {"content", std::move(pictures)}});
        pictures = {};
    };
    for (const auto& message : messages) {
        // The results of one turn stay together: what their pictures become follows the last of them.
        if (message.role != Role::tool) flush();
        TENON_CHECK(add_message(out, pictures, message, options));
    }
    flush();
    return out;
}

}  // namespace tenon::provider::openai
