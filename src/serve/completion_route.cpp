// /v1/completions: texts that models go on from.
#include <fmt/format.h>
#include <boost/json.hpp>

#include <algorithm>
#include <deque>
#include <numeric>

#include "serve/answer.hpp"
#include "serve/choices.hpp"
#include "serve/openai_events.hpp"
#include "serve/openai_render.hpp"
#include "serve/openai_request.hpp"
#include "tenon/base/utf8.hpp"
#include "tenon/provider/local_beam.hpp"

namespace tenon::serve {
namespace {

/// One answer while it is collected.
struct Answer {
    std::string text;
    std::vector<llm::TokenLogprob> logprobs;
    llm::FinishReason finish = llm::FinishReason::stop;

    /// Of a token, on average: what best_of goes by.
    [[nodiscard]] double score() const {
        double sum = 0;
        for (const auto& token : logprobs) sum += token.logprob;
        return logprobs.empty() ? -1e30 : sum / static_cast<double>(logprobs.size());
    }
};

/// The answers to all prompts of one request, in the words of the protocol.
class CompletionAnswers {
  public:
    explicit CompletionAnswers(const CompletionBody& body)
        : body_(body),
          answers_(body.prompts.size() * body.best_of),
          usages_(answers_.size()),
          scores_(body.prompts.size()) {}

    [[nodiscard]] json::Object object(json::Array choices) const {
        return json::Object{{"id", id_},
                            {"object", "text_completion"},
                            {"created", created_},
                            {"model", body_.model},
                            {"choices", std::move(choices)}};
    }
    void score_prompt(std::size_t prompt, std::vector<llm::TokenLogprob> scores) {
        scores_[prompt] = std::move(scores);
    }
    void drop_text(llm::ChatEvent& event) const {
        if (!body_.only_prompt) return;
        event.text.clear();
        event.logprobs.clear();
        if (event.finish) event.finish = llm::FinishReason::length;
        event.usage.output_tokens = 0;
    }
    /// The prompt, as the first piece of an answer that repeats it.
    [[nodiscard]] json::Object echo(std::size_t index) const {
        json::Array one;
        json::Object piece{{"index", index}, {"text", prompt_of(index)}};
        piece["logprobs"] =
            body_.logprobs ? render_completion_logprobs(echoed(index), {}, 0, *body_.logprobs) : json::Value(nullptr);
        piece["finish_reason"] = nullptr;
        one.push_back(std::move(piece));
        return object(std::move(one));
    }
    /// What this event adds.
    [[nodiscard]] json::Object piece(std::size_t index, const llm::ChatEvent& event) const {
        json::Array one;
        json::Object piece{{"index", index}, {"text", event.text}};
        piece["logprobs"] = body_.logprobs ? render_completion_logprobs(
                                                 {}, event.logprobs, offset(index) + utf8::length(answers_[index].text),
                                                 *body_.logprobs)
                                           : json::Value(nullptr);
        piece["finish_reason"] = event.finish ? json::Value(finish_name(*event.finish)) : json::Value(nullptr);
        one.push_back(std::move(piece));
        return object(std::move(one));
    }
    void add(std::size_t index, llm::ChatEvent event) {
        auto& answer = answers_[index];
        answer.text += event.text;
        std::ranges::move(event.logprobs, std::back_inserter(answer.logprobs));
        if (!event.finish) return;
        answer.finish = *event.finish;
        usages_[index] = event.usage;
    }
    [[nodiscard]] bool whole() const {
        return std::ranges::none_of(answers_, [](const auto& a) { return a.finish == llm::FinishReason::cancelled; });
    }
    /// The best of each prompt's answers.
    [[nodiscard]] json::Array choices() const {
        json::Array out;
        for (std::size_t prompt = 0; prompt < body_.prompts.size(); ++prompt) {
            std::vector<std::size_t> order(body_.best_of);
            std::iota(order.begin(), order.end(), prompt * body_.best_of);
            if (body_.best_of > body_.n)
                std::ranges::stable_sort(order, std::greater(), [&](std::size_t i) { return answers_[i].score(); });
            for (std::size_t i = 0; i < body_.n; ++i) out.push_back(choice(order[i], out.size()));
        }
        return out;
    }
    [[nodiscard]] llm::Usage usage() const {
        llm::Usage sum;
        for (std::size_t prompt = 0; prompt < body_.prompts.size(); ++prompt)
            sum += usage_of_prompt(std::span(usages_).subspan(prompt * body_.best_of, body_.best_of));
        return sum;
    }
    [[nodiscard]] std::vector<llm::Usage>& usages() noexcept { return usages_; }

  private:
    [[nodiscard]] const std::string& prompt_of(std::size_t index) const { return body_.prompts[index / body_.best_of]; }
    [[nodiscard]] std::size_t offset(std::size_t index) const {
        return body_.echo ? utf8::length(prompt_of(index)) : 0;
    }
    [[nodiscard]] EchoedPrompt echoed(std::size_t index) const {
        return {prompt_of(index), scores_[index / body_.best_of]};
    }
    [[nodiscard]] json::Object choice(std::size_t answer_index, std::size_t index) const {
        const auto& answer = answers_[answer_index];
        json::Object out{{"index", index},
                         {"text", body_.echo ? prompt_of(answer_index) + answer.text : answer.text},
                         {"finish_reason", finish_name(answer.finish)}};
        out["logprobs"] = nullptr;
        if (body_.logprobs)
            out["logprobs"] = render_completion_logprobs(body_.echo ? echoed(answer_index) : EchoedPrompt(),
                                                         answer.logprobs, offset(answer_index), *body_.logprobs);
        if (body_.prompt_logprobs)
            out["prompt_logprobs"] =
                render_prompt_logprobs(scores_[answer_index / body_.best_of], *body_.prompt_logprobs);
        return out;
    }

    const CompletionBody& body_;
    std::string id_ = make_id("cmpl-");
    std::int64_t created_ = unix_now();
    std::vector<Answer> answers_;  // prompt after prompt
    std::vector<llm::Usage> usages_;
    std::vector<std::vector<llm::TokenLogprob>> scores_;  // of each prompt's tokens
};

/// What went wrong; a chat would have said "messages".
ApiError prompt_error(const Error& error) {
    ApiError out = api_error(error);
    if (out.param == "messages") out.param = "prompt";
    return out;
}

/// The streams of all answers, prompt after prompt.
task<Result<std::vector<StreamPtr<llm::ChatEvent>>>> open_all(llm::ChatModelPtr model, CompletionBody body,
                                                              CallOptions call) {
    std::vector<StreamPtr<llm::ChatEvent>> all;
    for (auto& prompt : body.prompts) {
        llm::CompletionRequest request;
        request.prompt = std::move(prompt);
        request.settings = body.settings;
        request.format = body.format;
        auto streams = co_await model->complete_choices(std::move(request), body.best_of, call);
        if (!streams) co_return std::unexpected(std::move(streams).error());
        std::ranges::move(*streams, std::back_inserter(all));
    }
    co_return std::move(all);
}

task<Result<void>> complete(StatePtr state, std::shared_ptr<net::ResponseWriter> writer, net::CallContext context,
                            llm::ChatModelPtr model, CompletionBody body) {
    auto streams = co_await open_all(model, body, context.call);
    if (!streams) co_return co_await send_response(writer, error_response(prompt_error(streams.error())));
    CompletionAnswers answers(body);
    // The first event of a prompt's first answer tells about the prompt; it is there already.
    std::deque<Choices::Piece> ready;
    for (std::size_t prompt = 0; prompt < body.prompts.size() && body.settings.prompt_logprobs; ++prompt) {
        const std::size_t index = prompt * body.best_of;
        auto event = co_await (*streams)[index]->next();
        if (!event) co_return co_await send_response(writer, error_response(prompt_error(event.error())));
        if (!*event) continue;
        answers.score_prompt(prompt, std::move((*event)->prompt_logprobs));
        ready.push_back({index, std::move(**event)});
    }
    if (body.stream) {
        TENON_CO_CHECK(co_await start_events(writer));
        for (std::size_t index = 0; body.echo && index < streams->size(); ++index)
            TENON_CO_CHECK(co_await send_event(writer, answers.echo(index)));
    }
    Choices choices(std::move(*streams));
    for (;;) {
        Choices::Piece piece;
        if (!ready.empty()) {
            piece = std::move(ready.front());
            ready.pop_front();
        } else {
            auto next = co_await choices.next();
            if (!next && body.stream) co_return co_await send_stream_error(writer, next.error());
            if (!next) co_return co_await send_response(writer, error_response(prompt_error(next.error())));
            if (!*next) break;
            piece = std::move(**next);
        }
        answers.drop_text(piece.event);
        const bool said = !piece.event.text.empty() || !piece.event.logprobs.empty();
        const bool ended = piece.event.finish && *piece.event.finish != llm::FinishReason::cancelled;
        Result<void> sent;
        if (body.stream && (said || ended)) sent = co_await send_event(writer, answers.piece(piece.index, piece.event));
        answers.add(piece.index, std::move(piece.event));
        if (!sent) {  // the client has left; what was written for it still counts
            co_await wait_for_usage(choices, answers.usages());
            state->count_tokens(body.model, answers.usage());
            co_return sent;
        }
    }
    const llm::Usage usage = answers.usage();
    state->count_tokens(body.model, usage);
    if (!answers.whole() && body.stream) co_return co_await send_stream_error(writer, cut_short(*state));
    if (!answers.whole()) co_return co_await send_response(writer, error_response(cut_short(*state)));
    if (!body.stream) {
        auto out = answers.object(answers.choices());
        out["usage"] = render_usage(usage);
        co_return co_await send_response(writer, net::HttpResponse::json(json::dump(out)));
    }
    if (body.include_usage) {
        auto last = answers.object(json::Array());
        last["usage"] = render_usage(usage);
        TENON_CO_CHECK(co_await send_event(writer, std::move(last)));
    }
    co_return co_await send_done(writer);
}

/// vLLM's use_beam_search.
task<Result<void>> complete_by_beams(StatePtr state, Caller caller, std::shared_ptr<net::ResponseWriter> writer,
                                     net::CallContext context, CompletionBody body) {
    // Asked for as any request asks, so that who may not use a model may not search with it.
    auto opened = co_await open_chat_model(state, std::move(caller), body.model);
    if (!opened) co_return co_await send_response(writer, error_response(opened.error()));
    body.model = opened->name;
    if (!state->services.local_chat_model)
        co_return co_await send_response(writer, error_response(plain_error(404, "this server has no local models")));
    auto model = co_await state->services.local_chat_model(body.model);
    if (!model) co_return co_await send_response(writer, error_response(model.error()));
    const RunningGeneration running(state, body.model, context.call.stop);
    engine::BeamOptions options;
    options.width = body.best_of;
    options.max_tokens = static_cast<std::size_t>(body.settings.max_tokens.value_or(16));
    options.length_penalty = body.length_penalty;
    options.ignore_eos = body.settings.decoding.ignore_eos.value_or(false);
    json::Array choices;
    llm::Usage usage;
    for (const auto& prompt : body.prompts) {
        auto answer = co_await provider::beam_search(*model, prompt, options, context.call);
        if (!answer) co_return co_await send_response(writer, error_response(prompt_error(answer.error())));
        usage += answer->usage;
        for (std::size_t i = 0; i < std::min(body.n, answer->texts.size()); ++i) {
            const auto& [text, beam] = answer->texts[i];
            json::Object choice{{"index", choices.size()}, {"text", body.echo ? prompt + text : text}};
            choice["logprobs"] = nullptr;
            choice["finish_reason"] = beam.finish == engine::FinishReason::stop ? "stop" : "length";
            choice["cumulative_logprob"] = beam.logprob;
            choices.push_back(std::move(choice));
        }
    }
    state->count_tokens(body.model, usage);
    json::Object out{{"id", make_id("cmpl-")}, {"object", "text_completion"},   {"created", unix_now()},
                     {"model", body.model},    {"choices", std::move(choices)}, {"usage", render_usage(usage)}};
    co_return co_await send_response(writer, net::HttpResponse::json(json::dump(out)));
}

}  // namespace

task<Result<void>> text_completion(StatePtr state, net::HttpRequest http, std::shared_ptr<net::ResponseWriter> writer,
                                   net::CallContext context) {
    auto json_body = parse_body(http.body);
    if (!json_body) co_return co_await send_response(writer, error_response(json_body.error()));
    auto body = parse_completion(*json_body, state->options.max_tokens);
    if (!body) co_return co_await send_response(writer, error_response(body.error()));
    if (body->model.empty()) body->model = state->services.default_chat_model;
    if (body->beams) co_return co_await complete_by_beams(state, caller_of(http), writer, context, std::move(*body));
    auto caller = caller_of(http);
    caller.fresh = body->best_of > 1;
    auto opened = co_await open_chat_model(state, std::move(caller), body->model);
    if (!opened) co_return co_await send_response(writer, error_response(opened.error()));
    if (auto able = check_scores(body->settings, *opened->model); !able)
        co_return co_await send_response(writer, error_response(able.error()));
    const RunningGeneration running(state, body->model, context.call.stop);
    co_return co_await complete(state, writer, context, std::move(opened->model), std::move(*body));
}

}  // namespace tenon::serve
