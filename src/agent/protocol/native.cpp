#include <fmt/format.h>

#include "tenon/agent/protocol.hpp"

namespace tenon::agent {
namespace {

class PassThrough final : public SpeechFilter {
  public:
    Piece add(const llm::ChatEvent& event) override { return {event.text, event.reasoning}; }
    Piece finish() override { return {}; }
};

class Native final : public Protocol {
  public:
    void prepare(llm::ChatRequest& request, std::string_view system, const std::vector<Tool>& tools) const override {
        if (!system.empty())
            request.messages.insert(request.messages.begin(), llm::Message::system(std::string(system)));
        for (const auto& tool : tools) request.tools.push_back(tool.definition());
    }
    std::unique_ptr<SpeechFilter> filter() const override { return std::make_unique<PassThrough>(); }

    Turn read(llm::ChatResponse response, std::size_t step, const std::vector<Tool>&) const override {
        Turn turn;
        turn.message = std::move(response.message);
        turn.message.role = llm::Role::assistant;
        std::size_t n = 0;
        for (auto& part : turn.message.content) {
            auto* call = std::get_if<llm::ToolCallPart>(&part);
            if (call == nullptr) continue;
            // Results are matched to calls by their ids.
            if (call->id.empty()) call->id = fmt::format("call_{}_{}", step, n);
            ++n;
            turn.calls.push_back(*call);
        }
        turn.answer = turn.message.text();
        if (turn.calls.empty() && turn.answer.empty() && response.finish != llm::FinishReason::content_filter)
            turn.complaint = "Your answer was empty. Call a tool, or answer the question.";
        return turn;
    }

    std::vector<llm::Message> results(const std::vector<llm::ToolResultPart>& results) const override {
        std::vector<llm::Message> out;
        for (const auto& result : results) out.push_back({llm::Role::tool, {result}, {}});
        return out;
    }
};

}  // namespace

std::shared_ptr<const Protocol> native_tools() { return std::make_shared<Native>(); }

}  // namespace tenon::agent
