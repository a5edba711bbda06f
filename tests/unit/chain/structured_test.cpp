#include "tenon/chain/structured.hpp"

#include <gtest/gtest.h>

#include <boost/describe.hpp>
#include <boost/json.hpp>

#include "fake/scripted_model.hpp"
#include "tenon/async/runtime.hpp"
#include "tenon/chain/parsers.hpp"

namespace tenon::chain {
namespace {

enum class Mood { calm, angry };
BOOST_DESCRIBE_ENUM(Mood, calm, angry)
struct Person {
    std::string name;
    int age = 0;
    std::vector<std::string> skills;
};
BOOST_DESCRIBE_STRUCT(Person, (), (name, age, skills))

template <class T>
Result<T> ask(std::shared_ptr<fake::ScriptedModel> model, StructuredOptions options = {}) {
    Runtime runtime(1);
    return sync_wait(runtime, generate<T>(std::move(model), std::string("Ada, 36, writes C++."), std::move(options)));
}

TEST(Structured, AnswersBecomeStructs) {
    auto model = std::make_shared<fake::ScriptedModel>();
    model->can({});  // not even JSON: it is told the schema in words
    model->reply("Sure!\n```json\n{\"name\": \"Ada\", \"age\": 36, \"skills\": [\"C++\"]}\n```");
    const auto person = ask<Person>(model);
    ASSERT_TRUE(person) << person.error().describe();
    EXPECT_EQ(person->name, "Ada");
    EXPECT_EQ(person->skills, (std::vector<std::string>{"C++"}));
    const auto asked = model->requests().at(0);
    EXPECT_EQ(asked.messages.front().role, llm::Role::system);
    EXPECT_NE(asked.messages.front().text().find(R"("required":["name","age","skills"])"), std::string::npos);
}

TEST(Structured, WhatDoesNotFitIsToldAndAskedAgain) {
    auto model = std::make_shared<fake::ScriptedModel>();
    model->reply("I do not know.")
        .reply(R"({"name":"Ada","age":"old","skills":[]})")
        .reply(R"({"name":"Ada","age":36,"skills":[]})");
    EXPECT_EQ(ask<Person>(model).value().age, 36);
    ASSERT_EQ(model->requests().size(), 3U);
    EXPECT_NE(model->requests()[1].messages.back().text().find("no JSON"), std::string::npos);
    EXPECT_NE(model->requests()[2].messages.back().text().find("age: expected an integer, got a string"),
              std::string::npos);
    auto stubborn = std::make_shared<fake::ScriptedModel>();
    stubborn->otherwise("no");
    const auto refused = ask<Person>(stubborn, {.max_attempts = 2});
    EXPECT_EQ(refused.error().code(), ErrorCode::protocol);
    EXPECT_NE(refused.error().message().find("2 attempts"), std::string::npos);
    EXPECT_EQ(stubborn->requests().size(), 2U);
    auto cut = std::make_shared<fake::ScriptedModel>();
    cut->otherwise(fake::Script("{\"name\": \"A").ends(llm::FinishReason::length));
    EXPECT_EQ(ask<Person>(cut).error().code(), ErrorCode::resource_exhausted);
}

TEST(Structured, ListsAndNumbersTravelInAnObject) {
    auto model = std::make_shared<fake::ScriptedModel>();
    model->reply(R"({"value":[1,2,3]})").reply(R"({"value":"angry"})");
    EXPECT_EQ(ask<std::vector<int>>(model).value(), (std::vector<int>{1, 2, 3}));
    EXPECT_EQ(ask<Mood>(model).value(), Mood::angry);
}

TEST(Structured, StructsFillWhileTheyAreWritten) {
    auto model = std::make_shared<fake::ScriptedModel>();
    model->reply(fake::Script().says(
        "Here: {\"name\": \"Ada Lovelace\", \"age\": 36, \"skills\": [\"C++\", \"flute\"]} done", 5));
    Runtime runtime(1);
    llm::ChatRequest request;
    request.messages = {llm::Message::user("who?")};
    auto stream = sync_wait(runtime, stream_struct<Person>(model, std::move(request))).value();
    std::size_t pieces = 0, longest = 0;
    Person last;
    while (auto person = sync_wait(runtime, stream->next()).value()) {
        EXPECT_GE(person->name.size() + person->skills.size(), longest);
        longest = person->name.size() + person->skills.size();
        last = *person;
        ++pieces;
    }
    EXPECT_GT(pieces, 8U);
    EXPECT_EQ(last.name, "Ada Lovelace");
    EXPECT_EQ(last.age, 36);
    EXPECT_EQ(last.skills.size(), 2U);
}

TEST(Parsers, Json) {
    for (const char* text : {R"({"a":1})", "  {\"a\":1} ", "```json\n{\"a\":1}\n```", "Here it is: {\"a\":1}. Good?",
                             "[see] {\"a\":1}", "```\n{\"a\":1}"}) {
        const auto value = find_json(text);
        ASSERT_TRUE(value) << text << value.error().describe();
        EXPECT_EQ(json::dump(*value), "{\"a\":1}") << text;
    }
    EXPECT_FALSE(find_json("nothing"));
    EXPECT_FALSE(find_json("{\"a\":"));
    EXPECT_FALSE(find_json(std::string(100000, '{')));
}

TEST(Parsers, ListsTagsTables) {
    const std::vector<std::string> three{"red", "green", "deep blue"};
    for (const char* text : {"- red\n- green\n- deep blue",
                             "Colours:\n1. red\n2. green\n3. **deep blue**\nThat is all.", "red, green, \"deep blue\"",
                             "red\ngreen\ndeep blue\n", "* red\n\n* green\n* deep blue", "red，green，deep blue"})
        EXPECT_EQ(parse_list(text), three) << text;
    EXPECT_TRUE(parse_list("").empty());
    EXPECT_EQ(parse_tags("a <x>1</x> <x id=\"2\"> 2 </x><xy>no</xy><x/><x>cut", "x"),
              (std::vector<std::string>{"1", "2", "", "cut"}));
    EXPECT_EQ(parse_tag("<answer>\n42\n</answer>", "answer"), "42");
    EXPECT_FALSE(parse_tag("none", "answer"));
    const auto table =
        parse_table("Prices:\n\n| Name | Price |\n|:-----|------:|\n| Tea \\| milk | 3 |\n| Pie |\n\nEnd | of it")
            .value();
    EXPECT_EQ(table.header, (std::vector<std::string>{"Name", "Price"}));
    ASSERT_EQ(table.rows.size(), 2U);
    EXPECT_EQ(table.cell(0, "Name"), "Tea | milk");
    EXPECT_EQ(table.cell(0, "Price"), "3");
    EXPECT_EQ(table.cell(1, "Price"), "");
    EXPECT_FALSE(parse_table("a | b"));
}

TEST(Parsers, ChoicesAndDates) {
    EXPECT_EQ(parse_enum<Mood>(" Angry. ").value(), Mood::angry);
    EXPECT_EQ(parse_enum<Mood>("The writer is calm, I think").value(), Mood::calm);
    EXPECT_FALSE(parse_enum<Mood>("calm or angry"));
    EXPECT_FALSE(parse_enum<Mood>("calmer"));
    using namespace std::chrono;
    const year_month_day day{year(2024), February, std::chrono::day(29)};
    for (const char* text : {"2024-02-29", "on 2024/2/29.", "29.2.2024", "the 29th of February 2024", "29 Feb 2024",
                             "February 29, 2024", "2024年2月29日", "in 3 days, 2024-02-29T10:00"}) {
        const auto date = parse_date(text);
        ASSERT_TRUE(date) << text;
        EXPECT_EQ(*date, day) << text;
    }
    EXPECT_EQ(parse_date("2023-02-29").error().message(), "the date in the answer does not exist");
    EXPECT_FALSE(parse_date("tomorrow"));
}

}  // namespace
}  // namespace tenon::chain
