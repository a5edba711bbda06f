#include "tenon/llm/model.hpp"

#include <algorithm>

namespace tenon::llm {
namespace {

/// Goes on with the last part when it is of the same kind, else begins one.
template <class Part>
Part& continue_part(std::vector<ContentPart>& content) {
    if (content.empty() || !std::holds_alternative<Part>(content.back())) content.emplace_back(Part{});
    return std::get<Part>(content.back());
}

}  // namespace

void ResponseBuilder::add(ChatEvent event) {
    auto& content = response_.message.content;
    if (!event.id.empty()) response_.id = std::move(event.id);
    if (!event.model.empty()) response_.model = std::move(event.model);
    if (!event.reasoning.empty()) {
        // A signed thought is complete: what follows is another one.
        auto* open = content.empty() ? nullptr : std::get_if<ReasoningPart>(&content.back());
        if (open == nullptr || !open->signature.empty() || !open->redacted.empty()) {
            content.emplace_back(ReasoningPart{});
            open = &std::get<ReasoningPart>(content.back());
        }
        open->text += event.reasoning;
    }
    if (!event.reasoning_signature.empty())
        continue_part<ReasoningPart>(content).signature = std::move(event.reasoning_signature);
    if (!event.text.empty()) continue_part<TextPart>(content).text += event.text;
    for (auto& part : event.parts) content.push_back(std::move(part));
    for (auto& call : event.tool_calls) content.emplace_back(std::move(call));
    std::ranges::move(event.logprobs, std::back_inserter(response_.logprobs));
    std::ranges::move(event.prompt_logprobs, std::back_inserter(response_.prompt_logprobs));
    if (event.finish) {
        response_.finish = *event.finish;
        response_.usage = event.usage;
        response_.timings = event.timings;
        response_.extensions = std::move(event.extensions);
    }
}

ChatResponse ResponseBuilder::take() { return std::exchange(response_, ChatResponse{}); }

task<Result<ChatResponse>> ChatModel::generate(ChatRequest request, CallOptions options) {
    TENON_CO_TRY(const auto events, co_await stream(std::move(request), options));
    ResponseBuilder answer;
    for (;;) {
        TENON_CO_TRY(auto event, co_await events->next());
        if (!event) break;
        answer.add(std::move(*event));
    }
    ChatResponse response = answer.take();
    if (response.model.empty()) response.model = name();
    co_return response;
}

GenerationSettings settings_of_choice(GenerationSettings settings, std::size_t index) {
    if (settings.seed) settings.seed = *settings.seed + index;
    return settings;
}

task<Result<std::vector<StreamPtr<ChatEvent>>>> ChatModel::stream_choices(ChatRequest request, std::size_t count,
                                                                          CallOptions options) {
    std::vector<StreamPtr<ChatEvent>> choices;
    for (std::size_t i = 0; i < count; ++i) {
        ChatRequest own = request;
        own.settings = settings_of_choice(std::move(own.settings), i);
        TENON_CO_TRY(auto choice, co_await stream(std::move(own), options));
        choices.push_back(std::move(choice));
    }
    co_return std::move(choices);
}

task<Result<std::vector<StreamPtr<ChatEvent>>>> ChatModel::complete_choices(CompletionRequest request,
                                                                            std::size_t count, CallOptions options) {
    std::vector<StreamPtr<ChatEvent>> choices;
    for (std::size_t i = 0; i < count; ++i) {
        CompletionRequest own = request;
        own.settings = settings_of_choice(std::move(own.settings), i);
        TENON_CO_TRY(auto choice, co_await complete(std::move(own), options));
        choices.push_back(std::move(choice));
    }
    co_return std::move(choices);
}

task<Result<std::size_t>> ChatModel::count_request_tokens(ChatRequest request, CallOptions) {
    // What chat templates put around a message, and providers say they count for it.
    constexpr std::size_t per_message = 4, per_picture = 800;
    std::size_t total = 3;
    for (const auto& message : request.messages) {
        total += per_message + count_tokens(message.name);
        for (const auto& part : message.content) {
            if (const auto* text = std::get_if<TextPart>(&part)) total += count_tokens(text->text);
            if (const auto* thought = std::get_if<ReasoningPart>(&part)) total += count_tokens(thought->text);
            if (const auto* call = std::get_if<ToolCallPart>(&part))
                total += count_tokens(call->name) + count_tokens(call->arguments_json) + per_message;
            if (const auto* result = std::get_if<ToolResultPart>(&part))
                total += count_tokens(result->content) + result->images.size() * per_picture;
            if (std::holds_alternative<ImagePart>(part)) total += per_picture;
        }
    }
    for (const auto& tool : request.tools)
        total += count_tokens(tool.name) + count_tokens(tool.description) + count_tokens(tool.parameters_schema) +
                 2 * per_message;
    co_return total;
}

}  // namespace tenon::llm
