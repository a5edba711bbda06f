#include "provider/anthropic/request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "provider/anthropic/blocks.hpp"
#include "provider/wire/fields.hpp"

namespace tenon::provider::anthropic {
namespace {

using namespace llm;
using Effort = ReasoningSettings::Effort;

constexpr std::uint64_t least_budget = 1024;

std::uint64_t budget_of(Effort effort) noexcept {
    switch (effort) {
        case Effort::none:
            return 0;
        case Effort::minimal:
            return least_budget;
        case Effort::low:
            return 2048;
        case Effort::medium:
            return 8192;
        case Effort::high:
            return 16384;
        case Effort::xhigh:
            return 32768;
    }
    return 0;
}

Result<void> add_tools(json::Object& body, const ChatRequest& request) {
    json::Array tools;
    for (const auto& tool : request.tools) {
        json::Object said{{"name", tool.name}};
        if (!tool.description.empty()) said["description"] = tool.description;
        TENON_TRY(auto schema, wire::parse_given_object(tool.parameters_schema,
                                                        fmt::format("the parameters of tool \"{}\"", tool.name)));
        if (schema.empty()) schema = {{"type", "object"}, {"properties", json::Object{}}};
        said["input_schema"] = std::move(schema);
        if (tool.strict) said["strict"] = true;
        tools.push_back(std::move(said));
    }
    if (const auto* extras = request.extensions.get<RequestExtras>())
        for (const auto& text : extras->tools_json) {
            TENON_TRY(auto tool, wire::parse_given_object(text, "a tool of the provider"));
            tools.push_back(std::move(tool));
        }
    if (tools.empty()) return {};
    body["tools"] = std::move(tools);
    const auto& choice = request.tool_choice;
    json::Object said;
    switch (choice.mode) {
        case ToolChoice::Mode::automatic:
            if (choice.parallel) said["type"] = "auto";
            break;
        case ToolChoice::Mode::none:
            body["tool_choice"] = json::Object{{"type", "none"}};
            return {};
        case ToolChoice::Mode::required:
            said["type"] = "any";
            break;
        case ToolChoice::Mode::named:
            said["type"] = "tool";
            said["name"] = choice.name;
            break;
    }
    if (choice.parallel) said["disable_parallel_tool_use"] = !*choice.parallel;
    if (!said.empty()) body["tool_choice"] = std::move(said);
    return {};
}

/// Thinking and output_config; gives the budget, which the limit of tokens must hold too.
Result<std::uint64_t> add_thinking(json::Object& body, const std::string& model, const ChatRequest& request,
                                   const AnthropicOptions& options) {
    auto can = abilities_of(model);
    if (options.thinking != AnthropicOptions::Thinking::by_model) {
        can.budget = options.thinking == AnthropicOptions::Thinking::budget;
        can.adaptive = !can.budget;
    }
    json::Object config;
    if (const auto* schema = std::get_if<JsonSchemaFormat>(&request.format)) {
        TENON_TRY(auto parsed, wire::parse_given_object(schema->schema, "the schema of the answer"));
        config["format"] = json::Object{{"type", "json_schema"}, {"schema", std::move(parsed)}};
    } else if (!std::holds_alternative<TextFormat>(request.format)) {
        return wire::unsupported_format(request.format);
    }
    std::uint64_t budget = 0;
    if (const auto& reasoning = request.reasoning) {
        const bool budgets = can.budget && (reasoning->budget_tokens || !can.adaptive);
        const auto effort = reasoning->effort;
        json::Object thinking;
        if (effort == Effort::none || (!effort && reasoning->budget_tokens == 0U)) {
            thinking["type"] = "disabled";
        } else if (budgets) {
            budget =
                std::max(least_budget, reasoning->budget_tokens.value_or(budget_of(effort.value_or(Effort::medium))));
            thinking["type"] = "enabled";
            thinking["budget_tokens"] = budget;
        } else {
            thinking["type"] = "adaptive";
            thinking["display"] = reasoning->include ? "summarized" : "omitted";
            if (effort) config["effort"] = std::string(to_string(effort == Effort::minimal ? Effort::low : *effort));
        }
        body["thinking"] = std::move(thinking);
    }
    if (!config.empty()) body["output_config"] = std::move(config);
    return budget;
}

/// What both endpoints take; gives the budget of thoughts.
Result<std::uint64_t> add_shared(json::Object& body, const std::string& model, const ChatRequest& request,
                                 const AnthropicOptions& options) {
    body["model"] = model;
    TENON_TRY(auto conversation, conversation_of(request.messages));
    body["messages"] = std::move(conversation.messages);
    if (!conversation.system.empty()) body["system"] = std::move(conversation.system);
    TENON_CHECK(add_tools(body, request));
    return add_thinking(body, model, request, options);
}

}  // namespace

Abilities abilities_of(const std::string& model) noexcept {
    // Up to 4.5 a budget of thoughts; 4.6 that or its own judgement; from 4.7 on its own judgement alone, and sampling
    // settings are refused.
    for (const char* family :
         {"claude-2", "claude-3", "claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5", "claude-opus-4-1",
          "claude-opus-4-0", "claude-sonnet-4-0", "claude-opus-4-2025", "claude-sonnet-4-2025"})
        if (model.contains(family)) return {.adaptive = false, .budget = true, .sampling = true};
    for (const char* family : {"claude-opus-4-6", "claude-sonnet-4-6"})
        if (model.contains(family)) return {.adaptive = true, .budget = true, .sampling = true};
    return {.adaptive = true, .budget = false, .sampling = false};
}

Result<std::string> messages_body(const std::string& model, const ChatRequest& request,
                                  const AnthropicOptions& options) {
    const auto& settings = request.settings;
    if (settings.top_logprobs)
        return fail(ErrorCode::unsupported, "this provider gives no log-probabilities; ask its capabilities first");
    if (!settings.logit_bias.empty()) return fail(ErrorCode::unsupported, "this provider takes no logit_bias");
    TENON_CHECK(refuse(settings.decoding));
    json::Object body;
    TENON_TRY(const std::uint64_t budget, add_shared(body, model, request, options));
    auto limit = settings.max_tokens.value_or(options.default_max_tokens);
    if (limit <= budget) limit += budget;
    if (options.max_output_tokens != 0 && !settings.max_tokens) limit = std::min(limit, options.max_output_tokens);
    body["max_tokens"] = limit;
    body["stream"] = true;
    if (abilities_of(model).sampling) {
        if (settings.temperature) body["temperature"] = *settings.temperature;
        if (settings.top_p) body["top_p"] = *settings.top_p;
        if (settings.top_k) body["top_k"] = *settings.top_k;
    }
    if (!settings.stop.empty()) body["stop_sequences"] = json::Array(settings.stop.begin(), settings.stop.end());
    if (!request.user.empty()) body["metadata"] = json::Object{{"user_id", request.user}};
    if (const auto* extras = request.extensions.get<RequestExtras>()) {
        if (!extras->service_tier.empty()) body["service_tier"] = extras->service_tier;
        if (!extras->container.empty()) body["container"] = extras->container;
        if (!extras->inference_geo.empty()) body["inference_geo"] = extras->inference_geo;
        TENON_CHECK(wire::add_fields(body, extras->more));
    }
    return json::dump(body);
}

Result<std::string> count_body(const std::string& model, const ChatRequest& request, const AnthropicOptions& options) {
    json::Object body;
    TENON_CHECK(add_shared(body, model, request, options));
    return json::dump(body);
}

}  // namespace tenon::provider::anthropic
