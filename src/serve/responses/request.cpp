#include "serve/responses/request.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tenon::serve::responses {
namespace {

using Mode = llm::ToolChoice::Mode;

ApiResult<void> read_input(const Fields& body, ResponsesBody& out) {
    const auto* input = body.find("input");
    if (input == nullptr) {
        if (body.has("previous_response_id")) return {};
        return missing_param("input");
    }
    if (input->is_string()) {
        out.input.push_back(json::Object{
            {"type", "message"},
            {"role", "user"},
            {"content", json::Array{json::Object{{"type", "input_text"}, {"text", input->get_string()}}}}});
    } else {
        SERVE_TRY(const auto* list, body.list("input"));
        out.input = *list;
    }
    for (std::size_t i = 0; i < out.input.size(); ++i) {
        auto* item = out.input[i].if_object();
        if (item == nullptr) return wrong_type(fmt::format("input[{}]", i), "an object");
        const std::string type(json::string_or(out.input[i], "type", "message"));
        if (type == "item_reference" || item->contains("id")) continue;
        (*item)["id"] = make_id(type == "message" ? "msg_" : type == "reasoning" ? "rs_" : "fc_");
        if (type == "message") (*item)["type"] = "message";
    }
    return {};
}

ApiResult<void> read_tools(const Fields& body, llm::ChatRequest& out) {
    SERVE_TRY(const auto* tools, body.list("tools"));
    for (std::size_t i = 0; tools != nullptr && i < tools->size(); ++i) {
        SERVE_TRY(const auto tool, body.element("tools", *tools, i));
        SERVE_TRY(const auto type, tool.needed_text("type"));
        if (type != "function")
            return bad_param(
                tool.at("type"),
                fmt::format("tools of type '{}' run at OpenAI; this server takes tools of type 'function'", type),
                "unsupported_value");
        SERVE_TRY(const bool defer, tool.boolean("defer_loading"));
        if (defer) return bad_param(tool.at("defer_loading"), "tools cannot be loaded later here", "unsupported_value");
        llm::ToolDefinition definition;
        SERVE_TRY(definition.name, tool.needed_text("name"));
        SERVE_TRY(definition.description, tool.text("description"));
        SERVE_TRY(definition.strict, tool.boolean("strict"));
        SERVE_TRY(const auto schema, tool.inner("parameters"));
        definition.parameters_schema = schema ? json::dump(schema->value()) : R"({"type":"object","properties":{}})";
        out.tools.push_back(std::move(definition));
    }
    if (body.has("parallel_tool_calls")) {
        SERVE_TRY(const bool parallel, body.boolean("parallel_tool_calls"));
        out.tool_choice.parallel = parallel;
    }
    return {};
}

ApiResult<Mode> mode_of(const Fields& fields, std::string_view key) {
    SERVE_TRY(const auto mode, fields.needed_text(key));
    if (mode == "auto") return Mode::automatic;
    if (mode == "none") return Mode::none;
    if (mode == "required") return Mode::required;
    return bad_param(fields.at(key),
                     fmt::format("'{}' is '{}'; use none, auto, required or a function", fields.at(key), mode));
}

ApiResult<void> read_tool_choice(const Fields& body, llm::ChatRequest& out) {
    const auto* choice = body.find("tool_choice");
    if (choice == nullptr) return {};
    if (choice->is_string()) {
        SERVE_TRY(out.tool_choice.mode, mode_of(body, "tool_choice"));
    } else {
        SERVE_TRY(const auto said, body.inner("tool_choice"));
        SERVE_TRY(const auto type, said->needed_text("type"));
        if (type == "function") {
            out.tool_choice.mode = Mode::named;
            SERVE_TRY(out.tool_choice.name, said->needed_text("name"));
            if (std::ranges::find(out.tools, out.tool_choice.name, &llm::ToolDefinition::name) == out.tools.end())
                return bad_param("tool_choice",
                                 fmt::format("the tool '{}' is not among 'tools'", out.tool_choice.name));
        } else if (type == "allowed_tools") {
            SERVE_TRY(out.tool_choice.mode, mode_of(*said, "mode"));
            SERVE_TRY(const auto* allowed, said->list("tools"));
            if (allowed == nullptr) return missing_param(said->at("tools"));
            std::erase_if(out.tools, [&](const llm::ToolDefinition& tool) {
                return std::ranges::none_of(
                    *allowed, [&](const json::Value& one) { return json::string_or(one, "name", "") == tool.name; });
            });
        } else {
            return bad_param("tool_choice.type", fmt::format("a tool choice of type '{}' is not supported", type),
                             "unsupported_value");
        }
    }
    if (out.tool_choice.mode == Mode::required && out.tools.empty())
        return bad_param("tool_choice", "'tool_choice' asks for a tool, but 'tools' is empty");
    return {};
}

ApiResult<void> read_text(const Fields& body, llm::ChatRequest& out) {
    SERVE_TRY(const auto text, body.inner("text"));
    if (!text) return {};
    SERVE_CHECK(text->only({"format", "verbosity"}));
    SERVE_TRY(const auto verbosity, text->text("verbosity"));
    if (!verbosity.empty() && verbosity != "medium")
        return bad_param(text->at("verbosity"), "'text.verbosity' is not supported; say it in the instructions",
                         "unsupported_parameter");
    SERVE_TRY(const auto format, text->inner("format"));
    if (!format) return {};
    SERVE_TRY(const auto type, format->needed_text("type"));
    if (type == "json_object") {
        out.format = llm::JsonFormat{};
    } else if (type == "json_schema") {
        llm::JsonSchemaFormat form;
        SERVE_TRY(form.name, format->needed_text("name"));
        SERVE_TRY(form.description, format->text("description"));
        SERVE_TRY(form.strict, format->boolean("strict", true));
        SERVE_TRY(const auto schema, format->inner("schema"));
        if (!schema) return missing_param(format->at("schema"));
        form.schema = json::dump(schema->value());
        out.format = std::move(form);
    } else if (type != "text") {
        return bad_param(format->at("type"),
                         fmt::format("'{}' is '{}'; use text, json_object or json_schema", format->at("type"), type));
    }
    return {};
}

ApiResult<void> read_reasoning(const Fields& body, llm::ChatRequest& out) {
    SERVE_TRY(const auto reasoning, body.inner("reasoning"));
    if (!reasoning) return {};
    SERVE_TRY(const auto effort, reasoning->text("effort"));
    auto& settings = out.reasoning.emplace();
    if (effort.empty()) return {};
    settings.effort = llm::effort_from(effort);
    if (!settings.effort)
        return bad_param(reasoning->at("effort"), fmt::format("'{}' is no effort; use none, minimal, low, medium, high "
                                                              "or xhigh",
                                                              effort));
    return {};
}

ApiResult<void> read_settings(const Fields& body, ResponsesBody& out, std::uint64_t most_tokens) {
    auto& settings = out.question.request.settings;
    SERVE_TRY(settings.temperature, body.number("temperature", 0, 2));
    SERVE_TRY(settings.top_p, body.number("top_p", 0, 1));
    SERVE_TRY(const auto most, body.integer("max_output_tokens", 1));
    if (most && static_cast<std::uint64_t>(*most) > most_tokens)
        return bad_param("max_output_tokens",
                         fmt::format("at most {} tokens may be asked for here, not {}", most_tokens, *most));
    settings.max_tokens = most ? static_cast<std::uint64_t>(*most) : most_tokens;
    SERVE_TRY(const auto include, body.texts("include", 64));
    const auto wanted = [&](std::string_view name) { return std::ranges::find(include, name) != include.end(); };
    out.sealed_thoughts = wanted("reasoning.encrypted_content");
    SERVE_TRY(const auto top, body.integer("top_logprobs", 0, 20));
    if (wanted("message.output_text.logprobs") || (top && *top > 0))
        settings.top_logprobs = static_cast<int>(top.value_or(0));
    return {};
}

void echo(const Fields& body, ResponsesBody& out) {
    const auto& request = out.question.request;
    const auto given = [&](const char* key, json::Value otherwise) {
        const auto* value = body.find(key);
        out.echo[key] = value != nullptr ? *value : std::move(otherwise);
    };
    given("instructions", nullptr);
    given("max_output_tokens", nullptr);
    given("max_tool_calls", nullptr);
    given("metadata", json::Object());
    given("parallel_tool_calls", true);
    given("previous_response_id", nullptr);
    given("prompt_cache_key", nullptr);
    given("reasoning", json::Object{{"effort", nullptr}, {"summary", nullptr}});
    given("safety_identifier", nullptr);
    out.echo["service_tier"] = "default";
    out.echo["store"] = out.store;
    given("temperature", 1.0);
    given("text", json::Object{{"format", json::Object{{"type", "text"}}}});
    given("tool_choice", "auto");
    given("tools", json::Array());
    out.echo["top_logprobs"] = request.settings.top_logprobs.value_or(0);
    given("top_p", 1.0);
    given("truncation", "disabled");
    given("user", nullptr);
}

}  // namespace

ApiResult<ResponsesBody> read_response(const json::Value& value, std::uint64_t most_tokens) {
    const Fields body(value);
    ResponsesBody out;
    SERVE_CHECK(body.none({"conversation", "prompt", "context_management", "moderation"},
                          "works at OpenAI alone; this server does not support it"));
    SERVE_TRY(const bool background, body.boolean("background"));
    if (background)
        return bad_param("background", "responses are not made in the background here; stream them instead",
                         "unsupported_value");
    SERVE_CHECK(body.only({"background",
                           "include",
                           "input",
                           "instructions",
                           "max_output_tokens",
                           "max_tool_calls",
                           "metadata",
                           "model",
                           "parallel_tool_calls",
                           "previous_response_id",
                           "prompt_cache_key",
                           "prompt_cache_options",
                           "prompt_cache_retention",
                           "reasoning",
                           "safety_identifier",
                           "service_tier",
                           "store",
                           "stream",
                           "stream_options",
                           "temperature",
                           "text",
                           "tool_choice",
                           "tools",
                           "top_logprobs",
                           "top_p",
                           "truncation",
                           "user"}));
    SERVE_TRY(out.question.model, body.text("model"));
    SERVE_TRY(out.instructions, body.text("instructions"));
    SERVE_TRY(out.previous_response_id, body.text("previous_response_id"));
    SERVE_TRY(out.store, body.boolean("store", true));
    SERVE_TRY(out.question.stream, body.boolean("stream"));
    SERVE_CHECK(read_input(body, out));
    auto& request = out.question.request;
    SERVE_CHECK(read_tools(body, request));
    SERVE_CHECK(read_tool_choice(body, request));
    SERVE_CHECK(read_text(body, request));
    SERVE_CHECK(read_reasoning(body, request));
    SERVE_CHECK(read_settings(body, out, most_tokens));
    SERVE_TRY(request.user, body.text("user"));
    SERVE_TRY(const auto metadata, body.inner("metadata"));
    if (metadata) {
        if (metadata->value().get_object().size() > 16) return bad_param("metadata", "'metadata' takes 16 entries");
        for (const auto& [key, text] : metadata->value().get_object()) {
            if (!text.is_string()) return wrong_type(metadata->at(key), "a string");
            request.metadata.emplace(key, std::string_view(text.get_string()));
        }
    }
    echo(body, out);
    return out;
}

}  // namespace tenon::serve::responses
