// Answers given before.
#include <algorithm>

#include "unit/gateway/world.hpp"

namespace tenon::gateway {
namespace {

using namespace std::chrono_literals;

/// Counts letters: texts with the same letters point the same way.
class Letters final : public llm::Embedder {
  public:
    const std::string& name() const noexcept override { return name_; }
    std::size_t dimension() const override { return 26; }
    task<Result<llm::Embeddings>> embed(std::vector<std::string> texts, llm::EmbedKind, CallOptions) override {
        llm::Embeddings out;
        out.dimension = 26;
        for (const auto& text : texts) {
            std::vector<float> row(26);
            for (const char c : text)
                if (c >= 'a' && c <= 'z') row[static_cast<std::size_t>(c - 'a')] += 1;
            out.values.insert(out.values.end(), row.begin(), row.end());
        }
        out.usage.input_tokens = 7;
        co_return out;
    }

  private:
    std::string name_ = "letters";
};

class Caches : public GatewayTest {
  protected:
    std::shared_ptr<Gateway> with(CachePolicy policy) {
        Options options;
        options.deployments = {of(a, 1'000)};
        options.routes = {{.alias = "x", .deployments = {"a"}}, {.alias = "y", .deployments = {"a"}}};
        options.teams = {{"t"}};
        options.keys = {{"alice", hash_of("alice"), "t"}, {"bob", hash_of("bob"), "t"}, {"carol", hash_of("carol")}};
        options.cache = std::move(policy);
        options.clocks = clock.clocks();
        options.retry = quick(1);
        return Gateway::create(std::move(options)).value();
    }
    static CachePolicy kept(std::size_t entries = 100) {
        CachePolicy policy;
        policy.max_entries = entries;
        policy.ttl = 60s;
        return policy;
    }
    Access as(Gateway& gateway, std::string_view key) { return {gateway.authenticate(key).value()}; }
    static bool cached(const Result<llm::ChatResponse>& answer) {
        return answer && answer->extensions.get<Delivery>() != nullptr && answer->extensions.get<Delivery>()->cached;
    }
    TurnedClock clock;
};

TEST_F(Caches, TheSameQuestionGetsTheSameAnswerInTheSamePieces) {
    a->reply(fake::Script().thinks("hm").says("Hello there", 4).calls("f", "{}")).otherwise("another");
    const auto gateway = with(kept());
    const auto model = gateway->chat("x").value();
    const auto pieces = [&] {
        std::vector<std::string> out;
        const auto stream = sync_wait(runtime, model->stream(question("?"), {})).value();
        while (auto event = sync_wait(runtime, stream->next()).value())
            out.push_back(event->reasoning + "|" + event->text + "|" +
                          (event->tool_calls.empty() ? "" : event->tool_calls[0].name) + (event->finish ? "." : ""));
        return out;
    };
    const auto first = pieces();
    EXPECT_EQ(first.size(), 6U);
    EXPECT_EQ(pieces(), first);
    EXPECT_EQ(a->calls(), 1U);
    const auto answer = ask(model, question("?"));
    EXPECT_TRUE(cached(answer));
    EXPECT_EQ(answer->extensions.get<Delivery>()->cost, llm::Cost());
    EXPECT_EQ(answer->usage.input_tokens, 1U);  // what it took when it was made
    EXPECT_EQ(gateway->counts().cache_hits, 2U);
}

TEST_F(Caches, AnotherQuestionIsAnother) {
    a->otherwise("x");
    const auto gateway = with(kept());
    const auto base = question("?");
    std::vector<llm::ChatRequest> others(6, base);
    others[0].settings.temperature = 0.5;
    others[1].tools.push_back({"t", "", "{}"});
    others[2].format = llm::JsonFormat{};
    others[3].messages.insert(others[3].messages.begin(), llm::Message::system("s"));
    others[4].settings.stop = {"a"};
    others[5].settings.max_tokens = 99;
    ASSERT_TRUE(ask(*gateway, "x", base));
    for (const auto& other : others) EXPECT_FALSE(cached(ask(*gateway, "x", other)));
    EXPECT_FALSE(cached(ask(*gateway, "y", base)));
    EXPECT_TRUE(cached(ask(*gateway, "x", base)));
    Access fresh;
    fresh.fresh = true;
    EXPECT_FALSE(cached(ask(*gateway, "x", base, fresh)));
    auto special = base;
    special.extensions.set(3);  // nobody knows what a provider makes of it
    for (int i = 0; i < 2; ++i) EXPECT_FALSE(cached(ask(*gateway, "x", special)));
}

TEST_F(Caches, FailuresAndHalfAnswersAreNotKept) {
    a->reply(down())
        .reply(fake::Script("half").cuts())
        .reply(fake::Script("half").fails_at(1, down()))
        .reply(fake::Script("I will not").ends(llm::FinishReason::content_filter))
        .reply(fake::Script("stopped").ends(llm::FinishReason::cancelled))
        .otherwise("whole");
    const auto gateway = with(kept());
    for (int i = 0; i < 5; ++i) (void)ask(*gateway, "x", question("?"));
    EXPECT_EQ(gateway->counts().cache_entries, 0U);
    const auto model = gateway->chat("x").value();
    (void)sync_wait(runtime, sync_wait(runtime, model->stream(question("?"), {})).value()->next());  // abandoned
    EXPECT_EQ(gateway->counts().cache_entries, 0U);
    EXPECT_FALSE(cached(ask(*gateway, "x", question("?"))));
    EXPECT_TRUE(cached(ask(*gateway, "x", question("?"))));
}

TEST_F(Caches, EntriesGrowOldAndMakeRoom) {
    a->otherwise("x");
    auto gateway = with(kept(2));
    for (const char* text : {"1", "2", "1", "3"}) ASSERT_TRUE(ask(*gateway, "x", question(text)));
    EXPECT_EQ(gateway->counts().cache_entries, 2U);
    EXPECT_TRUE(cached(ask(*gateway, "x", question("1"))));   // used again: stayed
    EXPECT_FALSE(cached(ask(*gateway, "x", question("2"))));  // the oldest: went
    clock.turn(61s);
    EXPECT_FALSE(cached(ask(*gateway, "x", question("2"))));
    auto policy = kept();
    policy.max_bytes = 4'000;
    gateway = with(policy);
    a->otherwise(std::string(5'000, 'x'));
    for (int i = 0; i < 2; ++i) EXPECT_FALSE(cached(ask(*gateway, "x", question("?"))));
    EXPECT_EQ(gateway->counts().cache_bytes, 0U);
}

TEST_F(Caches, KeysCanBeKeptApart) {
    a->otherwise("x");
    using enum CachePolicy::Isolation;
    for (const auto isolation : {none, team, key}) {
        auto policy = kept();
        policy.isolation = isolation;
        const auto gateway = with(policy);
        ASSERT_TRUE(ask(*gateway, "x", question("?"), as(*gateway, "alice")));
        EXPECT_TRUE(cached(ask(*gateway, "x", question("?"), as(*gateway, "alice"))));
        EXPECT_EQ(cached(ask(*gateway, "x", question("?"), as(*gateway, "bob"))), isolation != key);
        EXPECT_EQ(cached(ask(*gateway, "x", question("?"), as(*gateway, "carol"))), isolation == none);
    }
}

TEST_F(Caches, ACachedAnswerCostsNothingButIsARequest) {
    a->otherwise(fake::Script("x").uses({5, 0, 5}));
    Options options;
    options.deployments = {of(a, 1'000)};
    options.routes = {{.alias = "x", .deployments = {"a"}}};
    Limits limits;
    limits.budget.day = llm::Cost(200'000'000'000);
    limits.requests_per_minute = 3;
    options.keys = {{"alice", hash_of("alice"), "", limits}};
    options.cache = kept();
    const auto gateway = Gateway::create(std::move(options)).value();
    const auto alice = as(*gateway, "alice");
    ASSERT_TRUE(ask(*gateway, "x", question("?"), alice));
    const auto left = gateway->allowance(*alice.key).budget_left;
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(cached(ask(*gateway, "x", question("?"), alice)));
    EXPECT_EQ(gateway->allowance(*alice.key).budget_left, left);
    EXPECT_EQ(ask(*gateway, "x", question("?"), alice).error().code(), ErrorCode::rate_limited);
}

TEST_F(Caches, SimilarQuestionsShareAnAnswer) {
    a->otherwise([](const llm::ChatRequest& r) { return fake::Script("about " + r.messages.back().text()); });
    auto policy = kept();
    policy.embedder = std::make_shared<Letters>();
    policy.similarity = 0.98;
    const auto gateway = with(policy);
    const auto text = [&](llm::ChatRequest request) {
        const auto answer = ask(*gateway, "x", std::move(request));
        return answer ? answer->message.text() : answer.error().describe();
    };
    EXPECT_EQ(text(question("how do i change the port")), "about how do i change the port");
    EXPECT_EQ(text(question("how do i change the port?")), "about how do i change the port");
    EXPECT_EQ(text(question("who wrote this")), "about who wrote this");
    auto other = question("how do i change the port!");
    other.messages.insert(other.messages.begin(), llm::Message::system("Answer in French."));
    EXPECT_EQ(text(other), "about how do i change the port!");
    EXPECT_EQ(a->calls(), 3U);
    clock.turn(61s);
    EXPECT_EQ(text(question("how do i change the port!!")), "about how do i change the port!!");
}

TEST_F(Caches, EmbeddingsAreRoutedAndCounted) {
    Options options;
    options.deployments = {deployment(std::static_pointer_cast<llm::Embedder>(std::make_shared<Letters>())), of(a)};
    options.deployments[0].price = price(1'000, 0);
    options.routes = {{.alias = "e", .deployments = {"letters"}}};
    Limits limits;
    limits.budget.day = llm::Cost(20'000'000'000);
    options.keys = {{"alice", hash_of("alice"), "", limits}};
    const auto gateway = Gateway::create(std::move(options)).value();
    const auto alice = as(*gateway, "alice");
    const auto embedder = gateway->embedder("e", alice).value();
    const auto rows = sync_wait(runtime, embedder->embed({"ab", "b"}, llm::EmbedKind::passage, {}));
    ASSERT_TRUE(rows) << rows.error().describe();
    EXPECT_EQ(rows->count(), 2U);
    EXPECT_EQ(gateway->allowance(*alice.key).budget_left, llm::Cost(13'000'000'000));
    EXPECT_FALSE(sync_wait(runtime, embedder->embed({std::string(100, 'x')}, llm::EmbedKind::passage, {})));
    EXPECT_EQ(gateway->chat("e").error().code(), ErrorCode::not_found);
    EXPECT_EQ(gateway->embedder("a").error().code(), ErrorCode::not_found);
}

}  // namespace
}  // namespace tenon::gateway
