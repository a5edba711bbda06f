// EXPECT: this_template_leaves_a_field_of_the_struct_unused
#include <boost/describe/class.hpp>

#include "tenon/chain/prompt.hpp"

struct Page {
    std::string title, body;
};
BOOST_DESCRIBE_STRUCT(Page, (), (title, body))

auto make() {
#ifdef FIXED
    return tenon::chain::prompt<Page>("{title}: {body}");
#else
    return tenon::chain::prompt<Page>("{title}");
#endif
}
