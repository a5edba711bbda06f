#include "tenon/engine/beam_search.hpp"

#include <algorithm>
#include <cmath>
#include <future>
#include <iterator>
#include <mutex>

namespace tenon::engine {
namespace {

constexpr std::size_t most_width = 10;  // the engine tells of 20 alternatives

}  // namespace

Result<BeamSearch> BeamSearch::create(std::vector<text::TokenId> prompt, const BeamOptions& options,
                                      text::TokenizerPtr tokenizer) {
    if (prompt.empty()) return fail(ErrorCode::invalid_argument, "the prompt is empty; give at least one token");
    if (options.width == 0 || options.width > most_width)
        return fail(ErrorCode::invalid_argument, "the beam width must be from 1 to 10");
    if (options.max_tokens == 0)
        return fail(ErrorCode::invalid_argument, "a beam search needs max_tokens of at least 1");
    if (!(std::abs(options.length_penalty) <= 100))
        return fail(ErrorCode::invalid_argument, "length_penalty must be from -100 to 100");
    BeamSearch search;
    search.prompt_ = std::move(prompt);
    search.options_ = options;
    search.tokenizer_ = std::move(tokenizer);
    search.beams_.emplace_back();
    return search;
}

bool BeamSearch::over() const noexcept { return steps_ == options_.max_tokens || beams_.empty(); }

std::vector<GenerationRequest> BeamSearch::requests() const {
    std::vector<GenerationRequest> out;
    for (const auto& beam : beams_) {
        GenerationRequest request;
        request.prompt = prompt_;
        request.prompt.insert(request.prompt.end(), beam.tokens.begin(), beam.tokens.end());
        request.sampling = SamplingParams::greedy();
        request.max_tokens = 1;
        request.ignore_eos = true;  // an end token is an alternative like others; what is chosen does not matter
        request.top_logprobs = static_cast<int>(2 * options_.width);
        out.push_back(std::move(request));
    }
    return out;
}

double BeamSearch::score(const Beam& beam) const noexcept {
    return beam.logprob / std::pow(static_cast<double>(prompt_.size() + beam.tokens.size()), options_.length_penalty);
}

void BeamSearch::order(std::vector<Beam>& beams) const {
    for (auto& beam : beams) beam.score = score(beam);
    std::ranges::stable_sort(beams, std::greater(), &Beam::score);
    if (beams.size() > options_.width) beams.resize(options_.width);
}

Result<void> BeamSearch::take(const std::vector<GenerationEvent>& answers) {
    std::vector<Beam> next;
    for (std::size_t i = 0; i < beams_.size(); ++i) {
        if (i >= answers.size() || answers[i].logprobs.empty())
            return fail(ErrorCode::internal, "a beam was given no log-probabilities");
        for (const auto& token : answers[i].logprobs.front().top) {
            Beam beam = beams_[i];
            beam.logprob += static_cast<double>(token.logprob);
            if (tokenizer_->is_end_of_generation(token.token)) {
                if (options_.ignore_eos) continue;
                beam.finish = FinishReason::stop;
                complete_.push_back(std::move(beam));
            } else {
                beam.tokens.push_back(token.token);
                next.push_back(std::move(beam));
            }
        }
    }
    beams_ = std::move(next);
    order(beams_);
    ++steps_;
    return {};
}

std::vector<Beam> BeamSearch::best() const {
    std::vector<Beam> all = complete_;
    all.insert(all.end(), beams_.begin(), beams_.end());
    order(all);
    return all;
}

Result<std::vector<Beam>> beam_search(Engine& engine, std::vector<text::TokenId> prompt, const BeamOptions& options) {
    TENON_TRY(auto search, BeamSearch::create(std::move(prompt), options, engine.model().tokenizer()));
    while (!search.over()) {
        struct Step {
            std::mutex mutex;
            std::vector<GenerationEvent> answers;
            std::size_t open = 0;
            std::promise<void> done;
        };
        auto requests = search.requests();
        const auto step = std::make_shared<Step>();
        step->answers.resize(requests.size());
        step->open = requests.size();
        auto done = step->done.get_future();
        for (std::size_t i = 0; i < requests.size(); ++i) {
            const auto sink = [step, i](GenerationEvent event) {
                const std::scoped_lock lock(step->mutex);
                auto& whole = step->answers[i];
                std::ranges::move(event.logprobs, std::back_inserter(whole.logprobs));
                if (!event.last()) return;
                whole.error = std::move(event.error);
                if (--step->open == 0) step->done.set_value();
            };
            if (auto accepted = engine.submit(std::move(requests[i]), sink); !accepted) {
                GenerationEvent refused;
                refused.error = std::move(accepted).error();
                sink(std::move(refused));
            }
        }
        done.wait();
        for (auto& answer : step->answers)
            if (answer.error) return std::unexpected(std::move(*answer.error));
        TENON_CHECK(search.take(step->answers));
    }
    return search.best();
}

}  // namespace tenon::engine
