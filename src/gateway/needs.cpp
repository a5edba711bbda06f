#include "gateway/needs.hpp"

#include <array>
#include <utility>
#include <variant>

namespace tenon::gateway {
namespace {

constexpr std::uint64_t per_message = 6, per_tool = 12, per_picture = 1'100, bytes_per_second_of_sound = 8'000,
                        tokens_per_second_of_sound = 32;

void add_form(Needs& out, const llm::ResponseFormat& format) {
    out.json = std::holds_alternative<llm::JsonFormat>(format);
    out.json_schema = std::holds_alternative<llm::JsonSchemaFormat>(format);
    out.grammar = std::holds_alternative<llm::GrammarFormat>(format);
    out.regex = std::holds_alternative<llm::RegexFormat>(format);
}

}  // namespace

Needs needs_of(const llm::CompletionRequest& request) {
    Needs out;
    out.completion = true;
    out.logprobs = request.settings.top_logprobs.has_value();
    out.input_tokens = estimate_tokens(request.prompt) + 1;
    add_form(out, request.format);
    return out;
}

Needs needs_of(const llm::ChatRequest& request) {
    Needs out;
    out.tools = !request.tools.empty();
    out.forced_tools = out.tools && (request.tool_choice.mode == llm::ToolChoice::Mode::required ||
                                     request.tool_choice.mode == llm::ToolChoice::Mode::named);
    out.logprobs = request.settings.top_logprobs.has_value();
    out.input_tokens = estimate_tokens(request);
    add_form(out, request.format);
    for (const auto& message : request.messages)
        for (const auto& part : message.content) {
            if (std::holds_alternative<llm::ImagePart>(part)) out.images = true;
            if (std::holds_alternative<llm::AudioPart>(part)) out.audio = true;
            if (std::holds_alternative<llm::DocumentPart>(part)) out.documents = true;
            if (const auto* result = std::get_if<llm::ToolResultPart>(&part); result && !result->images.empty())
                out.images = true;
        }
    return out;
}

std::string_view lacking(const llm::Capabilities& can, const Needs& needs) {
    const std::pair<bool, std::string_view> gaps[] = {
        {needs.tools && !can.tools, "tools"},
        {needs.forced_tools && !can.forced_tools, "tools that must be called"},
        {needs.images && !can.images, "images"},
        {needs.audio && !can.audio, "audio"},
        {needs.documents && !can.documents, "documents"},
        {needs.logprobs && !can.logprobs, "log-probabilities"},
        {needs.completion && !can.completion, "text completion"},
        {needs.json && !can.json, "JSON"},
        {needs.json_schema && !can.json_schema, "JSON Schema"},
        {needs.grammar && !can.grammar, "grammars"},
        {needs.regex && !can.regex, "regular expressions"},
        {can.context_length != 0 && needs.input_tokens / 4 * 3 >= can.context_length, "context"},
    };
    for (const auto& [missing, name] : gaps)
        if (missing) return name;
    return {};
}

std::uint64_t estimate_tokens(std::string_view text) {
    std::uint64_t ascii = 0, others = 0;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80) ++ascii;
        if (byte >= 0xC0) ++others;
    }
    return (ascii + 3) / 4 + others;
}

std::uint64_t estimate_tokens(const llm::ChatRequest& request) {
    std::uint64_t total = per_message;
    for (const auto& message : request.messages) {
        total += per_message + estimate_tokens(message.name);
        for (const auto& part : message.content) {
            if (const auto* text = std::get_if<llm::TextPart>(&part)) total += estimate_tokens(text->text);
            if (const auto* thought = std::get_if<llm::ReasoningPart>(&part)) total += estimate_tokens(thought->text);
            if (const auto* call = std::get_if<llm::ToolCallPart>(&part))
                total += estimate_tokens(call->name) + estimate_tokens(call->arguments_json) + per_message;
            if (const auto* result = std::get_if<llm::ToolResultPart>(&part))
                total += estimate_tokens(result->content) + result->images.size() * per_picture;
            if (std::holds_alternative<llm::ImagePart>(part)) total += per_picture;
            if (const auto* sound = std::get_if<llm::AudioPart>(&part))
                total += (sound->bytes.size() / bytes_per_second_of_sound + 1) * tokens_per_second_of_sound;
            if (const auto* document = std::get_if<llm::DocumentPart>(&part)) total += document->bytes.size() / 4 + 1;
            if (const auto* other = std::get_if<llm::ProviderPart>(&part)) total += estimate_tokens(other->json);
        }
    }
    for (const auto& tool : request.tools)
        total += estimate_tokens(tool.name) + estimate_tokens(tool.description) +
                 estimate_tokens(tool.parameters_schema) + per_tool;
    if (const auto* schema = std::get_if<llm::JsonSchemaFormat>(&request.format))
        total += estimate_tokens(schema->schema);
    return total;
}

}  // namespace tenon::gateway
