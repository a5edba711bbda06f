// EXPECT: this_template_names_a_field_the_struct_does_not_have
#include <boost/describe/class.hpp>

#include "tenon/chain/prompt.hpp"

struct Turn {
    std::string question;
    std::vector<tenon::llm::Message> past;
};
BOOST_DESCRIBE_STRUCT(Turn, (), (question, past))

auto make() {
    using namespace tenon::chain;
#ifdef FIXED
    return prompt<Turn>({system_text("Be brief."), history("past"), user_text("{question}")});
#else
    return prompt<Turn>({system_text("Be brief."), history("passed"), user_text("{question}")});
#endif
}
