// Thinking first, more than once, and the answer most thoughts end with.
#include <cstdio>

#include "fake/scripted_model.hpp"
#include "tenon/chain/chain.hpp"

int main() {
    const auto model = tenon::fake::scripted_model();
    for (const char* thought :
         {"3 boxes of 4 are 12.\nAnswer: 12", "3 + 4 = 7.\nAnswer: 7", "4 + 4 + 4.\n**Answer:** 12."})
        model->reply(thought);

    // [votes]
    namespace chain = tenon::chain;
    auto think = tenon::prompt<std::string>("{question}") | chain::think_first() |
                 chain::Model(model, {.temperature = 0.7, .seed = 1}) | chain::to_thought();
    auto vote = chain::self_consistency(think, {.samples = 3, .concurrency = 1});

    const auto votes = tenon::run(vote, "Three boxes hold four eggs each. How many eggs?");
    if (!votes) return 1;
    std::printf("%s (%zu of %zu)\n", votes->answer.c_str(), votes->votes, votes->samples);
    // [/votes]
}
// prints: 12 (2 of 3)
