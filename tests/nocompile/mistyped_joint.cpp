// EXPECT: this_joint_does_not_fit.*StepBeforeGives = std::__cxx11::basic_string<char>; StepAfterTakes = Page\]
// Text flows into a step that takes a page. The step after it adds no second message.
#include <string>

#include "tenon/chain/model.hpp"

struct Page {
    std::string title, body;
};
#ifdef FIXED
using Taken = std::string;
#else
using Taken = Page;
#endif

auto chain(tenon::llm::ChatModelPtr model) {
    return tenon::chain::step([](int n) { return std::to_string(n); }) | model | tenon::chain::to_text() |
           [](Taken) { return std::string("title"); } | [](std::string s) { return s.size(); };
}
