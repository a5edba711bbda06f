#include "provider/responses/request.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "provider/responses/items.hpp"
#include "provider/wire/fields.hpp"

namespace tenon::provider::responses {
namespace {

using namespace llm;
using openai::RequestExtras;

Result<void> add_tools(json::Object& body, const ChatRequest& request, const RequestExtras* extras) {
    json::Array tools;
    for (const auto& tool : request.tools) {
        TENON_TRY(auto schema, wire::parse_given_object(tool.parameters_schema,
                                                        fmt::format("the parameters of tool \"{}\"", tool.name)));
        if (schema.empty()) schema = {{"type", "object"}, {"properties", json::Object{}}};
        json::Object said{
            {"type", "function"}, {"name", tool.name}, {"parameters", std::move(schema)}, {"strict", tool.strict}};
        if (!tool.description.empty()) said["description"] = tool.description;
        tools.push_back(std::move(said));
    }
    if (extras != nullptr)
        for (const auto& text : extras->tools_json) {
            TENON_TRY(auto tool, wire::parse_given_object(text, "a tool of the provider"));
            tools.push_back(std::move(tool));
        }
    if (tools.empty()) return {};
    body["tools"] = std::move(tools);
    const auto& choice = request.tool_choice;
    if (choice.mode == ToolChoice::Mode::none) body["tool_choice"] = "none";
    if (choice.mode == ToolChoice::Mode::required) body["tool_choice"] = "required";
    if (choice.mode == ToolChoice::Mode::named)
        body["tool_choice"] = json::Object{{"type", "function"}, {"name", choice.name}};
    if (choice.parallel) body["parallel_tool_calls"] = *choice.parallel;
    return {};
}

Result<void> add_text(json::Object& body, const ChatRequest& request, const RequestExtras* extras) {
    json::Object text;
    if (const auto* schema = std::get_if<JsonSchemaFormat>(&request.format)) {
        TENON_TRY(auto parsed, wire::parse_given_object(schema->schema, "the schema of the answer"));
        json::Object format{{"type", "json_schema"},
                            {"name", schema->name.empty() ? std::string("answer") : schema->name},
                            {"schema", std::move(parsed)},
                            {"strict", schema->strict}};
        if (!schema->description.empty()) format["description"] = schema->description;
        text["format"] = std::move(format);
    } else if (std::holds_alternative<JsonFormat>(request.format)) {
        text["format"] = json::Object{{"type", "json_object"}};
    } else if (!std::holds_alternative<TextFormat>(request.format)) {
        return wire::unsupported_format(request.format);
    }
    if (extras != nullptr && !extras->verbosity.empty()) text["verbosity"] = extras->verbosity;
    if (!text.empty()) body["text"] = std::move(text);
    return {};
}

void add_extras(json::Object& body, const RequestExtras& extras) {
    const auto set = [&](const char* name, const std::string& value) {
        if (!value.empty()) body[name] = value;
    };
    set("service_tier", extras.service_tier);
    set("safety_identifier", extras.safety_identifier);
    set("prompt_cache_key", extras.prompt_cache_key);
    set("prompt_cache_retention", extras.prompt_cache_retention);
    set("previous_response_id", extras.previous_response_id);
    set("conversation", extras.conversation);
    set("truncation", extras.truncation);
    if (extras.store) body["store"] = *extras.store;
}

}  // namespace

Result<std::string> responses_body(const std::string& model, const ChatRequest& request, const OpenAiOptions& options) {
    const auto& settings = request.settings;
    if (!settings.stop.empty())
        return fail(ErrorCode::unsupported, "the responses API takes no stop strings; use chat completions");
    TENON_CHECK(refuse(settings.decoding));
    if (!settings.logit_bias.empty())
        return fail(ErrorCode::unsupported, "the responses API takes no logit_bias; use chat completions");
    const auto* extras = request.extensions.get<RequestExtras>();
    TENON_TRY(auto input, input_of(request.messages));
    json::Object body{{"model", model}, {"input", std::move(input.items)}, {"stream", true}};
    if (!input.instructions.empty()) body["instructions"] = input.instructions;
    TENON_CHECK(add_tools(body, request, extras));
    TENON_CHECK(add_text(body, request, extras));
    std::vector<std::string> include = extras != nullptr ? extras->include : std::vector<std::string>{};
    if (settings.temperature) body["temperature"] = *settings.temperature;
    if (settings.top_p) body["top_p"] = *settings.top_p;
    if (settings.max_tokens) body["max_output_tokens"] = *settings.max_tokens;
    if (settings.top_logprobs) {
        body["top_logprobs"] = *settings.top_logprobs;
        include.emplace_back("message.output_text.logprobs");
    }
    if (const auto& reasoning = request.reasoning) {
        if (options.quirks.reasoning == OpenAiQuirks::Reasoning::none)
            return fail(ErrorCode::unsupported, "this model's server takes no settings for reasoning");
        json::Object said;
        if (reasoning->effort) said["effort"] = std::string(to_string(*reasoning->effort));
        if (reasoning->include) said["summary"] = extras != nullptr ? extras->reasoning_summary : std::string("auto");
        body["reasoning"] = std::move(said);
        // Kept thoughts are found by their id; others must travel.
        if (extras != nullptr && extras->store == false) include.emplace_back("reasoning.encrypted_content");
    }
    if (!include.empty()) body["include"] = json::Array(include.begin(), include.end());
    if (!request.metadata.empty()) {
        json::Object metadata;
        for (const auto& [key, value] : request.metadata) metadata[key] = value;
        body["metadata"] = std::move(metadata);
    }
    if (!request.user.empty()) body["user"] = request.user;
    if (extras != nullptr) {
        add_extras(body, *extras);
        TENON_CHECK(wire::add_fields(body, extras->more));
    }
    return json::dump(body);
}

}  // namespace tenon::provider::responses
