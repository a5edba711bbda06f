// Budgets and rates: exact, under many threads too; and kept over restarts.
#include <algorithm>
#include <deque>
#include <random>
#include <thread>

#include "gateway/limiter.hpp"
#include "tenon/base/file.hpp"
#include "unit/gateway/world.hpp"

namespace tenon::gateway {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t dollar = 1'000'000'000'000;

TEST(Windows, HoldInEverySpanOfAMinute) {
    // Against the plain definition: no more than the limit in any sixty seconds.
    constexpr std::uint64_t limit = 20;
    Window window;
    std::deque<std::pair<std::int64_t, std::uint64_t>> taken;
    std::mt19937 random(7);
    std::int64_t ms = 0;
    std::uint64_t most = 0;
    for (int i = 0; i < 20'000; ++i) {
        ms += random() % 700;
        const std::uint64_t amount = 1 + random() % 3;
        const Clock::time_point now{std::chrono::milliseconds(ms)};
        if (window.sum(now) + amount > limit) {
            const auto wait = window.until(now, amount, limit);
            EXPECT_GT(wait.count(), 0);
            auto later = window;
            EXPECT_LE(later.sum(now + wait) + amount, limit);
            continue;
        }
        window.add(now, amount);
        taken.emplace_back(ms, amount);
        std::uint64_t sum = 0;
        while (taken.front().first < ms - 60'000) taken.pop_front();
        for (const auto& [at, n] : taken) sum += n;
        most = std::max(most, sum);
        ASSERT_LE(sum, limit);
    }
    EXPECT_EQ(most, limit);  // and all of it can be used
}

TEST(Windows, CorrectionsCount) {
    Window window;
    const Clock::time_point now{1'000s};
    window.add(now, 100);
    window.correct(Window::slot_of(now), 100, 30);
    EXPECT_EQ(window.sum(now), 30U);
    EXPECT_EQ(window.sum(now + 61s), 0U);
    window.correct(Window::slot_of(now), 30, 10);  // long gone
    EXPECT_EQ(window.sum(now + 61s), 0U);
}

TEST(Limiter, ADayAndAMonthBeginAnew) {
    const TurnedClock clock;
    Limiter limiter(clock.clocks());
    Limits limits;
    limits.budget.day = llm::Cost(10);
    limits.budget.month = llm::Cost(15);
    const auto subject = limiter.make("the key 'k'", limits);
    const auto spend = [&](std::uint64_t amount) {
        auto reservation = limiter.reserve({subject}, 0).value();
        const auto held = reservation.hold(llm::Cost(amount));
        if (held) reservation.settle(0, llm::Cost(amount));
        return held.has_value();
    };
    EXPECT_TRUE(spend(10));
    EXPECT_FALSE(spend(1));
    clock.turn(24h);
    EXPECT_FALSE(spend(6));  // the month's
    EXPECT_TRUE(spend(5));
    clock.turn(24h);
    EXPECT_FALSE(spend(1));
    clock.turn(24h * 10);  // December
    EXPECT_TRUE(spend(10));
}

TEST(Limiter, WhatIsSettledLateBelongsToItsOwnDay) {
    const TurnedClock clock;
    Limiter limiter(clock.clocks());
    Limits limits;
    limits.budget.day = llm::Cost(10);
    const auto subject = limiter.make("the key 'k'", limits);
    auto late = limiter.reserve({subject}, 0).value();
    ASSERT_TRUE(late.hold(llm::Cost(8)));
    clock.turn(24h);
    auto today = limiter.reserve({subject}, 0).value();
    ASSERT_TRUE(today.hold(llm::Cost(9)));
    late.settle(0, llm::Cost(8));
    EXPECT_EQ(limiter.allowance({subject}).budget_left, llm::Cost(1));
    today.settle(0, llm::Cost(4));
    EXPECT_EQ(limiter.allowance({subject}).budget_left, llm::Cost(6));
}

TEST(Limiter, AllOrNothing) {
    const TurnedClock clock;
    Limiter limiter(clock.clocks());
    Limits wide, narrow;
    wide.requests_per_minute = 10;
    narrow.requests_per_minute = 1;
    const auto key = limiter.make("the key 'k'", wide);
    const auto team = limiter.make("the team 't'", narrow);
    (void)limiter.reserve({key, team}, 0).value();
    EXPECT_FALSE(limiter.reserve({key, team}, 0));
    EXPECT_EQ(limiter.allowance({key}).requests->remaining, 9U);
    const auto refused = limiter.reserve({key, team}, 0);
    EXPECT_EQ(refused.error().code(), ErrorCode::rate_limited);
    ASSERT_TRUE(refused.error().retry_after_ms());
    clock.turn(std::chrono::milliseconds(*refused.error().retry_after_ms()));
    EXPECT_TRUE(limiter.reserve({key, team}, 0));
}

class Keys : public GatewayTest {
  protected:
    std::shared_ptr<Gateway> with(Limits key, Limits team = {}, std::shared_ptr<store::Ledger> ledger = nullptr,
                                  std::uint64_t dollars_per_million = 1'000) {
        Options options;
        options.deployments = {of(a, dollars_per_million)};
        options.routes = {{.alias = "x", .deployments = {"a"}}};
        options.teams = {{"research", std::move(team)}};
        options.keys = {{"alice", hash_of("sk-alice"), "research", key}, {"bob", hash_of("sk-bob"), "research", key}};
        options.clocks = clock.clocks();
        options.ledger = std::move(ledger);
        return Gateway::create(std::move(options)).value();
    }
    Access as(Gateway& gateway, std::string_view key) { return {gateway.authenticate(key).value()}; }
    static Limits dollars_a_month(std::uint64_t picodollars) {
        Limits limits;
        limits.budget.month = llm::Cost(picodollars);
        return limits;
    }
    TurnedClock clock;
};

TEST_F(Keys, AreKnownByTheirHash) {
    const auto gateway = with({});
    EXPECT_EQ(gateway->authenticate("sk-alice").value()->name, "alice");
    EXPECT_EQ(gateway->authenticate("sk-mallory").error().code(), ErrorCode::unauthenticated);
    EXPECT_EQ(gateway->authenticate("").error().code(), ErrorCode::unauthenticated);
    EXPECT_TRUE(gateway->has_keys());
    const auto one = make_key(), other = make_key();
    EXPECT_NE(one, other);
    EXPECT_EQ(one.size(), 52U);
    EXPECT_EQ(hash_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-4
}

TEST_F(Keys, MayUseWhatTheyMay) {
    Limits limits, team;
    limits.models = {"x"};
    const auto gateway = with(limits);
    const auto access = as(*gateway, "sk-alice");
    EXPECT_TRUE(gateway->chat("x", access));
    EXPECT_EQ(gateway->chat("a", access).error().code(), ErrorCode::permission_denied);
    team.models = {"other"};
    const auto strict = with({}, team);
    EXPECT_EQ(strict->chat("x", as(*strict, "sk-alice")).error().code(), ErrorCode::permission_denied);
}

TEST_F(Keys, ABudgetIsPutAsideBeforeAndSettledAfter) {
    // $1,000 a million tokens: a tenth of a cent each. "hello?" is about 15 tokens with its frame, and 100 may follow.
    a->otherwise(fake::Script("hi").uses({10, 0, 5}));
    const auto gateway = with(dollars_a_month(dollar));
    const auto alice = as(*gateway, "sk-alice");
    const auto answer = ask(*gateway, "x", question("hello?"), alice);
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->extensions.get<Delivery>()->cost, llm::Cost(15 * dollar / 1000));
    EXPECT_EQ(gateway->allowance(*alice.key).budget_left, llm::Cost(dollar - 15 * dollar / 1000));
    const auto too_dear = ask(*gateway, "x", question("hello?", 2'000), alice);
    ASSERT_FALSE(too_dear);
    EXPECT_EQ(too_dear.error().code(), ErrorCode::resource_exhausted);
    EXPECT_NE(too_dear.error().message().find("budget of the key 'alice'"), std::string::npos);
    EXPECT_EQ(gateway->status()[0].breaker, "closed");
    EXPECT_EQ(gateway->counts().refused_budget, 1U);
    // Without max_tokens the answer gets a bound, so that it cannot pass the budget.
    a->records(true);
    (void)ask(*gateway, "x", question("hello?", std::nullopt), alice);
    EXPECT_FALSE(ask(*gateway, "x", question("hello?", std::nullopt), alice));
}

TEST_F(Keys, ACheaperModelIsUsedWhenTheBudgetIsNearlySpent) {
    a->otherwise("dear");
    b->otherwise("cheap");
    Options options;
    options.deployments = {of(a, 1'000), of(b, 1)};
    options.routes = {{.alias = "x", .deployments = {"a"}, .fallbacks = {"b"}}};
    options.keys = {{"alice", hash_of("sk-alice"), "", dollars_a_month(dollar / 100)}};
    const auto gateway = Gateway::create(std::move(options)).value();
    EXPECT_EQ(from(ask(*gateway, "x", question("hello?"), as(*gateway, "sk-alice"))), "b");
}

TEST_F(Keys, APriceThatIsNotKnownIsNoFreeCall) {
    a->otherwise("a");
    Options options;
    options.deployments = {deployment(std::static_pointer_cast<llm::ChatModel>(a))};
    options.routes = {{.alias = "x", .deployments = {"a"}}};
    options.keys = {{"alice", hash_of("sk-alice"), "", dollars_a_month(dollar)}};
    const auto gateway = Gateway::create(std::move(options)).value();
    const auto refused = ask(*gateway, "x", question("hello?"), as(*gateway, "sk-alice"));
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message().find("prices.json"), std::string::npos);
    EXPECT_TRUE(ask(*gateway, "x", question("hello?")));
}

TEST_F(Keys, FailedAndAbandonedCalls) {
    a->reply(down()).reply(down()).reply(down()).otherwise(
        fake::Script("0123456789abcdef").says("more").delays(0ms, 1h));
    const auto gateway = with(dollars_a_month(dollar));
    const auto alice = as(*gateway, "sk-alice");
    EXPECT_FALSE(ask(*gateway, "x", question("hello?"), alice));
    EXPECT_EQ(gateway->allowance(*alice.key).budget_left, llm::Cost(dollar));  // nothing came, nothing is charged
    clock.turn(1h);
    {
        const auto model = gateway->chat("x", alice).value();
        const auto stream = sync_wait(runtime, model->stream(question("hello?"), {})).value();
        ASSERT_TRUE(sync_wait(runtime, stream->next()));
        EXPECT_EQ(gateway->allowance(*alice.key).in_flight, 1U);
    }
    // What had come until the caller left: about 15 tokens asked and 4 answered.
    const auto left = gateway->allowance(*alice.key);
    EXPECT_EQ(left.in_flight, 0U);
    EXPECT_LT(*left.budget_left, llm::Cost(dollar - 10 * dollar / 1000));
    EXPECT_GT(*left.budget_left, llm::Cost(dollar - 40 * dollar / 1000));
}

TEST_F(Keys, RatesTellWhenToComeBack) {
    a->otherwise(fake::Script("hi").uses({10, 0, 5}));
    Limits limits;
    limits.requests_per_minute = 2;
    limits.tokens_per_minute = 1'000;
    const auto gateway = with(limits);
    const auto alice = as(*gateway, "sk-alice"), bob = as(*gateway, "sk-bob");
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(ask(*gateway, "x", question("hello?"), alice));
    EXPECT_EQ(gateway->allowance(*alice.key).tokens->remaining, 970U);  // what was put aside and not used is back
    const auto refused = ask(*gateway, "x", question("hello?"), alice);
    EXPECT_EQ(refused.error().code(), ErrorCode::rate_limited);
    ASSERT_TRUE(refused.error().retry_after_ms());
    EXPECT_LE(*refused.error().retry_after_ms(), 60'100);
    EXPECT_TRUE(ask(*gateway, "x", question("hello?"), bob));
    clock.turn(std::chrono::milliseconds(*refused.error().retry_after_ms()));
    EXPECT_TRUE(ask(*gateway, "x", question("hello?"), alice));
    EXPECT_EQ(ask(*gateway, "x", question("hello?", 5'000), alice).error().code(), ErrorCode::invalid_argument);
}

TEST_F(Keys, ParallelCallsAreCounted) {
    a->otherwise("hi");
    Limits limits;
    limits.max_parallel = 1;
    const auto gateway = with(limits);
    const auto model = gateway->chat("x", as(*gateway, "sk-alice")).value();
    auto open = sync_wait(runtime, model->stream(question("?"), {})).value();
    EXPECT_EQ(ask(model, question("?")).error().code(), ErrorCode::rate_limited);
    open.reset();
    EXPECT_TRUE(ask(model, question("?")));
}

// The proof: many threads on two keys of one team, calls that use less than, or as much as, they put aside. At no
// moment, and in no sum at the end, is any limit passed; and the budgets are used up nearly to the last call.
TEST_F(Keys, NoSumPassesALimitWithManyThreads) {
    std::atomic<std::uint64_t> charged{0};  // by the model's own count: what a provider's bill would say
    a->records(false).otherwise([&](const llm::ChatRequest& request) {
        const auto output = *request.settings.max_tokens / (1 + request.messages[0].text().size() % 3);
        charged += 5 + output;
        return fake::Script("answer").uses({5, 0, output});
    });
    const auto ledger = store::Ledger::temporary().value();
    const auto gateway = with(dollars_a_month(6 * dollar), dollars_a_month(10 * dollar), ledger);
    std::atomic<int> answered{0}, refused{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t)
        threads.emplace_back([&, t] {
            Runtime own(1);
            const auto access = as(*gateway, t % 2 == 0 ? "sk-alice" : "sk-bob");
            const auto model = gateway->chat("x", access).value();
            for (int i = 0; i < 60; ++i) {
                const auto answer = sync_wait(
                    own, model->generate(question(std::string(1 + static_cast<std::size_t>(i + t) % 7, 'q')), {}));
                if (answer)
                    ++answered;
                else if (answer.error().code() == ErrorCode::resource_exhausted)
                    ++refused;
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(answered + refused, 8 * 60);
    EXPECT_GT(refused, 0);
    std::uint64_t alice = 0, bob = 0;
    const auto rows = ledger->spending({}).value();
    for (const auto& row : rows) (row.key == "alice" ? alice : bob) += row.picodollars;
    EXPECT_EQ(alice + bob, charged * (dollar / 1000));  // the ledger agrees with the bill to the last token
    EXPECT_LE(alice, 6 * dollar);
    EXPECT_LE(bob, 6 * dollar);
    EXPECT_LE(alice + bob, 10 * dollar);
    EXPECT_GT(alice + bob, 10 * dollar - 120 * dollar / 1000);  // less than one more call would have fitted
    const auto key = gateway->authenticate("sk-alice").value();
    EXPECT_EQ(gateway->allowance(*key).in_flight, 0U);
}

TEST_F(Keys, TokensAndRequestsOfAMinuteAreExactWithManyThreads) {
    std::atomic<std::uint64_t> used{0}, calls{0};
    a->records(false).otherwise([&](const llm::ChatRequest&) {
        used += 20;
        ++calls;
        return fake::Script("answer").uses({5, 0, 15});
    });
    Limits limits, team;
    team.tokens_per_minute = 3'000;
    team.requests_per_minute = 120;
    team.max_parallel = 5;
    const auto gateway = with(limits, team);
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t)
        threads.emplace_back([&, t] {
            Runtime own(1);
            const auto model = gateway->chat("x", as(*gateway, t % 2 == 0 ? "sk-alice" : "sk-bob")).value();
            for (int i = 0; i < 50; ++i) (void)sync_wait(own, model->generate(question("?", 15), {}));
        });
    for (auto& thread : threads) thread.join();
    EXPECT_LE(used, 3'000U);
    EXPECT_LE(calls, 120U);
    EXPECT_GT(calls, 100U);
    EXPECT_LE(a->most_in_flight(), 5U);
}

TEST_F(Keys, ARestartForgetsNoSpending) {
    a->otherwise(fake::Script("hi").uses({100, 0, 100}));
    const auto folder = TemporaryDirectory::create("tenon-test-").value();
    const auto file = folder.path() / "gateway.db";
    {
        const auto gateway = with(dollars_a_month(dollar), {}, store::Ledger::open(file).value());
        ASSERT_TRUE(ask(*gateway, "x", question("hello?"), as(*gateway, "sk-alice")));
        // Killed in the middle of a call: what was put aside for it counts.
        const auto other = store::Ledger::open(file).value();
        ASSERT_TRUE(other->hold({"2026-11-25", "alice", "research", "a", 1, 100, 0, 0, dollar / 10}));
    }
    const auto again = with(dollars_a_month(dollar), {}, store::Ledger::open(file).value());
    const auto alice = again->authenticate("sk-alice").value();
    EXPECT_EQ(again->allowance(*alice).budget_left, llm::Cost(dollar - 200 * dollar / 1000 - dollar / 10));
    const auto bob = again->authenticate("sk-bob").value();
    EXPECT_EQ(again->allowance(*bob).budget_left, llm::Cost(dollar));
    clock.turn(24h * 31);
    const auto december = with(dollars_a_month(dollar), {}, store::Ledger::open(file).value());
    EXPECT_EQ(december->allowance(*alice).budget_left, llm::Cost(dollar));
}

TEST_F(Keys, MadeAndRevokedWhileTheGatewayRuns) {
    const auto folder = TemporaryDirectory::create("tenon-test-").value();
    const auto file = folder.path() / "gateway.db";
    const auto gateway = with({}, {}, store::Ledger::open(file).value());
    const auto command = store::Ledger::open(file).value();
    Limits limits;
    limits.requests_per_minute = 7;
    ASSERT_TRUE(command->add_key({"carol", hash_of("sk-carol"), "research", to_json(limits)}));
    const auto until = Clock::now() + 10s;
    while (!gateway->authenticate("sk-carol") && Clock::now() < until) std::this_thread::sleep_for(10ms);
    const auto carol = gateway->authenticate("sk-carol");
    ASSERT_TRUE(carol);
    EXPECT_EQ(gateway->allowance(**carol).requests->limit, 7U);
    ASSERT_TRUE(command->revoke_key("carol"));
    while (gateway->authenticate("sk-carol") && Clock::now() < until) std::this_thread::sleep_for(10ms);
    EXPECT_FALSE(gateway->authenticate("sk-carol"));
    EXPECT_TRUE(gateway->authenticate("sk-alice"));
}

TEST(LimitsJson, ThereAndBack) {
    Limits limits;
    limits.budget.day = llm::Cost(1'500'000'000'000);
    limits.budget.total = llm::Cost(20 * dollar);
    limits.tokens_per_minute = 9;
    limits.max_parallel = 2;
    limits.models = {"a", "b"};
    const auto back = limits_from_json(to_json(limits)).value();
    EXPECT_EQ(back.budget.day, limits.budget.day);
    EXPECT_FALSE(back.budget.month);
    EXPECT_EQ(back.budget.total, limits.budget.total);
    EXPECT_EQ(back.tokens_per_minute, 9U);
    EXPECT_EQ(back.models, limits.models);
    EXPECT_EQ(limits_from_json("{\"budget\": {\"day\": -1}}").error().code(), ErrorCode::corrupt);
    EXPECT_EQ(limits_from_json("[").error().code(), ErrorCode::corrupt);
}

}  // namespace
}  // namespace tenon::gateway
