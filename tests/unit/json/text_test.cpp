// The quick way and the thorough way must agree: on what is read, on what is refused, on what is written.
#include <gtest/gtest.h>

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <boost/json.hpp>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <variant>

#include "json/text.hpp"
#include "tenon/json/reflect.hpp"

namespace tenon::json {
namespace {

enum class Colour { red, green };
BOOST_DESCRIBE_ENUM(Colour, red, green)
struct Inner {
    std::string text;
    std::optional<double> number;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (text, number))
struct Outer {
    std::string name;
    int age = 0;
    std::uint64_t big = 0;
    bool on = false;
    Colour colour = Colour::red;
    std::vector<Inner> items;
    std::map<std::string, int> counts;
    std::tuple<int, std::string> pair;
    std::optional<Inner> one;
    std::set<std::string> words;
    std::unique_ptr<Inner> owned;
};
BOOST_DESCRIBE_STRUCT(Outer, (), (name, age, big, on, colour, items, counts, pair, one, words, owned))
constexpr auto describe_fields(const Outer*) {
    return fields(about(&Outer::name, {.min_length = 1, .max_length = 8}),
                  about(&Outer::age, {.minimum = 0, .maximum = 99}), about(&Outer::items, {.max_items = 3}),
                  about(&Outer::words, {.required = false}));
}

constexpr std::string_view full =
    R"( {"name":"Zo\u00eb \"x\"","age":7,"big":18446744073709551615,"on":true,"colour":"green",
 "items":[{"text":"a\n\u4f60","number":1.5e3},{"text":"","number":null},{"text":"c"}],"counts":{"a":1,"b":-2},"pair":[3,"x"],
 "one":{"text":"\/","number":-0.25},"words":["p","q"],"owned":null,"unknown":[{"a":[1,2.5e-3,true,null,"s"]},{}]} )";

std::string thorough(std::string_view text, Outer& to) {
    const auto value = parse(text);
    if (!value) return "not JSON";
    const auto read = detail::read(type_of<Outer>(), *value, &to, {});
    return read ? "" : read.error().message();
}

/// The quick way rounds numbers exactly, Boost.JSON within a few units of the last place; -0 is 0 there.
void forgive_rounding(const std::optional<double>& exact, std::optional<double>& near) {
    if (exact && near && std::abs(*exact - *near) <= 1e-14 * std::abs(*exact)) near = exact;
}
void forgive_rounding(const Outer& exact, Outer& near) {
    for (std::size_t i = 0; i < std::min(exact.items.size(), near.items.size()); ++i)
        forgive_rounding(exact.items[i].number, near.items[i].number);
    if (exact.one && near.one) forgive_rounding(exact.one->number, near.one->number);
    if (exact.owned && near.owned) forgive_rounding(exact.owned->number, near.owned->number);
}

TEST(JsonText, ReadsQuicklyWhatItReadsThoroughly) {
    Outer quick, slow;
    ASSERT_TRUE(detail::read_quickly(type_of<Outer>(), full, &quick, {}));
    ASSERT_EQ(thorough(full, slow), "");
    EXPECT_EQ(to_text(quick), dump(to_value(slow)));
    EXPECT_EQ(quick.name, "Zo\xC3\xAB \"x\"");
    EXPECT_EQ(quick.big, UINT64_MAX);
    EXPECT_EQ(quick.items[0].text, "a\n\xE4\xBD\xA0");
    EXPECT_EQ(quick.items[0].number, 1500.0);
}

/// Every cut and every changed byte: never taken when the thorough way refuses it, and the same when both take it.
TEST(JsonText, NeverTakesWhatIsWrong) {
    std::mt19937 random(7);
    constexpr std::string_view bytes = "{}[]\",:0123456789-+.eE\\utfn \n\x01\x80\xFFz";
    std::size_t taken = 0;
    const auto check = [&](const std::string& text) {
        Outer quick, slow;
        if (!detail::read_quickly(type_of<Outer>(), text, &quick, {})) return;
        ++taken;
        ASSERT_EQ(thorough(text, slow), "") << text;
        forgive_rounding(quick, slow);
        ASSERT_EQ(to_text(quick), dump(to_value(slow))) << text;
    };
    for (std::size_t n = 0; n <= full.size(); ++n) check(std::string(full.substr(0, n)));
    for (int round = 0; round < 20'000; ++round) {
        std::string text(full);
        for (int change = 0; change <= round % 3; ++change) {
            const std::size_t at = random() % text.size();
            switch (random() % 3) {
                case 0:
                    text[at] = bytes[random() % bytes.size()];
                    break;
                case 1:
                    text.erase(at, 1 + random() % 4);
                    break;
                default:
                    text.insert(at, 1, bytes[random() % bytes.size()]);
            }
        }
        check(text);
    }
    EXPECT_GT(taken, 100U);
}

TEST(JsonText, RulesHoldOnTheQuickWayToo) {
    for (const std::string_view text :
         {R"({"text":1})", R"({"text":"a","number":"x"})", R"({})", R"([])", R"({"text":"a"} x)", R"({"text":"a",})",
          R"({"text":"a" "number":1})", R"({"text":"\ud800"})", R"({"text":"a","number":01})",
          R"({"text":"a","number":1.})", R"({"text":"a","number":.5})", R"({"text":"a","number":+1})"}) {
        Inner inner;
        EXPECT_FALSE(detail::read_quickly(type_of<Inner>(), text, &inner, {})) << text;
    }
    EXPECT_FALSE(from_text<Outer>(std::string(full).replace(full.find("\"age\":7"), 7, "\"age\":100")));
    const auto deep = std::string(300, '[') + std::string(300, ']');
    Inner inner;
    EXPECT_FALSE(detail::read_quickly(type_of<Inner>(), R"({"text":"a","x":)" + deep + "}", &inner, {}));
    EXPECT_TRUE(from_text<Inner>(R"({"text":"a","number":1e3})"));
    EXPECT_EQ(from_text<Inner>(R"({"text":"\ud83d\ude00"})")->text, "\xF0\x9F\x98\x80");
    EXPECT_EQ(from_text<Inner>(R"({"text":"a","text":"b"})")->text, "b");
}

TEST(JsonText, WritesWhatItWroteByWayOfValues) {
    const std::vector<std::variant<int, double, std::string, Inner>> mixed{
        1, 2.0, 1e300, std::string("\x01\x1F\"\\\xFF\xC3\xA9"), Inner{"t", {}}};
    EXPECT_EQ(to_text(mixed), dump(to_value(mixed)));
    EXPECT_EQ(to_text(std::numeric_limits<double>::quiet_NaN()), "null");
    EXPECT_EQ(to_text(std::vector<bool>{true, false}), "[true,false]");
}

}  // namespace
}  // namespace tenon::json
