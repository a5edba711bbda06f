// One request on its way: deployments tried in turn, pauses, fallbacks, until an answer has begun.
#pragma once

#include <functional>
#include <string>
#include <variant>

#include "gateway/charge.hpp"

namespace tenon::gateway {

using Question = std::variant<llm::ChatRequest, llm::CompletionRequest>;

/// The answer as a stream whose end settles the account. Errors: see Gateway::chat.
[[nodiscard]] task<Result<StreamPtr<llm::ChatEvent>>> start_answer(CorePtr core, RouteState* route, Access access,
                                                                   Question question, CallOptions options);

[[nodiscard]] task<Result<llm::Embeddings>> run_embedding(CorePtr core, RouteState* route, Access access,
                                                          std::vector<std::string> texts, llm::EmbedKind kind,
                                                          CallOptions options);

/// Where a request stands.
struct Journey {
    CorePtr core;
    RouteState* route = nullptr;  ///< the one being tried
    Access access;
    Needs needs;
    std::uint64_t tokens = 0;  ///< it can use at most
    CallOptions options;
    int attempts = 0;     ///< in all
    std::string alias{};  ///< it was asked under
};

/// An error and what it means for the choice of another deployment.
struct Outcome {
    Failure failure;
    Error error;
};
[[nodiscard]] inline std::unexpected<Outcome> outcome_of(Error error) {
    const auto failure = classify(error);
    return std::unexpected(Outcome{failure, std::move(error)});
}

/// One call of one deployment. Success: it is done, and the answer is wherever the function put it.
using Attempt = std::function<task<std::expected<void, Outcome>>(TicketPtr ticket)>;

/// Tries until `attempt` succeeds. Errors: of the last attempt, or why there was none.
[[nodiscard]] task<Result<void>> travel(Journey* journey, Attempt attempt);

}  // namespace tenon::gateway
