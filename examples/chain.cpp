// Steps put together with `|`: a text is summarised, and the summary is translated while its title is made.
#include <boost/describe/class.hpp>
#include <cstdio>

#include "fake/scripted_model.hpp"
#include "tenon/chain/chain.hpp"

// [types]
struct Page {
    std::string title, body;
};
BOOST_DESCRIBE_STRUCT(Page, (), (title, body))

struct Card {
    std::string french, heading;
};
// [/types]

int main() {
    // A model that answers from a script; in a program of yours: what the provider opened.
    const auto model = tenon::fake::scripted_model();
    model->when("Summarise", "Engines weave algebra.")
        .when("French", "Les machines tissent l'algèbre.")
        .when("heading", "Woven algebra");

    // [chain]
    auto translate = tenon::prompt<tenon::Text>("Translate into French: {text}") | model | tenon::to_text();
    auto heading = tenon::prompt<tenon::Text>("A heading of two words for: {text}") | model | tenon::to_text();
    auto summary = tenon::prompt<Page>("Summarise {title} in one sentence:\n{body}") | model | tenon::to_text();

    auto card = summary | tenon::chain::parallel<Card>(translate, heading);
    // [/chain]

    // [run]
    const auto made = tenon::run(card, {"Notes", "The Analytical Engine weaves algebraical patterns …"});
    if (!made) {
        std::puts(made.error().describe().c_str());
        return 1;
    }
    std::printf("%s: %s\n", made->heading.c_str(), made->french.c_str());
    // [/run]

    // [robust]
    using namespace std::chrono_literals;
    const auto spare = tenon::fake::scripted_model("spare");
    auto safe = tenon::chain::with_deadline(
        tenon::chain::fallback(tenon::chain::retry(translate, {.attempts = 3}),
                               tenon::prompt<tenon::Text>("En français : {text}") | spare | tenon::to_text()),
        30s);
    // [/robust]
    std::puts(tenon::run(safe, "Engines weave algebra.")->c_str());

    // [batch]
    auto all = tenon::chain::map(translate, 4);  // a step from texts to texts, four at a time
    const auto texts = tenon::run(all, {"one", "two", "three"});
    // [/batch]
    std::printf("%zu translations\n", texts->size());
}
// prints: Woven algebra: Les machines tissent l'algèbre.
// prints: Les machines tissent l'algèbre.
// prints: 3 translations
