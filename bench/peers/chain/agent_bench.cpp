// What an agent's run and a call through the gateway cost beside their model: our side of bench/peers/chain. Prints one
// JSON object. Usage: agent_bench SCENARIO CALLS [FOLDER]    SCENARIO: agent, memory, disk, gateway, gateway-ledger
#include <boost/describe/class.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "fake/scripted_model.hpp"
#include "routed_model.hpp"
#include "tenon/agent/agent.hpp"

using namespace tenon;

struct Customer {
    std::string name;
};
BOOST_DESCRIBE_STRUCT(Customer, (), (name))

namespace {

Result<std::string> revenue(Customer) { return "2024: 120, 2025: 180"; }

agent::Agent books() {
    const auto model = fake::scripted_model();
    model->records(false).otherwise([](const llm::ChatRequest& request) {
        if (request.messages.back().role == llm::Role::tool) return fake::Script("Lin grew by 50 %.");
        return fake::Script().calls("revenue", R"({"name":"Lin"})", "call_1");
    });
    return agent::Agent{model}
        .instructions("You keep the books. Look figures up; never guess them.")
        .with(agent::tool<Customer>("revenue", "Revenue of a customer by year", revenue));
}

task<double> runs(agent::Agent agent, int calls) {
    const auto begin = Clock::now();
    for (int i = 0; i < calls; ++i) {
        auto run = agent.run("By how much did Lin grow?");
        auto answer = co_await run.answer();
        if (!answer || answer->text != "Lin grew by 50 %." || answer->state.tool_calls != 1) std::abort();
    }
    co_return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Routes, a key with its team, a budget and a rate; with a ledger, also what was spent, on disk.
llm::ChatModelPtr routed(const char* folder) {
    const auto model = fake::scripted_model("direct");
    model->records(false).otherwise(fake::Script("Because the chicken wanted to reach the other side."));
    bench::RoutedOptions with{.key = true};
    if (folder != nullptr) with.ledger = std::filesystem::path(folder) / "gateway.db";
    return bench::routed(model, with);
}

task<double> questions(llm::ChatModelPtr model, int calls) {
    const auto begin = Clock::now();
    for (int i = 0; i < calls; ++i) {
        llm::ChatRequest request;
        request.messages.push_back(llm::Message::user("Why did the chicken cross the road?"));
        request.settings.max_tokens = 200;
        const auto answer = co_await model->generate(std::move(request), CallOptions());
        if (!answer || answer->message.text().empty()) std::abort();
    }
    co_return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    const std::string scenario = argv[1];
    const int calls = std::atoi(argv[2]);
    const char* folder = argc > 3 ? argv[3] : nullptr;
    Runtime runtime(1);
    double seconds = 0;
    if (scenario == "gateway") {
        seconds = sync_wait(runtime, questions(routed(nullptr), calls));
    } else if (scenario == "gateway-ledger" && folder != nullptr) {
        seconds = sync_wait(runtime, questions(routed(folder), calls));
    } else if (scenario == "agent") {
        seconds = sync_wait(runtime, runs(books(), calls));
    } else if (scenario == "memory") {
        seconds = sync_wait(runtime, runs(books().checkpoints(store::Checkpoints::in_memory()), calls));
    } else if (scenario == "disk" && folder != nullptr) {
        auto kept = store::Checkpoints::open(std::filesystem::path(folder) / "checkpoints.db");
        if (!kept) std::abort();
        seconds = sync_wait(runtime, runs(books().checkpoints(*kept), calls));
    } else {
        return 2;
    }
    std::printf("{\"calls\": %d, \"microseconds\": %.4f}\n", calls, seconds * 1e6 / calls);
    return 0;
}
