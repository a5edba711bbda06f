#include "serve/gemini/request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "tenon/provider/gemini.hpp"

namespace tenon::serve::gemini {
namespace {

using Mode = llm::ToolChoice::Mode;
constexpr std::size_t most_stops = 256;

ApiResult<void> read_declarations(const Fields& tool, llm::ChatRequest& out) {
    SERVE_TRY(const auto* declarations, tool.list("functionDeclarations"));
    for (std::size_t i = 0; declarations != nullptr && i < declarations->size(); ++i) {
        SERVE_TRY(const auto declared, tool.element("functionDeclarations", *declarations, i));
        llm::ToolDefinition definition;
        SERVE_TRY(definition.name, declared.needed_text("name"));
        SERVE_TRY(definition.description, declared.text("description"));
        SERVE_TRY(const auto older, declared.inner("parameters"));
        SERVE_TRY(const auto newer, declared.inner("parametersJsonSchema"));
        definition.parameters_schema = newer   ? json::dump(newer->value())
                                       : older ? json::dump(json_schema(older->value()))
                                               : R"({"type":"object","properties":{}})";
        out.tools.push_back(std::move(definition));
    }
    return {};
}

ApiResult<void> read_tools(const Fields& body, llm::ChatRequest& out) {
    SERVE_TRY(const auto* tools, body.list("tools"));
    for (std::size_t i = 0; tools != nullptr && i < tools->size(); ++i) {
        SERVE_TRY(const auto tool, body.element("tools", *tools, i));
        for (const auto& [key, value] : tool.value().get_object())
            if (key != "functionDeclarations" && !value.is_null())
                return bad_param(tool.at(key),
                                 fmt::format("the tool '{}' runs at Google; this server takes functionDeclarations",
                                             std::string_view(key)));
        SERVE_CHECK(read_declarations(tool, out));
    }
    SERVE_TRY(const auto config, body.inner("toolConfig"));
    if (!config) return {};
    SERVE_CHECK(config->only({"functionCallingConfig"}));
    SERVE_TRY(const auto calling, config->inner("functionCallingConfig"));
    if (!calling) return {};
    SERVE_CHECK(calling->only({"mode", "allowedFunctionNames", "streamFunctionCallArguments"}));
    SERVE_TRY(const auto mode, calling->text("mode"));
    SERVE_TRY(const auto allowed, calling->texts("allowedFunctionNames", 1024));
    if (!allowed.empty())
        std::erase_if(out.tools, [&](const llm::ToolDefinition& tool) {
            return std::ranges::find(allowed, tool.name) == allowed.end();
        });
    if (mode == "NONE") {
        out.tool_choice.mode = Mode::none;
    } else if (mode == "ANY") {
        out.tool_choice.mode = allowed.size() == 1 ? Mode::named : Mode::required;
        if (allowed.size() == 1) out.tool_choice.name = allowed.front();
        if (out.tools.empty())
            return bad_param(calling->at("mode"), "the mode ANY needs a declared function that is allowed");
    } else if (mode == "VALIDATED") {
        for (auto& tool : out.tools) tool.strict = true;
    } else if (!mode.empty() && mode != "AUTO" && mode != "MODE_UNSPECIFIED") {
        return bad_param(calling->at("mode"),
                         fmt::format("the mode '{}' is unknown; use AUTO, ANY, NONE or VALIDATED", mode));
    }
    return {};
}

ApiResult<void> read_thinking(const Fields& config, GenerateBody& out) {
    SERVE_TRY(const auto thinking, config.inner("thinkingConfig"));
    if (!thinking) return {};
    SERVE_CHECK(thinking->only({"includeThoughts", "thinkingBudget", "thinkingLevel"}));
    SERVE_TRY(out.thoughts, thinking->boolean("includeThoughts"));
    SERVE_TRY(const auto budget, thinking->integer("thinkingBudget", -1));
    SERVE_TRY(auto level, thinking->text("thinkingLevel"));
    auto& reasoning = out.question.request.reasoning.emplace();
    reasoning.include = out.thoughts;
    if (budget && *budget >= 0) reasoning.budget_tokens = static_cast<std::uint64_t>(*budget);
    for (auto& c : level)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (level.empty() || level == "thinking_level_unspecified") return {};
    reasoning.effort = llm::effort_from(level);
    if (!reasoning.effort)
        return bad_param(thinking->at("thinkingLevel"), fmt::format("'{}' is no thinking level", level));
    return {};
}

ApiResult<void> read_format(const Fields& config, llm::ChatRequest& out) {
    SERVE_TRY(const auto type, config.text("responseMimeType"));
    SERVE_TRY(const auto older, config.inner("responseSchema"));
    SERVE_TRY(const auto newer, config.inner("responseJsonSchema"));
    if (newer)
        out.format = llm::JsonSchemaFormat{"answer", json::dump(newer->value())};
    else if (older)
        out.format = llm::JsonSchemaFormat{"answer", json::dump(json_schema(older->value()))};
    else if (type == "application/json")
        out.format = llm::JsonFormat{};
    if (!type.empty() && type != "text/plain" && type != "application/json")
        return bad_param(
            config.at("responseMimeType"),
            fmt::format("answers of type '{}' are not supported; use text/plain or application/json", type));
    return {};
}

ApiResult<void> read_config(const Fields& body, GenerateBody& out, std::uint64_t most_tokens) {
    auto& settings = out.question.request.settings;
    settings.max_tokens = most_tokens;
    SERVE_TRY(const auto config, body.inner("generationConfig"));
    if (!config) return {};
    SERVE_CHECK(
        config->only({"stopSequences", "responseMimeType", "responseSchema", "responseJsonSchema", "responseModalities",
                      "candidateCount", "maxOutputTokens", "temperature", "topP", "topK", "seed", "presencePenalty",
                      "frequencyPenalty", "responseLogprobs", "logprobs", "thinkingConfig", "mediaResolution"}));
    SERVE_TRY(const auto candidates, config->integer("candidateCount", 1));
    if (candidates.value_or(1) != 1)
        return bad_param(config->at("candidateCount"), "one candidate is made at a time; ask again for another");
    SERVE_TRY(const auto modalities, config->texts("responseModalities", 8));
    for (const auto& modality : modalities)
        if (modality != "TEXT")
            return bad_param(config->at("responseModalities"), fmt::format("answers are text here, not {}", modality));
    SERVE_TRY(settings.temperature, config->number("temperature", 0, 2));
    SERVE_TRY(settings.top_p, config->number("topP", 0, 1));
    SERVE_TRY(settings.presence_penalty, config->number("presencePenalty", -2, 2));
    SERVE_TRY(settings.frequency_penalty, config->number("frequencyPenalty", -2, 2));
    SERVE_TRY(const auto top_k, config->integer("topK", 0, 1'000'000));
    if (top_k) settings.top_k = static_cast<int>(*top_k);
    SERVE_TRY(const auto seed, config->integer("seed", INT64_MIN));
    if (seed) settings.seed = static_cast<std::uint64_t>(*seed);
    SERVE_TRY(const auto most, config->integer("maxOutputTokens", 1));
    if (most) settings.max_tokens = std::min(static_cast<std::uint64_t>(*most), most_tokens);
    SERVE_TRY(settings.stop, config->texts("stopSequences", most_stops));
    std::erase(settings.stop, "");
    SERVE_TRY(const bool logprobs, config->boolean("responseLogprobs"));
    SERVE_TRY(const auto top, config->integer("logprobs", 0, 20));
    if (logprobs) settings.top_logprobs = static_cast<int>(top.value_or(0));
    SERVE_CHECK(read_format(*config, out.question.request));
    return read_thinking(*config, out);
}

/// Thresholds mean something at Google alone; they travel there and change nothing elsewhere.
ApiResult<void> read_safety(const Fields& body, llm::ChatRequest& out) {
    SERVE_TRY(const auto* list, body.list("safetySettings"));
    if (list == nullptr || list->empty()) return {};
    provider::gemini::RequestExtras extras;
    for (std::size_t i = 0; i < list->size(); ++i) {
        SERVE_TRY(const auto setting, body.element("safetySettings", *list, i));
        SERVE_TRY(auto category, setting.needed_text("category"));
        SERVE_TRY(auto threshold, setting.needed_text("threshold"));
        extras.safety.emplace_back(std::move(category), std::move(threshold));
    }
    out.extensions.set(std::move(extras));
    return {};
}

ApiResult<GenerateBody> read(const Fields& body, std::uint64_t most_tokens) {
    SERVE_CHECK(body.none({"cachedContent"}, "is kept at Google; this server caches prompts by itself"));
    SERVE_CHECK(body.only({"model", "contents", "systemInstruction", "tools", "toolConfig", "safetySettings",
                           "generationConfig", "labels", "serviceTier", "store"}));
    GenerateBody out;
    auto& request = out.question.request;
    SERVE_CHECK(read_contents(body, request.messages));
    SERVE_TRY(const auto system, body.inner("systemInstruction"));
    if (system) {
        SERVE_TRY(auto text, joined_text(*system));
        if (!text.empty()) request.messages.insert(request.messages.begin(), llm::Message::system(std::move(text)));
    }
    SERVE_CHECK(read_tools(body, request));
    SERVE_CHECK(read_config(body, out, most_tokens));
    SERVE_CHECK(read_safety(body, request));
    return out;
}

}  // namespace

ApiResult<GenerateBody> read_generate(const json::Value& value, std::uint64_t most_tokens) {
    const auto plain = camel_case(value);
    return read(Fields(plain), most_tokens);
}

ApiResult<Question> read_count(const json::Value& value) {
    const auto plain = camel_case(value);
    const Fields body(plain);
    SERVE_TRY(const auto inside, body.inner("generateContentRequest"));
    SERVE_TRY(auto out, read(inside ? *inside : body, 1));
    return std::move(out.question);
}

ApiResult<EmbedBody> read_embed(const json::Value& value) {
    const auto plain = camel_case(value);
    const Fields body(plain);
    EmbedBody out;
    bool first = true;
    const auto add = [&](const Fields& one) -> ApiResult<void> {
        SERVE_CHECK(one.only({"model", "content", "taskType", "title", "outputDimensionality"}));
        SERVE_TRY(const auto content, one.inner("content"));
        if (!content) return missing_param(one.at("content"));
        SERVE_TRY(auto text, joined_text(*content));
        if (text.empty()) return bad_param(content->path(), fmt::format("'{}' holds no text", content->path()));
        out.texts.push_back(std::move(text));
        SERVE_TRY(const auto task, one.text("taskType"));
        const bool query = task == "RETRIEVAL_QUERY" || task == "QUESTION_ANSWERING" || task == "CODE_RETRIEVAL_QUERY";
        const auto kind = query ? llm::EmbedKind::query : llm::EmbedKind::passage;
        SERVE_TRY(const auto width, one.integer("outputDimensionality", 1, 1 << 20));
        std::optional<std::size_t> dimensions;
        if (width) dimensions = static_cast<std::size_t>(*width);
        if (!std::exchange(first, false) && (kind != out.kind || dimensions != out.dimensions))
            return bad_param(one.path(), "the requests of one batch must have one taskType and outputDimensionality");
        out.kind = kind;
        out.dimensions = dimensions;
        return {};
    };
    SERVE_TRY(const auto* requests, body.list("requests"));
    if (requests == nullptr) {
        SERVE_CHECK(add(body));
        return out;
    }
    if (requests->empty() || requests->size() > 2048) return wrong_type("requests", "a list of 1 to 2048 requests");
    for (std::size_t i = 0; i < requests->size(); ++i) {
        SERVE_TRY(const auto one, body.element("requests", *requests, i));
        SERVE_CHECK(add(one));
    }
    return out;
}

}  // namespace tenon::serve::gemini
