// How a model says that it wants to call a tool, and how it is told what came of it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/agent/tool.hpp"
#include "tenon/llm/model.hpp"

namespace tenon::agent {

/// What an answer of the model came to.
struct Turn {
    llm::Message message;                  ///< as it is kept in the conversation
    std::vector<llm::ToolCallPart> calls;  ///< to be run; empty: `answer` is final, or `complaint` is sent back
    std::string answer;
    std::string complaint;  ///< what was wrong with the form of it
};

/// Splits what streams in into what is for the user and what is thought. One object an answer.
class SpeechFilter {
  public:
    struct Piece {
        std::string text, thought;
    };
    virtual ~SpeechFilter() = default;
    [[nodiscard]] virtual Piece add(const llm::ChatEvent& event) = 0;
    [[nodiscard]] virtual Piece finish() = 0;
};

/// Immutable; used by many runs at once.
class Protocol {
  public:
    virtual ~Protocol() = default;
    /// Adds tools and instructions to a request whose messages are the conversation. `system` is the agent's own
    /// instructions.
    virtual void prepare(llm::ChatRequest& request, std::string_view system, const std::vector<Tool>& tools) const = 0;
    [[nodiscard]] virtual std::unique_ptr<SpeechFilter> filter() const = 0;
    [[nodiscard]] virtual Turn read(llm::ChatResponse response, std::size_t step,
                                    const std::vector<Tool>& tools) const = 0;
    /// The messages that tell the model the results, in the order of its calls.
    [[nodiscard]] virtual std::vector<llm::Message> results(const std::vector<llm::ToolResultPart>& results) const = 0;
};

/// The model's own tool calls, through ChatRequest::tools.
[[nodiscard]] std::shared_ptr<const Protocol> native_tools();

struct ReActOptions {
    std::string instructions{};  ///< empty: our own. `{tools}` and `{names}` are filled in
    bool chinese = false;        ///< our own in Chinese
};
/// Thought, Action, Action Input, Observation, Final Answer, in plain text: for models without tool calls. Yao et al.
/// 2022, arXiv:2210.03629.
[[nodiscard]] std::shared_ptr<const Protocol> react(ReActOptions options = {});

}  // namespace tenon::agent
