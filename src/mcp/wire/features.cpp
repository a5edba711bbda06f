// Tools, prompts, completion, logging, capabilities.
#include <fmt/format.h>

#include "mcp/wire/parts.hpp"
#include "mcp/wire/wire.hpp"

namespace tenon::mcp::wire {

using namespace detail;

json::Object write(const ToolInfo& tool) {
    json::Object out{{"name", tool.name}};
    put(out, "title", tool.title);
    put(out, "description", tool.description);
    out["inputSchema"] = parsed(tool.input_schema);
    if (!tool.output_schema.empty()) out["outputSchema"] = parsed(tool.output_schema);
    json::Object hints;
    if (tool.hints.read_only) hints["readOnlyHint"] = *tool.hints.read_only;
    if (tool.hints.destructive) hints["destructiveHint"] = *tool.hints.destructive;
    if (tool.hints.idempotent) hints["idempotentHint"] = *tool.hints.idempotent;
    if (tool.hints.open_world) hints["openWorldHint"] = *tool.hints.open_world;
    if (!hints.empty()) out["annotations"] = std::move(hints);
    put(out, tool.icons);
    put_meta(out, tool.meta);
    return out;
}
Result<ToolInfo> Read<ToolInfo>::of(const json::Value& from) {
    ToolInfo out;
    TENON_TRY(out.name, string_in(from, "name"));
    TENON_TRY(out.title, text_in(from, "title"));
    TENON_TRY(out.description, text_in(from, "description"));
    if (auto schema = json_in(from, "inputSchema"); !schema.empty()) out.input_schema = std::move(schema);
    out.output_schema = json_in(from, "outputSchema");
    if (const auto* hints = json::find(from, "annotations")) {
        if (out.title.empty()) out.title = json::string_or(*hints, "title", "");
        out.hints = {bool_in(*hints, "readOnlyHint"), bool_in(*hints, "destructiveHint"),
                     bool_in(*hints, "idempotentHint"), bool_in(*hints, "openWorldHint")};
    }
    out.icons = icons_in(from);
    out.meta = json_in(from, "_meta");
    return out;
}

json::Object write(const ToolResult& result, Revision revision) {
    json::Object out{{"content", write(result.content)}};
    if (!result.structured.empty()) {
        auto value = parsed(result.structured);
        if (value.is_object() || is_stateless(revision)) out["structuredContent"] = std::move(value);
    }
    if (result.is_error) out["isError"] = true;
    put_meta(out, result.meta);
    return out;
}
Result<ToolResult> Read<ToolResult>::of(const json::Value& from) {
    ToolResult out;
    TENON_TRY(out.content, read_all<Content>(from, "content"));
    out.structured = json_in(from, "structuredContent");
    out.is_error = json::bool_or(from, "isError", false);
    out.meta = json_in(from, "_meta");
    return out;
}

json::Object write(const Prompt& prompt) {
    json::Object out{{"name", prompt.name}};
    put(out, "title", prompt.title);
    put(out, "description", prompt.description);
    json::Array arguments;
    for (const auto& argument : prompt.arguments) {
        json::Object one{{"name", argument.name}};
        put(one, "title", argument.title);
        put(one, "description", argument.description);
        if (argument.required) one["required"] = true;
        arguments.push_back(std::move(one));
    }
    if (!arguments.empty()) out["arguments"] = std::move(arguments);
    put(out, prompt.icons);
    return out;
}
Result<Prompt> Read<Prompt>::of(const json::Value& from) {
    Prompt out;
    TENON_TRY(out.name, string_in(from, "name"));
    TENON_TRY(out.title, text_in(from, "title"));
    TENON_TRY(out.description, text_in(from, "description"));
    for (const auto& item : items_in(from, "arguments")) {
        PromptArgument argument;
        TENON_TRY(argument.name, string_in(item, "name"));
        TENON_TRY(argument.description, text_in(item, "description"));
        TENON_TRY(argument.title, text_in(item, "title"));
        argument.required = json::bool_or(item, "required", false);
        out.arguments.push_back(std::move(argument));
    }
    out.icons = icons_in(from);
    return out;
}

json::Object write(const PromptResult& result) {
    json::Array messages;
    for (const auto& message : result.messages)
        messages.push_back(json::Object{{"role", message.role == Speaker::user ? "user" : "assistant"},
                                        {"content", write(message.content)}});
    json::Object out{{"messages", std::move(messages)}};
    put(out, "description", result.description);
    return out;
}
Result<PromptResult> Read<PromptResult>::of(const json::Value& from) {
    PromptResult out;
    TENON_TRY(out.description, text_in(from, "description"));
    for (const auto& item : items_in(from, "messages")) {
        TENON_TRY(const auto role, string_in(item, "role"));
        const auto* content = json::find(item, "content");
        if (content == nullptr) return fail(ErrorCode::invalid_argument, "\"content\" is missing");
        TENON_TRY(auto part, read<Content>(*content));
        out.messages.push_back({role == "assistant" ? Speaker::assistant : Speaker::user, std::move(part)});
    }
    return out;
}

json::Object write(const CompletionRequest& request) {
    json::Object ref;
    if (!request.prompt.empty())
        ref = {{"type", "ref/prompt"}, {"name", request.prompt}};
    else
        ref = {{"type", "ref/resource"}, {"uri", request.uri_template}};
    json::Object out{{"ref", std::move(ref)},
                     {"argument", json::Object{{"name", request.argument}, {"value", request.value}}}};
    if (!request.resolved.empty()) {
        json::Object known;
        for (const auto& [name, value] : request.resolved) known[name] = value;
        out["context"] = json::Object{{"arguments", std::move(known)}};
    }
    return out;
}
Result<CompletionRequest> Read<CompletionRequest>::of(const json::Value& from) {
    CompletionRequest out;
    const auto* ref = json::find(from, "ref");
    const auto* argument = json::find(from, "argument");
    if (ref == nullptr || argument == nullptr)
        return fail(ErrorCode::invalid_argument, "\"ref\" and \"argument\" are needed");
    TENON_TRY(const auto type, string_in(*ref, "type"));
    if (type == "ref/prompt") {
        TENON_TRY(out.prompt, string_in(*ref, "name"));
    } else if (type == "ref/resource") {
        TENON_TRY(out.uri_template, string_in(*ref, "uri"));
    } else {
        return fail(ErrorCode::invalid_argument, fmt::format("\"{}\" is not a kind of reference", type));
    }
    TENON_TRY(out.argument, string_in(*argument, "name"));
    TENON_TRY(out.value, string_in(*argument, "value"));
    if (const auto* context = json::find(from, "context"))
        if (const auto* known = json::find(*context, "arguments"); known != nullptr && known->is_object())
            for (const auto& [name, value] : known->get_object())
                if (value.is_string()) out.resolved[std::string(name)] = value.get_string();
    return out;
}
json::Object write(const CompletionResult& result) {
    json::Array values;
    for (const auto& value : result.values) {
        if (values.size() == 100) break;
        values.emplace_back(value);
    }
    json::Object completion{{"values", std::move(values)}};
    if (result.total) completion["total"] = *result.total;
    completion["hasMore"] = result.has_more || result.values.size() > 100;
    return {{"completion", std::move(completion)}};
}
Result<CompletionResult> Read<CompletionResult>::of(const json::Value& from) {
    CompletionResult out;
    const auto* completion = json::find(from, "completion");
    if (completion == nullptr) return fail(ErrorCode::invalid_argument, "\"completion\" is missing");
    out.values = strings_in(*completion, "values");
    if (const auto total = number_in(*completion, "total"); total && *total >= 0 && *total < 9e15)
        out.total = static_cast<std::uint64_t>(*total);
    out.has_more = json::bool_or(*completion, "hasMore", false);
    return out;
}

json::Object write(const LogMessage& message) {
    json::Object out{{"level", to_string(message.level)}};
    put(out, "logger", message.logger);
    out["data"] = parsed(message.data);
    return out;
}
Result<LogMessage> Read<LogMessage>::of(const json::Value& from) {
    LogMessage out;
    TENON_TRY(const auto level, string_in(from, "level"));
    const auto known = log_level_from(level);
    if (!known) return fail(ErrorCode::invalid_argument, fmt::format("\"{}\" is not a log level", level));
    out.level = *known;
    out.logger = json::string_or(from, "logger", "");
    out.data = json_in(from, "data");
    return out;
}

namespace {

json::Object settings(const std::map<std::string, std::string>& extensions) {
    json::Object out;
    for (const auto& [name, value] : extensions) out[name] = parsed(value);
    return out;
}
std::map<std::string, std::string> settings_in(const json::Value& from) {
    std::map<std::string, std::string> out;
    if (const auto* all = json::find(from, "extensions"); all != nullptr && all->is_object())
        for (const auto& [name, value] : all->get_object()) out[std::string(name)] = json::dump(value);
    return out;
}

}  // namespace

json::Object write(const ClientCapabilities& can, Revision revision) {
    json::Object out;
    if (can.sampling) {
        json::Object sampling;
        if (can.sampling_tools && revision >= Revision::v2025_11_25) sampling["tools"] = json::Object();
        out["sampling"] = std::move(sampling);
    }
    if (can.elicitation_form || can.elicitation_url) {
        json::Object elicitation;
        if (revision >= Revision::v2025_11_25) {
            if (can.elicitation_form) elicitation["form"] = json::Object();
            if (can.elicitation_url) elicitation["url"] = json::Object();
        }
        out["elicitation"] = std::move(elicitation);
    }
    if (can.roots) {
        json::Object roots;
        if (can.roots_changes && !is_stateless(revision)) roots["listChanged"] = true;
        out["roots"] = std::move(roots);
    }
    if (!can.extensions.empty()) out["extensions"] = settings(can.extensions);
    return out;
}
Result<ClientCapabilities> Read<ClientCapabilities>::of(const json::Value& from) {
    if (!from.is_object()) return fail(ErrorCode::invalid_argument, "capabilities must be an object");
    ClientCapabilities out;
    if (const auto* sampling = json::find(from, "sampling")) {
        out.sampling = true;
        out.sampling_tools = json::find(*sampling, "tools") != nullptr;
    }
    if (const auto* elicitation = json::find(from, "elicitation")) {
        out.elicitation_url = json::find(*elicitation, "url") != nullptr;
        out.elicitation_form = json::find(*elicitation, "form") != nullptr || !out.elicitation_url;
    }
    if (const auto* roots = json::find(from, "roots")) {
        out.roots = true;
        out.roots_changes = json::bool_or(*roots, "listChanged", false);
    }
    out.extensions = settings_in(from);
    return out;
}

json::Object write(const ServerCapabilities& can, Revision revision) {
    json::Object out;
    const auto feature = [](bool changes) {
        json::Object one;
        if (changes) one["listChanged"] = true;
        return one;
    };
    if (can.tools) out["tools"] = feature(can.tools_changes);
    if (can.resources) {
        auto resources = feature(can.resources_changes);
        if (can.resources_subscribe) resources["subscribe"] = true;
        out["resources"] = std::move(resources);
    }
    if (can.prompts) out["prompts"] = feature(can.prompts_changes);
    if (can.completions && revision >= Revision::v2025_03_26) out["completions"] = json::Object();
    if (can.logging) out["logging"] = json::Object();
    if (!can.extensions.empty()) out["extensions"] = settings(can.extensions);
    return out;
}
Result<ServerCapabilities> Read<ServerCapabilities>::of(const json::Value& from) {
    if (!from.is_object()) return fail(ErrorCode::invalid_argument, "capabilities must be an object");
    ServerCapabilities out;
    if (const auto* tools = json::find(from, "tools")) {
        out.tools = true;
        out.tools_changes = json::bool_or(*tools, "listChanged", false);
    }
    if (const auto* resources = json::find(from, "resources")) {
        out.resources = true;
        out.resources_changes = json::bool_or(*resources, "listChanged", false);
        out.resources_subscribe = json::bool_or(*resources, "subscribe", false);
    }
    if (const auto* prompts = json::find(from, "prompts")) {
        out.prompts = true;
        out.prompts_changes = json::bool_or(*prompts, "listChanged", false);
    }
    out.completions = json::find(from, "completions") != nullptr;
    out.logging = json::find(from, "logging") != nullptr;
    out.extensions = settings_in(from);
    return out;
}

}  // namespace tenon::mcp::wire
