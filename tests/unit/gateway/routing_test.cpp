// Who gets a request: strategies, capabilities, retries, fallbacks, breakers.
#include <algorithm>
#include <map>
#include <thread>

#include "unit/gateway/world.hpp"

namespace tenon::gateway {
namespace {

using namespace std::chrono_literals;

using Routing = GatewayTest;

TEST_F(Routing, AnAliasIsAModelLikeAnyOther) {
    a->otherwise("hello");
    auto gateway =
        Gateway::create({.deployments = {of(a)}, .routes = {{.alias = "smart", .deployments = {"a"}}}}).value();
    const auto model = gateway->chat("smart").value();
    EXPECT_EQ(model->name(), "smart");
    gateway.reset();  // the model keeps what it needs
    const auto answer = ask(model, question("hi"));
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->message.text(), "hello");
    EXPECT_EQ(from(answer), "a");
}

TEST_F(Routing, NamesThatNothingIsCalledAreRefused) {
    const auto wrong = [&](Options options) {
        const auto made = Gateway::create(std::move(options));
        return made ? std::string() : made.error().message();
    };
    EXPECT_NE(wrong({.deployments = {of(a)}, .routes = {{.alias = "x", .deployments = {"b"}}}}).find("'b'"),
              std::string::npos);
    EXPECT_NE(wrong({.deployments = {of(a)}, .routes = {{.alias = "x", .deployments = {"a"}, .fallbacks = {"y"}}}})
                  .find("'y'"),
              std::string::npos);
    EXPECT_NE(wrong({.deployments = {of(a), of(a)}}).find("twice"), std::string::npos);
    EXPECT_NE(wrong({.deployments = {of(a)}, .keys = {{"k", "abc"}}}).find("SHA-256"), std::string::npos);
    EXPECT_NE(wrong({.deployments = {of(a)}, .keys = {{"k", hash_of("x"), "nowhere"}}}).find("'nowhere'"),
              std::string::npos);
    auto gateway = Gateway::create({.deployments = {of(a)}, .routes = {{.alias = "x", .deployments = {"a"}}}}).value();
    EXPECT_EQ(gateway->chat("z").error().code(), ErrorCode::not_found);
    EXPECT_TRUE(gateway->chat("a"));
}

TEST_F(Routing, WeightsAreKeptAndEvenlySpread) {
    a->otherwise("a");
    b->otherwise("b");
    auto heavy = of(a);
    heavy.weight = 3;
    auto gateway =
        Gateway::create({.deployments = {heavy, of(b)}, .routes = {{.alias = "x", .deployments = {"a", "b"}}}}).value();
    std::string order;
    for (int i = 0; i < 8; ++i) order += from(ask(*gateway, "x", question("?")));
    EXPECT_EQ(std::ranges::count(order, 'a'), 6);
    EXPECT_EQ(order.find("bb"), std::string::npos);
}

TEST_F(Routing, EachStrategyChooses) {
    for (const auto& model : {a, b, c}) model->otherwise("x");
    const auto with = [&](Strategy strategy) {
        return Gateway::create(
                   {.deployments = {of(a, 30), of(b, 1), of(c, 5)}, .routes = {{"x", {"a", "b", "c"}, strategy}}})
            .value();
    };
    auto gateway = with(Strategy::round_robin);
    std::map<std::string, int> turns;
    for (int i = 0; i < 9; ++i) ++turns[from(ask(*gateway, "x", question("?")))];
    EXPECT_EQ(turns, (std::map<std::string, int>{{"a", 3}, {"b", 3}, {"c", 3}}));

    gateway = with(Strategy::lowest_cost);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(from(ask(*gateway, "x", question("?"))), "b");

    // With one call of a and one of b under way, c is the least busy.
    gateway = with(Strategy::least_busy);
    const auto model = gateway->chat("x").value();
    std::vector<StreamPtr<llm::ChatEvent>> open;
    for (int i = 0; i < 3; ++i) open.push_back(sync_wait(runtime, model->stream(question("?"), {})).value());
    for (const auto& status : gateway->status()) EXPECT_EQ(status.in_flight, 1U) << status.name;
    open.clear();
    for (const auto& status : gateway->status()) EXPECT_EQ(status.in_flight, 0U) << status.name;
}

TEST_F(Routing, TheQuickestIsPreferredOnceAllAreKnown) {
    a->otherwise(fake::Script("slow").delays(60ms));
    b->otherwise("fast");
    auto gateway =
        Gateway::create({.deployments = {of(a), of(b)}, .routes = {{"x", {"a", "b"}, Strategy::lowest_latency}}})
            .value();
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(ask(*gateway, "x", question("?")));
    EXPECT_EQ(a->calls(), 1U);  // the untried come first
    EXPECT_EQ(b->calls(), 1U);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(from(ask(*gateway, "x", question("?"))), "b");
}

TEST_F(Routing, ARequestGoesOnlyToThoseThatCanTakeIt) {
    llm::Capabilities plain;
    plain.context_length = 1000;
    a->can(plain).otherwise("a");
    b->otherwise("b");
    auto gateway = Gateway::create(
                       {.deployments = {of(a), of(b)},
                        .routes = {{.alias = "x", .deployments = {"a", "b"}}, {.alias = "only", .deployments = {"a"}}}})
                       .value();
    auto tools = question("?");
    tools.tools.push_back({"now", "the time", R"({"type":"object"})"});
    auto picture = question("?");
    picture.messages.back().content.emplace_back(llm::ImagePart{"https://example.com/a.png", {}, {}, {}});
    auto schema = question("?");
    schema.format = llm::JsonSchemaFormat{"s", "{}"};
    const auto lengthy = question(std::string(8000, 'x'));
    for (const auto& request : {tools, picture, schema, lengthy})
        for (int i = 0; i < 2; ++i) EXPECT_EQ(from(ask(*gateway, "x", request)), "b");
    EXPECT_EQ(a->calls(), 0U);
    const auto none = ask(*gateway, "only", tools);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code(), ErrorCode::unsupported);
    EXPECT_NE(none.error().message().find("tools"), std::string::npos);
    const auto too_long = ask(*gateway, "only", lengthy);
    ASSERT_FALSE(too_long);
    EXPECT_EQ(too_long.error().code(), ErrorCode::resource_exhausted);
    EXPECT_EQ(from(ask(*gateway, "only", question("?"))), "a");
}

TEST_F(Routing, TriesTheOthersThenAgainThenFallsBack) {
    a->otherwise(down());
    b->reply(down()).otherwise("b at last");
    c->otherwise("c");
    auto gateway = Gateway::create({.deployments = {of(a), of(b), of(c)},
                                    .routes = {{.alias = "x", .deployments = {"a", "b"}, .fallbacks = {"c"}}},
                                    .retry = quick(4)})
                       .value();
    const auto answer = ask(*gateway, "x", question("?"));
    EXPECT_EQ(from(answer), "b");
    EXPECT_GE(answer->extensions.get<Delivery>()->attempts, 3);
    b->when("never", "x").otherwise(down());
    EXPECT_EQ(from(ask(*gateway, "x", question("?"))), "c");
    EXPECT_GE(gateway->counts().fallbacks, 1U);
}

TEST_F(Routing, WhatIsWrongWithTheRequestIsToldAtOnce) {
    a->otherwise(Error(ErrorCode::invalid_argument, "temperature must be at most 2"));
    b->otherwise("b");
    auto gateway = Gateway::create({.deployments = {of(a), of(b)},
                                    .routes = {{.alias = "x", .deployments = {"a"}, .fallbacks = {"b"}}}})
                       .value();
    const auto answer = ask(*gateway, "x", question("?"));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(a->calls(), 1U);
    EXPECT_EQ(b->calls(), 0U);
}

TEST_F(Routing, FallsBackForLengthAndForRefusals) {
    a->when("long", Error(ErrorCode::resource_exhausted, "this model's maximum context length is 8192 tokens"))
        .when("bad", Error(ErrorCode::invalid_argument, "blocked by the content management policy (content_filter)"))
        .when("hush", fake::Script().ends(llm::FinishReason::content_filter));
    b->otherwise("roomy");
    c->otherwise("frank");
    auto gateway =
        Gateway::create(
            {.deployments = {of(a), of(b), of(c)},
             .routes = {{.alias = "x", .deployments = {"a"}, .context_fallbacks = {"b"}, .content_fallbacks = {"c"}},
                        {.alias = "alone", .deployments = {"a"}}},
             .retry = quick()})
            .value();
    EXPECT_EQ(from(ask(*gateway, "x", question("long"))), "b");
    EXPECT_EQ(from(ask(*gateway, "x", question("bad"))), "c");
    EXPECT_EQ(from(ask(*gateway, "x", question("hush"))), "c");
    // Nobody else: the refusal itself is the answer, not an error.
    const auto refusal = ask(*gateway, "alone", question("hush"));
    ASSERT_TRUE(refusal) << refusal.error().describe();
    EXPECT_EQ(refusal->finish, llm::FinishReason::content_filter);
    EXPECT_EQ(from(refusal), "a");
    EXPECT_FALSE(refusal->extensions.get<Delivery>()->cached);
    EXPECT_EQ(ask(*gateway, "alone", question("long")).error().code(), ErrorCode::resource_exhausted);
    EXPECT_EQ(gateway->status()[0].breaker, "closed");  // none of this is a fault of a's
}

TEST_F(Routing, NothingIsMendedOnceTheAnswerHasBegun) {
    a->otherwise(fake::Script().says("half of it", 4).fails_at(1, down()));
    b->otherwise("b");
    auto gateway = Gateway::create({.deployments = {of(a), of(b)},
                                    .routes = {{.alias = "x", .deployments = {"a"}, .fallbacks = {"b"}}},
                                    .retry = quick()})
                       .value();
    const auto answer = ask(*gateway, "x", question("?"));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), ErrorCode::unavailable);
    EXPECT_EQ(b->calls(), 0U);
}

TEST_F(Routing, FailuresBeforeTheFirstPieceAreMended) {
    llm::ChatEvent opening;  // some providers open with an event that says nothing
    opening.id = "msg_1";
    a->reply(fake::Script().event_(opening).says("never").fails_at(1, down()))
        .reply(fake::Script().cuts())
        .reply(Error(ErrorCode::rate_limited, "429"));
    b->otherwise("b");
    auto gateway = Gateway::create({.deployments = {of(a), of(b)},
                                    .routes = {{.alias = "x", .deployments = {"a"}, .fallbacks = {"b"}}},
                                    .retry = quick()})
                       .value();
    EXPECT_EQ(from(ask(*gateway, "x", question("?"))), "b");
    EXPECT_EQ(a->calls(), 3U);
}

TEST_F(Routing, ACutAnswerIsNotTakenForAWholeOne) {
    a->otherwise(fake::Script("half").cuts());
    auto gateway = Gateway::create({.deployments = {of(a)}, .routes = {{.alias = "x", .deployments = {"a"}}}}).value();
    const auto answer = ask(*gateway, "x", question("?"));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), ErrorCode::protocol);
}

TEST_F(Routing, ASilentModelIsGivenUp) {
    a->otherwise(fake::Script("too late").delays(1h));
    b->otherwise("b");
    auto silent = of(a);
    silent.first_token_timeout = 20ms;
    auto gateway = Gateway::create({.deployments = {silent, of(b)},
                                    .routes = {{.alias = "x", .deployments = {"a"}, .fallbacks = {"b"}}},
                                    .retry = quick(1)})
                       .value();
    EXPECT_EQ(from(ask(*gateway, "x", question("?"))), "b");
    EXPECT_EQ(a->in_flight(), 0U);
}

TEST_F(Routing, ADeadlineEndsEverything) {
    a->otherwise(fake::Script("too late").delays(1h));
    b->otherwise("b");
    auto gateway = Gateway::create({.deployments = {of(a), of(b)},
                                    .routes = {{.alias = "x", .deployments = {"a"}, .fallbacks = {"b"}}}})
                       .value();
    const auto answer = ask(gateway->chat("x").value(), question("?"), CallOptions::within(30ms));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), ErrorCode::deadline_exceeded);
    EXPECT_EQ(b->calls(), 0U);
}

TEST_F(Routing, TheCallersStopReachesTheModel) {
    a->otherwise(fake::Script("too late").delays(1h));
    auto patient = of(a);
    patient.first_token_timeout = 1h;
    for (const auto& how : {of(a), patient}) {
        auto gateway =
            Gateway::create({.deployments = {how}, .routes = {{.alias = "x", .deployments = {"a"}}}}).value();
        std::stop_source stop;
        std::jthread later([&] {
            while (a->in_flight() == 0) std::this_thread::yield();
            stop.request_stop();
        });
        const auto answer = ask(gateway->chat("x").value(), question("?"), CallOptions{{}, stop.get_token()});
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code(), ErrorCode::cancelled);
        EXPECT_EQ(gateway->status()[0].in_flight, 0U);
        EXPECT_EQ(gateway->status()[0].failures, 0U);
    }
}

TEST_F(Routing, TheBreakerOpensHalfOpensAndCloses) {
    const TurnedClock clock;
    a->otherwise(down());
    auto gateway = Gateway::create({.deployments = {of(a)},
                                    .routes = {{.alias = "x", .deployments = {"a"}}},
                                    .retry = quick(1),
                                    .breaker = {.failures = 2, .cooldown = 1s},
                                    .clocks = clock.clocks()})
                       .value();
    const auto state = [&] { return gateway->status()[0].breaker; };
    EXPECT_FALSE(ask(*gateway, "x", question("?")));
    EXPECT_EQ(state(), "closed");
    EXPECT_FALSE(ask(*gateway, "x", question("?")));
    EXPECT_EQ(state(), "open");
    const auto refused = ask(*gateway, "x", question("?"));
    EXPECT_EQ(refused.error().code(), ErrorCode::unavailable);
    EXPECT_EQ(refused.error().retry_after_ms(), 1000);
    EXPECT_EQ(a->calls(), 2U);  // left alone
    clock.turn(1s);
    EXPECT_EQ(state(), "half_open");
    EXPECT_FALSE(ask(*gateway, "x", question("?")));  // the trial fails
    EXPECT_EQ(a->calls(), 3U);
    EXPECT_EQ(gateway->status()[0].ready_in, 2s);
    clock.turn(2s);
    a->when("?", "well again");
    EXPECT_TRUE(ask(*gateway, "x", question("?")));
    EXPECT_EQ(state(), "closed");
}

TEST_F(Routing, HalfOpenLetsOneThrough) {
    const TurnedClock clock;
    a->reply(down()).otherwise("well");
    auto gateway = Gateway::create({.deployments = {of(a)},
                                    .routes = {{.alias = "x", .deployments = {"a"}}},
                                    .retry = quick(1),
                                    .breaker = {.failures = 1, .cooldown = 1s},
                                    .clocks = clock.clocks()})
                       .value();
    EXPECT_FALSE(ask(*gateway, "x", question("?")));
    clock.turn(1s);
    a->when("?", fake::Script("slowly").delays(1h));
    const auto model = gateway->chat("x").value();
    std::stop_source stop;
    std::jthread trial([&] { (void)ask(model, question("?"), CallOptions{{}, stop.get_token()}); });
    while (a->in_flight() == 0) std::this_thread::yield();
    EXPECT_EQ(ask(model, question("?")).error().code(), ErrorCode::unavailable);
    stop.request_stop();
    trial.join();
    EXPECT_EQ(gateway->status()[0].breaker, "half_open");  // undecided: the next one is the trial
}

TEST_F(Routing, RetryAfterIsHonoured) {
    const TurnedClock clock;
    a->reply(busy(30'000)).otherwise("a");
    b->otherwise("b");
    auto gateway = Gateway::create({.deployments = {of(a), of(b)},
                                    .routes = {{.alias = "x", .deployments = {"a"}, .fallbacks = {"b"}},
                                               {.alias = "alone", .deployments = {"a"}}},
                                    .clocks = clock.clocks()})
                       .value();
    EXPECT_EQ(from(ask(*gateway, "x", question("?"))), "b");  // nobody waits half a minute with b at hand
    EXPECT_EQ(from(ask(*gateway, "x", question("?"))), "b");  // and a is left alone meanwhile
    EXPECT_EQ(a->calls(), 1U);
    EXPECT_EQ(ask(*gateway, "alone", question("?")).error().retry_after_ms(), 30'000);
    clock.turn(30s);
    EXPECT_EQ(from(ask(*gateway, "x", question("?"))), "a");
}

TEST_F(Routing, AShortRetryAfterIsWaitedFor) {
    a->reply(busy(5)).otherwise("a");
    auto gateway =
        Gateway::create({.deployments = {of(a)}, .routes = {{.alias = "x", .deployments = {"a"}}}, .retry = quick()})
            .value();
    EXPECT_EQ(from(ask(*gateway, "x", question("?"))), "a");
    EXPECT_EQ(a->calls(), 2U);
}

TEST_F(Routing, ProvidersLimitsMoveCallsToOthers) {
    a->otherwise("a");
    b->otherwise("b");
    auto narrow = of(a);
    narrow.weight = 100;
    narrow.requests_per_minute = 2;
    auto gateway =
        Gateway::create({.deployments = {narrow, of(b)}, .routes = {{.alias = "x", .deployments = {"a", "b"}}}})
            .value();
    for (int i = 0; i < 6; ++i) ASSERT_TRUE(ask(*gateway, "x", question("?")));
    EXPECT_EQ(a->calls(), 2U);
    EXPECT_EQ(b->calls(), 4U);
}

TEST_F(Routing, FallbacksThatPointAtEachOtherEnd) {
    a->otherwise(down());
    b->otherwise(down());
    auto gateway = Gateway::create({.deployments = {of(a), of(b)},
                                    .routes = {{.alias = "x", .deployments = {"a"}, .fallbacks = {"y"}},
                                               {.alias = "y", .deployments = {"b"}, .fallbacks = {"x"}}},
                                    .retry = quick(1)})
                       .value();
    EXPECT_FALSE(ask(*gateway, "x", question("?")));
    EXPECT_EQ(a->calls(), 1U);
    EXPECT_EQ(b->calls(), 1U);
}

TEST_F(Routing, TextCompletionIsRoutedToo) {
    llm::Capabilities chat_only;
    a->can(chat_only).otherwise("a");
    b->otherwise("b");
    auto gateway =
        Gateway::create({.deployments = {of(a), of(b)}, .routes = {{.alias = "x", .deployments = {"a", "b"}}}}).value();
    const auto model = gateway->chat("x").value();
    llm::CompletionRequest request;
    request.prompt = "Once";
    for (int i = 0; i < 2; ++i) {
        const auto stream = sync_wait(runtime, model->complete(request, {}));
        ASSERT_TRUE(stream) << stream.error().describe();
        EXPECT_EQ(sync_wait(runtime, (*stream)->next()).value()->text, "b");
    }
}

}  // namespace
}  // namespace tenon::gateway
