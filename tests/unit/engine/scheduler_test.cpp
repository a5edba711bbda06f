// Memory in pages: prefixes, preemption, priorities, fairness; held to what the model says to each request alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <numeric>
#include <random>

#include "engine/prefix_tree.hpp"
#include "fake/causal_model.hpp"
#include "support.hpp"
#include "tenon/engine/engine.hpp"
#include "unit/effort.hpp"

namespace tenon::engine {
namespace {

using fake::FakeModel;
using model::KvPage;
using namespace std::chrono_literals;

/// Waits for many requests, and remembers the order in which they ended.
class Answers {
  public:
    GenerationSink sink(std::size_t index) {
        const std::scoped_lock lock(state_->mutex);
        if (state_->tokens.size() <= index) {
            state_->tokens.resize(index + 1);
            state_->last.resize(index + 1);
        }
        return [state = state_, index](GenerationEvent event) {
            const std::scoped_lock guard(state->mutex);
            auto& tokens = state->tokens[index];
            tokens.insert(tokens.end(), event.tokens.begin(), event.tokens.end());
            state->changed.notify_all();
            if (!event.last()) return;
            state->last[index] = std::move(event);
            state->order.push_back(index);
        };
    }
    /// Until the request has said something.
    void wait_begun(std::size_t index) {
        std::unique_lock lock(state_->mutex);
        ASSERT_TRUE(state_->changed.wait_for(lock, 120s, [&] { return !state_->tokens[index].empty(); }));
    }
    void wait(std::size_t count) {
        std::unique_lock lock(state_->mutex);
        ASSERT_TRUE(state_->changed.wait_for(lock, 120s, [&] { return state_->order.size() >= count; }));
    }
    const std::vector<text::TokenId>& tokens(std::size_t index) const { return state_->tokens[index]; }
    const GenerationEvent& last(std::size_t index) const { return state_->last[index]; }
    const std::vector<std::size_t>& order() const { return state_->order; }

  private:
    struct State {
        std::mutex mutex;
        std::condition_variable changed;
        std::vector<std::vector<text::TokenId>> tokens;
        std::vector<GenerationEvent> last;
        std::vector<std::size_t> order;
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// The counts follow the events within a round.
EngineStats settled(const Engine& engine, std::size_t requests) {
    for (int i = 0; i < 60'000 && engine.stats().requests < requests; ++i) std::this_thread::sleep_for(1ms);
    for (int i = 0; i < 60'000 && engine.stats().running > 0; ++i) std::this_thread::sleep_for(1ms);
    return engine.stats();
}

TEST(PrefixTree, FindsTheLongestBeginning) {
    const auto pool = FakeModel().make_pool(16, model::KvType::f16).value();
    PrefixTree tree(pool);
    const auto take = [&](std::size_t count) {
        std::vector<KvPage> pages(count);
        for (auto& page : pages) EXPECT_TRUE(pool->take(page));
        return pages;
    };
    std::vector<text::TokenId> text(80);
    std::iota(text.begin(), text.end(), 1);
    const auto pages = take(3);
    tree.insert({}, text, pages);
    EXPECT_EQ(tree.pages(), 3U);
    EXPECT_EQ(pool->references(pages[2]), 2U);
    EXPECT_EQ(tree.match({}, text).length, 80U);
    EXPECT_EQ(tree.match({}, text).pages, pages);
    auto other = text;
    other[70] = 999;
    EXPECT_EQ(tree.match({}, other).length, 70U);
    EXPECT_EQ(tree.match({}, std::span(text).first(40)).length, 40U);
    EXPECT_EQ(tree.match({}, std::span(text).subspan(1)).length, 0U);

    // Another end of the same beginning shares its pages; the same text again adds nothing.
    const auto more = take(3);
    tree.insert({}, other, more);
    EXPECT_EQ(tree.pages(), 4U);
    EXPECT_EQ(pool->references(more[0]), 1U);
    EXPECT_EQ(tree.match({}, other).pages, (std::vector<KvPage>{pages[0], pages[1], more[2]}));
    // A page that was filled further takes the place of the shorter one.
    text.resize(96, 5);
    const auto longer = take(3);
    tree.insert({}, text, longer);
    EXPECT_EQ(tree.pages(), 4U);
    EXPECT_EQ(tree.match({}, text).length, 96U);
    EXPECT_EQ(pool->references(pages[2]), 1U);
}

TEST(PrefixTree, EvictsWhatWasUsedLongestAgoAndNobodyReads) {
    const auto pool = FakeModel().make_pool(4, model::KvType::f16).value();
    PrefixTree tree(pool);
    const auto keep = [&](text::TokenId first) {
        KvPage page = 0;
        EXPECT_TRUE(pool->take(page));
        const std::vector<text::TokenId> tokens(32, first);
        tree.insert({}, tokens, {&page, 1});
        pool->release(page);
        return page;
    };
    const KvPage a = keep(1);
    keep(2);
    keep(3);
    keep(4);
    pool->retain(a);  // somebody reads it
    EXPECT_EQ(tree.evictable(), 3U);
    (void)tree.match({}, std::vector<text::TokenId>(32, 2));
    tree.evict(2);
    EXPECT_EQ(pool->free_pages(), 2U);
    EXPECT_EQ(tree.match({}, std::vector<text::TokenId>(32, 1)).length, 32U);
    EXPECT_EQ(tree.match({}, std::vector<text::TokenId>(32, 2)).length, 32U);
    EXPECT_EQ(tree.match({}, std::vector<text::TokenId>(32, 3)).length, 0U);
    tree.evict(4);
    EXPECT_EQ(pool->free_pages(), 3U);
    pool->release(a);
}

TEST(Scheduler, ASharedBeginningIsComputedOnceForRequestsThatComeTogether) {
    auto model = std::make_shared<FakeModel>(2048);
    const std::string system(1000, 's');
    Answers answers;
    {
        Engine engine(model, {.threads = 1, .max_sequences = 32, .prompt_chunk = 64});
        for (std::size_t i = 0; i < 32; ++i)
            ASSERT_TRUE(engine.submit(greedy(bytes(system + std::to_string(i)), 5), answers.sink(i)));
        answers.wait(32);
        const auto stats = settled(engine, 32);
        EXPECT_GE(stats.cached_tokens, 31U * 1000);
    }
    std::size_t computed = 0;
    for (const auto& pass : model->passes()) computed += std::accumulate(pass.begin(), pass.end(), std::size_t{0});
    EXPECT_LE(computed, 1000U + 32 * (2 + 5));
    for (std::size_t i = 0; i < 32; ++i)
        EXPECT_EQ(answers.tokens(i), model->expect(bytes(system + std::to_string(i)), 5)) << i;
}

TEST(Scheduler, WhenPagesRunOutTheLastGivesWayAndLosesNothing) {
    auto model = std::make_shared<FakeModel>(512);
    Engine engine(model, {.threads = 1, .context = 256, .max_sequences = 8, .kv_tokens = 300});
    Answers answers;
    std::vector<std::vector<text::TokenId>> prompts;
    for (std::size_t i = 0; i < 6; ++i) {
        prompts.push_back(bytes(std::string(10 + i, static_cast<char>('a' + i))));
        ASSERT_TRUE(engine.submit(greedy(prompts[i], 200), answers.sink(i)));
    }
    answers.wait(6);
    for (std::size_t i = 0; i < 6; ++i) {
        EXPECT_EQ(answers.tokens(i), model->expect(prompts[i], 200)) << i;
        EXPECT_EQ(answers.last(i).usage.completion_tokens, 200U);
        EXPECT_EQ(answers.last(i).usage.prompt_tokens, 10 + i);
    }
    const auto stats = settled(engine, 6);
    EXPECT_GT(stats.preemptions, 0U);
    EXPECT_EQ(stats.kv_pages_used, 0U);
    EXPECT_EQ(answers.order().front(), 0U);  // who came first is never set back by who came later
}

TEST(Scheduler, AContextLargerThanTheMemoryIsCutToIt) {
    auto model = std::make_shared<FakeModel>(512);
    Engine engine(model, {.threads = 1, .kv_tokens = 100});
    EXPECT_EQ(engine.context(), 100U);
    const auto answer = engine.generate(greedy(bytes("go on"), 0)).value();
    EXPECT_EQ(answer.finish, FinishReason::length);
    EXPECT_EQ(answer.tokens, model->expect(bytes("go on"), 96));
    EXPECT_EQ(engine.generate(greedy(bytes(std::string(101, 'x')), 1)).error().code(), ErrorCode::resource_exhausted);
}

TEST(Scheduler, TheMoreUrgentRunsFirst) {
    auto model = std::make_shared<FakeModel>(100000);
    model->delay = 100us;
    Engine engine(model, {.threads = 1, .context = 2000, .max_sequences = 1});
    Answers answers;
    ASSERT_TRUE(engine.submit(greedy(bytes("running"), 1500), answers.sink(0)));
    answers.wait_begun(0);
    for (std::size_t i = 1; i <= 4; ++i) {
        auto request = greedy(bytes("x"), 3);
        request.priority = i == 3 ? -1 : static_cast<int>(i == 1);
        ASSERT_TRUE(engine.submit(std::move(request), answers.sink(i)));
    }
    answers.wait(5);
    EXPECT_EQ(answers.order(), (std::vector<std::size_t>{0, 3, 2, 4, 1}));
}

TEST(Scheduler, AGroupWithManyRequestsLeavesRoomForOthers) {
    auto model = std::make_shared<FakeModel>(100000);
    model->delay = 100us;
    Engine engine(model, {.threads = 1, .context = 2000, .max_sequences = 2});
    Answers answers;
    for (std::size_t i = 0; i < 6; ++i) {
        auto request = greedy(bytes("many" + std::to_string(i)), 100);
        request.group = "busy";
        ASSERT_TRUE(engine.submit(std::move(request), answers.sink(i)));
    }
    answers.wait_begun(0);
    auto request = greedy(bytes("one"), 3);
    request.group = "quiet";
    ASSERT_TRUE(engine.submit(std::move(request), answers.sink(6)));
    answers.wait(7);
    const auto place = std::ranges::find(answers.order(), 6U) - answers.order().begin();
    EXPECT_LE(place, 2);
}

TEST(Scheduler, MemoryTakenFromTheLessUrgent) {
    auto model = std::make_shared<FakeModel>(512);
    model->delay = 50us;
    Engine engine(model, {.threads = 1, .context = 256, .max_sequences = 4, .kv_tokens = 320});
    Answers answers;
    for (std::size_t i = 0; i < 3; ++i) {
        auto request = greedy(bytes(std::string(20, static_cast<char>('p' + i))), 180);
        request.priority = i == 2 ? 0 : 5;
        ASSERT_TRUE(engine.submit(std::move(request), answers.sink(i)));
        if (i == 1) answers.wait_begun(1);
    }
    answers.wait(3);
    EXPECT_EQ(answers.order().front(), 2U);
    for (std::size_t i = 0; i < 3; ++i)
        EXPECT_EQ(answers.tokens(i), model->expect(bytes(std::string(20, static_cast<char>('p' + i))), 180)) << i;
}

TEST(Scheduler, AdaptersDoNotSharePrefixes) {
    auto model = std::make_shared<FakeModel>(512);
    Engine engine(model, {.threads = 1});
    const std::shared_ptr<const model::LoraAdapter> adapter = *model->load_adapter("one");
    const auto ask = [&](std::shared_ptr<const model::LoraAdapter> with, float scale) {
        auto request = greedy(bytes(std::string(100, 'x')), 20);
        request.adapter = std::move(with);
        request.adapter_scale = scale;
        return engine.generate(std::move(request)).value();
    };
    const auto alone = ask(nullptr, 1);
    const auto adapted = ask(adapter, 1);
    EXPECT_EQ(adapted.usage.cached_tokens, 0U);
    EXPECT_NE(adapted.tokens, alone.tokens);
    EXPECT_EQ(adapted.tokens, model->expect(bytes(std::string(100, 'x')), 20, {adapter.get(), 1}));
    EXPECT_EQ(ask(adapter, 0.5F).usage.cached_tokens, 0U);
    const auto again = ask(adapter, 1);
    EXPECT_GT(again.usage.cached_tokens, 0U);
    EXPECT_EQ(again.tokens, adapted.tokens);
    EXPECT_EQ(ask(nullptr, 1).tokens, alone.tokens);

    FakeModel other;
    auto foreign = greedy(bytes("x"), 1);
    foreign.adapter = *other.load_adapter("foreign");
    EXPECT_EQ(engine.generate(std::move(foreign)).error().code(), ErrorCode::invalid_argument);
    auto endless = greedy(bytes("x"), 1);
    endless.adapter = adapter;
    endless.adapter_scale = std::numeric_limits<float>::infinity();
    EXPECT_EQ(engine.generate(std::move(endless)).error().code(), ErrorCode::invalid_argument);
}

// Hundreds of random requests, some of them cut off, through little memory: each says what the model alone would.
class Simulation : public testing::TestWithParam<unsigned> {};

TEST_P(Simulation, EveryRequestAnswersAsAlone) {
    std::mt19937 random(GetParam());
    const auto pick = [&](std::size_t low, std::size_t high) {
        return std::uniform_int_distribution<std::size_t>(low, high)(random);
    };
    auto model = std::make_shared<FakeModel>(4096);
    model->batch = pick(8, 80);
    EngineOptions options{.threads = 1, .context = 256, .max_sequences = pick(1, 9)};
    options.kv_tokens = pick(256, 700);
    options.prompt_chunk = pick(4, 64);
    options.prefix_block = pick(0, 1) == 0 ? 1 : 16;
    options.max_queue = 1000;
    options.context_shift = pick(0, 1) == 0;
    options.context_keep = static_cast<int>(pick(0, 40)) - 1;
    options.speculation.lookup = pick(0, 1) == 0;
    options.speculation.draft_p_min = 0;
    if (pick(0, 1) == 0) {  // right two times of three
        options.speculation.draft = std::make_shared<FakeModel>(4096);
        static_cast<FakeModel&>(*options.speculation.draft).shape = [model](auto tokens, auto row) {
            model->fill(tokens, row);
            if (tokens.size() % 3 == 0) row['?'] = 30;
        };
    }
    Engine engine(model, options);
    Answers answers;
    constexpr std::size_t count = test::sanitized ? 40 : 150;
    const std::string beginnings[] = {std::string(90, 'A'), "B", std::string(40, 'A') + std::string(60, 'C'), ""};
    std::vector<std::vector<text::TokenId>> prompts;
    std::vector<std::size_t> lengths;
    std::vector<model::AdapterUse> uses;
    const std::shared_ptr<const model::LoraAdapter> adapters[] = {nullptr, nullptr, *model->load_adapter("first"),
                                                                  *model->load_adapter("second")};
    std::vector<std::stop_source> stops(count);
    for (std::size_t i = 0; i < count; ++i) {
        std::string text = beginnings[pick(0, 3)];
        for (std::size_t n = pick(1, 60); n > 0; --n) text.push_back(static_cast<char>('a' + pick(0, 3)));
        prompts.push_back(bytes(text));
        lengths.push_back(options.context_shift && pick(0, 5) == 0 ? pick(200, 400) : pick(1, 60));
        auto request = greedy(prompts[i], lengths[i]);
        request.cancel = stops[i].get_token();
        request.priority = static_cast<int>(pick(0, 2));
        request.group = std::string(1, static_cast<char>('a' + pick(0, 2)));
        request.adapter = adapters[pick(0, 3)];
        request.adapter_scale = pick(0, 1) == 0 ? 1.0F : 0.5F;
        const model::AdapterUse use{request.adapter.get(), request.adapter ? request.adapter_scale : 1};
        uses.push_back(use);
        std::vector<Submission> group;
        group.push_back({std::move(request), answers.sink(i)});
        for (std::size_t more = pick(0, 3) == 0 ? pick(1, 4) : 0; more > 0 && i + 1 < count; --more) {
            ++i;  // another answer to the same prompt, of its own length
            prompts.push_back(prompts.back());
            lengths.push_back(pick(1, 60));
            uses.push_back(use);
            auto other = group.front().request;
            other.max_tokens = lengths[i];
            other.cancel = stops[i].get_token();
            group.push_back({std::move(other), answers.sink(i)});
        }
        ASSERT_TRUE(engine.submit(std::move(group)));
        if (pick(0, 9) == 0) stops[pick(0, i)].request_stop();
        if (pick(0, 20) == 0) std::this_thread::sleep_for(1ms);
    }
    answers.wait(count);
    std::size_t whole = 0;
    for (std::size_t i = 0; i < count; ++i) {
        ASSERT_FALSE(answers.last(i).error) << answers.last(i).error->describe();
        const auto expected = expect_shifted(*model, prompts[i], lengths[i], options, uses[i]);
        const auto& said = answers.tokens(i);
        if (stops[i].stop_requested()) {
            ASSERT_LE(said.size(), expected.size());
            EXPECT_TRUE(std::equal(said.begin(), said.end(), expected.begin())) << i;
        } else {
            EXPECT_EQ(said, expected) << i;
            ++whole;
        }
    }
    EXPECT_GT(whole, count / 2);
    const auto stats = settled(engine, count);
    EXPECT_EQ(stats.kv_pages_used, 0U);  // nothing was lost on the way
    EXPECT_EQ(stats.waiting, 0U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Simulation, testing::Range(0U, 24U));

}  // namespace
}  // namespace tenon::engine
