// Completions of a raw prompt that are held to a form, as the servers of vLLM and llama.cpp have it.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "local_server.hpp"

namespace tenon::serve {
namespace {

struct Fixture : test::LocalServer {
    Fixture() {
        auto fake = std::make_shared<fake::FakeModel>();
        fake->shape = [](std::span<const text::TokenId>, std::span<float> row) { row['z'] += 50; };  // left alone: z
        start(std::move(fake), {.threads = 1});
    }
    std::string text(const std::string& more) {
        const auto reply =
            post("/v1/completions", R"({"prompt": "p", "max_tokens": 40, "temperature": 0)" + more + "}");
        EXPECT_EQ(reply.status, 200) << reply.body;
        return std::string(json::string_or(reply.value().at("choices").at(0), "text", ""));
    }
    std::string wrong(const std::string& more) {
        const auto reply = post("/v1/completions", R"({"prompt": "p", "max_tokens": 4)" + more + "}");
        EXPECT_EQ(reply.status, 400) << reply.body;
        return std::string(json::string_or(reply.value().at("error"), "param", ""));
    }
};

TEST(CompletionForms, EverySpellingHolds) {
    Fixture f;
    EXPECT_EQ(f.text(""), std::string(40, 'z'));
    const auto only_ab = [](const std::string& t) {
        return t.size() >= 2 && t.size() <= 4 && t.find_first_not_of("ab") == std::string::npos;
    };
    EXPECT_PRED1(only_ab, f.text(R"(, "guided_regex": "[ab]{2,4}")"));
    EXPECT_PRED1(only_ab, f.text(R"(, "structured_outputs": {"regex": "[ab]{2,4}"})"));
    EXPECT_PRED1(only_ab, f.text(R"(, "grammar": "root ::= [ab] [ab]")"));
    EXPECT_EQ(f.text(R"(, "guided_choice": ["yes"])"), "yes");
    const auto object =
        json::parse(f.text(R"(, "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema":)"
                           R"( {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"],)"
                           R"( "additionalProperties": false}}})"));
    ASSERT_TRUE(object) << object.error().describe();
    EXPECT_TRUE(object->at("ok").is_bool());
}

TEST(CompletionForms, HoldEveryAnswerOfAGroup) {
    Fixture f;
    const auto reply = f.post(
        "/v1/completions", R"({"prompt": ["p", "q"], "n": 2, "temperature": 1, "seed": 1, "guided_regex": "[ab]{3}"})");
    ASSERT_EQ(reply.status, 200) << reply.body;
    const auto choices = reply.value().at("choices").as_array();
    ASSERT_EQ(choices.size(), 4U);
    for (const auto& choice : choices) {
        const auto text = std::string(json::string_or(choice, "text", ""));
        EXPECT_EQ(text.size(), 3U);
        EXPECT_EQ(text.find_first_not_of("ab"), std::string::npos) << text;
    }
}

TEST(CompletionForms, FaultsAreNamed) {
    Fixture f;
    EXPECT_EQ(f.wrong(R"(, "guided_regex": 3)"), "guided_regex");
    EXPECT_EQ(f.wrong(R"(, "guided_regex": "a", "grammar": "root ::= \"b\"")"), "grammar");
    EXPECT_EQ(f.wrong(R"(, "guided_regex": "a", "use_beam_search": true)"), "use_beam_search");
    const auto broken = f.post("/v1/completions", R"({"prompt": "p", "guided_regex": "("})");
    EXPECT_EQ(broken.status, 400) << broken.body;
    const auto long_prompt = f.post("/v1/completions", R"({"prompt": ")" + std::string(100'000, 'p') + "\"}");
    EXPECT_EQ(long_prompt.status, 400);
    EXPECT_EQ(json::string_or(long_prompt.value().at("error"), "param", ""), "prompt");
}

}  // namespace
}  // namespace tenon::serve
