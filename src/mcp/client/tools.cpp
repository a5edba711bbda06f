// A server's tools for agents, and our models for servers.
#include <fmt/format.h>

#include <set>

#include "tenon/mcp/client.hpp"

namespace tenon::mcp {
namespace {

/// What models take: letters, digits, _ and -, 64 at most, no two alike.
std::string tool_name(std::string name, std::set<std::string>& taken) {
    for (auto& c : name)
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            c = '_';
    if (name.empty()) name = "tool";
    if (name.size() > 64) name.resize(64);
    std::string out = name;
    for (int n = 2; !taken.insert(out).second; ++n) {
        const auto suffix = fmt::format("_{}", n);
        out = name.substr(0, 64 - suffix.size()) + suffix;
    }
    return out;
}

task<Result<agent::ToolOutput>> call(ClientPtr client, std::string name, std::string arguments,
                                     agent::ToolContext context) {
    TENON_CO_TRY(auto result,
                 co_await client->call_tool(std::move(name), std::move(arguments), RequestOptions(context.options)));
    agent::ToolOutput out;
    out.text = text_of(result.content);
    if (out.text.empty()) out.text = result.structured;
    out.is_error = result.is_error;
    for (auto& part : result.content)
        if (auto* image = std::get_if<ImageContent>(&part)) {
            llm::ImagePart picture;
            picture.media_type = std::move(image->media_type);
            picture.bytes = std::move(image->bytes);
            out.images.push_back(std::move(picture));
        }
    co_return out;
}

llm::Message message_of(const SamplingMessage& message) {
    llm::Message out;
    out.role = message.role == Speaker::user ? llm::Role::user : llm::Role::assistant;
    for (const auto& part : message.content) {
        if (const auto* text = std::get_if<TextContent>(&part)) {
            out.content.emplace_back(llm::TextPart{text->text});
        } else if (const auto* image = std::get_if<ImageContent>(&part)) {
            llm::ImagePart picture;
            picture.media_type = image->media_type;
            picture.bytes = image->bytes;
            out.content.emplace_back(std::move(picture));
        } else if (const auto* audio = std::get_if<AudioContent>(&part)) {
            llm::AudioPart sound;
            sound.media_type = audio->media_type;
            sound.bytes = audio->bytes;
            out.content.emplace_back(std::move(sound));
        } else if (const auto* use = std::get_if<ToolUseContent>(&part)) {
            llm::ToolCallPart given;
            given.id = use->id;
            given.name = use->name;
            given.arguments_json = use->arguments;
            out.content.emplace_back(std::move(given));
        } else {
            const auto& result = std::get<ToolResultContent>(part);
            out.role = llm::Role::tool;
            llm::ToolResultPart given;
            given.call_id = result.id;
            given.content = text_of(result.content);
            given.is_error = result.is_error;
            out.content.emplace_back(std::move(given));
        }
    }
    return out;
}

task<Result<SamplingResult>> sample(llm::ChatModelPtr model, SamplingRequest request, CallOptions options) {
    llm::ChatRequest chat;
    if (!request.system_prompt.empty()) chat.messages.push_back(llm::Message::system(request.system_prompt));
    for (const auto& message : request.messages) chat.messages.push_back(message_of(message));
    chat.settings.max_tokens = request.max_tokens;
    if (request.temperature) chat.settings.temperature = *request.temperature;
    chat.settings.stop = request.stop_sequences;
    for (const auto& tool : request.tools) chat.tools.push_back({tool.name, tool.description, tool.input_schema});
    if (request.tool_choice == "none") chat.tool_choice.mode = llm::ToolChoice::Mode::none;
    if (request.tool_choice == "required") chat.tool_choice.mode = llm::ToolChoice::Mode::required;
    TENON_CO_TRY(auto response, co_await model->generate(std::move(chat), std::move(options)));
    SamplingResult out;
    out.model = response.model.empty() ? model->name() : response.model;
    const auto text = response.message.text();
    const auto calls = response.message.tool_calls();
    if (!text.empty() || calls.empty()) out.content.emplace_back(TextContent{text});
    for (const auto* made : calls) out.content.emplace_back(ToolUseContent{made->id, made->name, made->arguments_json});
    switch (response.finish) {
        case llm::FinishReason::length:
            out.stop_reason = "maxTokens";
            break;
        case llm::FinishReason::tool_calls:
            out.stop_reason = "toolUse";
            break;
        default:
            out.stop_reason = "endTurn";
            break;
    }
    co_return out;
}

}  // namespace

task<Result<std::vector<agent::Tool>>> tools_of(ClientPtr client, ToolsOptions options, CallOptions call_options) {
    std::vector<agent::Tool> out;
    std::set<std::string> taken;
    TENON_CO_TRY(const auto tools, co_await client->tools(std::move(call_options)));
    for (const auto& tool : tools) {
        auto policy = options.policy;
        if (options.needs_approval) policy.approval = options.needs_approval(tool);
        llm::ToolDefinition definition;
        definition.name = tool_name(options.prefix + tool.name, taken);
        definition.description = tool.description.empty() ? tool.title : tool.description;
        definition.parameters_schema = tool.input_schema;
        // What we cannot hold arguments to, the server can.
        if (!json::Schema::compile_text(definition.parameters_schema))
            definition.parameters_schema = R"({"type":"object"})";
        const agent::ToolFunction function = [client, name = tool.name](std::string arguments,
                                                                        agent::ToolContext context) {
            return call(client, name, std::move(arguments), std::move(context));
        };
        TENON_CO_TRY(auto made, agent::Tool::make(std::move(definition), function, policy));
        out.push_back(std::move(made));
    }
    co_return out;
}

std::function<task<Result<SamplingResult>>(SamplingRequest, CallOptions)> sample_with(llm::ChatModelPtr model) {
    return [model](SamplingRequest request, CallOptions options) {
        return sample(model, std::move(request), std::move(options));
    };
}

}  // namespace tenon::mcp
