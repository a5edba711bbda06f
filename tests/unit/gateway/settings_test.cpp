// [gateway] of tenon.toml: what it may say, and the line of what it may not.
#include "tenon/gateway/settings.hpp"

#include <gtest/gtest.h>

namespace tenon::gateway {
namespace {

using namespace std::chrono_literals;

std::string fault(std::string_view toml) {
    const auto parsed = parse_settings(toml);
    return parsed ? std::string("(none)") : parsed.error().message();
}

TEST(Settings, AnotherFileHasNone) {
    EXPECT_FALSE(parse_settings("chat_model = \"x\"\n").value());
    EXPECT_TRUE(parse_settings("[gateway]\n").value());
}

TEST(Settings, EverythingItMaySay) {
    const auto parsed = parse_settings(R"(
port = 1
[gateway]
default_max_tokens = 512
[gateway.deployments.azure]
model = "azure:gpt-5"
base_url = "https://example.com"
api_key_variable = "MY_KEY"
weight = 2.5
requests_per_minute = 100
first_token_timeout = "10s"
price = { input = 1.25, cached_input = 0.125, output = 10 }
capabilities = { tools = true, context_length = 400000 }
[gateway.deployments.small]
model = "smollm2-135m"
free = true
[gateway.models.smart]
deployments = ["azure", "openai:gpt-5"]
strategy = "lowest_cost"
fallbacks = ["small"]
[gateway.teams.research]
budget = { month = 100.5 }
models = ["smart"]
[gateway.keys.alice]
sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
team = "research"
budget = { day = 1 }
requests_per_minute = 60
[gateway.cache]
ttl = "10m"
isolation = "team"
embedding = "minilm"
similarity = 0.9
[gateway.retry]
attempts = 5
base = "100ms"
[gateway.breaker]
failures = 4
cooldown = "2s"
)");
    ASSERT_TRUE(parsed) << parsed.error().message();
    const auto& s = **parsed;
    ASSERT_EQ(s.deployments.size(), 3U);
    EXPECT_EQ(s.deployments[0].model, "azure:gpt-5");
    EXPECT_EQ(s.deployments[0].about.price->rates.cached_input, 125'000U);
    EXPECT_EQ(s.deployments[0].about.price->rates.cache_write, 1'250'000U);
    EXPECT_EQ(s.deployments[0].about.first_token_timeout, 10s);
    EXPECT_TRUE(s.deployments[0].about.capabilities->tools);
    EXPECT_FALSE(s.deployments[0].about.capabilities->images);
    EXPECT_EQ(s.deployments[2].about.name, "openai:gpt-5");
    EXPECT_EQ(s.routes[0].strategy, Strategy::lowest_cost);
    EXPECT_EQ(s.teams[0].limits.budget.month, llm::Cost(100'500'000'000'000));
    EXPECT_EQ(s.keys[0].limits.requests_per_minute, 60U);
    EXPECT_EQ(s.cache.ttl, 10min);
    EXPECT_EQ(s.cache.isolation, CachePolicy::Isolation::team);
    EXPECT_EQ(s.cache_embedding, "minilm");
    EXPECT_EQ(s.retry.max_attempts, 5);
    EXPECT_EQ(s.breaker.cooldown, 2s);
    EXPECT_EQ(s.default_max_tokens, 512U);
}

TEST(Settings, FaultsNameTheirLine) {
    EXPECT_EQ(fault("[gateway]\n\ndeafult_max_tokens = 1\n")
                  .find("line 3: [gateway] has no setting 'deafult_max_tokens'; "
                        "did you mean 'default_max_tokens'?"),
              0U);
    EXPECT_EQ(fault("[gateway\n").find("line 1: "), 0U);
    EXPECT_EQ(fault("[gateway.models.x]\nstrategy = \"best\"\n").find("line 2: strategy must be"), 0U);
    EXPECT_EQ(fault("[gateway.models.x]\nfallbacks = []\n").find("line 1: the model 'x' needs deployments"), 0U);
    EXPECT_EQ(fault("[gateway.models.x]\ndeployments = [\"gpt\"]\n").find("line 1: the model 'x' names the deployment"),
              0U);
    EXPECT_EQ(fault("[gateway.models.x]\ndeployments = [\"openai:gpt-5\"]\nfallbacks = [\"y\"]\n")
                  .find("line 1: the model 'x' falls back to 'y'"),
              0U);
    EXPECT_EQ(fault("[gateway.models]\nx = 3\n").find("line 2: the model 'x' must be a table"), 0U);
    EXPECT_EQ(fault("[gateway.keys.k]\n\nsha256 = \"abc\"\n").find("line 1: the key 'k' needs sha256"), 0U);
    EXPECT_EQ(fault("[gateway.teams.t]\n\nbudget = 3\n").find("line 3: budget must be a table"), 0U);
    EXPECT_EQ(fault("[gateway.teams.t]\nbudget = { day = -3 }\n").find("line 2: day must be a number"), 0U);
    EXPECT_EQ(fault("[gateway.teams.t]\nmodels = [\"z\"]\n").find("line 1: 't' may use 'z'"), 0U);
    EXPECT_EQ(
        fault("[gateway.teams.t]\nrequests_per_minute = 1.5\n").find("line 2: requests_per_minute must be a whole"),
        0U);
    EXPECT_EQ(fault("[gateway.cache]\nttl = 3\n").find("line 2: ttl must be a time"), 0U);
    EXPECT_EQ(fault("[gateway.cache]\nttl = \"3 weeks\"\n").find("line 2: ttl must be a time"), 0U);
    EXPECT_EQ(fault("gateway = 1\n").find("line 1: [gateway] must be a table"), 0U);
    EXPECT_EQ(fault("[gateway.deployments.d]\nprice = { input = \"much\" }\n").find("line 2: input must be a number"),
              0U);
}

}  // namespace
}  // namespace tenon::gateway
