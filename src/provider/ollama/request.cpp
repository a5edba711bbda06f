#include "provider/ollama/request.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <map>

#include "provider/wire/fields.hpp"
#include "tenon/base/base64.hpp"

namespace tenon::provider::ollama {
namespace {

using namespace llm;

struct Parts {
    Role role;
    std::map<std::string, std::string>& names;  // id of a call → name of its tool
    std::string text{}, thinking{};
    json::Array images{}, calls{}, results{};
    Result<void> fault{};

    void operator()(const TextPart& part) { text += part.text; }
    void operator()(const ImagePart& part) { add_image(images, part); }
    void operator()(const AudioPart&) { refuse("sound"); }
    void operator()(const DocumentPart&) { refuse("documents"); }
    void operator()(const ReasoningPart& part) { thinking += part.text; }
    void operator()(const CitationPart&) {}
    void operator()(const ProviderPart&) {}
    void operator()(const ToolCallPart& part) {
        if (role != Role::assistant) {
            fault = fail(ErrorCode::invalid_argument, "only messages of the assistant carry tool calls");
            return;
        }
        names[part.id] = part.name;
        auto arguments =
            wire::parse_given_object(part.arguments_json, fmt::format("the arguments of a call of \"{}\"", part.name));
        if (arguments)
            calls.push_back(
                json::Object{{"function", json::Object{{"name", part.name}, {"arguments", std::move(*arguments)}}}});
        else
            fault = std::unexpected(std::move(arguments).error());
    }
    void operator()(const ToolResultPart& part) {
        const auto known = names.find(part.call_id);
        const auto name = part.name.empty() && known != names.end() ? known->second : part.name;
        json::Object result{{"role", "tool"}, {"content", part.content}};
        if (!name.empty()) result["tool_name"] = name;
        json::Array pictures;
        for (const auto& image : part.images) add_image(pictures, image);
        if (!pictures.empty()) result["images"] = std::move(pictures);
        results.push_back(std::move(result));
    }

  private:
    void add_image(json::Array& out, const ImagePart& part) {
        if (const auto data = wire::parse_data_url(part.url))
            out.push_back(json::Value(base64_encode(data->bytes)));
        else if (!part.bytes.empty())
            out.push_back(json::Value(base64_encode(part.bytes)));
        else
            fault = fail(ErrorCode::unsupported, "this provider takes the bytes of a picture, not its address");
    }
    void refuse(std::string_view what) {
        fault = fail(ErrorCode::unsupported, fmt::format("this provider takes no {}", what));
    }
};

Result<json::Array> messages_of(const std::vector<Message>& messages) {
    json::Array out;
    std::map<std::string, std::string> names;
    for (const auto& message : messages) {
        Parts parts{message.role, names};
        for (const auto& part : message.content) {
            std::visit(parts, part);
            TENON_CHECK(std::move(parts.fault));
        }
        for (auto& result : parts.results) out.push_back(std::move(result));
        if (message.role == Role::tool) continue;
        const auto role = message.role == Role::developer ? Role::system : message.role;
        json::Object said{{"role", std::string(to_string(role))}, {"content", parts.text}};
        if (!parts.thinking.empty() && role == Role::assistant) said["thinking"] = parts.thinking;
        if (!parts.images.empty()) said["images"] = std::move(parts.images);
        if (!parts.calls.empty()) said["tool_calls"] = std::move(parts.calls);
        out.push_back(std::move(said));
    }
    return out;
}

Result<json::Object> model_options(const GenerationSettings& settings, const OllamaOptions& options) {
    if (!settings.logit_bias.empty()) return fail(ErrorCode::unsupported, "this provider takes no logit_bias");
    json::Object out;
    const auto set = [&](const char* name, const auto& value) {
        if (value) out[name] = *value;
    };
    set("temperature", settings.temperature);
    set("top_p", settings.top_p);
    set("top_k", settings.top_k);
    set("min_p", settings.min_p);
    set("repeat_penalty", settings.repetition_penalty);
    set("presence_penalty", settings.presence_penalty);
    set("frequency_penalty", settings.frequency_penalty);
    set("seed", settings.seed);
    set("num_predict", settings.max_tokens);
    set("typical_p", settings.decoding.typical_p);
    set("repeat_last_n", settings.decoding.repeat_last_n);
    set("mirostat", settings.decoding.mirostat);
    set("mirostat_tau", settings.decoding.mirostat_tau);
    set("mirostat_eta", settings.decoding.mirostat_eta);
    auto others = settings.decoding;
    others.typical_p.reset();
    others.repeat_last_n.reset();
    others.mirostat.reset();
    others.mirostat_tau.reset();
    others.mirostat_eta.reset();
    TENON_CHECK(refuse(others));
    if (!settings.stop.empty()) out["stop"] = json::Array(settings.stop.begin(), settings.stop.end());
    if (options.context_length != 0) out["num_ctx"] = options.context_length;
    return out;
}

void add_shared(json::Object& body, const GenerationSettings& settings, json::Object model, std::string keep_alive) {
    if (!model.empty()) body["options"] = std::move(model);
    if (!keep_alive.empty()) body["keep_alive"] = std::move(keep_alive);
    if (settings.top_logprobs) {
        body["logprobs"] = true;
        body["top_logprobs"] = *settings.top_logprobs;
    }
    body["stream"] = true;
}

Result<void> add_tools(json::Object& body, const ChatRequest& request) {
    using Mode = ToolChoice::Mode;
    if (request.tools.empty() || request.tool_choice.mode == Mode::none) return {};
    if (request.tool_choice.mode != Mode::automatic)
        return fail(ErrorCode::unsupported, "this provider cannot be made to call a tool; ask its capabilities first");
    json::Array tools;
    for (const auto& tool : request.tools) {
        TENON_TRY(auto schema, wire::parse_given_object(tool.parameters_schema,
                                                        fmt::format("the parameters of tool \"{}\"", tool.name)));
        if (schema.empty()) schema = {{"type", "object"}, {"properties", json::Object{}}};
        tools.push_back(json::Object{
            {"type", "function"},
            {"function",
             json::Object{{"name", tool.name}, {"description", tool.description}, {"parameters", std::move(schema)}}}});
    }
    body["tools"] = std::move(tools);
    return {};
}

void add_thinking(json::Object& body, const std::string& model, const ReasoningSettings& reasoning) {
    using Effort = ReasoningSettings::Effort;
    const bool off =
        reasoning.effort == Effort::none || (!reasoning.effort && reasoning.budget_tokens == std::uint64_t{0});
    // Models of this family know levels, all others on and off.
    if (off || !reasoning.effort || !model.contains("gpt-oss")) {
        body["think"] = !off;
        return;
    }
    body["think"] = *reasoning.effort <= Effort::low ? "low" : *reasoning.effort == Effort::medium ? "medium" : "high";
}

Result<void> add_format(json::Object& body, const ResponseFormat& format) {
    if (const auto* schema = std::get_if<JsonSchemaFormat>(&format)) {
        TENON_TRY(body["format"], wire::parse_given(schema->schema, "the schema of the answer"));
    } else if (std::holds_alternative<JsonFormat>(format)) {
        body["format"] = "json";
    } else if (!std::holds_alternative<TextFormat>(format)) {
        return wire::unsupported_format(format);
    }
    return {};
}

}  // namespace

Result<std::string> chat_body(const std::string& model, const ChatRequest& request, const OllamaOptions& options) {
    TENON_TRY(auto messages, messages_of(request.messages));
    json::Object body{{"model", model}, {"messages", std::move(messages)}};
    TENON_CHECK(add_tools(body, request));
    TENON_CHECK(add_format(body, request.format));
    if (request.reasoning) add_thinking(body, model, *request.reasoning);
    TENON_TRY(auto set, model_options(request.settings, options));
    auto keep_alive = options.keep_alive;
    if (const auto* extras = request.extensions.get<RequestExtras>()) {
        TENON_CHECK(wire::add_fields(set, extras->options));
        if (!extras->keep_alive.empty()) keep_alive = extras->keep_alive;
    }
    add_shared(body, request.settings, std::move(set), std::move(keep_alive));
    return json::dump(body);
}

Result<std::string> generate_body(const std::string& model, const CompletionRequest& request,
                                  const OllamaOptions& options) {
    json::Object body{{"model", model}, {"prompt", request.prompt}, {"raw", true}};
    TENON_CHECK(add_format(body, request.format));
    TENON_TRY(auto set, model_options(request.settings, options));
    add_shared(body, request.settings, std::move(set), options.keep_alive);
    return json::dump(body);
}

std::string embed_body(const std::string& model, const std::vector<std::string>& texts, const OllamaOptions& options) {
    json::Object body{{"model", model}, {"input", json::Array(texts.begin(), texts.end())}};
    if (options.dimensions != 0) body["dimensions"] = options.dimensions;
    if (!options.keep_alive.empty()) body["keep_alive"] = options.keep_alive;
    return json::dump(body);
}

}  // namespace tenon::provider::ollama
