#include "provider/gemini/request.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "provider/wire/fields.hpp"

namespace tenon::provider::gemini {
namespace {

using namespace llm;
using Effort = ReasoningSettings::Effort;

json::Value schema_value(json::Object schema, const GeminiOptions& options) {
    if (options.json_schema) return schema;
    return older_schema(schema);
}

Result<void> add_tools(json::Object& body, const ChatRequest& request, const GeminiOptions& options) {
    json::Array declarations, tools;
    for (const auto& tool : request.tools) {
        json::Object said{{"name", tool.name}};
        said["description"] = tool.description;
        if (!tool.parameters_schema.empty()) {
            TENON_TRY(auto schema, wire::parse_given_object(tool.parameters_schema,
                                                            fmt::format("the parameters of tool \"{}\"", tool.name)));
            said[options.json_schema ? "parametersJsonSchema" : "parameters"] =
                schema_value(std::move(schema), options);
        }
        declarations.push_back(std::move(said));
    }
    if (!declarations.empty()) tools.push_back(json::Object{{"functionDeclarations", std::move(declarations)}});
    if (const auto* extras = request.extensions.get<RequestExtras>())
        for (const auto& text : extras->tools_json) {
            TENON_TRY(auto tool, wire::parse_given_object(text, "a tool of the provider"));
            tools.push_back(std::move(tool));
        }
    if (tools.empty()) return {};
    body["tools"] = std::move(tools);
    const auto& choice = request.tool_choice;
    if (choice.mode == ToolChoice::Mode::automatic || request.tools.empty()) return {};
    json::Object calling{{"mode", choice.mode == ToolChoice::Mode::none ? "NONE" : "ANY"}};
    if (choice.mode == ToolChoice::Mode::named) calling["allowedFunctionNames"] = json::Array{json::Value(choice.name)};
    body["toolConfig"] = json::Object{{"functionCallingConfig", std::move(calling)}};
    return {};
}

std::int64_t budget_of(Effort effort) noexcept {
    switch (effort) {
        case Effort::none:
            return 0;
        case Effort::minimal:
            return 512;
        case Effort::low:
            return 1024;
        case Effort::medium:
            return 8192;
        case Effort::high:
        case Effort::xhigh:
            return 24576;
    }
    return -1;
}

const char* level_of(Effort effort) noexcept {
    switch (effort) {
        case Effort::none:  // there is nothing less
        case Effort::minimal:
            return "MINIMAL";
        case Effort::low:
            return "LOW";
        case Effort::medium:
            return "MEDIUM";
        case Effort::high:
            return "HIGH";
        case Effort::xhigh:
            return "XHIGH";
    }
    return "MEDIUM";
}

json::Object thinking_of(const std::string& model, const ReasoningSettings& reasoning, const GeminiOptions& options) {
    using Thinking = GeminiOptions::Thinking;
    const bool budgets =
        options.thinking == Thinking::budget || (options.thinking == Thinking::by_model && model.contains("gemini-2"));
    json::Object out{{"includeThoughts", reasoning.include}};
    if (reasoning.budget_tokens)
        out["thinkingBudget"] = *reasoning.budget_tokens;
    else if (reasoning.effort && budgets)
        out["thinkingBudget"] = budget_of(*reasoning.effort);
    else if (reasoning.effort)
        out["thinkingLevel"] = level_of(*reasoning.effort);
    return out;
}

Result<json::Object> generation_config(const std::string& model, const ChatRequest& request,
                                       const GeminiOptions& options) {
    const auto& settings = request.settings;
    if (!settings.logit_bias.empty()) return fail(ErrorCode::unsupported, "this provider takes no logit_bias");
    TENON_CHECK(refuse(settings.decoding));
    json::Object out;
    const auto set = [&](const char* name, const auto& value) {
        if (value) out[name] = *value;
    };
    set("temperature", settings.temperature);
    set("topP", settings.top_p);
    set("topK", settings.top_k);
    set("seed", settings.seed);
    set("maxOutputTokens", settings.max_tokens);
    set("presencePenalty", settings.presence_penalty);
    set("frequencyPenalty", settings.frequency_penalty);
    if (!settings.stop.empty()) out["stopSequences"] = json::Array(settings.stop.begin(), settings.stop.end());
    if (settings.top_logprobs) {
        out["responseLogprobs"] = true;
        out["logprobs"] = *settings.top_logprobs;
    }
    if (const auto* schema = std::get_if<JsonSchemaFormat>(&request.format)) {
        TENON_TRY(auto parsed, wire::parse_given_object(schema->schema, "the schema of the answer"));
        out["responseMimeType"] = "application/json";
        out[options.json_schema ? "responseJsonSchema" : "responseSchema"] = schema_value(std::move(parsed), options);
    } else if (std::holds_alternative<JsonFormat>(request.format)) {
        out["responseMimeType"] = "application/json";
    } else if (!std::holds_alternative<TextFormat>(request.format)) {
        return wire::unsupported_format(request.format);
    }
    if (request.reasoning) out["thinkingConfig"] = thinking_of(model, *request.reasoning, options);
    if (const auto* extras = request.extensions.get<RequestExtras>()) {
        if (!extras->response_modalities.empty())
            out["responseModalities"] =
                json::Array(extras->response_modalities.begin(), extras->response_modalities.end());
        TENON_CHECK(wire::add_fields(out, extras->more_generation));
    }
    return out;
}

}  // namespace

std::string resource(const std::string& model) { return model.contains('/') ? model : "models/" + model; }

json::Object older_schema(const json::Object& schema) {
    static constexpr std::string_view known[] = {
        "type",      "format",        "title",         "description",     "nullable", "enum",
        "items",     "maxItems",      "minItems",      "properties",      "required", "minimum",
        "maximum",   "anyOf",         "example",       "default",         "pattern",  "minLength",
        "maxLength", "minProperties", "maxProperties", "propertyOrdering"};
    json::Object out;
    const auto inner = [](const json::Value& value) -> json::Value {
        return value.is_object() ? json::Value(older_schema(value.get_object())) : value;
    };
    for (const auto& [key, value] : schema) {
        if (std::ranges::find(known, std::string_view(key)) == std::end(known)) continue;
        if (key == "type") {
            const auto capital = [](std::string_view name) {
                std::string upper(name);
                for (auto& c : upper)
                    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
                return upper;
            };
            if (value.is_string()) out["type"] = capital(std::string_view(value.get_string()));
            if (value.is_array())
                for (const auto& one : value.get_array()) {
                    if (wire::text_of(&one) == "null")
                        out["nullable"] = true;
                    else
                        out["type"] = capital(wire::text_of(&one));
                }
        } else if (key == "properties" && value.is_object()) {
            json::Object properties;
            for (const auto& [name, property] : value.get_object()) properties[name] = inner(property);
            out["properties"] = std::move(properties);
        } else if (key == "anyOf" && value.is_array()) {
            json::Array any;
            for (const auto& one : value.get_array()) any.push_back(inner(one));
            out["anyOf"] = std::move(any);
        } else {
            out[key] = key == "items" ? inner(value) : value;
        }
    }
    return out;
}

Result<json::Object> generate_body(const std::string& model, const ChatRequest& request, const GeminiOptions& options) {
    TENON_TRY(auto conversation, conversation_of(request.messages));
    json::Object body{{"contents", std::move(conversation.contents)}};
    if (!conversation.system.empty())
        body["systemInstruction"] = json::Object{{"parts", std::move(conversation.system)}};
    TENON_CHECK(add_tools(body, request, options));
    TENON_TRY(auto config, generation_config(model, request, options));
    if (!config.empty()) body["generationConfig"] = std::move(config);
    if (const auto* extras = request.extensions.get<RequestExtras>()) {
        json::Array safety;
        for (const auto& [category, threshold] : extras->safety)
            safety.push_back(json::Object{{"category", category}, {"threshold", threshold}});
        if (!safety.empty()) body["safetySettings"] = std::move(safety);
        if (!extras->cached_content.empty()) body["cachedContent"] = extras->cached_content;
        if (!extras->service_tier.empty()) body["serviceTier"] = extras->service_tier;
        TENON_CHECK(wire::add_fields(body, extras->more));
    }
    return body;
}

Result<std::string> count_body(const std::string& model, const ChatRequest& request, const GeminiOptions& options) {
    TENON_TRY(auto body, generate_body(model, request, options));
    body["model"] = resource(model);
    return json::dump(json::Object{{"generateContentRequest", std::move(body)}});
}

std::string embed_body(const std::string& model, const std::vector<std::string>& texts, EmbedKind kind,
                       const GeminiOptions& options) {
    json::Array requests;
    for (const auto& text : texts) {
        json::Object one{{"model", resource(model)},
                         {"content", json::Object{{"parts", json::Array{json::Object{{"text", text}}}}}},
                         {"taskType", kind == EmbedKind::query ? "RETRIEVAL_QUERY" : "RETRIEVAL_DOCUMENT"}};
        if (options.dimensions != 0) one["outputDimensionality"] = options.dimensions;
        requests.push_back(std::move(one));
    }
    return json::dump(json::Object{{"requests", std::move(requests)}});
}

}  // namespace tenon::provider::gemini
