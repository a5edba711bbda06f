// LINK: tenon_agent
// Plan and execute: one model plans, another does the tasks with tools; after each the planner looks again.
#include <iostream>

#include "fake/scripted_model.hpp"
#include "tenon/agent/agent.hpp"
#include "tenon/agent/tools.hpp"

int main() {
    const auto large = tenon::fake::scripted_model("large"), small = tenon::fake::scripted_model("small");
    large->reply(R"({"tasks":["Find the price of one desk.","Work out the price of 12 desks."]})")
        .reply(R"({"answer":"","tasks":["Work out 12 times 85."]})")
        .reply(R"({"answer":"Twelve desks cost 1020.","tasks":[]})");
    small->reply("A desk costs 85.")
        .reply(tenon::fake::Script().calls("calculator", R"({"expression":"12*85"})"))
        .reply("12 times 85 is 1020.");
    tenon::Runtime runtime;

    // [plan]
    using namespace tenon::agent::literals;
    tenon::agent::PlanOptions planning;
    planning.planner = large;
    auto agent = tenon::agent::Agent{small}.with(tenon::agent::tools::calculator()).plans(planning).limit(20_steps);

    auto run = agent.run("What do twelve desks cost?");
    for (const tenon::agent::Step& step : run.steps(runtime)) std::cout << step;
    // [/plan]
}
// prints: ☐ Find the price of one desk.
// prints: ☐ Work out the price of 12 desks.
// prints: ☑ Find the price of one desk.: A desk costs 85.
// prints: ☐ Work out the price of 12 desks.
// prints: ☑ Find the price of one desk.: A desk costs 85.
// prints: ☐ Work out 12 times 85.
// prints:
// prints: → calculator {"expression":"12*85"}
// prints: ← 1020
// prints: ☑ Find the price of one desk.: A desk costs 85.
// prints: ☑ Work out 12 times 85.: 12 times 85 is 1020.
// prints: Twelve desks cost 1020.
