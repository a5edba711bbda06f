// What a server asks of its client: samples, forms, roots.
#include <fmt/format.h>

#include "mcp/wire/parts.hpp"
#include "mcp/wire/wire.hpp"

namespace tenon::mcp::wire {

using namespace detail;

json::Object write(const Root& root) {
    json::Object out{{"uri", root.uri}};
    put(out, "name", root.name);
    return out;
}
Result<Root> Read<Root>::of(const json::Value& from) {
    Root out;
    TENON_TRY(out.uri, string_in(from, "uri"));
    TENON_TRY(out.name, text_in(from, "name"));
    return out;
}

json::Object write(const ElicitRequest& request, Revision revision) {
    json::Object out;
    if (!request.url.empty()) {
        out = {{"mode", "url"}, {"message", request.message}, {"url", request.url}};
        if (!is_stateless(revision)) put(out, "elicitationId", request.id);
        return out;
    }
    if (revision >= Revision::v2025_11_25) out["mode"] = "form";
    out["message"] = request.message;
    out["requestedSchema"] = request.schema.empty() ? json::Value({{"type", "object"}, {"properties", json::Object()}})
                                                    : parsed(request.schema);
    return out;
}
Result<ElicitRequest> Read<ElicitRequest>::of(const json::Value& from) {
    ElicitRequest out;
    TENON_TRY(out.message, string_in(from, "message"));
    TENON_TRY(const auto mode, text_in(from, "mode"));
    if (mode == "url") {
        TENON_TRY(out.url, string_in(from, "url"));
        out.id = json::string_or(from, "elicitationId", "");
    } else if (mode.empty() || mode == "form") {
        out.schema = json_in(from, "requestedSchema");
    } else {
        return fail(ErrorCode::invalid_argument, fmt::format("elicitation of mode \"{}\" is not known", mode));
    }
    return out;
}

json::Object write(const ElicitResult& result) {
    using Action = ElicitResult::Action;
    json::Object out{{"action", result.action == Action::accept    ? "accept"
                                : result.action == Action::decline ? "decline"
                                                                   : "cancel"}};
    if (result.action == Action::accept && !result.content.empty()) out["content"] = parsed(result.content);
    return out;
}
Result<ElicitResult> Read<ElicitResult>::of(const json::Value& from) {
    using Action = ElicitResult::Action;
    ElicitResult out;
    TENON_TRY(const auto action, string_in(from, "action"));
    if (action != "accept" && action != "decline" && action != "cancel")
        return fail(ErrorCode::invalid_argument, fmt::format("\"{}\" is not an answer to an elicitation", action));
    out.action = action == "accept" ? Action::accept : action == "decline" ? Action::decline : Action::cancel;
    if (const auto* content = json::find(from, "content"); content != nullptr && !content->is_null()) {
        if (!content->is_object()) return fail(ErrorCode::invalid_argument, "\"content\" must be an object");
        out.content = json::dump(*content);
    }
    return out;
}

namespace {

json::Object write_part(const SamplingContent& content) {
    if (const auto* use = std::get_if<ToolUseContent>(&content))
        return {{"type", "tool_use"}, {"id", use->id}, {"name", use->name}, {"input", parsed(use->arguments)}};
    if (const auto* result = std::get_if<ToolResultContent>(&content)) {
        json::Object out{{"type", "tool_result"}, {"toolUseId", result->id}, {"content", write(result->content)}};
        if (!result->structured.empty()) out["structuredContent"] = parsed(result->structured);
        if (result->is_error) out["isError"] = true;
        return out;
    }
    if (const auto* text = std::get_if<TextContent>(&content)) return write(Content(*text));
    if (const auto* image = std::get_if<ImageContent>(&content)) return write(Content(*image));
    return write(Content(std::get<AudioContent>(content)));
}
/// One part as it is, several as a list.
json::Value write_parts(const std::vector<SamplingContent>& content) {
    if (content.size() == 1) return write_part(content.front());
    json::Array out;
    for (const auto& part : content) out.push_back(write_part(part));
    return out;
}

Result<SamplingContent> read_part(const json::Value& from) {
    TENON_TRY(const auto type, string_in(from, "type"));
    if (type == "tool_use") {
        ToolUseContent out;
        TENON_TRY(out.id, string_in(from, "id"));
        TENON_TRY(out.name, string_in(from, "name"));
        out.arguments = json_in(from, "input");
        return out;
    }
    if (type == "tool_result") {
        ToolResultContent out;
        TENON_TRY(out.id, string_in(from, "toolUseId"));
        TENON_TRY(out.content, read_all<Content>(from, "content"));
        out.structured = json_in(from, "structuredContent");
        out.is_error = json::bool_or(from, "isError", false);
        return out;
    }
    TENON_TRY(auto content, read<Content>(from));
    if (auto* text = std::get_if<TextContent>(&content)) return std::move(*text);
    if (auto* image = std::get_if<ImageContent>(&content)) return std::move(*image);
    if (auto* audio = std::get_if<AudioContent>(&content)) return std::move(*audio);
    return fail(ErrorCode::invalid_argument, fmt::format("content of type \"{}\" has no place in a message", type));
}
Result<std::vector<SamplingContent>> read_parts(const json::Value& from) {
    const auto* content = json::find(from, "content");
    if (content == nullptr) return fail(ErrorCode::invalid_argument, "\"content\" is missing");
    std::vector<SamplingContent> out;
    if (!content->is_array()) {
        TENON_TRY(out.emplace_back(), read_part(*content));
        return out;
    }
    for (const auto& part : content->get_array()) {
        TENON_TRY(out.emplace_back(), read_part(part));
    }
    return out;
}
Result<Speaker> read_role(const json::Value& from) {
    TENON_TRY(const auto role, string_in(from, "role"));
    if (role != "user" && role != "assistant")
        return fail(ErrorCode::invalid_argument, fmt::format("\"{}\" is not a role", role));
    return role == "user" ? Speaker::user : Speaker::assistant;
}

}  // namespace

json::Object write(const SamplingRequest& request) {
    json::Array messages;
    for (const auto& message : request.messages)
        messages.push_back(json::Object{{"role", message.role == Speaker::user ? "user" : "assistant"},
                                        {"content", write_parts(message.content)}});
    json::Object out{{"messages", std::move(messages)}, {"maxTokens", request.max_tokens}};
    put(out, "systemPrompt", request.system_prompt);
    if (request.temperature) out["temperature"] = *request.temperature;
    if (!request.stop_sequences.empty())
        out["stopSequences"] = json::Array(request.stop_sequences.begin(), request.stop_sequences.end());
    json::Object preferences;
    if (!request.model_hints.empty()) {
        json::Array hints;
        for (const auto& hint : request.model_hints) hints.push_back(json::Object{{"name", hint}});
        preferences["hints"] = std::move(hints);
    }
    if (request.cost_priority) preferences["costPriority"] = *request.cost_priority;
    if (request.speed_priority) preferences["speedPriority"] = *request.speed_priority;
    if (request.intelligence_priority) preferences["intelligencePriority"] = *request.intelligence_priority;
    if (!preferences.empty()) out["modelPreferences"] = std::move(preferences);
    if (!request.tools.empty()) {
        json::Array tools;
        for (const auto& tool : request.tools) tools.push_back(write(tool));
        out["tools"] = std::move(tools);
    }
    if (!request.tool_choice.empty()) out["toolChoice"] = json::Object{{"mode", request.tool_choice}};
    return out;
}
Result<SamplingRequest> Read<SamplingRequest>::of(const json::Value& from) {
    SamplingRequest out;
    for (const auto& item : items_in(from, "messages")) {
        SamplingMessage message;
        TENON_TRY(message.role, read_role(item));
        TENON_TRY(message.content, read_parts(item));
        out.messages.push_back(std::move(message));
    }
    TENON_TRY(out.system_prompt, text_in(from, "systemPrompt"));
    const auto tokens = number_in(from, "maxTokens");
    if (!tokens || *tokens < 1 || *tokens > 9e15)
        return fail(ErrorCode::invalid_argument, "\"maxTokens\" must be a positive number");
    out.max_tokens = static_cast<std::uint64_t>(*tokens);
    out.temperature = number_in(from, "temperature");
    out.stop_sequences = strings_in(from, "stopSequences");
    if (const auto* preferences = json::find(from, "modelPreferences")) {
        for (const auto& hint : items_in(*preferences, "hints"))
            if (const auto name = json::string_or(hint, "name", ""); !name.empty()) out.model_hints.emplace_back(name);
        out.cost_priority = number_in(*preferences, "costPriority");
        out.speed_priority = number_in(*preferences, "speedPriority");
        out.intelligence_priority = number_in(*preferences, "intelligencePriority");
    }
    TENON_TRY(out.tools, read_all<ToolInfo>(from, "tools"));
    if (const auto* choice = json::find(from, "toolChoice")) out.tool_choice = json::string_or(*choice, "mode", "");
    return out;
}

json::Object write(const SamplingResult& result) {
    json::Object out{{"role", result.role == Speaker::user ? "user" : "assistant"},
                     {"content", write_parts(result.content)},
                     {"model", result.model}};
    put(out, "stopReason", result.stop_reason);
    return out;
}
Result<SamplingResult> Read<SamplingResult>::of(const json::Value& from) {
    SamplingResult out;
    TENON_TRY(out.role, read_role(from));
    TENON_TRY(out.content, read_parts(from));
    TENON_TRY(out.model, text_in(from, "model"));
    TENON_TRY(out.stop_reason, text_in(from, "stopReason"));
    return out;
}

}  // namespace tenon::mcp::wire
