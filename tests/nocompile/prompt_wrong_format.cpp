// EXPECT: this_template_formats_a_field_in_a_way_its_type_does_not_allow
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
    return tenon::chain::prompt<Page>("{title:.2f}: {body}");
#endif
}
