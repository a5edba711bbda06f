#include "serve/anthropic/request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

namespace tenon::serve::anthropic {
namespace {

constexpr std::size_t most_stops = 256;

ApiResult<void> read_system(const Fields& body, llm::ChatRequest& out) {
    const auto* system = body.find("system");
    if (system == nullptr) return {};
    llm::Message message{llm::Role::system, {}, {}};
    if (system->is_string()) {
        message.content.emplace_back(llm::TextPart{std::string(std::string_view(system->get_string()))});
    } else {
        SERVE_TRY(const auto* list, body.list("system"));
        for (std::size_t i = 0; i < list->size(); ++i) {
            SERVE_TRY(const auto block, body.element("system", *list, i));
            SERVE_TRY(const auto type, block.needed_text("type"));
            if (type != "text")
                return bad_param(block.at("type"), fmt::format("'system' takes text blocks, not '{}'", type));
            SERVE_TRY(auto text, block.needed_text("text"));
            if (block.has("cache_control")) message.cache.emplace();
            if (!message.content.empty()) text.insert(0, "\n\n");
            message.content.emplace_back(llm::TextPart{std::move(text)});
        }
    }
    if (!message.text().empty()) out.messages.insert(out.messages.begin(), std::move(message));
    return {};
}

ApiResult<void> read_tools(const Fields& body, llm::ChatRequest& out) {
    SERVE_TRY(const auto* tools, body.list("tools"));
    for (std::size_t i = 0; tools != nullptr && i < tools->size(); ++i) {
        SERVE_TRY(const auto tool, body.element("tools", *tools, i));
        SERVE_TRY(const auto type, tool.text("type"));
        if (!type.empty() && type != "custom")
            return bad_param(tool.at("type"),
                             fmt::format("tools of type '{}' run at Anthropic; here tools are your own: give 'name', "
                                         "'description' and 'input_schema'",
                                         type),
                             "unsupported_value");
        SERVE_CHECK(tool.only({"type", "name", "description", "input_schema", "strict", "cache_control",
                               "eager_input_streaming", "allowed_callers", "defer_loading", "input_examples"}));
        SERVE_CHECK(tool.none({"input_examples"}, "is not supported; put the examples into the description"));
        SERVE_TRY(const bool defer, tool.boolean("defer_loading"));
        if (defer) return bad_param(tool.at("defer_loading"), "tools cannot be loaded later here", "unsupported_value");
        llm::ToolDefinition definition;
        SERVE_TRY(definition.name, tool.needed_text("name"));
        SERVE_TRY(definition.description, tool.text("description"));
        SERVE_TRY(definition.strict, tool.boolean("strict"));
        SERVE_TRY(const auto schema, tool.inner("input_schema"));
        if (!schema) return missing_param(tool.at("input_schema"));
        definition.parameters_schema = json::dump(schema->value());
        out.tools.push_back(std::move(definition));
    }
    SERVE_TRY(const auto choice, body.inner("tool_choice"));
    if (!choice) return {};
    using Mode = llm::ToolChoice::Mode;
    SERVE_CHECK(choice->only({"type", "name", "disable_parallel_tool_use"}));
    SERVE_TRY(const auto type, choice->needed_text("type"));
    if (choice->has("disable_parallel_tool_use")) {
        SERVE_TRY(const bool disable, choice->boolean("disable_parallel_tool_use"));
        out.tool_choice.parallel = !disable;
    }
    if (type == "none") {
        out.tool_choice.mode = Mode::none;
    } else if (type == "any") {
        out.tool_choice.mode = Mode::required;
    } else if (type == "tool") {
        out.tool_choice.mode = Mode::named;
        SERVE_TRY(out.tool_choice.name, choice->needed_text("name"));
        if (std::ranges::find(out.tools, out.tool_choice.name, &llm::ToolDefinition::name) == out.tools.end())
            return bad_param(choice->at("name"),
                             fmt::format("the tool '{}' is not among 'tools'", out.tool_choice.name));
    } else if (type != "auto") {
        return bad_param(choice->at("type"),
                         fmt::format("'{}' is '{}'; use auto, any, tool or none", choice->at("type"), type));
    }
    if (out.tools.empty() && out.tool_choice.mode == Mode::required)
        return bad_param("tool_choice", "'tool_choice' asks for a tool, but 'tools' is empty");
    return {};
}

ApiResult<void> read_thinking(const Fields& body, llm::ChatRequest& out) {
    SERVE_TRY(const auto thinking, body.inner("thinking"));
    if (thinking) {
        SERVE_TRY(const auto type, thinking->needed_text("type"));
        SERVE_TRY(const auto budget, thinking->integer("budget_tokens", 1024));
        SERVE_TRY(const auto display, thinking->text("display"));
        auto& reasoning = out.reasoning.emplace();
        if (type == "enabled") {
            if (!budget) return missing_param(thinking->at("budget_tokens"));
            reasoning.budget_tokens = static_cast<std::uint64_t>(*budget);
        } else if (type == "disabled") {
            reasoning.effort = llm::ReasoningSettings::Effort::none;
        } else if (type != "adaptive") {
            return bad_param(thinking->at("type"),
                             fmt::format("thinking of type '{}' is not supported; use enabled, "
                                         "adaptive or disabled",
                                         type),
                             "unsupported_value");
        }
        reasoning.include = display != "omitted";
    }
    SERVE_TRY(const auto config, body.inner("output_config"));
    if (!config) return {};
    SERVE_CHECK(config->only({"effort", "format"}));
    SERVE_TRY(const auto effort, config->text("effort"));
    if (!effort.empty()) {
        const auto known = llm::effort_from(effort == "max" ? "xhigh" : effort);
        if (!known)
            return bad_param(config->at("effort"),
                             fmt::format("'{}' is no effort; use low, medium, high, xhigh or max", effort));
        if (!out.reasoning) out.reasoning.emplace();
        if (!out.reasoning->effort) out.reasoning->effort = *known;
    }
    SERVE_TRY(const auto format, config->inner("format"));
    if (!format) return {};
    SERVE_TRY(const auto type, format->needed_text("type"));
    SERVE_TRY(const auto schema, format->inner("schema"));
    if (type != "json_schema" || !schema)
        return bad_param(format->path(),
                         fmt::format("'{}' must have the type json_schema and a schema", format->path()));
    out.format = llm::JsonSchemaFormat{"answer", json::dump(schema->value())};
    return {};
}

/// What both endpoints take.
ApiResult<Question> read_shared(const Fields& body) {
    Question out;
    SERVE_TRY(out.model, body.needed_text("model"));
    SERVE_TRY(const auto* messages, body.list("messages"));
    if (messages == nullptr) return missing_param("messages");
    for (std::size_t i = 0; i < messages->size(); ++i) {
        SERVE_TRY(const auto message, body.element("messages", *messages, i));
        SERVE_CHECK(read_message(message, out.request.messages));
    }
    if (out.request.messages.empty()) return bad_param("messages", "'messages' must hold at least one message");
    if (out.request.messages.back().role == llm::Role::assistant)
        return bad_param("messages",
                         "the conversation must end with a message of the user: an answer cannot be made "
                         "to begin with given words here");
    name_tool_results(out.request.messages);
    SERVE_CHECK(read_system(body, out.request));
    SERVE_CHECK(read_tools(body, out.request));
    SERVE_CHECK(read_thinking(body, out.request));
    return out;
}

ApiResult<void> refuse_unsupported(const Fields& body) {
    // Clients that know this code go on without the server's memory.
    if (body.has("thread"))
        return bad_param("thread", "this server holds no conversations between requests: send all messages each time",
                         "thread_unsupported_request");
    return body.none({"mcp_servers", "container", "context_management"},
                     "works at Anthropic alone; this server does not support it");
}

}  // namespace

ApiResult<Question> read_messages(const json::Value& value, std::uint64_t most_tokens) {
    const Fields body(value);
    SERVE_CHECK(refuse_unsupported(body));
    SERVE_CHECK(
        body.only({"model",    "messages",        "max_tokens",   "cache_control", "diagnostics",    "inference_geo",
                   "metadata", "output_config",   "service_tier", "speed",         "stop_sequences", "stream",
                   "system",   "temperature",     "thinking",     "tool_choice",   "tools",          "top_k",
                   "top_p",    "user_profile_id", "workspace_id"}));
    SERVE_TRY(auto out, read_shared(body));
    auto& settings = out.request.settings;
    SERVE_TRY(const auto most, body.integer("max_tokens", 1));
    if (!most) return missing_param("max_tokens");
    settings.max_tokens = std::min(static_cast<std::uint64_t>(*most), most_tokens);
    SERVE_TRY(settings.temperature, body.number("temperature", 0, 1));
    SERVE_TRY(settings.top_p, body.number("top_p", 0, 1));
    SERVE_TRY(const auto top_k, body.integer("top_k", 0, 1'000'000));
    if (top_k) settings.top_k = static_cast<int>(*top_k);
    SERVE_TRY(settings.stop, body.texts("stop_sequences", most_stops));
    if (std::ranges::find(settings.stop, "") != settings.stop.end())
        return bad_param("stop_sequences", "'stop_sequences' must not hold an empty string");
    SERVE_TRY(out.stream, body.boolean("stream"));
    SERVE_TRY(const auto metadata, body.inner("metadata"));
    if (metadata) {
        SERVE_TRY(out.request.user, metadata->text("user_id"));
    }
    return out;
}

ApiResult<Question> read_count(const json::Value& value) {
    const Fields body(value);
    SERVE_CHECK(refuse_unsupported(body));
    SERVE_CHECK(body.only({"model", "messages", "cache_control", "output_config", "speed", "system", "thinking",
                           "tool_choice", "tools", "user_profile_id", "workspace_id"}));
    return read_shared(body);
}

}  // namespace tenon::serve::anthropic
