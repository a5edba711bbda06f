#include "tenon/base/utf8.hpp"

#include <gtest/gtest.h>

namespace tenon::utf8 {
namespace {

TEST(Utf8, DecodesEveryLength) {
    EXPECT_EQ(to_utf32("aé中😀"), U"aé中😀");
    EXPECT_EQ(from_utf32(U"aé中😀"), "aé中😀");
    EXPECT_EQ(length("aé中😀"), 4U);
}

// Python: bytes.decode("utf-8", errors="replace")
TEST(Utf8, ReplacesMaximalInvalidPrefixes) {
    EXPECT_EQ(sanitize("a\xC0\xAF"
                       "b"),
              "a\uFFFD\uFFFDb");
    EXPECT_EQ(sanitize("\xE4\xB8"), "\uFFFD");
    EXPECT_EQ(sanitize("\xF0\x9F\x98"
                       "x"),
              "\uFFFDx");
    EXPECT_EQ(sanitize("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
    EXPECT_EQ(sanitize("\xF5\x80"), "\uFFFD\uFFFD");
}

TEST(Utf8, FindsTheIncompleteSuffix) {
    const std::string smile = "😀";
    for (std::size_t n = 1; n < 4; ++n) EXPECT_EQ(incomplete_suffix("x" + smile.substr(0, n)), n);
    EXPECT_EQ(incomplete_suffix(smile), 0U);
    EXPECT_EQ(incomplete_suffix("\x80\x80"), 0U);
    EXPECT_EQ(incomplete_suffix("\xC0"), 0U);
    EXPECT_EQ(incomplete_suffix(""), 0U);
}

TEST(Utf8, TruncatesBetweenCharacters) {
    EXPECT_EQ(truncate("中文", 4), "中");
    EXPECT_EQ(truncate("中文", 2), "");
    EXPECT_EQ(truncate("ab", 9), "ab");
}

}  // namespace
}  // namespace tenon::utf8
