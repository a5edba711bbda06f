#include "tenon/json/schema.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

namespace tenon::json {
namespace {

Value load(const std::string& path) {
    std::ifstream in(std::string(TENON_TEST_DATA) + path);
    std::stringstream text;
    text << in.rdbuf();
    auto value = parse(text.str());
    EXPECT_TRUE(value) << path;
    return value ? std::move(*value) : Value();
}

// Cases by hand, verdicts by jsonschema (tools/goldens/json_schema.py).
class SchemaCases : public testing::TestWithParam<const char*> {};

TEST_P(SchemaCases, AgreeWithTheReferenceImplementation) {
    const auto cases = load(std::string("/data/json_schema/") + GetParam() + ".json");
    const auto verdicts = load(std::string("/golden/json_schema/") + GetParam() + ".json");
    ASSERT_EQ(cases.as_array().size(), verdicts.as_array().size());
    for (std::size_t i = 0; i < cases.as_array().size(); ++i) {
        const auto& c = cases.as_array()[i];
        const auto schema = Schema::compile(c.at("schema"));
        ASSERT_TRUE(schema) << c.at("about") << ": " << schema.error().describe();
        const auto& data = c.at("data").as_array();
        ASSERT_EQ(data.size(), verdicts.at(i).as_array().size()) << c.at("about");
        for (std::size_t j = 0; j < data.size(); ++j) {
            const bool valid = verdicts.at(i).at(j).as_bool();
            const auto errors = schema->validate(data[j]);
            EXPECT_EQ(errors.empty(), valid)
                << c.at("about") << ": " << dump(data[j]) << (errors.empty() ? "" : " " + errors[0].describe());
            EXPECT_EQ(schema->accepts(data[j]), valid) << c.at("about") << ": " << dump(data[j]);
        }
    }
}
INSTANTIATE_TEST_SUITE_P(Json, SchemaCases, testing::Values("validation", "formats"));

std::vector<std::string> errors_of(std::string_view schema, std::string_view value) {
    std::vector<std::string> out;
    for (const auto& e : Schema::compile_text(schema).value().validate(parse(value).value()))
        out.push_back(e.describe() + " (" + e.keyword + ")");
    return out;
}

TEST(Schema, ErrorsNameThePlaceAndTheKeyword) {
    const auto errors = errors_of(
        R"({"type":"object","properties":{"skills":{"type":"array","items":{"type":"object","properties":{"level":{"type":"integer","minimum":1}}}},"a/b":{"maxLength":2}},"required":["name"],"additionalProperties":false})",
        R"({"skills":[{"level":1},{"level":"high"},{"level":0}],"a/b":"long","x":1})");
    EXPECT_EQ(errors,
              (std::vector<std::string>{
                  "the member \"name\" is missing (/required)",
                  "/skills/1/level: expected an integer, got a string (/properties/skills/items/properties/level/type)",
                  "/skills/2/level: must be at least 1, is 0 (/properties/skills/items/properties/level/minimum)",
                  "/a~1b: must have at most 2 characters, has 4 (/properties/a~1b/maxLength)",
                  "the member \"x\" is not allowed (/additionalProperties)"}));
}

TEST(Schema, AFailedChoiceTellsTheClosestAlternative) {
    const auto errors = errors_of(
        R"({"anyOf":[{"type":"string"},{"type":"object","properties":{"n":{"type":"integer"}}}]})", R"({"n":"x"})");
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_NE(errors[0].find("/n: expected an integer, got a string"), std::string::npos) << errors[0];
}

TEST(Schema, FaultsOfSchemasAreErrorsWithTheirPlace) {
    const auto error = [](std::string_view schema) { return Schema::compile_text(schema).error(); };
    EXPECT_EQ(error(R"({"properties":{"a":{"type":"strin"}}})").code(), ErrorCode::invalid_argument);
    EXPECT_NE(error(R"({"properties":{"a":{"type":"strin"}}})").message().find("/properties/a/type"),
              std::string::npos);
    EXPECT_NE(error(R"({"pattern":"(a"})").message().find("/pattern"), std::string::npos);
    EXPECT_NE(error(R"({"$ref":"#/$defs/none"})").message().find("refers to nothing"), std::string::npos);
    EXPECT_EQ(error(R"({"$ref":"https://elsewhere.example/schema"})").code(), ErrorCode::unsupported);
    for (const char* bad : {R"([1])", R"({"minLength":-1})", R"({"required":[1]})", R"({"anyOf":[]})", R"({"enum":3})",
                            R"({"multipleOf":0})", R"({"items":3})", R"({"properties":[]})", R"({"minimum":"1"})"})
        EXPECT_EQ(error(bad).code(), ErrorCode::invalid_argument) << bad;
}

TEST(Schema, OlderDraftsAreUnderstood) {
    const auto schema =
        Schema::compile_text(
            R"({"definitions":{"p":{"type":"number","minimum":0,"exclusiveMinimum":true}},"items":[{"$ref":"#/definitions/p"}],"additionalItems":false,"dependencies":{"a":["b"],"c":{"required":["d"]}}})")
            .value();
    EXPECT_TRUE(schema.accepts(parse("[1]").value()));
    EXPECT_FALSE(schema.accepts(parse("[0]").value()));
    EXPECT_FALSE(schema.accepts(parse("[1,2]").value()));
    EXPECT_FALSE(schema.accepts(parse(R"({"a":1})").value()));
    EXPECT_FALSE(schema.accepts(parse(R"({"c":1})").value()));
}

TEST(Schema, HostileSchemasEndInBoundedTime) {
    // Endless references, exponential choices, catastrophic patterns.
    EXPECT_FALSE(Schema::compile_text(R"({"$ref":"#"})").value().accepts(parse("1").value()));
    EXPECT_FALSE(Schema::compile_text(R"({"anyOf":[{"$ref":"#"},{"$ref":"#"}]})").value().accepts(parse("1").value()));
    const auto slow = errors_of(R"({"pattern":"^(a+)+$"})", "\"" + std::string(200, 'a') + "!\"");
    ASSERT_EQ(slow.size(), 1U);
    EXPECT_NE(slow[0].find("takes too long"), std::string::npos) << slow[0];
    std::string deep = "true";
    for (int i = 0; i < 100; ++i) deep = R"({"items":)" + deep + "}";
    EXPECT_TRUE(Schema::compile_text(deep));
    // Too deep for JSON itself.
    for (int i = 0; i < 200; ++i) deep = R"({"items":)" + deep + "}";
    EXPECT_FALSE(Schema::compile_text(deep));
}

}  // namespace
}  // namespace tenon::json
