// Prompts with versions, tags and experiments, in a folder.
#include <boost/describe/class.hpp>
#include <cstdio>

#include "fake/scripted_model.hpp"
#include "tenon/base/file.hpp"
#include "tenon/chain/chain.hpp"
#include "tenon/chain/registry.hpp"

struct Greeting {
    std::string name;
};
BOOST_DESCRIBE_STRUCT(Greeting, (), (name))

// [registry]
tenon::Result<std::string> greet(tenon::chain::PromptStore& prompts, const tenon::llm::ChatModelPtr& model) {
    TENON_CHECK(prompts.put("greet", "Say hello to {name}.", "first"));
    TENON_CHECK(prompts.tag("greet", "production", "latest"));
    TENON_CHECK(prompts.put("greet",
                            "+++\n[settings]\ntemperature = 0.9\n+++\n@system\nYou are a pirate.\n@user\nGreet {name}.",
                            "pirate"));
    TENON_CHECK(prompts.experiment("greet", "pirates", {{"production", 50}, {"latest", 50}}));

    TENON_TRY(const auto stored, prompts.choose("greet", "pirates", "user-17"));  // always the same for this user
    TENON_TRY(const auto prompt, stored.document.prompt<Greeting>());             // held to the fields of Greeting
    auto chain = prompt | model | tenon::to_text();
    return tenon::run(chain, {"Ada"});
}
// [/registry]

int main() {
    const auto folder = tenon::TemporaryDirectory::create();
    const auto prompts = tenon::chain::open_prompt_folder(folder->path());
    const auto model = tenon::fake::scripted_model();
    model->when("Greet Ada", "Ahoy, Ada!").when("hello to Ada", "Hello, Ada.");
    const auto answer = greet(**prompts, model);
    std::puts(answer ? "greeted" : answer.error().describe().c_str());
    std::printf("%s",
                tenon::chain::unified_diff((*prompts)->get("greet", "v1")->text, "Say goodbye to {name}.", "v1", "new")
                    .c_str());
}
// prints: greeted
// prints: --- v1
// prints: +++ new
// prints: @@ -1,1 +1,1 @@
// prints: -Say hello to {name}.
// prints: +Say goodbye to {name}.
