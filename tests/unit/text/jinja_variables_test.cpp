// The expected names are those of jinja2.meta.find_undeclared_variables (jinja2 3.1).
#include <gtest/gtest.h>

#include "tenon/text/chat_template.hpp"

namespace tenon::text {
namespace {

std::vector<std::string> names(std::string_view source) {
    auto parsed = Template::parse(source);
    return parsed ? parsed->variables() : std::vector<std::string>{"error"};
}
using Names = std::vector<std::string>;

TEST(JinjaVariables, AreWhatTheTemplateReadsAndDoesNotSet) {
    EXPECT_EQ(names("plain"), Names{});
    EXPECT_EQ(names("{{ a.b[c] | join(d) }}"), (Names{"a", "c", "d"}));
    EXPECT_EQ(names("{% for m in messages %}{{ loop.index }}{{ m.role }}{% else %}{{ none_left }}{% endfor %}{{ m }}"),
              (Names{"messages", "none_left", "m"}));
    EXPECT_EQ(names("{% set x = y %}{{ x }}"), Names{"y"});
    EXPECT_EQ(names("{% set ns = namespace(n=0) %}{% set ns.n = k %}{{ ns.n }}"), Names{"k"});
    EXPECT_EQ(names("{% if a %}{{ b }}{% elif c %}{% else %}{{ d }}{% endif %}"), (Names{"a", "b", "c", "d"}));
    EXPECT_EQ(names("{% macro f(p, q=r) %}{{ p }}{{ q }}{{ s }}{% endmacro %}{{ f(t) }}"), (Names{"r", "s", "t"}));
    EXPECT_EQ(names("{% with a = b %}{{ a }}{% endwith %}{{ range(n) }}{{ true }}"), (Names{"b", "n"}));
    EXPECT_EQ(names("{{ 姓名 }}"), Names{"姓名"});
}

}  // namespace
}  // namespace tenon::text
