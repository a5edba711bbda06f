// EXPECT: this_template_is_not_well_formed
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
    return tenon::chain::prompt<Page>("{title}: {body");
#endif
}
