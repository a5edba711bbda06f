#include "tenon/provider/local_beam.hpp"

#include <utility>

#include "tenon/async/channel.hpp"

namespace tenon::provider {
namespace {

struct Arrival {
    std::size_t index = 0;
    engine::GenerationEvent event;
};

/// The joined events of each request.
task<Result<std::vector<engine::GenerationEvent>>> ask_all(std::shared_ptr<LocalChatModel> model,
                                                           std::vector<engine::GenerationRequest> requests,
                                                           CallOptions options) {
    const auto arrivals = std::make_shared<Channel<Arrival>>();
    std::vector<engine::GenerationEvent> answers(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
        requests[i].cancel = options.stop;
        requests[i].adapter = model->adapter();
        requests[i].adapter_scale = model->adapter_scale();
        requests[i].deadline = options.deadline;
        TENON_CO_CHECK(model->engine().submit(std::move(requests[i]), [arrivals, i](engine::GenerationEvent event) {
            arrivals->push({i, std::move(event)});
        }));
    }
    for (std::size_t open = answers.size(); open > 0;) {
        TENON_CO_TRY(auto arrival, co_await arrivals->next(options));
        auto& [index, event] = *arrival;
        if (event.error) co_return std::unexpected(std::move(*event.error));
        if (event.finish == engine::FinishReason::cancelled)
            co_return fail(ErrorCode::cancelled, "the beam search was stopped");
        if (event.finish == engine::FinishReason::deadline)
            co_return fail(ErrorCode::deadline_exceeded, "time ran out during the beam search");
        open -= event.last() ? 1 : 0;
        std::move(event.logprobs.begin(), event.logprobs.end(), std::back_inserter(answers[index].logprobs));
    }
    co_return std::move(answers);
}

}  // namespace

task<Result<BeamAnswer>> beam_search(std::shared_ptr<LocalChatModel> model, std::string prompt,
                                     engine::BeamOptions beams, CallOptions options) {
    llm::CompletionRequest request;
    request.prompt = std::move(prompt);
    TENON_CO_TRY(auto tokens, model->prompt_tokens(request));
    const std::size_t length = tokens.size();
    const auto tokenizer = model->engine().model().tokenizer();
    TENON_CO_TRY(auto search, engine::BeamSearch::create(std::move(tokens), beams, tokenizer));
    const text::TokenId before = search.requests().front().prompt.back();
    while (!search.over()) {
        TENON_CO_TRY(const auto answers, co_await ask_all(model, search.requests(), options));
        TENON_CO_CHECK(search.take(answers));
    }
    BeamAnswer out;
    out.usage.input_tokens = length;
    for (auto& beam : search.best()) {
        // As in a stream: the text goes on, and does not begin.
        text::StreamingDecoder decoder(tokenizer, true);
        if (!tokenizer->is_control(before)) (void)decoder.push(before);
        std::string text;
        for (const auto token : beam.tokens) text += decoder.push(token);
        text += decoder.finish();
        out.usage.output_tokens += beam.tokens.size();
        out.texts.push_back({std::move(text), std::move(beam)});
    }
    co_return std::move(out);
}

}  // namespace tenon::provider
