// LINK: tenon_agent
// The same agent with a model that has no tool calls: ReAct, in plain text.
#include <iostream>

#include "fake/scripted_model.hpp"
#include "tenon/agent/agent.hpp"
#include "tenon/agent/protocol.hpp"
#include "tenon/agent/tools.hpp"

int main() {
    const auto model = tenon::fake::scripted_model();
    model->reply("Thought: I should compute it.\nAction: calculator\nAction Input: {\"expression\": \"17*23\"}")
        .reply("Thought: I know the answer\nFinal Answer: 391");
    tenon::Runtime runtime;

    // [react]
    auto agent = tenon::agent::Agent{model}.with(tenon::agent::tools::calculator()).speaks(tenon::agent::react());
    auto run = agent.run("What is 17 times 23?");
    const auto answer = tenon::sync_wait(runtime, run.answer());
    // [/react]
    std::cout << answer->text << '\n';
}
// prints: 391
