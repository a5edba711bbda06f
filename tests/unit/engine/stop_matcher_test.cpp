#include "engine/stop_matcher.hpp"

#include <gtest/gtest.h>

namespace tenon::engine {
namespace {

struct Case {
    std::vector<std::string> stops;
    std::string text;
    std::string expected;
    bool matched;
};

// Every way of cutting the text into two pieces, and byte by byte.
TEST(StopMatcher, FindsTheFirstWhateverThePieces) {
    const std::vector<Case> cases = {
        {{}, "hello", "hello", false},
        {{""}, "hello", "hello", false},
        {{"lo"}, "hello", "hel", true},
        {{"END"}, "text ENENDrest", "text EN", true},
        {{"aab"}, "aaaab!", "aa", true},
        {{"abcd", "bc"}, "xabcd", "xa", true},  // "bc" is complete first
        {{"bc", "abc"}, "xabc", "x", true},     // both end together: the longest
        {{"。", "\n\n"}, "你好。再见", "你好", true},
        {{"好人"}, "你好好好人", "你好好", true},
        {{"never"}, "nev neve", "nev neve", false},
        {{"\n\n"}, "a\nb\n", "a\nb\n", false},
        {{"x"}, "x", "", true},
        {{"abab"}, "abaabab", "aba", true},
    };
    for (const auto& c : cases) {
        for (std::size_t cut = 0; cut <= c.text.size(); ++cut) {
            StopMatcher matcher(c.stops);
            std::string out = matcher.push(c.text.substr(0, cut));
            out += matcher.push(c.text.substr(cut));
            EXPECT_EQ(matcher.matched(), c.matched) << c.text;
            if (!matcher.matched()) out += matcher.finish();
            EXPECT_EQ(out, c.expected) << c.text << " cut at " << cut;
        }
        StopMatcher matcher(c.stops);
        std::string out;
        for (const char byte : c.text) out += matcher.push({&byte, 1});
        if (!matcher.matched()) out += matcher.finish();
        EXPECT_EQ(out, c.expected) << c.text << " by bytes";
    }
}

TEST(StopMatcher, WithholdsOnlyWhatMayBeginAStop) {
    StopMatcher matcher({"</s>"});
    EXPECT_EQ(matcher.push("a<"), "a");
    EXPECT_EQ(matcher.push("b"), "<b");
    EXPECT_EQ(matcher.push("c </"), "c ");
    EXPECT_EQ(matcher.push("s"), "");
    EXPECT_EQ(matcher.push("<"), "</s");
    EXPECT_EQ(matcher.finish(), "<");
    EXPECT_FALSE(matcher.matched());
}

TEST(StopMatcher, GivesNothingAfterAMatch) {
    StopMatcher matcher({"x"});
    EXPECT_EQ(matcher.push("axb"), "a");
    EXPECT_EQ(matcher.push("more"), "");
    EXPECT_EQ(matcher.finish(), "");
}

}  // namespace
}  // namespace tenon::engine
