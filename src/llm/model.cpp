#include "tenon/llm/model.hpp"

namespace tenon::llm {

task<Result<ChatResponse>> ChatModel::generate(ChatRequest request, CallOptions options) {
    TENON_CO_TRY(const auto events, co_await stream(std::move(request), options));
    ChatResponse response;
    response.model = name();
    std::string text, reasoning;
    std::vector<ToolCallPart> calls;
    for (;;) {
        TENON_CO_TRY(auto event, co_await events->next());
        if (!event) break;
        text += event->text;
        reasoning += event->reasoning;
        for (auto& call : event->tool_calls) calls.push_back(std::move(call));
        for (auto& l : event->logprobs) response.logprobs.push_back(std::move(l));
        if (event->finish) {
            response.finish = *event->finish;
            response.usage = event->usage;
            response.timings = event->timings;
        }
    }
    if (!reasoning.empty()) response.message.content.emplace_back(ReasoningPart{std::move(reasoning), {}});
    if (!text.empty()) response.message.content.emplace_back(TextPart{std::move(text)});
    for (auto& call : calls) response.message.content.emplace_back(std::move(call));
    co_return response;
}

}  // namespace tenon::llm
