#include <gtest/gtest.h>

#include <thread>

#include "fake/scripted_model.hpp"
#include "tenon/chain/any_step.hpp"
#include "tenon/chain/branch.hpp"
#include "tenon/chain/cached.hpp"
#include "tenon/chain/map.hpp"
#include "tenon/chain/model.hpp"
#include "tenon/chain/parallel.hpp"
#include "tenon/chain/retry.hpp"

namespace tenon::chain {
namespace {

using namespace std::chrono_literals;
using fake::Script;

struct Report {
    std::string title;
    std::size_t length;
};

const Error gone(ErrorCode::unavailable, "gone");

class Combinators : public testing::Test {
  protected:
    template <IsStep S>
    Result<typename S::output_type> go(const S& s, typename S::input_type in, Context context = {}) {
        return run(runtime, s, std::move(in), std::move(context));
    }
    template <class S>
    Result<std::vector<typename S::chunk_type>> pieces(const S& s, typename S::input_type in, Context context = {}) {
        return sync_wait(runtime, collect<typename S::chunk_type>(s.stream(std::move(in), std::move(context))));
    }
    template <class T>
    static task<Result<std::vector<T>>> collect(task<Result<StreamPtr<T>>> opening) {
        auto stream = co_await std::move(opening);
        if (!stream) co_return std::unexpected(stream.error());
        std::vector<T> all;
        for (;;) {
            auto chunk = co_await (*stream)->next();
            if (!chunk) co_return std::unexpected(chunk.error());
            if (!*chunk) break;
            all.push_back(std::move(**chunk));
        }
        co_return all;
    }
    RetryPolicy quick(int attempts) { return {.attempts = attempts, .first_delay = 1ms}; }
    Runtime runtime{2};
    std::shared_ptr<fake::ScriptedModel> model = fake::scripted_model();
};

TEST_F(Combinators, ParallelGivesATupleOrAStruct) {
    model->otherwise("Title");
    auto both =
        parallel(step([](std::string s) { return s; }) | model | to_text(), [](std::string s) { return s.size(); });
    EXPECT_EQ(*go(both, "four"), (std::tuple<std::string, std::size_t>("Title", 4)));
    auto report = parallel<Report>(step([](std::string s) { return s; }) | model | to_text(),
                                   [](std::string s) { return s.size(); }) |
                  [](Report r) { return r.title + std::to_string(r.length); };
    EXPECT_EQ(*go(report, "four"), "Title4");
    auto plain = parallel([](int n) { return n + 1; }, [](int n) { return n * 2; });
    static_assert(SyncStep<decltype(plain)>);
    EXPECT_EQ(*plain.call(5, {}), std::tuple(6, 10));
}

TEST_F(Combinators, ParallelRunsAtTheSameTimeAndTheFirstFailureStopsTheOthers) {
    model->when("slow", Script("late").delays(10s)).when("fast", Script(gone));
    auto both = parallel(step([](std::string) { return std::string("slow"); }) | model | to_text(),
                         step([](std::string) { return std::string("fast"); }) | model | to_text());
    const auto begin = Clock::now();
    const auto out = go(both, "x");
    ASSERT_FALSE(out);
    EXPECT_EQ(out.error().message(), "gone");
    EXPECT_LT(Clock::now() - begin, 5s);
    EXPECT_EQ(model->in_flight(), 0U);
}

TEST_F(Combinators, ParallelIsCancelledFromOutside) {
    model->otherwise(Script("late").delays(10s));
    auto both = parallel(step([](std::string s) { return s; }) | model | to_text(),
                         step([](std::string s) { return s; }) | model | to_text());
    EXPECT_EQ(go(both, "x", CallOptions::within(20ms)).error().code(), ErrorCode::deadline_exceeded);
}

TEST_F(Combinators, BranchChoosesAndStreams) {
    model->when("long", Script().says("LONG", 2)).when("short", Script().says("SHORT", 2));
    auto way = [&](std::string name) { return step([name](std::string) { return name; }) | model | to_text(); };
    auto chosen = branch([](const std::string& s) { return s.size() > 3; }, way("long"), way("short"));
    EXPECT_EQ(*go(chosen, "abcdef"), "LONG");
    EXPECT_EQ(*go(chosen, "ab"), "SHORT");
    EXPECT_EQ(*pieces(chosen, "abcdef"), (std::vector<std::string>{"LO", "NG"}));
    auto sync = branch([](int n) { return n > 0; }, [](int) { return "plus"; }, [](int) { return "minus"; });
    EXPECT_STREQ(*sync.call(-1, {}), "minus");
    auto asks = branch([](int n, Context) -> task<Result<bool>> { co_return n > 0; }, [](int) { return 1; },
                       [](int) { return -1; });
    EXPECT_EQ(*go(asks, 5), 1);
}

TEST_F(Combinators, MapKeepsTheOrderAndItsBounds) {
    model->otherwise([](const llm::ChatRequest& r) { return Script(r.messages.back().text() + "!").delays(2ms); });
    auto all = map(step([](int n) { return std::to_string(n); }) | model | to_text(), 3);
    EXPECT_EQ(*go(all, {1, 2, 3, 4, 5, 6, 7}), (std::vector<std::string>{"1!", "2!", "3!", "4!", "5!", "6!", "7!"}));
    EXPECT_LE(model->most_in_flight(), 3U);
    EXPECT_GE(model->most_in_flight(), 2U);
    EXPECT_TRUE(go(all, {})->empty());
}

TEST_F(Combinators, MapStopsAtTheFirstFailureButBatchDoesNot) {
    model->when("3", Script(gone)).otherwise("ok");
    auto one = step([](int n) { return std::to_string(n); }) | model | to_text();
    const auto out = go(map(one, 1), {1, 2, 3, 4, 5});
    EXPECT_EQ(out.error().message(), "gone");
    EXPECT_EQ(model->calls(), 3U);
    const auto each = sync_wait(runtime, batch(one, {1, 3, 5}, 2));
    ASSERT_EQ(each.size(), 3U);
    EXPECT_TRUE(each[0]);
    EXPECT_FALSE(each[1]);
    EXPECT_TRUE(each[2]);
}

TEST_F(Combinators, RetryTriesAgainWhatMayPass) {
    model->reply(gone).reply(Error(ErrorCode::rate_limited, "slow down")).reply("yes");
    auto tried = retry(step([](int n) { return std::to_string(n); }) | model | to_text(), quick(3));
    EXPECT_EQ(*go(tried, 1), "yes");
    EXPECT_EQ(model->calls(), 3U);
    model->reply(gone).reply(gone);
    EXPECT_EQ(
        go(retry(step([](int n) { return std::to_string(n); }) | model | to_text(), quick(2)), 1).error().message(),
        "gone");
    model->reply(Error(ErrorCode::unauthenticated, "no key"));
    EXPECT_EQ(go(tried, 1).error().code(), ErrorCode::unauthenticated);
    EXPECT_EQ(model->calls(), 6U);
}

TEST_F(Combinators, RetryOfAStreamOnlyBeforeItsFirstPiece) {
    model->reply(Script().says("ab", 1).fails_at(0, gone)).reply(Script().says("ab", 1));
    auto tried = retry(step([](int n) { return std::to_string(n); }) | model | to_text(), quick(3));
    EXPECT_EQ(*pieces(tried, 1), (std::vector<std::string>{"a", "b"}));
    model->reply(Script().says("ab", 1).fails_at(1, gone)).reply("never");
    EXPECT_EQ(pieces(tried, 1).error().message(), "gone");
}

TEST_F(Combinators, RetryWaitsAsLongAsThePolicySays) {
    const RetryPolicy policy{.attempts = 5, .first_delay = 100ms, .max_delay = 300ms, .jitter = 0};
    EXPECT_EQ(policy.delay(1, gone), 100ms);
    EXPECT_EQ(policy.delay(2, gone), 200ms);
    EXPECT_EQ(policy.delay(3, gone), 300ms);
    EXPECT_EQ(policy.delay(5, gone), std::nullopt);
    EXPECT_EQ(policy.delay(1, Error(ErrorCode::rate_limited, "").with_retry_after(5000)), 5000ms);
    EXPECT_EQ(policy.delay(1, Error(ErrorCode::invalid_argument, "")), std::nullopt);
    const RetryPolicy random{.seed = 1};
    EXPECT_EQ(random.delay(1, gone), random.delay(1, gone));
    EXPECT_GE(random.delay(1, gone), 125ms);
    EXPECT_LE(random.delay(1, gone), 250ms);
}

TEST_F(Combinators, FallbackTakesTheFirstThatWorks) {
    const auto other = fake::scripted_model("other");
    other->otherwise(Script().says("plan B", 4));
    model->otherwise(gone);
    auto ask = [](auto m) { return step([](int n) { return std::to_string(n); }) | m | to_text(); };
    auto safe = fallback(ask(model), ask(other));
    EXPECT_EQ(*go(safe, 1), "plan B");
    EXPECT_EQ(*pieces(safe, 1), (std::vector<std::string>{"plan", " B"}));
    EXPECT_EQ(go(fallback(ask(model), ask(model)), 1).error().message(), "gone");
    std::stop_source stop;
    stop.request_stop();
    EXPECT_EQ(go(safe, 1, CallOptions{{}, stop.get_token()}).error().code(), ErrorCode::cancelled);
}

TEST_F(Combinators, WithDeadlineCutsWhatTakesTooLong) {
    model->otherwise(Script().says("ab", 1).delays(0ms, 10s));
    auto timed = with_deadline(step([](int n) { return std::to_string(n); }) | model | to_text(), 20ms);
    EXPECT_EQ(go(timed, 1).error().code(), ErrorCode::deadline_exceeded);
    EXPECT_EQ(pieces(timed, 1).error().code(), ErrorCode::deadline_exceeded);
}

TEST_F(Combinators, CachedAsksOnce) {
    model->reply("first").reply(gone).reply("second").reply("third");
    const auto cache = std::make_shared<MemoryCache<llm::ChatResponse>>(2);
    auto ask = step([](std::string s) { return s; }) | cached(model, cache) | to_text();
    EXPECT_EQ(*go(ask, "a"), "first");
    EXPECT_EQ(*go(ask, "a"), "first");
    EXPECT_FALSE(go(ask, "b"));
    EXPECT_EQ(*go(ask, "b"), "second");
    EXPECT_EQ(*go(ask, "c"), "third");
    EXPECT_EQ(*go(ask, "b"), "second");
    EXPECT_EQ(model->calls(), 4U);
    model->reply("again");
    EXPECT_EQ(*go(ask, "a"), "again");  // the least recently used was dropped
}

TEST_F(Combinators, CacheKeysTellRequestsApart) {
    llm::ChatRequest a, b;
    a.messages.push_back(llm::Message::user("ab"));
    b = a;
    EXPECT_EQ(cache_key(a), cache_key(b));
    b.settings.temperature = 0.5;
    EXPECT_NE(cache_key(a), cache_key(b));
    b = a;
    b.messages[0] = llm::Message::user("a");
    b.messages.push_back(llm::Message::user("b"));
    EXPECT_NE(cache_key(a), cache_key(b));
    b = a;
    b.format = llm::JsonFormat{};
    EXPECT_NE(cache_key(a), cache_key(b));
    b.extensions.set(42);
    EXPECT_EQ(cache_key(b), "");
}

TEST_F(Combinators, CacheEntriesGrowOld) {
    MemoryCache<int> cache(2, 0ms);
    cache.put("a", 1);
    std::this_thread::sleep_for(2ms);
    EXPECT_EQ(cache.find("a"), std::nullopt);
}

TEST_F(Combinators, TapSeesAndIdentityKeeps) {
    std::string seen;
    auto chain = step([](int n) { return std::to_string(n); }) | tap([&](const std::string& s) { seen = s; }) |
                 parallel(identity<std::string>(), [](std::string s) { return s.size(); });
    EXPECT_EQ(*go(chain, 123), (std::tuple<std::string, std::size_t>("123", 3)));
    EXPECT_EQ(seen, "123");
}

TEST_F(Combinators, AnyStepForgetsTheTypeButStreams) {
    model->otherwise(Script().says("abcd", 2));
    AnyStep<int, std::string, std::string> any = step([](int n) { return std::to_string(n); }) | model | to_text();
    EXPECT_EQ(*go(any, 1), "abcd");
    EXPECT_EQ(*pieces(any, 1), (std::vector<std::string>{"ab", "cd"}));
    any = [](int n) { return std::to_string(n); };
    EXPECT_EQ(*pieces(any, 12), std::vector<std::string>{"12"});
    auto longer = any | [](std::string s) { return s.size(); };
    EXPECT_EQ(*go(longer, 12), 2U);
}

TEST_F(Combinators, SpansNestInsideCombinators) {
    model->reply(gone).reply("yes");
    auto chain = step([](int n) { return std::to_string(n); }) | retry(model, quick(2)) | to_text();
    const auto tracer = std::make_shared<MemoryTracer>();
    EXPECT_TRUE(go(chain, 1, Context({}, tracer)));
    const auto spans = tracer->spans();
    std::vector<std::string> names;
    for (const auto& s : spans) names.push_back(s.name);
    EXPECT_EQ(names, (std::vector<std::string>{"sequence", "lambda", "retry", "model", "model", "to_text"}));
    EXPECT_EQ(spans[3].parent, spans[2].id);
    EXPECT_TRUE(spans[3].error);
    EXPECT_FALSE(spans[4].error);
}

}  // namespace
}  // namespace tenon::chain
