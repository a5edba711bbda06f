#include "provider/openai/request.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "provider/openai/messages.hpp"
#include "provider/wire/fields.hpp"

namespace tenon::provider::openai {
namespace {

using namespace llm;

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
    for_each_field(settings.decoding, [&](std::string_view name, const auto& value) {
        if (!value) return;
        if constexpr (requires { value->begin(); })
            body[name] = json::Array(value->begin(), value->end());
        else
            body[name] = *value;
    });
    if (!settings.stop.empty()) body["stop"] = json::Array(settings.stop.begin(), settings.stop.end());
    if (!settings.logit_bias.empty()) {
        json::Object bias;
        for (const auto& [token, value] : settings.logit_bias) bias[std::to_string(token)] = value;
        body["logit_bias"] = std::move(bias);
    }
    body["stream"] = true;
    if (options.quirks.ask_for_usage) body["stream_options"] = json::Object{{"include_usage", true}};
}

Result<void> add_tools(json::Object& body, const ChatRequest& request, const OpenAiOptions& options) {
    if (request.tools.empty()) return {};
    if (!options.quirks.tools) return fail(ErrorCode::unsupported, "this model's server takes no tools");
    json::Array tools;
    for (const auto& tool : request.tools) {
        json::Object function{{"name", tool.name}, {"description", tool.description}};
        if (!tool.parameters_schema.empty()) {
            TENON_TRY(function["parameters"],
                      wire::parse_given_object(tool.parameters_schema,
                                               fmt::format("the parameters of tool \"{}\"", tool.name)));
        }
        if (tool.strict) function["strict"] = true;
        tools.push_back(json::Object{{"type", "function"}, {"function", std::move(function)}});
    }
    body["tools"] = std::move(tools);
    const auto& choice = request.tool_choice;
    using Mode = ToolChoice::Mode;
    if ((choice.mode == Mode::required || choice.mode == Mode::named) && !options.quirks.forced_tools)
        return fail(ErrorCode::unsupported, "this model's server cannot be made to call a tool");
    if (choice.mode == Mode::none) body["tool_choice"] = "none";
    if (choice.mode == Mode::required) body["tool_choice"] = "required";
    if (choice.mode == Mode::named)
        body["tool_choice"] = json::Object{{"type", "function"}, {"function", json::Object{{"name", choice.name}}}};
    if (choice.parallel) body["parallel_tool_calls"] = *choice.parallel;
    return {};
}

Result<void> add_format(json::Object& body, const ResponseFormat& format, const OpenAiOptions& options) {
    using Constraint = OpenAiQuirks::Constraint;
    const auto constraint = options.quirks.constraint;
    if (std::holds_alternative<JsonFormat>(format)) {
        if (!options.quirks.json) return wire::unsupported_format(format);
        body["response_format"] = json::Object{{"type", "json_object"}};
    } else if (const auto* schema = std::get_if<JsonSchemaFormat>(&format)) {
        if (!options.quirks.json_schema) return wire::unsupported_format(format);
        TENON_TRY(auto parsed, wire::parse_given_object(schema->schema, "the schema of the answer"));
        json::Object named{{"name", schema->name.empty() ? std::string("answer") : schema->name},
                           {"schema", std::move(parsed)},
                           {"strict", schema->strict}};
        if (!schema->description.empty()) named["description"] = schema->description;
        body["response_format"] = json::Object{{"type", "json_schema"}, {"json_schema", std::move(named)}};
    } else if (const auto* grammar = std::get_if<GrammarFormat>(&format)) {
        const bool gbnf = grammar->syntax == GrammarFormat::Syntax::gbnf;
        if (constraint == Constraint::vllm)
            body["structured_outputs"] = json::Object{{"grammar", grammar->grammar}};
        else if (constraint == Constraint::sglang && gbnf)
            body["ebnf"] = grammar->grammar;
        else if (constraint == Constraint::llama_cpp && gbnf)
            body["grammar"] = grammar->grammar;
        else
            return wire::unsupported_format(format);
    } else if (const auto* regex = std::get_if<RegexFormat>(&format)) {
        if (constraint == Constraint::vllm)
            body["structured_outputs"] = json::Object{{"regex", regex->pattern}};
        else if (constraint == Constraint::sglang)
            body["regex"] = regex->pattern;
        else
            return wire::unsupported_format(format);
    }
    return {};
}

Result<void> add_reasoning(json::Object& body, const std::optional<ReasoningSettings>& reasoning,
                           const OpenAiOptions& options) {
    if (!reasoning) return {};
    using Effort = ReasoningSettings::Effort;
    using Style = OpenAiQuirks::Reasoning;
    const auto effort = reasoning->effort;
    const bool off = effort == Effort::none || (!effort && reasoning->budget_tokens == 0U);
    switch (options.quirks.reasoning) {
        case Style::none:
            return fail(ErrorCode::unsupported, "this model's server takes no settings for reasoning");
        case Style::effort:
            if (effort) body["reasoning_effort"] = std::string(to_string(*effort));
            break;
        case Style::openrouter: {
            json::Object said;
            if (effort) said["effort"] = std::string(to_string(*effort));
            if (!effort && reasoning->budget_tokens) said["max_tokens"] = *reasoning->budget_tokens;
            if (!reasoning->include) said["exclude"] = true;
            if (said.empty()) said["enabled"] = true;
            body["reasoning"] = std::move(said);
            break;
        }
        case Style::thinking_type:
            body["thinking"] = json::Object{{"type", off ? "disabled" : "enabled"}};
            break;
        case Style::thinking_effort:
            body["thinking"] = json::Object{{"type", off ? "disabled" : "enabled"}};
            if (!off && effort) body["reasoning_effort"] = std::string(to_string(*effort));
            break;
        case Style::enable_thinking:
            body["enable_thinking"] = !off;
            if (!off && reasoning->budget_tokens) body["thinking_budget"] = *reasoning->budget_tokens;
            break;
        case Style::chat_template:
            body["chat_template_kwargs"] = json::Object{{"enable_thinking", !off}};
            break;
    }
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
    set("verbosity", extras.verbosity);
    if (extras.store) body["store"] = *extras.store;
    if (!extras.prediction.empty())
        body["prediction"] = json::Object{{"type", "content"}, {"content", extras.prediction}};
    if (!extras.audio_voice.empty()) {
        body["modalities"] = json::Array{"text", "audio"};
        body["audio"] = json::Object{{"voice", extras.audio_voice}, {"format", extras.audio_format}};
    }
}

}  // namespace

bool is_openai_host(const std::string& base_url) {
    return base_url.starts_with("https://api.openai.com/") || base_url.contains(".openai.azure.com/");
}

std::string audio_format(std::string_view media_type) {
    const auto slash = media_type.find('/');
    auto format = std::string(slash == std::string_view::npos ? media_type : media_type.substr(slash + 1));
    if (format == "mpeg") return "mp3";
    if (format == "x-wav" || format == "wave") return "wav";
    return format;
}

Result<std::string> chat_body(const std::string& model, const ChatRequest& request, const OpenAiOptions& options) {
    TENON_TRY(auto messages, messages_of(request.messages, options));
    json::Object body{{"model", model}, {"messages", std::move(messages)}};
    TENON_CHECK(add_tools(body, request, options));
    add_settings(body, request.settings, options);
    if (request.settings.max_tokens) {
        using Field = OpenAiQuirks::MaxTokensField;
        const auto field = options.quirks.max_tokens_field;
        const bool newer =
            field == Field::max_completion_tokens || (field == Field::by_host && is_openai_host(options.base_url));
        body[newer ? "max_completion_tokens" : "max_tokens"] = *request.settings.max_tokens;
    }
    if (request.settings.top_logprobs) {
        body["logprobs"] = true;
        body["top_logprobs"] = *request.settings.top_logprobs;
    }
    if (!request.settings.prediction.empty())
        body["prediction"] = json::Object{{"type", "content"}, {"content", request.settings.prediction}};
    TENON_CHECK(add_format(body, request.format, options));
    TENON_CHECK(add_reasoning(body, request.reasoning, options));
    if (!request.metadata.empty()) {
        json::Object metadata;
        for (const auto& [key, value] : request.metadata) metadata[key] = value;
        body["metadata"] = std::move(metadata);
    }
    if (!request.user.empty()) body["user"] = request.user;
    if (const auto* extras = request.extensions.get<RequestExtras>()) {
        add_extras(body, *extras);
        TENON_CHECK(wire::add_fields(body, extras->more));
    }
    return json::dump(body);
}

Result<std::string> completion_body(const std::string& model, const CompletionRequest& request,
                                    const OpenAiOptions& options) {
    json::Object body{{"model", model}, {"prompt", request.prompt}};
    if (request.echo) body["echo"] = true;
    add_settings(body, request.settings, options);
    if (request.settings.max_tokens) body["max_tokens"] = *request.settings.max_tokens;
    if (request.settings.top_logprobs) body["logprobs"] = *request.settings.top_logprobs;
    TENON_CHECK(add_format(body, request.format, options));
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

}  // namespace tenon::provider::openai
