#include "tenon/json/partial.hpp"

#include <gtest/gtest.h>

#include <boost/describe.hpp>
#include <boost/json.hpp>

#include "tenon/json/reflect.hpp"

namespace tenon::json {
namespace {

std::string after(std::string_view text) {
    PartialParser parser;
    const auto fed = parser.feed(text);
    return fed ? dump(parser.value()) : fed.error().message();
}

TEST(PartialParser, ClosesWhatIsOpen) {
    EXPECT_EQ(after(""), "null");
    EXPECT_EQ(after("{"), "{}");
    EXPECT_EQ(after(R"({"na)"), "{}");
    EXPECT_EQ(after(R"({"name": )"), "{}");
    EXPECT_EQ(after(R"({"name": "Ad)"), R"({"name":"Ad"})");
    EXPECT_EQ(after(R"({"a": 12)"), "{}");
    EXPECT_EQ(after(R"({"a": 12,)"), R"({"a":12})");
    EXPECT_EQ(after(R"({"a": tru)"), "{}");
    EXPECT_EQ(after(R"({"a": [1, [2, {"b": nul)"), R"({"a":[1,[2,{}]]})");
    EXPECT_EQ(after(R"(["x\)"), R"(["x"])");
    EXPECT_EQ(after(R"(["x\u00e)"), R"(["x"])");
    EXPECT_EQ(after(R"(["\ud83d)"), R"([""])");
    EXPECT_EQ(after(R"(["\ud83d\ude00)"), "[\"😀\"]");
    EXPECT_EQ(after(R"(["\ud83dx"])"), "[\"\uFFFDx\"]");
    EXPECT_EQ(after("[\"中\xe6\x96"), "[\"中\"]");
}

TEST(PartialParser, AgreesWithTheWholeParserAtEveryCut) {
    for (const std::string text : {R"({"z":1,"a":[true,null,-2.5e3,"中文 \"q\" \\ \n 😀"],"n":{"é":{}},"e":[],"s":""})",
                                   "[[[]],{}]", "  12 ", "\"x\"", "false"}) {
        const auto whole = dump(parse(text).value());
        for (std::size_t cut = 0; cut <= text.size(); ++cut) {
            PartialParser parser;
            ASSERT_TRUE(parser.feed(std::string_view(text).substr(0, cut)));
            (void)dump(parser.value());
            ASSERT_TRUE(parser.feed(std::string_view(text).substr(cut)));
            ASSERT_TRUE(parser.finish());
            EXPECT_TRUE(parser.done());
            EXPECT_EQ(dump(parser.value()), whole) << cut;
        }
    }
}

TEST(PartialParser, RefusesWhatTheWholeParserRefuses) {
    for (const std::string bad :
         {"[1,]", "{\"a\":1}x", "\"\xff\"", "nul",    "[1 2]",   "{\"a\" 1}", "{1:2}", "[01]", "-",
          "1.",   "[}",         "{]",       "\"\n\"", "\"\\x\"", "tru e",     "[1",    "+1",   "\"\xed\xa0\x80\"",
          "{,}",  "{\"a\":}"}) {
        PartialParser parser;
        auto outcome = parser.feed(bad);
        if (outcome) outcome = parser.finish();
        EXPECT_FALSE(outcome) << bad;
        EXPECT_FALSE(parse(bad)) << bad;
        if (!outcome) {
            EXPECT_NE(outcome.error().message().find("at byte"), std::string::npos);
        }
        EXPECT_FALSE(parser.feed(" "));
    }
    EXPECT_FALSE(PartialParser().feed(std::string(1000, '[')));
    PartialParser small({.max_bytes = 3});
    EXPECT_EQ(small.feed("[1,2]").error().code(), ErrorCode::resource_exhausted);
}

enum class Mood { calm, cheerful };
BOOST_DESCRIBE_ENUM(Mood, calm, cheerful)
struct Note {
    std::string title;
    Mood mood = Mood::calm;
    std::vector<int> numbers;
};
BOOST_DESCRIBE_STRUCT(Note, (), (title, mood, numbers))
constexpr auto describe_fields(const Note*) { return fields(about(&Note::title, {.min_length = 5})); }

TEST(PartialParser, StructsFillWhileTheyAreWritten) {
    const std::string text = R"({"title":"Hello","mood":"cheerful","numbers":[1,22]})";
    PartialParser parser;
    std::size_t longest = 0;
    for (const char c : text) {
        ASSERT_TRUE(parser.feed({&c, 1}));
        const auto note = from_value<Note>(parser.value(), {.partial = true});
        ASSERT_TRUE(note || !parser.begun()) << note.error().describe();
        if (!note) continue;
        EXPECT_GE(note->title.size() + note->numbers.size(), longest);
        longest = note->title.size() + note->numbers.size();
    }
    const auto note = from_value<Note>(parser.value()).value();
    EXPECT_EQ(note.numbers, (std::vector<int>{1, 22}));
    EXPECT_EQ(note.mood, Mood::cheerful);
    EXPECT_EQ(from_text<Note>(R"({"mood":"angry"})", {.partial = true}).error().message(),
              "mood: \"angry\" is none of: calm, cheerful");
}

}  // namespace
}  // namespace tenon::json
