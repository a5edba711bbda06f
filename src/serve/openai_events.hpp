// What the two streaming routes of OpenAI's protocol share.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "serve/choices.hpp"
#include "serve/state.hpp"

namespace tenon::serve {

[[nodiscard]] task<Result<void>> send_event(std::shared_ptr<net::ResponseWriter> writer, json::Value value);
/// "[DONE]" and the end.
[[nodiscard]] task<Result<void>> send_done(std::shared_ptr<net::ResponseWriter> writer);
/// After the stream has begun an error can only be told inside it.
[[nodiscard]] task<Result<void>> send_stream_error(std::shared_ptr<net::ResponseWriter> writer, Error error);

/// The stop came from the server (its time limit, its end) or the client's leaving: nobody may take the rest for the
/// whole.
[[nodiscard]] Error cut_short(const State& state);
[[nodiscard]] std::string finish_name(llm::FinishReason reason);

/// Of all answers to one prompt, which is counted once.
[[nodiscard]] llm::Usage usage_of_prompt(std::span<const llm::Usage> answers);
/// What generations have used when nobody listens any more: their stop is under way, and their last events tell.
/// `usages` outlives the call.
[[nodiscard]] task<void> wait_for_usage(Choices& answers, std::vector<llm::Usage>& usages);

/// Log-probabilities of the prompt can be asked of few models.
[[nodiscard]] ApiResult<void> check_scores(const llm::GenerationSettings& settings, const llm::ChatModel& model);

/// /v1/completions.
[[nodiscard]] task<Result<void>> text_completion(StatePtr state, net::HttpRequest http,
                                                 std::shared_ptr<net::ResponseWriter> writer, net::CallContext context);

}  // namespace tenon::serve
