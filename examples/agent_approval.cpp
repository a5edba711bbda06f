// LINK: tenon_agent
// A call that a person must agree to: the run stops, is kept, and goes on, in this process or another.
#include <boost/describe/class.hpp>
#include <iostream>

#include "fake/scripted_model.hpp"
#include "tenon/agent/agent.hpp"

struct Payment {
    std::string to;
    double amount = 0;
};
BOOST_DESCRIBE_STRUCT(Payment, (), (to, amount))

int main() {
    const auto model = tenon::fake::scripted_model();
    model->reply(tenon::fake::Script().calls("pay", R"({"to":"Lin","amount":40})", "call-1")).reply("Paid.");
    tenon::Runtime runtime;

    // [approval]
    tenon::agent::ToolPolicy careful;
    careful.approval = true;
    auto pay = tenon::agent::tool<Payment>(
        "pay", "Pays an amount", [](Payment p) { return "paid " + p.to; }, careful);

    const auto checkpoints = tenon::store::Checkpoints::in_memory();  // or Checkpoints::open("runs.db")
    auto agent = tenon::agent::Agent{model}.with(pay).checkpoints(checkpoints);

    tenon::agent::RunOptions options;
    options.name = "invoice-17";
    auto run = agent.run("Pay Lin 40.", options);
    auto answer = tenon::sync_wait(runtime, run.answer());
    if (answer->outcome == tenon::agent::Outcome::interrupted) {
        std::vector<tenon::agent::Decision> decisions;
        decisions.push_back({.call_id = answer->state.pending[0].call.id, .approved = true});
        auto resumed = agent.resume(options, decisions);
        answer = tenon::sync_wait(runtime, resumed.answer());
    }
    // [/approval]
    std::cout << answer->text << '\n';
}
// prints: Paid.
