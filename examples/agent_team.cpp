// LINK: tenon_agent
// A team: one agent hands the conversation over, another works for it as a tool.
#include <iostream>

#include "fake/scripted_model.hpp"
#include "tenon/agent/agent.hpp"

int main() {
    const auto front = tenon::fake::scripted_model("front"), books = tenon::fake::scripted_model("books"),
               clerk = tenon::fake::scripted_model("clerk");
    front->reply(tenon::fake::Script().calls("transfer_to_books", "{}"));
    books->reply(tenon::fake::Script().calls("clerk", R"({"task":"Find last year's sum."})")).reply("It was 300.");
    clerk->reply("300");
    tenon::Runtime runtime;

    // [team]
    using tenon::agent::Agent;
    auto helper = Agent{clerk}.named("clerk", "Finds figures in the archive");
    auto keeper = Agent{books}.named("books", "Answers questions about money").with(helper.as_tool());
    auto reception = Agent{front}.named("front").instructions("Hand every question to who knows.").hands_off_to(keeper);

    auto run = reception.run("What did we earn last year?");
    const auto answer = tenon::sync_wait(runtime, run.answer());
    // [/team]
    std::cout << answer->state.agent << ": " << answer->text << '\n';
}
// prints: books: It was 300.
