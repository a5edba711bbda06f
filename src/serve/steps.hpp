// An answer as a row of steps, the same for every model behind it.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "tenon/llm/model.hpp"

namespace tenon::serve {

struct TextStep {
    std::string text;
};
struct ReasoningStep {
    std::string text;
};
struct SignatureStep {  ///< closes the reasoning before it
    std::string signature;
};
struct CallStep {  ///< a call begins; `index` counts the calls of an answer
    std::size_t index;
    std::string id, name;
};
struct ArgumentsStep {
    std::size_t index;
    std::string text;
};
struct CallEndStep {
    std::size_t index;
    llm::ToolCallPart call;
};
struct PartStep {
    llm::ContentPart part;
};
using Step = std::variant<TextStep, ReasoningStep, SignatureStep, CallStep, ArgumentsStep, CallEndStep, PartStep>;

/// Calls come one after the other, each with an id, its arguments in pieces or whole, and its end, however the model
/// gives them: whole, in pieces, or in pieces of several calls at once (then all but the first wait for their turn).
/// Not thread-safe.
class Steps {
  public:
    /// What this event of the answer adds. With the last event, calls that are still open end.
    [[nodiscard]] std::vector<Step> of(const llm::ChatEvent& event);
    [[nodiscard]] std::size_t calls() const noexcept { return calls_.size(); }

  private:
    struct Call {
        llm::ToolCallPart whole;
        std::size_t said = 0;  ///< bytes of its arguments that were given as steps
        bool begun = false, complete = false, ended = false;
    };
    void piece(const llm::ToolCallDelta& delta);
    void complete(const llm::ToolCallPart& call);
    void speak(std::vector<Step>& out);

    std::vector<Call> calls_;
    std::map<std::size_t, std::size_t> places_;  ///< index of deltas → place in `calls_`
    std::size_t open_ = 0;                       ///< the call whose turn it is
};

}  // namespace tenon::serve
