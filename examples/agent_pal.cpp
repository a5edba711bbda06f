// LINK: tenon_agent
// PAL: the model writes a program, the sandbox runs it, and what it computes is the answer.
#include <iostream>

#include "fake/scripted_model.hpp"
#include "tenon/agent/pal.hpp"
#include "tenon/async/runtime.hpp"

int main() {
    const auto model = tenon::fake::scripted_model();
    model->reply("```python\ndef solution():\n    apples = 23 - 5 * 3\n    return apples\n```");
    tenon::Runtime runtime;

    // [pal]
    auto sandbox = tenon::agent::Sandbox::open();
    if (!sandbox) {  // no bubblewrap: no code is run
        std::cout << sandbox.error().describe() << '\n';
        return 77;
    }
    const auto solved = tenon::sync_wait(
        runtime,
        tenon::agent::solve_with_program(model, *sandbox, runtime.blocking_executor(),
                                         "Olivia has 23 apples and gives 3 to each of 5 friends. How many are left?"));
    // [/pal]
    std::cout << (solved ? solved->value : solved.error().describe()) << '\n';
}
// prints: 8
