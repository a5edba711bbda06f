#include "tenon/chain/registry.hpp"

#include <gtest/gtest.h>

#include <boost/describe/class.hpp>
#include <fstream>

#include "tenon/base/file.hpp"

namespace tenon::chain {
namespace {

struct Job {
    std::string text;
    std::vector<llm::Message> past;
};
BOOST_DESCRIBE_STRUCT(Job, (), (text, past))

constexpr const char* translate = R"(+++
description = "翻译"
[settings]
temperature = 0.2
max_tokens = 50
stop = ["\n"]
[defaults]
language = "French"
[[case]]
name = "hello"
variables = { text = "Hello" }
contains = ["bonjour"]
+++
@system
Translate into {language}.
@@ is an at sign.
@history past
@user
{text}
)";

std::string why(auto&& result) { return result ? "" : result.error().message(); }

TEST(PromptDocument, ReadsSettingsMessagesAndCases) {
    const auto d = PromptDocument::parse(translate, "t");
    ASSERT_TRUE(d) << why(d);
    EXPECT_EQ(d->description, "翻译");
    EXPECT_EQ(d->settings.temperature, 0.2);
    EXPECT_EQ(d->settings.stop, std::vector<std::string>{"\n"});
    EXPECT_EQ(d->cases.at(0).contains.at(0), "bonjour");
    ASSERT_EQ(d->messages.size(), 3U);
    EXPECT_EQ(d->messages[0].text, "Translate into {language}.\n@ is an at sign.");
    EXPECT_EQ(*d->variables(), (std::vector<std::string>{"text", "past"}));

    const auto request = d->render({{"text", "Hi"}});
    ASSERT_TRUE(request) << why(request);
    ASSERT_EQ(request->messages.size(), 2U);
    EXPECT_EQ(request->messages[0].text(), "Translate into French.\n@ is an at sign.");
    EXPECT_EQ(request->settings.max_tokens, 50U);
    EXPECT_EQ(d->render({{"language", "German"}, {"text", "x"}})->messages[0].text().substr(0, 22),
              "Translate into German.");
    EXPECT_EQ(d->render({}).error().code(), ErrorCode::not_found);

    const auto step = d->prompt<Job>();
    ASSERT_TRUE(step) << why(step);
    EXPECT_EQ(step->render({"Hi", {llm::Message::user("before")}})->at(1).text(), "before");
    EXPECT_NE(why(PromptDocument::parse("{text} {other}", "t")->prompt<Job>(Unused::allowed)).find("other"),
              std::string::npos);
}

TEST(PromptDocument, PlainTextAndJinja) {
    EXPECT_EQ(PromptDocument::parse("Say {word}.\n", "t")->render({{"word", "好"}})->messages.at(0).text(), "Say 好.");
    const auto d =
        PromptDocument::parse("+++\nsyntax = \"jinja\"\ndefaults = { who = \"it's\" }\n+++\n{{ who }} {{ what }}", "t");
    ASSERT_TRUE(d) << why(d);
    EXPECT_EQ(*d->variables(), std::vector<std::string>{"what"});
    EXPECT_EQ(d->render({{"what", "ok"}})->messages.at(0).text(), "it's ok");
    EXPECT_EQ(d->prompt<std::string>(Unused::allowed)->render("me")->at(0).text(), "it's me");
}

TEST(PromptDocument, SaysWhatIsWrongAndWhere) {
    EXPECT_NE(why(PromptDocument::parse("+++\ntemprature = 1\n+++\nx", "f.prompt")).find("f.prompt, line 2"),
              std::string::npos);
    EXPECT_NE(why(PromptDocument::parse("+++\n[settings]\ntemperature = \"hot\"\n+++\nx", "f")).find("line 3"),
              std::string::npos);
    EXPECT_NE(why(PromptDocument::parse("+++\nx = 1\n", "f")).find("closing"), std::string::npos);
    EXPECT_NE(why(PromptDocument::parse("+++\n= \n+++\nx", "f")), "");
    EXPECT_NE(why(PromptDocument::parse("", "f")).find("without text"), std::string::npos);
    EXPECT_NE(why(PromptDocument::parse("a {", "f")).find("'{'"), std::string::npos);
    EXPECT_NE(why(PromptDocument::parse("before\n@user\nx", "f")).find("first heading"), std::string::npos);
    EXPECT_NE(why(PromptDocument::parse("\xFF", "f")).find("UTF-8"), std::string::npos);
}

class Registry : public testing::Test {
  protected:
    TemporaryDirectory folder = *TemporaryDirectory::create();
    std::shared_ptr<PromptStore> store = *open_prompt_folder(
        folder.path(), [] { return std::chrono::system_clock::time_point(std::chrono::seconds(1'000'000)); });
};

TEST_F(Registry, VersionsTagsAndRollingBack) {
    EXPECT_EQ(store->put("greet", "Hello {name}", "first")->number, 1U);
    EXPECT_EQ(store->put("greet", "Hello {name}", "again")->number, 1U);
    EXPECT_EQ(store->put("greet", "Hi {name}", "shorter")->number, 2U);
    EXPECT_EQ(store->put("问候", "你好，{name}", "")->number, 1U);
    EXPECT_EQ(*store->list(), (std::vector<std::string>{"greet", "问候"}));
    EXPECT_EQ(store->get("greet", "")->text, "Hi {name}");
    EXPECT_EQ(store->get("greet", "v1")->text, "Hello {name}");
    EXPECT_EQ(store->get("greet", "1")->version.note, "first");
    EXPECT_EQ(store->get("greet", store->get("greet", "1")->version.hash.substr(0, 6))->version.number, 1U);
    EXPECT_EQ(store->get("greet", "v3").error().code(), ErrorCode::not_found);
    EXPECT_EQ(store->get("nobody", "").error().code(), ErrorCode::not_found);

    EXPECT_TRUE(store->tag("greet", "production", "v1"));
    EXPECT_TRUE(store->tag("greet", "production", "latest"));
    EXPECT_EQ(store->get("greet", "production")->version.number, 2U);
    EXPECT_EQ(store->roll_back("greet", "production")->number, 1U);
    EXPECT_EQ(store->get("greet", "production")->version.number, 1U);
    EXPECT_EQ(store->roll_back("greet", "production").error().code(), ErrorCode::not_found);
    EXPECT_EQ(store->tag("greet", "v7", "1").error().code(), ErrorCode::invalid_argument);

    // Another process sees the same.
    const auto other = *open_prompt_folder(folder.path());
    const auto history = *other->history("greet");
    EXPECT_EQ(history.versions.at(0).created, 1'000'000);
    EXPECT_EQ(history.tags.at("production"), std::vector<std::uint32_t>{1});
}

TEST_F(Registry, RefusesWhatIsNoNameAndTextsChangedByHand) {
    EXPECT_EQ(store->put("../x", "a", "").error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(store->put("", "a", "").error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(store->put("x", "a {", "").error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(store->history("..").error().code(), ErrorCode::invalid_argument);
    const auto v = *store->put("x", "text", "quote \" and\nline");
    EXPECT_EQ(store->history("x")->versions.at(0).note, "quote \" and\nline");
    std::ofstream(folder.path() / "x" / (v.hash.substr(0, 12) + ".prompt")) << "other";
    EXPECT_EQ(store->get("x", "").error().code(), ErrorCode::corrupt);
    std::ofstream(folder.path() / "x" / "prompt.toml") << "[[version]]\nnumber = 7\n";
    EXPECT_EQ(store->history("x").error().code(), ErrorCode::corrupt);
}

TEST_F(Registry, ExperimentsSplitByKey) {
    (void)store->put("p", "one", "");
    (void)store->put("p", "two", "");
    EXPECT_TRUE(store->tag("p", "production", "1"));
    EXPECT_TRUE(store->experiment("p", "tone", {{"production", 3}, {"latest", 1}}));
    EXPECT_EQ(store->experiment("p", "bad", {{"production", 0}}).error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(store->experiment("p", "bad", {{"nothing", 1}}).error().code(), ErrorCode::not_found);
    int second = 0;
    for (int i = 0; i < 200; ++i) {
        const auto key = "user" + std::to_string(i);
        const auto a = store->choose("p", "tone", key);
        ASSERT_TRUE(a) << why(a);
        EXPECT_EQ(a->version.number, store->choose("p", "tone", key)->version.number);
        second += a->version.number == 2 ? 1 : 0;
    }
    EXPECT_GT(second, 25);
    EXPECT_LT(second, 80);
    EXPECT_TRUE(store->experiment("p", "tone", {}));
    EXPECT_EQ(store->choose("p", "tone", "x").error().code(), ErrorCode::not_found);
}

TEST(Diff, IsUnified) {
    EXPECT_EQ(unified_diff("a\nb\n", "a\nb\n", "1", "2"), "");
    EXPECT_EQ(unified_diff("a\nb\nc\n", "a\nx\nc\n", "1", "2"), "--- 1\n+++ 2\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n");
    EXPECT_EQ(unified_diff("", "a\n", "1", "2"), "--- 1\n+++ 2\n@@ -0,0 +1,1 @@\n+a\n");
    EXPECT_EQ(unified_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n", "1\n2\n3\n4\n5\n6\n7\n8\n9\n11\n", "1", "2"),
              "--- 1\n+++ 2\n@@ -7,5 +7,4 @@\n 7\n 8\n 9\n-10\n 11\n");
    const auto two = unified_diff("a\n1\n2\n3\n4\n5\n6\n7\n8\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\n8\nB\n", "1", "2");
    EXPECT_NE(two.find("@@ -1,4 +1,4 @@"), std::string::npos) << two;
    EXPECT_NE(two.find("@@ -7,4 +7,4 @@"), std::string::npos) << two;
}

}  // namespace
}  // namespace tenon::chain
