#include "tenon/json/json.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace tenon::json {
namespace {

TEST(Json, RoundTripsKeepingOrderAndUnicode) {
    const std::string text = R"({"z":1,"a":[true,null,-2,3.5,"中文 \"q\" \\"],"n":{"é":{}}})";
    const auto value = parse(text);
    ASSERT_TRUE(value) << value.error().describe();
    EXPECT_EQ(dump(*value), text);
}

TEST(Json, RejectsWhatIsNotJsonAndSaysWhere) {
    for (const char* bad : {"", "{", "[1,]", "{\"a\":1}x", "\"\xff\"", "nul", "[1 2]"}) {
        const auto value = parse(bad);
        ASSERT_FALSE(value) << bad;
        EXPECT_EQ(value.error().code(), ErrorCode::corrupt);
        EXPECT_NE(value.error().message().find("at byte"), std::string::npos);
    }
    EXPECT_FALSE(parse(std::string(100000, '[')));
    EXPECT_EQ(parse("[1,2,3]", {.max_bytes = 3}).error().code(), ErrorCode::resource_exhausted);
}

TEST(Json, WritesInvalidUtf8AsReplacement) { EXPECT_EQ(dump(Value("a\xff")), "\"a\uFFFD\""); }

TEST(Json, LookupsNeverThrow) {
    const Value v = parse(R"({"s":"x","i":3,"d":2.5,"b":true})").value();
    EXPECT_EQ(string_or(v, "s", "?"), "x");
    EXPECT_EQ(string_or(v, "i", "?"), "?");
    EXPECT_EQ(integer_or(v, "i", 0), 3);
    EXPECT_EQ(number_or(v, "i", 0), 3.0);
    EXPECT_EQ(number_or(v, "d", 0), 2.5);
    EXPECT_TRUE(bool_or(v, "b", false));
    EXPECT_EQ(find(Value(3), "x"), nullptr);
}

}  // namespace
}  // namespace tenon::json
