#include "serve/openai_events.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include "tenon/net/sse.hpp"

namespace tenon::serve {

task<Result<void>> send_event(std::shared_ptr<net::ResponseWriter> writer, json::Value value) {
    net::SseEvent event;
    event.data = json::dump(value);
    co_return co_await writer->write(net::sse_encode(event));
}

task<Result<void>> send_done(std::shared_ptr<net::ResponseWriter> writer) {
    net::SseEvent event;
    event.data = "[DONE]";
    TENON_CO_CHECK(co_await writer->write(net::sse_encode(event)));
    co_return co_await writer->finish();
}

task<Result<void>> send_stream_error(std::shared_ptr<net::ResponseWriter> writer, Error error) {
    TENON_CO_CHECK(co_await send_event(writer, error_body(api_error(error))));
    co_return co_await writer->finish();
}

Error cut_short(const State& state) {
    return {ErrorCode::deadline_exceeded,
            fmt::format("the request was ended before its answer was complete; one may take {} s here",
                        state.options.time_limit.count())};
}

std::string finish_name(llm::FinishReason reason) {
    return std::string(llm::to_string(reason == llm::FinishReason::cancelled ? llm::FinishReason::stop : reason));
}

llm::Usage usage_of_prompt(std::span<const llm::Usage> answers) {
    llm::Usage sum;
    for (std::size_t i = 0; i < answers.size(); ++i) {
        llm::Usage usage = answers[i];
        if (i > 0) usage.input_tokens = usage.cached_input_tokens = usage.cache_write_tokens = 0;
        sum += usage;
    }
    return sum;
}

task<void> wait_for_usage(Choices& answers, std::vector<llm::Usage>& usages) {
    for (;;) {
        const auto piece = co_await answers.next();
        if (!piece || !*piece) co_return;
        if ((*piece)->event.finish) usages[(*piece)->index] = (*piece)->event.usage;
    }
}

ApiResult<void> check_scores(const llm::GenerationSettings& settings, const llm::ChatModel& model) {
    if (!settings.prompt_logprobs || model.capabilities().prompt_logprobs) return {};
    return bad_param(
        "prompt_logprobs",
        fmt::format("the model '{}' does not tell log-probabilities of its prompt; ask a local one", model.name()),
        "unsupported_parameter");
}

}  // namespace tenon::serve
