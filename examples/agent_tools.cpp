// LINK: tenon_agent
// An agent that looks things up with a tool of yours until it can answer, and tells its steps as it goes.
#include <boost/describe/class.hpp>
#include <iostream>

#include "fake/scripted_model.hpp"
#include "tenon/agent/agent.hpp"
#include "tenon/agent/tools.hpp"

using namespace tenon::agent::literals;

// [tool]
struct Customer {
    std::string name;
};
BOOST_DESCRIBE_STRUCT(Customer, (), (name))
constexpr auto describe_fields(const Customer*) {
    return tenon::json::fields(
        tenon::json::about(&Customer::name, {.description = "as in the books", .min_length = 1}));
}

tenon::Result<std::string> revenue(Customer customer) {
    if (customer.name != "Lin") return tenon::fail(tenon::ErrorCode::not_found, "no such customer; there is Lin");
    return "2024: 120, 2025: 180";
}
// [/tool]

int main() {
    const auto model = tenon::fake::scripted_model();
    model->reply(tenon::fake::Script().calls("revenue", R"({"name":"Lin"})"))
        .reply(tenon::fake::Script().calls("calculator", R"({"expression":"(180-120)/120*100"})"))
        .reply("Lin grew by 50 %.");
    tenon::Runtime runtime;

    // [agent]
    auto agent = tenon::agent::Agent{model}
                     .instructions("You keep the books. Look figures up; never guess them.")
                     .with(tenon::agent::tool<Customer>("revenue", "Revenue of a customer by year", revenue),
                           tenon::agent::tools::calculator())
                     .limit(8_steps, 20'000_tokens);

    auto run = agent.run("By how much did Lin grow?");
    for (const auto& step : run.steps(runtime)) std::cout << step;
    // [/agent]
    return run.error() ? 1 : 0;
}
// prints:
// prints: → revenue {"name":"Lin"}
// prints: ← 2024: 120, 2025: 180
// prints:
// prints: → calculator {"expression":"(180-120)/120*100"}
// prints: ← 50
// prints: Lin grew by 50 %.
