#include "tenon/engine/engine.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <condition_variable>
#include <mutex>

#include "fake/causal_model.hpp"
#include "support.hpp"
#include "tenon/base/utf8.hpp"

namespace tenon::engine {
namespace {

using fake::ByteTokenizer;
using fake::FakeModel;
using namespace std::chrono_literals;

/// A model that says `text` after the prompt `prompt`, then ends.
std::shared_ptr<FakeModel> speaker(std::string text) {
    auto model = std::make_shared<FakeModel>();
    const auto ids = bytes(text);
    model->next = [ids](std::span<const text::TokenId> tokens) {
        const auto colon = std::find(tokens.begin(), tokens.end(), ':');
        if (colon == tokens.end()) return text::no_token;
        const auto said = static_cast<std::size_t>(tokens.end() - colon) - 1;
        return said < ids.size() ? ids[said] : ByteTokenizer::end;
    };
    return model;
}

/// Collects the events of one request; may die before the engine does.
class Listener {
    struct State {
        std::mutex mutex;
        std::condition_variable changed;
        std::vector<GenerationEvent> events;
        std::string text;
        std::vector<text::TokenId> tokens;
        bool over = false;
    };
    template <class F>
    auto locked(F read) const {
        const std::scoped_lock lock(state_->mutex);
        return read(*state_);
    }

  public:
    GenerationSink sink() {
        return [state = state_](GenerationEvent event) {
            const std::scoped_lock lock(state->mutex);
            EXPECT_FALSE(state->over) << "an event after the last";
            EXPECT_TRUE(utf8::is_valid(event.text));
            state->over = event.last();
            state->text += event.text;
            state->tokens.insert(state->tokens.end(), event.tokens.begin(), event.tokens.end());
            state->events.push_back(std::move(event));
            state->changed.notify_all();
        };
    }
    /// The last event.
    GenerationEvent wait() {
        std::unique_lock lock(state_->mutex);
        EXPECT_TRUE(state_->changed.wait_for(lock, 60s, [this] { return state_->over; }));
        return state_->events.back();
    }
    void wait_events(std::size_t count) {
        std::unique_lock lock(state_->mutex);
        EXPECT_TRUE(state_->changed.wait_for(lock, 60s, [&] { return state_->events.size() >= count; }));
    }
    std::size_t size() const {
        return locked([](const State& s) { return s.events.size(); });
    }
    bool over() const {
        return locked([](const State& s) { return s.over; });
    }
    std::string text() const {
        return locked([](const State& s) { return s.text; });
    }
    std::vector<text::TokenId> tokens() const {
        return locked([](const State& s) { return s.tokens; });
    }

  private:
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

TEST(Engine, AnswersAsTheModelAlone) {
    auto model = std::make_shared<FakeModel>();
    const auto prompt = bytes("a prompt that is longer than one chunk of the engine");
    const auto expected = model->expect(prompt, 40);
    Engine engine(model, {.threads = 1, .prompt_chunk = 7});
    const auto answer = engine.generate(greedy(prompt, 40)).value();
    EXPECT_EQ(answer.tokens, expected);
    EXPECT_EQ(answer.finish, FinishReason::length);
    EXPECT_EQ(answer.usage.prompt_tokens, prompt.size());
    EXPECT_EQ(answer.usage.completion_tokens, 40U);
    EXPECT_EQ(answer.usage.cached_tokens, 0U);
}

TEST(Engine, ManyRequestsAnswerAsEachAlone) {
    auto model = std::make_shared<FakeModel>();
    model->batch = 16;
    std::vector<std::vector<text::TokenId>> prompts;
    for (int i = 0; i < 8; ++i)
        prompts.push_back(
            bytes(std::string(static_cast<std::size_t>(1 + i * i * 4), static_cast<char>('a' + i)) + "?"));
    {
        Engine engine(model, {.threads = 1, .max_sequences = 3, .prompt_chunk = 11});
        std::vector<Listener> listeners(prompts.size());
        for (std::size_t i = 0; i < prompts.size(); ++i)
            ASSERT_TRUE(engine.submit(greedy(prompts[i], 20 + i), listeners[i].sink()));
        for (std::size_t i = 0; i < prompts.size(); ++i) {
            EXPECT_EQ(listeners[i].wait().finish, FinishReason::length);
            EXPECT_EQ(listeners[i].tokens(), model->expect(prompts[i], 20 + i)) << i;
        }
    }
    for (const auto& pass : model->passes()) {
        std::size_t total = 0, prompt_part = 0;
        for (const auto n : pass) {
            total += n;
            if (n > 1) prompt_part += n;
        }
        EXPECT_LE(total, 16U);
        EXPECT_LE(prompt_part, 11U);
        EXPECT_LE(pass.size(), 3U);
    }
}

TEST(Engine, SeededSamplingIsTheSameAloneAndTogether) {
    auto model = std::make_shared<FakeModel>();
    GenerationRequest request;
    request.prompt = bytes("sample");
    request.max_tokens = 30;
    request.sampling.seed = 7;
    Engine engine(model, {.threads = 1});
    const auto alone = engine.generate(request).value().tokens;
    Listener other, again;
    ASSERT_TRUE(engine.submit(greedy(bytes("other"), 200), other.sink()));
    ASSERT_TRUE(engine.submit(request, again.sink()));
    (void)again.wait();
    EXPECT_EQ(again.tokens(), alone);
    request.sampling.seed = 8;
    EXPECT_NE(engine.generate(request).value().tokens, alone);
}

TEST(Engine, AShortRequestDoesNotWaitForLongOnes) {
    auto model = std::make_shared<FakeModel>(4000);
    model->delay = 500us;
    Engine engine(model, {.threads = 1, .max_sequences = 4, .prompt_chunk = 32});
    Listener writer, reader, quick;
    ASSERT_TRUE(engine.submit(greedy(bytes("write much"), 1500), writer.sink()));
    ASSERT_TRUE(engine.submit(greedy(bytes(std::string(3000, 'x')), 5), reader.sink()));  // some 94 chunks
    writer.wait_events(3);
    const auto before = model->passes().size();
    ASSERT_TRUE(engine.submit(greedy(bytes("short?"), 5), quick.sink()));
    (void)quick.wait();
    EXPECT_FALSE(writer.over());
    EXPECT_FALSE(reader.over());
    EXPECT_LE(model->passes().size() - before, 10U);
    EXPECT_EQ(reader.wait().finish, FinishReason::length);
    EXPECT_FALSE(writer.over());  // and the long prompt was not starved by the writer
}

TEST(Engine, StopsAtStopStringsAcrossTokensAndCharacters) {
    auto model = speaker("第一。第二END of it");
    Engine engine(model, {.threads = 1});
    auto request = greedy(bytes(":"), 100);
    request.stop = {"END", "never"};
    request.top_logprobs = 0;
    Listener listener;
    ASSERT_TRUE(engine.submit(request, listener.sink()));
    EXPECT_EQ(listener.wait().finish, FinishReason::stop);
    EXPECT_EQ(listener.text(), "第一。第二");
    EXPECT_EQ(listener.tokens(), bytes("第一。第二"));  // tokens of the stop string are not said
    EXPECT_GE(listener.size(), 5U);                     // streamed by characters
    request.stop = {"一。第"};
    EXPECT_EQ(engine.generate(request).value().text, "第");
    request.stop = {"it!"};
    const auto whole = engine.generate(request).value();
    EXPECT_EQ(whole.text, "第一。第二END of it");  // withheld "it" is given back
    EXPECT_EQ(whole.logprobs.size(), whole.tokens.size());
    EXPECT_EQ(whole.tokens.size() + 1, whole.usage.completion_tokens);  // the end token counts
}

TEST(Engine, EndTokensEndUnlessIgnored) {
    auto model = speaker("hi");
    Engine engine(model, {.threads = 1});
    const auto answer = engine.generate(greedy(bytes(":"), 10)).value();
    EXPECT_EQ(answer.text, "hi");
    EXPECT_EQ(answer.finish, FinishReason::stop);
    auto request = greedy(bytes(":"), 10);
    request.ignore_eos = true;
    const auto longer = engine.generate(request).value();
    EXPECT_EQ(longer.finish, FinishReason::length);
    EXPECT_EQ(longer.tokens.size(), 10U);
}

TEST(Engine, FullContextIsLength) {
    auto model = std::make_shared<FakeModel>(32);
    Engine engine(model, {.threads = 1});
    EXPECT_EQ(engine.context(), 32U);
    const auto answer = engine.generate(greedy(bytes(std::string(30, 'a')), 0)).value();
    EXPECT_EQ(answer.finish, FinishReason::length);
    EXPECT_EQ(answer.tokens, model->expect(bytes(std::string(30, 'a')), 3));
    EXPECT_TRUE(engine.generate(greedy(bytes(std::string(32, 'a')), 0)));
    const auto refused = engine.generate(greedy(bytes(std::string(33, 'a')), 0));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::resource_exhausted);
    EXPECT_NE(refused.error().message().find("33"), std::string::npos);
    EXPECT_NE(refused.error().message().find("32"), std::string::npos);
}

TEST(Engine, RejectsBadRequests) {
    Engine engine(std::make_shared<FakeModel>(), {.threads = 1});
    const auto code = [&](GenerationRequest request) { return engine.generate(std::move(request)).error().code(); };
    EXPECT_EQ(code(greedy({}, 1)), ErrorCode::invalid_argument);
    EXPECT_EQ(code(greedy({-1}, 1)), ErrorCode::invalid_argument);
    EXPECT_EQ(code(greedy({320}, 1)), ErrorCode::invalid_argument);
    auto request = greedy({1}, 1);
    request.top_logprobs = 21;
    EXPECT_EQ(code(request), ErrorCode::invalid_argument);
    request = greedy({1}, 1);
    request.sampling.temperature = -1;
    EXPECT_EQ(code(request), ErrorCode::invalid_argument);
    request = greedy({1}, 1);
    request.stop = {"\xff"};
    EXPECT_EQ(code(request), ErrorCode::invalid_argument);
}

TEST(Engine, CancelsBetweenTokensAndWhileQueued) {
    auto model = std::make_shared<FakeModel>(100000);
    model->delay = 200us;
    Engine engine(model, {.threads = 1, .context = 100000, .max_sequences = 1});
    std::stop_source first, second;
    Listener running, queued;
    auto request = greedy(bytes("long"), 0);
    request.cancel = first.get_token();
    ASSERT_TRUE(engine.submit(request, running.sink()));
    request.cancel = second.get_token();
    ASSERT_TRUE(engine.submit(request, queued.sink()));
    running.wait_events(2);
    second.request_stop();
    EXPECT_EQ(queued.wait().finish, FinishReason::cancelled);
    EXPECT_EQ(queued.tokens().size(), 0U);
    EXPECT_FALSE(running.over());
    first.request_stop();
    const auto last = running.wait();
    EXPECT_EQ(last.finish, FinishReason::cancelled);
    EXPECT_EQ(last.usage.completion_tokens, running.tokens().size());
    EXPECT_EQ(running.tokens(), model->expect(bytes("long"), running.tokens().size()));
    EXPECT_TRUE(engine.generate(greedy(bytes("next"), 3)));  // the slot is free again
}

TEST(Engine, DeadlinesEndRunningAndQueued) {
    auto model = std::make_shared<FakeModel>(100000);
    model->delay = 200us;
    Engine engine(model, {.threads = 1, .context = 100000, .max_sequences = 1});
    Listener running, queued;
    auto request = greedy(bytes("long"), 0);
    request.deadline = std::chrono::steady_clock::now() + 2s;
    ASSERT_TRUE(engine.submit(request, running.sink()));
    request.deadline = std::chrono::steady_clock::now() + 20ms;
    ASSERT_TRUE(engine.submit(request, queued.sink()));
    EXPECT_EQ(queued.wait().finish, FinishReason::deadline);
    EXPECT_FALSE(running.over());
    EXPECT_EQ(running.wait().finish, FinishReason::deadline);
    EXPECT_GT(running.tokens().size(), 0U);
}

TEST(Engine, DestructionCancelsAndDeliversLastEvents) {
    auto model = std::make_shared<FakeModel>(100000);
    model->delay = 200us;
    std::vector<Listener> listeners(5);
    {
        Engine engine(model, {.threads = 1, .context = 100000, .max_sequences = 2});
        for (auto& listener : listeners) ASSERT_TRUE(engine.submit(greedy(bytes("x"), 0), listener.sink()));
        listeners[0].wait_events(1);
    }
    for (auto& listener : listeners) {
        ASSERT_TRUE(listener.over());
        EXPECT_EQ(listener.wait().finish, FinishReason::cancelled);
    }
}

TEST(Engine, AModelErrorEndsOnlyTheRequestThatCausedIt) {
    auto model = std::make_shared<FakeModel>();
    model->delay = 100us;
    model->poison = '!';
    model->not_a_number = '#';
    Engine engine(model, {.threads = 1});
    Listener good, poisoned, nan;
    ASSERT_TRUE(engine.submit(greedy(bytes("good"), 100), good.sink()));
    good.wait_events(2);
    ASSERT_TRUE(engine.submit(greedy(bytes("bad!"), 100), poisoned.sink()));
    ASSERT_TRUE(engine.submit(greedy(bytes("nan#"), 100), nan.sink()));
    const auto failed = poisoned.wait();
    ASSERT_TRUE(failed.error);
    EXPECT_EQ(failed.error->code(), ErrorCode::invalid_argument);
    ASSERT_TRUE(nan.wait().error);
    EXPECT_EQ(nan.wait().error->code(), ErrorCode::internal);
    const auto expected = model->expect(bytes("good"), 100);
    const auto until = std::find_if(expected.begin(), expected.end(), [](auto t) { return t == '!' || t == '#'; });
    if (until == expected.end()) {
        EXPECT_FALSE(good.wait().error);
    }
    (void)good.wait();
    EXPECT_TRUE(std::equal(expected.begin(), until, good.tokens().begin()));
}

TEST(Engine, LogprobsAreTheModelsDistribution) {
    auto model = std::make_shared<FakeModel>();
    Engine engine(model, {.threads = 1});
    auto request = greedy(bytes("p"), 3);
    request.top_logprobs = 5;
    request.sampling.logit_bias = {{'Z', 100.F}};  // changes the choice, not the distribution that is reported
    const auto answer = engine.generate(request).value();
    ASSERT_EQ(answer.logprobs.size(), 3U);
    std::vector<float> row(ByteTokenizer::vocabulary);
    model->fill(bytes("p"), row);
    double norm = 0;
    for (const float x : row) norm += std::exp(static_cast<double>(x));
    norm = std::log(norm);
    const auto& step = answer.logprobs[0];
    EXPECT_EQ(step.chosen.token, 'Z');
    EXPECT_EQ(step.chosen.bytes, "Z");
    EXPECT_NEAR(step.chosen.logprob, static_cast<double>(row['Z']) - norm, 1e-5);
    ASSERT_EQ(step.top.size(), 5U);
    EXPECT_EQ(step.top[0].token, model->expect(bytes("p"), 1)[0]);
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_NEAR(step.top[i].logprob, static_cast<double>(row[static_cast<std::size_t>(step.top[i].token)]) - norm,
                    1e-5);
        if (i > 0) {
            EXPECT_GE(step.top[i - 1].logprob, step.top[i].logprob);
        }
    }
}

TEST(Engine, PromptLogprobsCoverEveryTokenWhateverTheChunks) {
    auto model = std::make_shared<FakeModel>();
    const auto prompt = bytes(std::string(100, 'q') + "the end of a prompt");
    std::vector<float> expected(prompt.size(), 0.F), row(ByteTokenizer::vocabulary);
    for (std::size_t i = 1; i < prompt.size(); ++i) {
        model->fill(std::span(prompt).first(i), row);
        double norm = 0;
        for (const float x : row) norm += std::exp(static_cast<double>(x));
        expected[i] =
            static_cast<float>(static_cast<double>(row[static_cast<std::size_t>(prompt[i])]) - std::log(norm));
    }
    for (const std::size_t chunk : {1UL, 5UL, 300UL}) {
        Engine engine(model, {.threads = 1, .prompt_chunk = chunk});
        auto request = greedy(prompt, 1);
        request.prompt_logprobs = 2;
        for (int round = 0; round < 2; ++round) {  // the second time nothing may come from the cache
            const auto answer = engine.generate(request).value();
            ASSERT_EQ(answer.prompt_logprobs.size(), prompt.size());
            for (std::size_t i = 0; i < prompt.size(); ++i) {
                const auto& step = answer.prompt_logprobs[i];
                EXPECT_NEAR(step.chosen.logprob, expected[i], 1e-4) << i;
                EXPECT_EQ(step.chosen.token, prompt[i]);
                if (i == 0) {
                    EXPECT_TRUE(step.top.empty());
                    continue;
                }
                ASSERT_EQ(step.top.size(), 2U);
                EXPECT_EQ(step.top[1].rank, 2U);
                EXPECT_GE(step.top[0].logprob, step.top[1].logprob);
                EXPECT_GE(step.chosen.rank, 1U);
                EXPECT_EQ(step.chosen.rank <= 2, step.chosen.logprob >= step.top[1].logprob);
            }
        }
    }
}

TEST(Engine, SharedPrefixesAreComputedOnce) {
    auto model = std::make_shared<FakeModel>();
    Engine engine(model, {.threads = 1, .max_sequences = 2});
    const std::string system = "a long instruction that every request begins with. ";
    const auto ask = [&](const std::string& question) {
        const auto prompt = bytes(system + question);
        const auto answer = engine.generate(greedy(prompt, 12)).value();
        EXPECT_EQ(answer.tokens, model->expect(prompt, 12)) << question;
        return answer.usage.cached_tokens;
    };
    EXPECT_EQ(ask("one?"), 0U);
    EXPECT_EQ(ask("two?"), system.size());
    EXPECT_EQ(ask("two?"), system.size() + 3);  // the last prompt token is always computed
    // A conversation goes on: prompt and answer are both there.
    const auto first = bytes(system + "chat");
    const auto answer = engine.generate(greedy(first, 12)).value();
    auto second = first;
    second.insert(second.end(), answer.tokens.begin(), answer.tokens.end());
    second.push_back('>');
    const auto next = engine.generate(greedy(second, 5)).value();
    EXPECT_EQ(next.usage.cached_tokens, first.size() + 11);  // the last token said was never fed back
    EXPECT_EQ(next.tokens, model->expect(second, 5));
    EXPECT_EQ(engine.generate(greedy(bytes("unrelated"), 5)).value().tokens, model->expect(bytes("unrelated"), 5));
    EXPECT_EQ(ask("six?"), system.size());
}

TEST(Engine, APrefixIsCopiedFromARequestStillRunning) {
    auto model = std::make_shared<FakeModel>(5000);
    model->delay = 200us;
    Engine engine(model, {.threads = 1, .max_sequences = 2});
    const auto prompt = bytes("the shared beginning, and then");
    Listener running;
    ASSERT_TRUE(engine.submit(greedy(prompt, 2000), running.sink()));
    running.wait_events(3);
    auto other = prompt;
    other.push_back('X');
    const auto answer = engine.generate(greedy(other, 10)).value();
    EXPECT_FALSE(running.over());
    EXPECT_EQ(answer.usage.cached_tokens, prompt.size());
    EXPECT_EQ(answer.tokens, model->expect(other, 10));
}

TEST(Engine, AFullQueueRefuses) {
    auto model = std::make_shared<FakeModel>(100000);
    model->delay = 1ms;
    Engine engine(model, {.threads = 1, .context = 100000, .max_sequences = 1, .max_queue = 2});
    Listener running, a, b, c;
    ASSERT_TRUE(engine.submit(greedy(bytes("x"), 0), running.sink()));
    running.wait_events(1);
    ASSERT_TRUE(engine.submit(greedy(bytes("x"), 0), a.sink()));
    ASSERT_TRUE(engine.submit(greedy(bytes("x"), 0), b.sink()));
    EXPECT_EQ(engine.submit(greedy(bytes("x"), 0), c.sink()).error().code(), ErrorCode::resource_exhausted);
    // The counts follow the events within a step.
    for (int i = 0; i < 60'000 && engine.stats().running != 1; ++i) std::this_thread::sleep_for(1ms);
    EXPECT_EQ(engine.stats().running, 1U);
    EXPECT_EQ(engine.stats().waiting, 2U);
    EXPECT_EQ(c.size(), 0U);
}

TEST(Engine, CountsWhatItDid) {
    Engine engine(std::make_shared<FakeModel>(), {.threads = 1});
    (void)engine.generate(greedy(bytes("abc"), 4));
    (void)engine.generate(greedy(bytes("xyz"), 4));
    for (int i = 0; i < 60'000 && engine.stats().requests < 2; ++i) std::this_thread::sleep_for(1ms);
    const auto stats = engine.stats();
    EXPECT_EQ(stats.requests, 2U);
    EXPECT_EQ(stats.prompt_tokens, 6U);
    EXPECT_EQ(stats.completion_tokens, 8U);
    EXPECT_GT(stats.kv_bytes, 0U);
}

}  // namespace
}  // namespace tenon::engine
