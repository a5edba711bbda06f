#include "tenon/chain/prompt.hpp"

#include <gtest/gtest.h>

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>

#include "fake/scripted_model.hpp"
#include "tenon/async/runtime.hpp"

namespace tenon::chain {
namespace {

enum class Mood { calm, angry };
BOOST_DESCRIBE_ENUM(Mood, calm, angry)
struct User {
    std::string name;
    int age = 0;
};
BOOST_DESCRIBE_STRUCT(User, (), (name, age))
struct Order {
    User user;
    std::vector<std::string> items;
    std::vector<double> prices;
    double total = 0;
    std::optional<std::string> note;
    Mood mood = Mood::calm;
    bool paid = false;
    std::map<std::string, int> stock;
};
BOOST_DESCRIBE_STRUCT(Order, (), (user, items, prices, total, note, mood, paid, stock))
struct Page {
    std::string title, body;
};
BOOST_DESCRIBE_STRUCT(Page, (), (title, body))
struct Turn {
    std::string persona, question;
    std::vector<llm::Message> past;
    std::vector<llm::ImagePart> pictures;
};
BOOST_DESCRIBE_STRUCT(Turn, (), (persona, question, past, pictures))

TEST(Prompt, FillsTheFieldsOfAStruct) {
    const auto p = prompt<Page>("Summarise {title}:\n{body}");
    EXPECT_EQ(*p.render({"Ada", "Body {not a field}"}), "Summarise Ada:\nBody {not a field}");
    EXPECT_EQ(p.variables(), (std::vector<std::string>{"title", "body"}));
    EXPECT_EQ(*prompt<Text>("Translate: {text}").render("你好"), "Translate: 你好");
    EXPECT_EQ(*prompt<std::string>("{it} and {it}").render("x"), "x and x");
}

TEST(Prompt, NestedFieldsListsAndFormats) {
    const auto p = prompt<Order>(
        "{user.name} ({user.age:03d}) wants {items:join( / )} at {prices:.1f join(; )} = {total:.2f}, {note:or(no "
        "note)}, "
        "{mood}, {paid}, {stock:join(\\n)}");
    Order o{{"Ada", 36}, {"tea", "rice"}, {1.25, 2}, 3.5, std::nullopt, Mood::angry, true, {{"rice", 2}, {"tea", 1}}};
    EXPECT_EQ(*p.render(o), "Ada (036) wants tea / rice at 1.2; 2.0 = 3.50, no note, angry, true, rice: 2\ntea: 1");
    o.note = "快";
    EXPECT_NE(p.render(o)->find("快"), std::string::npos);
}

TEST(Prompt, BracesAndLengthsAndBlanks) {
    EXPECT_EQ(*prompt<Text>("{{\"a\": \"{text}\"}}").render("b"), "{\"a\": \"b\"}");
    EXPECT_EQ(*prompt<Text>("{text:max(4)}").render("床前明月光"), "床前明…");
    EXPECT_EQ(*prompt<Text>("{text:max(5)}").render("床前明月光"), "床前明月光");
    EXPECT_EQ(*prompt<Text>("[{text:trim}]").render("  a b \n"), "[a b]");
}

std::string why(auto&& result) { return result ? "" : result.error().message(); }

TEST(Prompt, FaultsAreFoundWhenTheTemplateIsMade) {
    EXPECT_NE(why(Prompt<Page>::parse("{title} {boddy}")).find("boddy"), std::string::npos);
    EXPECT_NE(why(Prompt<Page>::parse("{title}")).find("'body' unused"), std::string::npos);
    EXPECT_TRUE(Prompt<Page>::parse("{title}", Unused::allowed));
    EXPECT_NE(why(Prompt<Page>::parse("{title}{body}{")).find("'{'"), std::string::npos);
    EXPECT_NE(why(Prompt<Page>::parse("{title}{body}}")).find("'}'"), std::string::npos);
    EXPECT_NE(why(Prompt<Page>::parse("{title:.2f}{body}")).find("number format"), std::string::npos);
    EXPECT_NE(why(Prompt<Page>::parse("{title:shout}{body}")).find("unknown word"), std::string::npos);
    EXPECT_NE(why(Prompt<Page>::parse("{ti tle}{body}")).find("no name"), std::string::npos);
    EXPECT_NE(why(Prompt<Order>::parse("{user}", Unused::allowed)).find("{user.name}"), std::string::npos);
    EXPECT_NE(why(Prompt<Order>::parse("{total:d}", Unused::allowed)).find("integer"), std::string::npos);
    EXPECT_NE(why(Prompt<Order>::parse("{user.name.x}", Unused::allowed)), "");
    EXPECT_NE(why(Prompt<std::string>::parse("{a}{b}")), "");
    EXPECT_NE(why(Prompt<std::string>::parse("none")), "");
}

TEST(Prompt, VariablesByName) {
    const auto p = *Prompt<Variables>::parse("{greeting}, {名字}! {end:or(.)}");
    EXPECT_EQ(*p.render({{"greeting", "Hi"}, {"名字", "小明"}}), "Hi, 小明! .");
    const auto missing = p.render({{"greeting", "Hi"}});
    EXPECT_EQ(missing.error().code(), ErrorCode::not_found);
    EXPECT_NE(missing.error().message().find("名字"), std::string::npos);
}

TEST(Prompt, PartialsFillSomeAndLeaveTheRestTyped) {
    const auto p = *Prompt<Variables>::parse("To {language}: {text}");
    const auto french = p.partial<Text>({{"language", "{French}"}});
    ASSERT_TRUE(french) << why(french);
    EXPECT_EQ(*french->render("hello"), "To {French}: hello");
    EXPECT_NE(why(p.partial<Page>({{"language", "French"}})), "");
    EXPECT_NE(why(p.partial<Text>({{"dialect", "x"}})).find("dialect"), std::string::npos);
}

TEST(Prompt, MessagesHistoryAndPictures) {
    const auto p =
        prompt<Turn>({system_text("You are {persona}."), history("past"), user_text("{question}{pictures}?")});
    llm::ImagePart picture;
    picture.url = "file:///a.png";
    const auto messages =
        p.render({"a sage", "What is this", {llm::Message::user("hi"), llm::Message::assistant("ho")}, {picture}});
    ASSERT_TRUE(messages);
    ASSERT_EQ(messages->size(), 4U);
    EXPECT_EQ((*messages)[0].role, llm::Role::system);
    EXPECT_EQ((*messages)[0].text(), "You are a sage.");
    EXPECT_EQ((*messages)[2].text(), "ho");
    ASSERT_EQ((*messages)[3].content.size(), 3U);
    EXPECT_EQ(std::get<llm::ImagePart>((*messages)[3].content[1]).url, "file:///a.png");
    EXPECT_EQ(std::get<llm::TextPart>((*messages)[3].content[2]).text, "?");
    EXPECT_NE(why(ChatPrompt<Turn>::parse({history("persona")}, Unused::allowed)), "");
}

TEST(Prompt, JinjaIsTheOtherSyntax) {
    const auto p = Prompt<Order>::parse(
        "{{ user.name }}: {% for i in items %}{{ loop.index }}. {{ i }}; {% endfor %}{{ mood }} {{ note or 'no note' "
        "}}",
        Unused::allowed, Syntax::jinja);
    ASSERT_TRUE(p) << why(p);
    const Order o{{"Ada", 36}, {"茶", "rice"}, {}, 3.5, std::nullopt, Mood::angry, true, {}};
    EXPECT_EQ(*p->render(o), "Ada: 1. 茶; 2. rice; angry no note");
    EXPECT_NE(why(Prompt<Page>::parse("{{ title }} {{ boddy }}", Unused::refused, Syntax::jinja)).find("boddy"),
              std::string::npos);
    EXPECT_NE(why(Prompt<Page>::parse("{{ title }}", Unused::refused, Syntax::jinja)).find("'body' unused"),
              std::string::npos);
    EXPECT_NE(why(Prompt<Page>::parse("{% if %}", Unused::allowed, Syntax::jinja)).find("well formed"),
              std::string::npos);
    const auto v = Prompt<Variables>::parse("{{ a|upper }}", Unused::refused, Syntax::jinja);
    EXPECT_EQ(*v->render({{"a", "x"}}), "X");
    EXPECT_EQ(v->render({{"b", "x"}}).error().code(), ErrorCode::not_found);
    EXPECT_EQ(*Prompt<std::string>::parse("<{{ it }}>", Unused::refused, Syntax::jinja)->render("x"), "<x>");
    const auto chat = ChatPrompt<Turn>::parse(
        {system_text("{{ persona }}"), history("past"), user_text("{{ question }}")}, Unused::allowed, Syntax::jinja);
    ASSERT_TRUE(chat) << why(chat);
    EXPECT_EQ(chat->render({"sage", "why", {llm::Message::user("hi")}, {}})->size(), 3U);
}

TEST(Prompt, IsAStep) {
    Runtime runtime(1);
    const auto model = fake::scripted_model();
    model->reply("un").reply("deux").reply("trois");
    auto translate = prompt<Text>("Translate into French: {text}") | model | to_text();
    auto summary = prompt<Page>("Summarise {title} in one sentence:\n{body}") | model | to_text() | translate;
    EXPECT_EQ(*sync_wait(runtime, summary({"T", "B"})), "deux");
    EXPECT_EQ(model->requests().at(1).messages.at(0).text(), "Translate into French: un");
    auto chat =
        prompt<Page>({system_text("{title}"), user_text("{body}")}).with({.temperature = 0.1}) | model | to_text();
    EXPECT_EQ(*sync_wait(runtime, chat({"T", "B"})), "trois");
    EXPECT_EQ(model->requests().at(2).settings.temperature, 0.1);
}

}  // namespace
}  // namespace tenon::chain
