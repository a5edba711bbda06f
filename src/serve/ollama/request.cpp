#include "serve/ollama/request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "serve/decoding.hpp"
#include "serve/pending_calls.hpp"
#include "tenon/base/base64.hpp"

namespace tenon::serve::ollama {
namespace {

constexpr std::size_t most_stops = 256, most_inputs = 2048;

ApiResult<void> read_options(const Fields& body, llm::GenerationSettings& out, std::uint64_t most_tokens) {
    out.max_tokens = most_tokens;
    SERVE_TRY(const auto options, body.inner("options"));
    if (!options) return {};
    SERVE_CHECK(options->only({"num_keep",
                               "seed",
                               "num_predict",
                               "top_k",
                               "top_p",
                               "min_p",
                               "tfs_z",
                               "typical_p",
                               "repeat_last_n",
                               "temperature",
                               "repeat_penalty",
                               "presence_penalty",
                               "frequency_penalty",
                               "mirostat",
                               "mirostat_tau",
                               "mirostat_eta",
                               "penalize_newline",
                               "stop",
                               "numa",
                               "num_ctx",
                               "num_batch",
                               "num_gpu",
                               "main_gpu",
                               "low_vram",
                               "vocab_only",
                               "use_mmap",
                               "use_mlock",
                               "num_thread",
                               "f16_kv",
                               "logits_all",
                               "embedding_only",
                               "num_gqa"}));
    // At these values they do nothing.
    struct Neutral {
        const char* key;
        double value;
    };
    for (const auto& [key, value] : {Neutral{"tfs_z", 1}}) {
        SERVE_TRY(const auto given, options->number(key, -1e9, 1e9));
        if (given && *given != value)
            return bad_param(options->at(key), fmt::format("'{}' is not supported", options->at(key)),
                             "unsupported_parameter");
    }
    SERVE_TRY(out.decoding, read_decoding(*options));
    SERVE_TRY(out.temperature, options->number("temperature", 0, 2));
    SERVE_TRY(out.top_p, options->number("top_p", 0, 1));
    SERVE_TRY(out.min_p, options->number("min_p", 0, 1));
    SERVE_TRY(out.repetition_penalty, options->number("repeat_penalty", 0.01, 10));
    SERVE_TRY(out.presence_penalty, options->number("presence_penalty", -2, 2));
    SERVE_TRY(out.frequency_penalty, options->number("frequency_penalty", -2, 2));
    SERVE_TRY(const auto top_k, options->integer("top_k", 0, 1'000'000));
    if (top_k) out.top_k = static_cast<int>(*top_k);
    SERVE_TRY(const auto seed, options->integer("seed", INT64_MIN));
    if (seed && *seed >= 0) out.seed = static_cast<std::uint64_t>(*seed);
    SERVE_TRY(const auto most, options->integer("num_predict", -2));
    if (most && *most > 0) out.max_tokens = std::min(static_cast<std::uint64_t>(*most), most_tokens);
    SERVE_TRY(out.stop, options->texts("stop", most_stops));
    std::erase(out.stop, "");
    return {};
}

ApiResult<void> read_format(const Fields& body, llm::ChatRequest& out) {
    const auto* format = body.find("format");
    if (format == nullptr) return {};
    if (format->is_object()) {
        out.format = llm::JsonSchemaFormat{"answer", json::dump(*format)};
        return {};
    }
    SERVE_TRY(const auto name, body.text("format"));
    if (name == "json")
        out.format = llm::JsonFormat{};
    else if (!name.empty())
        return bad_param("format", fmt::format("'format' is '{}'; use \"json\" or a JSON Schema", name));
    return {};
}

ApiResult<void> read_think(const Fields& body, llm::ChatRequest& out) {
    using Effort = llm::ReasoningSettings::Effort;
    const auto* think = body.find("think");
    if (think == nullptr) return {};
    auto& reasoning = out.reasoning.emplace();
    if (think->is_bool()) {
        reasoning.effort = think->get_bool() ? Effort::medium : Effort::none;
        return {};
    }
    SERVE_TRY(const auto level, body.text("think"));
    reasoning.effort = llm::effort_from(level);
    if (!reasoning.effort)
        return bad_param("think", fmt::format("'think' is '{}'; use true, false, low, medium or high", level));
    return {};
}

ApiResult<void> read_logprobs(const Fields& body, llm::GenerationSettings& out) {
    SERVE_TRY(const bool wanted, body.boolean("logprobs"));
    SERVE_TRY(const auto top, body.integer("top_logprobs", 0, 20));
    if (wanted) out.top_logprobs = static_cast<int>(top.value_or(0));
    return {};
}

ApiResult<void> read_images(const Fields& fields, std::vector<llm::ContentPart>& out) {
    SERVE_TRY(const auto* list, fields.list("images"));
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
        const auto where = fmt::format("{}[{}]", fields.at("images"), i);
        const auto* text = (*list)[i].if_string();
        if (text == nullptr) return wrong_type(where, "base64 text");
        auto bytes = base64_decode(*text);
        if (!bytes) return bad_param(where, fmt::format("'{}' is not base64", where));
        llm::ImagePart picture;
        picture.media_type = bytes->starts_with("\x89PNG") ? "image/png" : "image/jpeg";
        picture.bytes = std::move(*bytes);
        out.emplace_back(std::move(picture));
    }
    return {};
}

ApiResult<void> read_calls(const Fields& message, std::size_t number, PendingCalls& waiting,
                           std::vector<llm::ContentPart>& out) {
    SERVE_TRY(const auto* calls, message.list("tool_calls"));
    for (std::size_t i = 0; calls != nullptr && i < calls->size(); ++i) {
        SERVE_TRY(const auto call, message.element("tool_calls", *calls, i));
        SERVE_TRY(const auto function, call.inner("function"));
        if (!function) return missing_param(call.at("function"));
        llm::ToolCallPart part;
        SERVE_TRY(part.id, call.text("id"));
        if (part.id.empty()) part.id = fmt::format("call_{}_{}", number, i);
        SERVE_TRY(part.name, function->needed_text("name"));
        SERVE_TRY(const auto arguments, function->inner("arguments"));
        part.arguments_json = arguments ? json::dump(arguments->value()) : "{}";
        waiting.add(part);
        out.emplace_back(std::move(part));
    }
    return {};
}

ApiResult<llm::ToolResultPart> read_result(const Fields& message, std::string content, PendingCalls& waiting) {
    llm::ToolResultPart out;
    out.content = std::move(content);
    SERVE_TRY(out.call_id, message.text("tool_call_id"));
    SERVE_TRY(out.name, message.text("tool_name"));
    if (out.name.empty()) {
        SERVE_TRY(out.name, message.text("name"));
    }
    waiting.settle(out);
    return out;
}

ApiResult<void> read_messages(const Fields& body, llm::ChatRequest& out) {
    SERVE_TRY(const auto* list, body.list("messages"));
    if (list == nullptr) return missing_param("messages");
    PendingCalls waiting;
    for (std::size_t i = 0; i < list->size(); ++i) {
        SERVE_TRY(const auto message, body.element("messages", *list, i));
        SERVE_TRY(const auto name, message.needed_text("role"));
        const auto role = llm::role_from(name);
        if (!role)
            return bad_param(message.at("role"),
                             fmt::format("'{}' is not a role; use system, user, assistant or tool", name));
        SERVE_TRY(auto content, message.text("content"));
        llm::Message said{*role, {}, {}};
        if (role == llm::Role::tool) {
            SERVE_TRY(auto result, read_result(message, std::move(content), waiting));
            if (!out.messages.empty() && out.messages.back().role == llm::Role::tool) {
                out.messages.back().content.emplace_back(std::move(result));
                continue;
            }
            said.content.emplace_back(std::move(result));
        } else {
            if (role == llm::Role::assistant) {
                SERVE_TRY(auto thinking, message.text("thinking"));
                if (!thinking.empty()) said.content.emplace_back(llm::ReasoningPart{std::move(thinking), {}});
            }
            if (!content.empty()) said.content.emplace_back(llm::TextPart{std::move(content)});
            SERVE_CHECK(read_images(message, said.content));
            if (role == llm::Role::assistant) {
                SERVE_CHECK(read_calls(message, i, waiting, said.content));
            }
        }
        out.messages.push_back(std::move(said));
    }
    if (out.messages.empty()) return bad_param("messages", "'messages' must hold at least one message");
    return {};
}

ApiResult<void> read_tools(const Fields& body, llm::ChatRequest& out) {
    SERVE_TRY(const auto* tools, body.list("tools"));
    for (std::size_t i = 0; tools != nullptr && i < tools->size(); ++i) {
        SERVE_TRY(const auto tool, body.element("tools", *tools, i));
        SERVE_TRY(const auto function, tool.inner("function"));
        if (!function) return missing_param(tool.at("function"));
        llm::ToolDefinition definition;
        SERVE_TRY(definition.name, function->needed_text("name"));
        SERVE_TRY(definition.description, function->text("description"));
        SERVE_TRY(const auto schema, function->inner("parameters"));
        definition.parameters_schema = schema ? json::dump(schema->value()) : R"({"type":"object","properties":{}})";
        out.tools.push_back(std::move(definition));
    }
    return {};
}

ApiResult<std::string> model_of(const Fields& body) {
    SERVE_TRY(auto name, body.text("model"));
    if (name.empty()) {
        SERVE_TRY(name, body.text("name"));  // as older clients say it
    }
    if (name.empty()) return missing_param("model");
    return plain_name(std::move(name));
}

/// What both ways of asking share.
ApiResult<void> read_shared(const Fields& body, Question& out, std::uint64_t most_tokens) {
    SERVE_TRY(out.model, model_of(body));
    SERVE_TRY(out.stream, body.boolean("stream", true));
    SERVE_CHECK(read_options(body, out.request.settings, most_tokens));
    SERVE_CHECK(read_format(body, out.request));
    SERVE_CHECK(read_think(body, out.request));
    return read_logprobs(body, out.request.settings);
}

}  // namespace

std::string plain_name(std::string name) {
    constexpr std::string_view tag = ":latest";
    if (name.ends_with(tag) && name.find(':') == name.size() - tag.size()) name.resize(name.size() - tag.size());
    return name;
}

ApiResult<Question> read_chat(const json::Value& value, std::uint64_t most_tokens) {
    const Fields body(value);
    Question out;
    SERVE_CHECK(read_shared(body, out, most_tokens));
    SERVE_CHECK(read_messages(body, out.request));
    SERVE_CHECK(read_tools(body, out.request));
    return out;
}

ApiResult<GenerateBody> read_generate(const json::Value& value, std::uint64_t most_tokens) {
    const Fields body(value);
    GenerateBody out;
    SERVE_CHECK(body.none({"template"}, "is not supported: the model's own template is used; send 'raw' to use none"));
    SERVE_CHECK(body.none({"context"}, "is not supported; send the conversation to /api/chat"));
    SERVE_TRY(const auto suffix, body.text("suffix"));
    if (!suffix.empty()) return bad_param("suffix", "'suffix' is not supported", "unsupported_parameter");
    auto& question = out.question;
    SERVE_CHECK(read_shared(body, question, most_tokens));
    SERVE_TRY(const auto prompt, body.text("prompt"));
    SERVE_TRY(const auto system, body.text("system"));
    SERVE_TRY(const bool raw, body.boolean("raw"));
    if (prompt.empty()) {
        out.load_only = true;
        return out;
    }
    if (raw) {
        if (!std::holds_alternative<llm::TextFormat>(question.request.format))
            return bad_param("format", "'format' does not go together with 'raw'", "unsupported_parameter");
        question.completion = llm::CompletionRequest{prompt, question.request.settings};
        return out;
    }
    if (!system.empty()) question.request.messages.push_back(llm::Message::system(system));
    auto said = llm::Message::user(prompt);
    SERVE_CHECK(read_images(body, said.content));
    question.request.messages.push_back(std::move(said));
    return out;
}

ApiResult<EmbedBody> read_embed(const json::Value& value) {
    const Fields body(value);
    EmbedBody out;
    SERVE_TRY(out.model, model_of(body));
    const char* key = body.has("input") ? "input" : "prompt";
    if (!body.has(key)) return missing_param("input");
    SERVE_TRY(out.inputs, body.texts(key, most_inputs));
    for (const auto& text : out.inputs)
        if (text.empty()) return bad_param(key, fmt::format("'{}' must not hold an empty string", key));
    SERVE_TRY(const auto dimensions, body.integer("dimensions", 1, 1 << 20));
    if (dimensions) out.dimensions = static_cast<std::size_t>(*dimensions);
    return out;
}

}  // namespace tenon::serve::ollama
