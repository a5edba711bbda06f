// Several answers to one prompt.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <numeric>
#include <set>

#include "fake/causal_model.hpp"
#include "support.hpp"
#include "tenon/engine/engine.hpp"

namespace tenon::engine {
namespace {

using fake::FakeModel;

/// Submits a group and waits for all of its answers.
class Group {
  public:
    Result<std::vector<GenerationEvent>> run(Engine& engine, std::vector<GenerationRequest> requests) {
        const std::size_t count = requests.size();
        struct State {
            std::mutex mutex;
            std::condition_variable changed;
            std::vector<GenerationEvent> answers;
            std::size_t over = 0;
        };
        const auto state = std::make_shared<State>();
        state->answers.resize(count);
        std::vector<Submission> group;
        for (std::size_t i = 0; i < count; ++i)
            group.push_back({std::move(requests[i]), [state, i](GenerationEvent event) {
                                 const std::scoped_lock lock(state->mutex);
                                 auto& whole = state->answers[i];
                                 auto tokens = std::move(whole.tokens);
                                 tokens.insert(tokens.end(), event.tokens.begin(), event.tokens.end());
                                 auto scores = std::move(whole.prompt_logprobs);
                                 if (!event.prompt_logprobs.empty()) scores = event.prompt_logprobs;
                                 const bool last = event.last();
                                 whole = std::move(event);
                                 whole.tokens = std::move(tokens);
                                 whole.prompt_logprobs = std::move(scores);
                                 state->over += last ? 1 : 0;
                                 state->changed.notify_all();
                             }});
        TENON_CHECK(engine.submit(std::move(group)));
        std::unique_lock lock(state->mutex);
        if (!state->changed.wait_for(lock, std::chrono::seconds(60), [&] { return state->over == count; }))
            return fail(ErrorCode::deadline_exceeded, "the group did not end");
        return std::move(state->answers);
    }
};

GenerationRequest sampled(const std::string& prompt, std::uint64_t seed, std::size_t max_tokens) {
    GenerationRequest request;
    request.prompt = bytes(prompt);
    request.sampling = {.temperature = 1, .top_k = 0, .seed = seed};
    request.max_tokens = max_tokens;
    return request;
}

std::size_t computed(const FakeModel& model) {
    std::size_t sum = 0;
    for (const auto& pass : model.passes()) sum = std::accumulate(pass.begin(), pass.end(), sum);
    return sum;
}

TEST(Group, TheSharedPromptIsComputedOnceAndEachAnswersAsAlone) {
    for (const std::size_t length : {1UL, 5UL, 32UL, 100UL}) {
        const std::string prompt(length, 'p');
        auto alone = std::make_shared<FakeModel>();
        auto together = std::make_shared<FakeModel>();
        Engine engine(together, {.threads = 1, .prompt_chunk = 40, .prefix_block = 16});
        std::vector<GenerationRequest> requests;
        for (std::uint64_t i = 0; i < 5; ++i) requests.push_back(sampled(prompt, i, 20));
        const auto answers = Group().run(engine, requests).value();
        EXPECT_EQ(computed(*together), length + 5 * 19);
        for (std::size_t i = 0; i < 5; ++i) {
            Engine one(alone, {.threads = 1});
            EXPECT_EQ(answers[i].tokens, one.generate(requests[i]).value().tokens) << i;
            EXPECT_EQ(answers[i].usage.prompt_tokens, length);
            EXPECT_EQ(answers[i].usage.cached_tokens, i == 0 ? 0 : length);
        }
        const std::set<std::vector<text::TokenId>> different{answers[0].tokens, answers[1].tokens, answers[2].tokens};
        EXPECT_EQ(different.size(), 3U);
    }
}

TEST(Group, MoreThanMayRunTogetherComeInTurns) {
    auto model = std::make_shared<FakeModel>();
    Engine engine(model, {.threads = 1, .context = 128, .max_sequences = 2, .kv_tokens = 128});
    std::vector<GenerationRequest> requests;
    for (std::size_t i = 0; i < 6; ++i) requests.push_back(greedy(bytes("prompt of a group"), 10 + i));
    const auto answers = Group().run(engine, requests).value();
    for (std::size_t i = 0; i < 6; ++i)
        EXPECT_EQ(answers[i].tokens, model->expect(bytes("prompt of a group"), 10 + i)) << i;
}

TEST(Group, OneCancelledLeavesTheOthers) {
    for (const std::size_t gone : {0UL, 1UL, 2UL}) {
        auto model = std::make_shared<FakeModel>();
        Engine engine(model, {.threads = 1});
        std::stop_source stop;
        stop.request_stop();
        std::vector<GenerationRequest> requests;
        for (std::size_t i = 0; i < 3; ++i) {
            requests.push_back(greedy(bytes("together"), 8));
            if (i == gone) requests[i].cancel = stop.get_token();
        }
        const auto answers = Group().run(engine, requests).value();
        for (std::size_t i = 0; i < 3; ++i) {
            EXPECT_EQ(answers[i].finish, i == gone ? FinishReason::cancelled : FinishReason::length);
            if (i != gone) {
                EXPECT_EQ(answers[i].tokens, model->expect(bytes("together"), 8));
            }
        }
    }
}

TEST(Group, AnErrorOfTheModelEndsAll) {
    auto model = std::make_shared<FakeModel>();
    model->poison = 'x';
    Engine engine(model, {.threads = 1});
    const auto answers = Group().run(engine, {greedy(bytes("ax"), 8), greedy(bytes("ax"), 8)}).value();
    for (const auto& answer : answers) EXPECT_TRUE(answer.error);
    EXPECT_EQ(engine.generate(greedy(bytes("fine"), 3)).value().tokens, model->expect(bytes("fine"), 3));
}

TEST(Group, WrongGroupsAreRefused) {
    Engine engine(std::make_shared<FakeModel>(), {.threads = 1, .max_queue = 4});
    EXPECT_EQ(engine.submit({}).error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(Group().run(engine, {greedy(bytes("a"), 2), greedy(bytes("b"), 2)}).error().code(),
              ErrorCode::invalid_argument);
    EXPECT_EQ(Group().run(engine, {5, greedy(bytes("a"), 2)}).error().code(), ErrorCode::resource_exhausted);
}

TEST(Group, PromptScoresAreToldOnce) {
    auto model = std::make_shared<FakeModel>();
    Engine engine(model, {.threads = 1});
    auto request = greedy(bytes("scored"), 3);
    request.prompt_logprobs = 0;
    const auto answers = Group().run(engine, {request, request}).value();
    EXPECT_EQ(answers[0].prompt_logprobs.size(), 6U);
    EXPECT_TRUE(answers[1].prompt_logprobs.empty());
    EXPECT_EQ(answers[0].tokens, answers[1].tokens);
}

}  // namespace
}  // namespace tenon::engine
