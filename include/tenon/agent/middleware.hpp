// What stands between an agent and its model and tools.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tenon/agent/state.hpp"
#include "tenon/agent/tool.hpp"
#include "tenon/llm/model.hpp"

namespace tenon::agent {

/// Called in the order in which it was given to the agent (the `after_` calls in the reverse). One object may serve
/// many runs at once: what it knows of a run belongs in the State. An error ends the run, which can be resumed.
class Middleware {
  public:
    virtual ~Middleware() = default;
    /// Before each answer of the model; may change the messages kept in `state` and what is asked.
    [[nodiscard]] virtual task<Result<void>> before_model(State& state, llm::ChatRequest& request,
                                                          chain::Context context);
    [[nodiscard]] virtual task<Result<void>> after_model(State& state, llm::ChatResponse& response,
                                                         chain::Context context);
    /// Before each tool call. `fail` here is told to the model as the call's result (but cancelled, which ends the
    /// run).
    [[nodiscard]] virtual task<Result<void>> before_tool(const State& state, llm::ToolCallPart& call,
                                                         chain::Context context);
    [[nodiscard]] virtual task<Result<void>> after_tool(const State& state, llm::ToolResultPart& result,
                                                        chain::Context context);
    /// The model failed; true: ask again. `tries` counts the failures of this answer, from 1.
    [[nodiscard]] virtual task<Result<bool>> after_failure(const State& state, const Error error, std::size_t tries,
                                                           chain::Context context);
};
using MiddlewarePtr = std::shared_ptr<Middleware>;

struct SummariseOptions {
    std::uint64_t above_tokens = 6000;  ///< of the conversation, by the model's tokenizer
    std::uint64_t keep_tokens = 2000;   ///< of the newest messages, left as they are
    std::string instruction{};          ///< empty: our own, in the language of the conversation
};
/// When the conversation grows long, the older part is replaced by a summary that `model` writes. A tool call and its
/// results stay together.
[[nodiscard]] MiddlewarePtr summarise(llm::ChatModelPtr model, SummariseOptions options = {});
/// Leaves the oldest messages out of the request (the state keeps them) until it fits. Tool calls and results stay
/// together.
[[nodiscard]] MiddlewarePtr trim(llm::ChatModelPtr counter, std::uint64_t max_tokens);
/// At most `count` calls of one tool in a run; further ones are refused to the model.
[[nodiscard]] MiddlewarePtr limit_tool(std::string name, std::size_t count);
/// Asks the model again after unavailable and rate_limited, with exponential back-off and Retry-After.
[[nodiscard]] MiddlewarePtr retry_model(std::size_t tries = 3,
                                        std::chrono::milliseconds first_wait = std::chrono::milliseconds(500));
/// Rewrites texts on their way: what users and tools say before the model sees it, what the model says before anyone
/// does.
struct Redactor {
    std::function<std::string(std::string)> to_model, from_model;
};
[[nodiscard]] MiddlewarePtr redact(Redactor redactor);
/// Offers the model only the `count` tools whose descriptions are nearest to the conversation's last question.
[[nodiscard]] MiddlewarePtr select_tools(llm::EmbedderPtr embedder, std::size_t count);
/// A limit on the cost of a run, by a price of the caller's (USD for one million tokens). Ends it with
/// resource_exhausted.
[[nodiscard]] MiddlewarePtr limit_cost(double usd, double input_per_million, double output_per_million);

/// Where a conversation can be cut so that no tool result loses its call: the first index ≥ `from`.
[[nodiscard]] std::size_t clean_cut(const std::vector<llm::Message>& messages, std::size_t from);

}  // namespace tenon::agent
