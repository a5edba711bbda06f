#include "tenon/json/reflect.hpp"

#include <gtest/gtest.h>

#include <boost/describe.hpp>
#include <boost/json.hpp>
#include <map>
#include <set>

#include "tenon/json/schema.hpp"

namespace tenon::json {
namespace sample {

enum class Level { beginner, skilled, expert };
BOOST_DESCRIBE_ENUM(Level, beginner, skilled, expert)

struct Skill {
    std::string name;
    int level = 0;
    bool operator==(const Skill&) const = default;
};
BOOST_DESCRIBE_STRUCT(Skill, (), (name, level))

struct Person {
    std::string name;
    int age = 0;
    std::vector<Skill> skills;
    std::optional<std::string> email;
    Level rank = Level::beginner;
    std::map<std::string, double> scores;
    double height = 1.5;
    bool operator==(const Person&) const = default;
};
BOOST_DESCRIBE_STRUCT(Person, (), (name, age, skills, email, rank, scores, height))
constexpr auto describe_fields(const Person*) {
    return fields("Somebody the text names", about(&Person::name, {.description = "as written", .min_length = 1}),
                  about(&Person::age, {.description = "in years", .minimum = 0, .maximum = 150}),
                  about(&Person::email, {.format = "email"}), about(&Person::skills, {.max_items = 3}),
                  about(&Person::height, {.exclusive_minimum = 0, .required = false}));
}

struct Node {
    int value = 0;
    std::vector<Node> children;
    std::unique_ptr<Node> next;
};
BOOST_DESCRIBE_STRUCT(Node, (), (value, children, next))

struct Circle {
    double radius = 0;
};
BOOST_DESCRIBE_STRUCT(Circle, (), (radius))
struct Box {
    double width = 0, height = 0;
};
BOOST_DESCRIBE_STRUCT(Box, (), (width, height))
struct Drawing {
    std::vector<std::variant<Circle, Box>> shapes;
    std::variant<std::monostate, bool, int, std::string, Box> odd;
};
BOOST_DESCRIBE_STRUCT(Drawing, (), (shapes, odd))
constexpr auto describe_fields(const Drawing*) { return fields(about(&Drawing::shapes, {.tag = "kind"})); }

struct Numbers {
    std::int8_t tiny = 0;
    std::uint8_t byte = 0;
    std::int64_t wide = 0;
    std::uint64_t huge = 0;
    float real = 0;
    std::array<int, 2> pair{};
    std::tuple<int, std::string> mixed;
    std::vector<bool> flags;
    std::set<std::string> tags;
    Value any;
};
BOOST_DESCRIBE_STRUCT(Numbers, (), (tiny, byte, wide, huge, real, pair, mixed, flags, tags, any))

struct Coded {
    std::string language, code, day;
};
BOOST_DESCRIBE_STRUCT(Coded, (), (language, code, day))
constexpr auto describe_fields(const Coded*) {
    return fields(about(&Coded::language, {.choices = {"en", "fr", "zh"}}),
                  about(&Coded::code, {.pattern = "^[A-Z]{2}$"}), about(&Coded::day, {.format = "date"}));
}

struct Base {
    int id = 0;
};
BOOST_DESCRIBE_STRUCT(Base, (), (id))
struct Derived : Base {
    std::string label;
};
BOOST_DESCRIBE_STRUCT(Derived, (Base), (label))

}  // namespace sample
namespace {

using namespace sample;

template <class T>
std::string error_of(std::string_view text, const ReadOptions& options = {}) {
    auto read = from_text<T>(text, options);
    return read ? "no error" : read.error().message();
}

TEST(Reflect, StructsGoThereAndBack) {
    const std::string text =
        R"({"name":"Ada","age":36,"skills":[{"name":"C++","level":3}],"email":"ada@example.com","rank":"expert","scores":{"math":1.0},"height":1.7})";
    const auto person = from_text<Person>(text);
    ASSERT_TRUE(person) << person.error().describe();
    EXPECT_EQ(person->skills, (std::vector<Skill>{{"C++", 3}}));
    EXPECT_EQ(person->rank, Level::expert);
    EXPECT_EQ(to_text(*person), text);
    EXPECT_EQ(from_value<Person>(to_value(*person)).value(), *person);
}

TEST(Reflect, MissingAndNullOptionals) {
    const auto person =
        from_text<Person>(R"({"name":"A","age":1,"skills":[],"email":null,"rank":"skilled","scores":{}})");
    ASSERT_TRUE(person) << person.error().describe();
    EXPECT_FALSE(person->email);
    EXPECT_EQ(person->height, 1.5);
    EXPECT_EQ(to_text(*person).find("email"), std::string::npos);
}

TEST(Reflect, ErrorsNameThePathAndAreToldTogether) {
    EXPECT_EQ(error_of<std::vector<Skill>>(R"([{"name":"a","level":1},{"name":"b","level":"x"}])"),
              "[1].level: expected an integer, got a string");
    EXPECT_EQ(
        error_of<Person>(
            R"({"name":"A","age":1,"skills":[{"name":"a","level":1},{"name":"b","level":2},{"name":"c","level":"x"}],"rank":"skilled","scores":{}})"),
        "skills[2].level: expected an integer, got a string");
    EXPECT_EQ(
        error_of<Person>(
            R"({"name":"","age":-1,"skills":[],"email":"no","rank":"chief","scores":{"a b":"x"},"height":0})"),
        "name: must have at least 1 characters, has 0; age: must be at least 0, is -1; email: \"no\" is not of the "
        "format email; "
        "rank: \"chief\" is none of: beginner, skilled, expert; scores[\"a b\"]: expected a number, got a string; "
        "height: must be greater than 0, is 0");
    EXPECT_EQ(error_of<Person>("[]"), "expected an object, got an array");
    EXPECT_EQ(error_of<Skill>(R"({"name":"x"})"), "level: missing");
    EXPECT_EQ(error_of<Skill>(R"({"name":"x","level":1,"more":2})"), "no error");
    EXPECT_EQ(error_of<Skill>(R"({"name":"x","level":1,"more":2})", {.refuse_unknown = true}), "more: unknown member");
    EXPECT_EQ(from_text<Skill>("{").error().code(), ErrorCode::corrupt);
}

TEST(Reflect, NumbersKeepTheirRange) {
    const std::string text =
        R"({"tiny":-128,"byte":255,"wide":-9223372036854775808,"huge":18446744073709551615,"real":0.5,"pair":[1,2],"mixed":[3,"x"],"flags":[true,false],"tags":["a","b"],"any":{"k":[1]}})";
    const auto numbers = from_text<Numbers>(text);
    ASSERT_TRUE(numbers) << numbers.error().describe();
    EXPECT_EQ(to_text(*numbers), text);
    EXPECT_EQ(error_of<std::int8_t>("128"), "128 is outside -128 to 127");
    EXPECT_EQ(error_of<std::uint8_t>("-1"), "-1 is outside 0 to 255");
    EXPECT_EQ(error_of<std::int64_t>("9223372036854775808"),
              "9223372036854775808 is outside -9223372036854775808 to 9223372036854775807");
    EXPECT_EQ(error_of<std::uint64_t>("1e300"), "1e+300 is outside 0 to 18446744073709551615");
    EXPECT_EQ(from_text<int>("5.0").value(), 5);
    EXPECT_EQ(from_text<std::uint64_t>("1e3").value(), 1000U);
    EXPECT_EQ(error_of<int>("5.5"), "expected an integer, got a number");
    EXPECT_EQ(error_of<int>("true"), "expected an integer, got a boolean");
    EXPECT_EQ((error_of<std::array<int, 2>>("[1]")), "must have 2 items, has 1");
    EXPECT_EQ((error_of<std::tuple<int, std::string>>("[1,2]")), "[1]: expected a string, got an integer");
}

TEST(Reflect, VariantsByTagAndByShape) {
    const std::string text =
        R"({"shapes":[{"kind":"Circle","radius":1.0},{"kind":"Box","width":2.0,"height":3.0}],"odd":"x"})";
    const auto drawing = from_text<Drawing>(text);
    ASSERT_TRUE(drawing) << drawing.error().describe();
    EXPECT_EQ(std::get<Box>(drawing->shapes[1]).height, 3);
    EXPECT_EQ(to_text(*drawing), text);
    EXPECT_TRUE(from_text<Drawing>(text, {.refuse_unknown = true}));
    EXPECT_EQ(error_of<Drawing>(R"({"shapes":[{"kind":"Line"}],"odd":1})"),
              "shapes[0].kind: \"Line\" is none of: Circle, Box");
    EXPECT_EQ(error_of<Drawing>(R"({"shapes":[{"kind":"Circle","radius":"big"}],"odd":1})"),
              "shapes[0].radius: expected a number, got a string");
    using Odd = decltype(Drawing::odd);
    EXPECT_EQ(from_text<Odd>("null").value().index(), 0U);
    EXPECT_EQ(from_text<Odd>("true").value().index(), 1U);
    EXPECT_EQ(from_text<Odd>("7").value().index(), 2U);
    EXPECT_EQ(from_text<Odd>(R"({"width":1,"height":2})").value().index(), 4U);
    EXPECT_EQ(error_of<Odd>("[]"), "an array fits none of: null, a boolean, an integer, a string, Box");
    EXPECT_EQ(error_of<Odd>(R"({"width":1})"), "height: missing");
    // The exact fit wins over the first that would pass members over.
    using Shape = std::variant<Circle, Box>;
    EXPECT_EQ(from_text<Shape>(R"({"width":1,"height":2})").value().index(), 1U);
}

TEST(Reflect, RulesOfStrings) {
    EXPECT_TRUE(from_text<Coded>(R"({"language":"fr","code":"AB","day":"2024-02-29"})"));
    EXPECT_EQ(error_of<Coded>(R"({"language":"de","code":"abc","day":"2023-02-29"})"),
              "language: \"de\" is none of: en, fr, zh; code: \"abc\" does not match ^[A-Z]{2}$; day: \"2023-02-29\" "
              "is not of the format date");
}

TEST(Reflect, RecursionAndInheritance) {
    const std::string text = R"({"value":1,"children":[{"value":2,"children":[],"next":{"value":3,"children":[]}}]})";
    EXPECT_EQ(to_text(from_text<Node>(text).value()), text);
    std::string deep = R"({"value":1,"children":[]})";
    for (int i = 0; i < 60; ++i) deep = R"({"value":1,"children":[)" + deep + "]}";
    EXPECT_NE(error_of<Node>(deep, {.max_depth = 50}).find("nested too deeply"), std::string::npos);
    EXPECT_EQ(to_text(from_text<Derived>(R"({"id":4,"label":"x"})").value()), R"({"id":4,"label":"x"})");
}

TEST(Reflect, SchemaOfAStruct) {
    EXPECT_EQ(
        schema_text<Person>(),
        R"({"type":"object","description":"Somebody the text names","properties":{)"
        R"("name":{"description":"as written","type":"string","minLength":1},)"
        R"("age":{"description":"in years","type":"integer","minimum":0,"maximum":150},)"
        R"("skills":{"type":"array","items":{"type":"object","properties":{"name":{"type":"string"},"level":{"type":"integer","format":"int32"}},"required":["name","level"],"additionalProperties":false},"maxItems":3},)"
        R"("email":{"type":["string","null"],"format":"email"},)"
        R"("rank":{"type":"string","enum":["beginner","skilled","expert"]},)"
        R"("scores":{"type":"object","additionalProperties":{"type":"number"}},)"
        R"("height":{"type":"number","exclusiveMinimum":0,"default":1.5}},)"
        R"("required":["name","age","skills","rank","scores"],"additionalProperties":false})");
    EXPECT_EQ(
        schema_text<Node>(),
        R"({"$ref":"#/$defs/Node","$defs":{"Node":{"type":"object","properties":{"value":{"type":"integer","format":"int32"},"children":{"type":"array","items":{"$ref":"#/$defs/Node"}},)"
        R"("next":{"anyOf":[{"$ref":"#/$defs/Node"},{"type":"null"}]}},"required":["value","children"],"additionalProperties":false}}})");
    EXPECT_NE(schema_text<Drawing>().find(
                  R"("anyOf":[{"type":"object","properties":{"kind":{"type":"string","const":"Circle"},"radius")"),
              std::string::npos)
        << schema_text<Drawing>();
    EXPECT_NE(schema_text<Person>({.all_required = true})
                  .find(R"("required":["name","age","skills","email","rank","scores","height"])"),
              std::string::npos);
}

// What is written is valid against the schema of its type; what from_value refuses, the schema refuses.
template <class T>
void agree(std::string_view text) {
    const auto schema = Schema::compile(schema_of<T>());
    ASSERT_TRUE(schema) << schema.error().describe() << schema_text<T>();
    const auto value = parse(text).value();
    const auto read = from_value<T>(value, {.refuse_unknown = true});
    EXPECT_EQ(read.has_value(), schema->accepts(value)) << text << "\n" << (read ? "read" : read.error().message());
    if (read) {
        EXPECT_TRUE(schema->accepts(to_value(*read))) << text;
    }
}

TEST(Reflect, SchemasAndReadingAgree) {
    for (const char* text :
         {R"({"name":"A","age":1,"skills":[],"rank":"skilled","scores":{}})",
          R"({"name":"","age":1,"skills":[],"rank":"skilled","scores":{}})",
          R"({"name":"A","age":151,"skills":[],"rank":"skilled","scores":{}})",
          R"({"name":"A","age":1,"skills":[],"rank":"skilled","scores":{},"x":1})",
          R"({"name":"A","age":1,"skills":[],"rank":"skilled","scores":{"x":true}})",
          R"({"name":"A","age":1,"skills":[1],"rank":"skilled","scores":{}})",
          R"({"name":"A","age":1,"skills":[],"rank":"skilled","scores":{},"email":"a@b.c","height":2})",
          R"({"name":"A","age":1,"skills":[],"rank":"skilled","scores":{},"email":"nobody"})", R"([])", "null"})
        agree<Person>(text);
    for (const char* text : {R"({"value":1,"children":[{"value":1,"children":[]}],"next":null})",
                             R"({"value":1,"children":[{}]})", R"({"value":2147483648,"children":[]})"})
        agree<Node>(text);
    for (const char* text :
         {R"({"shapes":[{"kind":"Circle","radius":1}],"odd":null})",
          R"({"shapes":[{"kind":"Box","radius":1}],"odd":null})", R"({"shapes":[{"radius":1}],"odd":null})",
          R"({"shapes":[],"odd":[]})", R"({"shapes":[],"odd":{"width":1,"height":1}})"})
        agree<Drawing>(text);
    for (const char* text : {"127", "128", "-129", "1.5", "1.0"}) agree<std::int8_t>(text);
    for (const char* text : {"4294967295", "4294967296", "-1"}) agree<std::uint32_t>(text);
    for (const char* text : {"[1,2]", "[1]", "[1,2,3]"}) agree<std::array<int, 2>>(text);
}

}  // namespace
}  // namespace tenon::json
