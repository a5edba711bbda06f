// Beam search against a plain one that knows every probability, and against all texts there are.
#include <gtest/gtest.h>

#include <cmath>

#include "support.hpp"
#include "tenon/engine/beam_search.hpp"

namespace tenon::engine {
namespace {

using fake::ByteTokenizer;
using fake::FakeModel;
using Tokens = std::vector<text::TokenId>;

/// Says only some letters, and ends now and then.
std::shared_ptr<FakeModel> speaker(std::size_t letters, float end) {
    auto model = std::make_shared<FakeModel>();
    model->shape = [letters, end](std::span<const text::TokenId> tokens, std::span<float> row) {
        for (std::size_t i = 0; i < row.size(); ++i) row[i] = i >= 'a' && i < 'a' + letters ? row[i] * 0.5F : -60;
        row[ByteTokenizer::end] = tokens.size() > 4 ? end : -60;
    };
    return model;
}

std::vector<double> log_probabilities(const FakeModel& model, const Tokens& tokens) {
    std::vector<float> row(ByteTokenizer::vocabulary);
    model.fill(tokens, row);
    double sum = 0;
    for (const float x : row) sum += std::exp(static_cast<double>(x));
    std::vector<double> out;
    for (const float x : row) out.push_back(static_cast<double>(x) - std::log(sum));
    return out;
}

/// vLLM's algorithm, by the book.
std::vector<Beam> plain(const FakeModel& model, const Tokens& prompt, const BeamOptions& options) {
    std::vector<Beam> beams(1), complete;
    const auto order = [&](std::vector<Beam>& all) {
        for (auto& b : all)
            b.score =
                b.logprob / std::pow(static_cast<double>(prompt.size() + b.tokens.size()), options.length_penalty);
        std::ranges::stable_sort(all, std::greater(), &Beam::score);
        if (all.size() > options.width) all.resize(options.width);
    };
    for (std::size_t step = 0; step < options.max_tokens; ++step) {
        std::vector<Beam> next;
        for (const auto& beam : beams) {
            Tokens text = prompt;
            text.insert(text.end(), beam.tokens.begin(), beam.tokens.end());
            const auto odds = log_probabilities(model, text);
            std::vector<text::TokenId> ids(odds.size());
            for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<text::TokenId>(i);
            std::ranges::stable_sort(ids, std::greater(), [&](auto id) { return odds[static_cast<std::size_t>(id)]; });
            ids.resize(2 * options.width);
            for (const auto id : ids) {
                Beam longer = beam;
                longer.logprob += odds[static_cast<std::size_t>(id)];
                if (id == ByteTokenizer::end) {
                    if (!options.ignore_eos) complete.push_back(longer);
                } else {
                    longer.tokens.push_back(id);
                    next.push_back(longer);
                }
            }
        }
        beams = std::move(next);
        order(beams);
    }
    complete.insert(complete.end(), beams.begin(), beams.end());
    order(complete);
    return complete;
}

TEST(BeamSearch, FindsWhatThePlainSearchFinds) {
    for (const float end : {-60.F, 0.F, 1.5F})
        for (const std::size_t width : {1UL, 3UL, 6UL})
            for (const double penalty : {0.0, 1.0, 2.0}) {
                auto model = speaker(5, end);
                Engine engine(model, {.threads = 1});
                const auto prompt = bytes("once");
                BeamOptions options{.width = width, .max_tokens = 7, .length_penalty = penalty};
                options.ignore_eos = end > 1;
                const auto found = beam_search(engine, prompt, options).value();
                const auto expected = plain(*model, prompt, options);
                ASSERT_EQ(found.size(), expected.size());
                for (std::size_t i = 0; i < found.size(); ++i) {
                    EXPECT_EQ(found[i].tokens, expected[i].tokens) << width << " " << penalty << " " << i;
                    EXPECT_NEAR(found[i].logprob, expected[i].logprob, 1e-4);
                    EXPECT_NEAR(found[i].score, expected[i].score, 1e-4);
                }
            }
}

// Nothing is left out before the last step, so the best text must be the best there is.
TEST(BeamSearch, FindsTheBestOfAllWhenItIsWideEnough) {
    auto model = speaker(3, -60);
    Engine engine(model, {.threads = 1});
    const auto prompt = bytes("all");
    const auto found = beam_search(engine, prompt, {.width = 10, .max_tokens = 3}).value();
    Tokens best;
    double most = -1e9;
    for (text::TokenId a = 'a'; a <= 'c'; ++a)
        for (text::TokenId b = 'a'; b <= 'c'; ++b)
            for (text::TokenId c = 'a'; c <= 'c'; ++c) {
                Tokens text = prompt;
                double sum = 0;
                for (const auto token : {a, b, c}) {
                    sum += log_probabilities(*model, text)[static_cast<std::size_t>(token)];
                    text.push_back(token);
                }
                if (sum <= most) continue;
                most = sum;
                best = {a, b, c};
            }
    EXPECT_EQ(found.front().tokens, best);
    EXPECT_NEAR(found.front().logprob, most, 1e-4);
    EXPECT_EQ(found.front().finish, FinishReason::length);
    EXPECT_EQ(found.size(), 10U);
}

TEST(BeamSearch, BeamsShareWhatTheyHaveInCommon) {
    auto model = speaker(5, -60);
    Engine engine(model, {.threads = 1});
    (void)beam_search(engine, bytes(std::string(150, 'p')), {.width = 4, .max_tokens = 10}).value();
    std::size_t computed = 0;
    for (const auto& pass : model->passes())
        for (const auto n : pass) computed += n;
    EXPECT_LE(computed, 150U + 4 * 9);
}

TEST(BeamSearch, ValuesOutOfRangeAreRefused) {
    Engine engine(speaker(3, 0), {.threads = 1});
    const auto code = [&](const Tokens& prompt, const BeamOptions& options) {
        return beam_search(engine, prompt, options).error().code();
    };
    EXPECT_EQ(code({}, {}), ErrorCode::invalid_argument);
    EXPECT_EQ(code({'a'}, {.width = 0}), ErrorCode::invalid_argument);
    EXPECT_EQ(code({'a'}, {.width = 11}), ErrorCode::invalid_argument);
    EXPECT_EQ(code({'a'}, {.max_tokens = 0}), ErrorCode::invalid_argument);
    EXPECT_EQ(code({'a'}, {.length_penalty = std::nan("")}), ErrorCode::invalid_argument);
    EXPECT_EQ(code(Tokens(600, 'a'), {}), ErrorCode::resource_exhausted);
}

}  // namespace
}  // namespace tenon::engine
