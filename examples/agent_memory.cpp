// LINK: tenon_agent
// What an agent remembers of a user from one run to the next, and how it forgets.
#include <iostream>

#include "fake/scripted_model.hpp"
#include "tenon/agent/agent.hpp"
#include "tenon/agent/memory.hpp"

int main() {
    const auto model = tenon::fake::scripted_model();
    model->reply("Hello, Ada.").reply("You are Ada.");
    tenon::Runtime runtime;

    // [memory]
    const auto notebook = tenon::store::Notebook::temporary().value();  // or Notebook::open("memory.db")
    const auto memory = tenon::agent::conversation_memory(notebook, model, {.max_messages = 20, .max_tokens = 2000});
    auto agent = tenon::agent::Agent{model}.remembers(memory);

    tenon::agent::RunOptions ada;
    ada.user = "ada";
    auto first = agent.run("I am Ada.", ada);
    auto hello = tenon::sync_wait(runtime, first.answer());
    auto second = agent.run("Who am I?", ada);
    auto answer = tenon::sync_wait(runtime, second.answer());

    const auto everything = memory->export_user("ada");
    const auto forgotten = memory->erase_user("ada");
    // [/memory]
    std::cout << answer->text << ' ' << model->requests()[1].messages.size() << ' ' << forgotten.has_value() << '\n';
}
// prints: You are Ada. 3 1
