// A struct from what a model answers: its schema goes to the model, and what comes back fits or is asked for again.
#include <boost/describe/class.hpp>
#include <cstdio>

#include "fake/scripted_model.hpp"
#include "tenon/async/runtime.hpp"
#include "tenon/chain/structured.hpp"

// [person]
struct Person {
    std::string name;
    int age = 0;
    std::vector<std::string> skills;
    std::optional<std::string> email;
};
BOOST_DESCRIBE_STRUCT(Person, (), (name, age, skills, email))
constexpr auto describe_fields(const Person*) {
    return tenon::json::fields(
        tenon::json::about(&Person::age, {.description = "in years", .minimum = 0, .maximum = 150}));
}
// [/person]

tenon::task<tenon::Result<Person>> extract(tenon::llm::ChatModelPtr model) {
    // [generate]
    auto person = co_await tenon::chain::generate<Person>(model, "Ada, 36, writes C++ and plays the flute.");
    // [/generate]
    co_return person;
}

int main() {
    const auto model = tenon::fake::scripted_model();
    model
        ->reply(R"({"name":"Ada","age":360,"skills":[]})")  // does not fit: it is told so and asked again
        .reply(R"({"name":"Ada","age":36,"skills":["C++","flute"]})");
    tenon::Runtime runtime;
    const auto person = tenon::sync_wait(runtime, extract(model));
    if (!person) {
        std::puts(person.error().describe().c_str());
        return 1;
    }
    std::printf("%s, %d, %zu skills, %zu answers\n", person->name.c_str(), person->age, person->skills.size(),
                model->calls());
}
// prints: Ada, 36, 2 skills, 2 answers
