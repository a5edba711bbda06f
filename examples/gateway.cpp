// LINK: tenon_gateway
// Several models behind one name: a fallback when one fails, a budget that holds, an answer given before.
#include "tenon/gateway/gateway.hpp"

#include <cstdio>

#include "fake/scripted_model.hpp"
#include "tenon/chain/chain.hpp"

namespace gateway = tenon::gateway;
using tenon::fake::scripted_model;

int main() {
    const auto large = scripted_model("large"), small = scripted_model("small");
    large->reply(tenon::Error(tenon::ErrorCode::unavailable, "the server answered 503"))
        .reply(tenon::Error(tenon::ErrorCode::unavailable, "the server answered 503"))
        .otherwise("Bonjour, le monde.");
    small->otherwise("Salut, monde.");

    // [make]
    gateway::Options options;
    options.deployments = {gateway::deployment(large), gateway::deployment(small)};
    options.deployments[0].price.emplace().rates = {.input = 5'000'000, .output = 25'000'000};  // $5, $25 a million
    options.deployments[1].free = true;
    options.routes = {{.alias = "smart", .deployments = {"large"}, .fallbacks = {"small"}}};
    options.keys = {{"alice", gateway::hash_of("sk-alice")}};
    options.keys[0].limits.budget.month = tenon::llm::Cost(1'000'000'000);  // a tenth of a cent
    options.cache.max_entries = 1'000;
    options.retry.max_attempts = 2;
    const auto models = gateway::Gateway::create(options).value();

    const auto alice = models->authenticate("sk-alice").value();
    const auto smart = models->chat("smart", {alice}).value();  // an llm::ChatModel like any other
    // [/make]

    // [use]
    const auto translate = tenon::prompt<std::string>("In French: {it}") |
                           tenon::chain::Model(smart, {.max_tokens = 20}) | tenon::to_text();
    for (const char* text : {"Hello, world.", "Hello again.", "Hello again."})
        std::printf("%s\n", tenon::run(translate, text).value_or("(nobody answers)").c_str());
    // [/use]

    // [tell]
    for (const auto& calls : models->counts().calls)
        std::printf("%s: %d answered, %d failed, %d from the cache\n",
                    calls.deployment.empty() ? "nobody" : calls.deployment.c_str(), int(calls.answered),
                    int(calls.failed), int(calls.cached));
    std::printf("left to alice: $%.6f\n", models->allowance(*alice).budget_left->dollars());
    // [/tell]
}
// prints: Salut, monde.
// prints: Bonjour, le monde.
// prints: Bonjour, le monde.
// prints: nobody: 0 answered, 0 failed, 1 from the cache
// prints: large: 1 answered, 2 failed, 0 from the cache
// prints: small: 1 answered, 0 failed, 0 from the cache
// prints: left to alice: $0.000845
