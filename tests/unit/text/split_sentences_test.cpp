#include <gtest/gtest.h>

#include <algorithm>

#include "tenon/text/splitter.hpp"

namespace tenon::text {
namespace {

std::vector<std::string> cut(std::string_view text) {
    std::vector<std::string> out;
    for (const auto& r : sentences(text)) out.emplace_back(text.substr(r.begin, r.end - r.begin));
    return out;
}

struct Case {
    const char* name;
    std::vector<std::string> sentences;
    const char* between = " ";
};

// Each case is written as its sentences; joined by `between` they must come apart again exactly there.
class Sentences : public testing::TestWithParam<Case> {};

TEST_P(Sentences, ComeApart) {
    std::string joined;
    for (const auto& s : GetParam().sentences) joined += (joined.empty() ? "" : GetParam().between) + s;
    EXPECT_EQ(cut(joined), GetParam().sentences);
}

INSTANTIATE_TEST_SUITE_P(
    All, Sentences,
    testing::Values(Case{"plain", {"One is here.", "Two is there!", "Is three?", "Four"}},
                    Case{"abbreviations",
                         {"Dr. Smith met Mrs. Jones vs. Prof. Li in Washington.", "See Fig. 3 and e.g. Section 2.",
                          "Tools, e.g. Make, i.e. GNU Make, work."}},
                    Case{"initials", {"J. R. R. Tolkien wrote it.", "The U.S. Army read it."}},
                    Case{"decimals", {"Pi is 3.14159 and e is 2.718.", "Version 1.2.3 came at 10.30 today."}},
                    Case{"urls", {"Visit https://example.com/a.b?c=d.e&f now.", "Mail a.b@c.org."}},
                    Case{"files", {"Edit tenon.toml and run foo.sh first.", "Then README.md."}},
                    Case{"quotes", {"\"Stop!\" he said.", "She said \"Go.\"", "(They went.)", "All left."}},
                    Case{"ellipsis", {"Wait... what is it?", "Never mind."}},
                    Case{"marks", {"What?!", "Yes!!!", "No."}},
                    Case{"list number", {"1. First thing.", "2. Second thing."}},
                    Case{"wrapped", {"This sentence is\nwrapped over lines.", "So is\nthis."}, "\n"},
                    Case{"paragraphs", {"No mark here", "Nor here"}, "\n\n"},
                    Case{"chinese", {"今天天气很好。", "我们去公园吧！", "你去吗？", "好；", "走"}, ""},
                    Case{"chinese quotes", {"他说：“你好。”", "她笑了。", "（完。）"}, ""},
                    Case{"chinese numbers", {"圆周率是3.14，版本是1.2.3。", "文件是a.txt。"}, ""},
                    Case{"chinese ellipsis", {"等等……", "什么？！", "没事。"}, ""},
                    Case{"mixed", {"使用 Tenon v0.1 回答问题。", "It works.", "很好。"}},
                    Case{"japanese", {"これはテストです。", "次の文です。"}, ""}),
    [](const auto& tested) {
        std::string name = tested.param.name;
        std::ranges::replace(name, ' ', '_');
        return name;
    });

TEST(SentencesOf, BlankTextAreNone) {
    EXPECT_TRUE(cut("").empty());
    EXPECT_TRUE(cut(" \n\n\t ").empty());
    EXPECT_EQ(cut("..."), (std::vector<std::string>{"..."}));
}

}  // namespace
}  // namespace tenon::text
