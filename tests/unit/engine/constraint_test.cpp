#include "tenon/engine/constraint.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <regex>
#include <set>

#include <boost/json.hpp>

#include "fake/causal_model.hpp"
#include "tenon/engine/engine.hpp"
#include "tenon/json/schema.hpp"

namespace tenon::engine {
namespace {

using fake::ByteTokenizer;
using fake::FakeModel;

std::shared_ptr<text::TokenGrammar> over_bytes(Result<text::Grammar> grammar) {
    EXPECT_TRUE(grammar) << grammar.error().describe();
    static const auto vocabulary = text::GrammarVocabulary::create(ByteTokenizer(), ByteTokenizer::vocabulary);
    return std::make_shared<text::TokenGrammar>(std::move(*grammar), vocabulary);
}

GenerationRequest request(std::shared_ptr<Constraint> constraint, std::uint64_t seed) {
    GenerationRequest out;
    out.prompt = ByteTokenizer().encode("go:");
    out.sampling = {.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0, .seed = seed};
    out.constraint = std::move(constraint);
    return out;
}

// A model that says anything at all, held to a schema: every answer is valid, whoever runs beside it.
TEST(Constraint, RandomModelsWriteValidJson) {
    const std::string schema =
        R"({"type":"object","properties":{"name":{"type":"string","maxLength":12},"age":{"type":"integer","minimum":0,"maximum":150},"tags":{"type":"array","items":{"enum":["a","bc"]},"maxItems":3}},"required":["name","age"]})";
    const auto grammar = over_bytes(text::Grammar::from_json_schema(schema));
    const auto checked = json::Schema::compile_text(schema).value();
    auto model = std::make_shared<FakeModel>(600);
    Engine engine(model, {.threads = 1, .max_sequences = 4});
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        const auto answer = engine.generate(request(hold_to({grammar}), seed)).value();
        EXPECT_EQ(answer.finish, FinishReason::stop);
        const auto value = json::parse(answer.text);
        ASSERT_TRUE(value) << answer.text;
        EXPECT_TRUE(checked.accepts(*value)) << answer.text;
    }
    auto greedy = request(hold_to({grammar}), 1);
    greedy.sampling = SamplingParams::greedy();
    EXPECT_TRUE(checked.accepts(json::parse(engine.generate(greedy).value().text).value()));
}

TEST(Constraint, EndTokensComeOnlyWhereTheTextMayEnd) {
    auto model = std::make_shared<FakeModel>();
    model->next = [](std::span<const text::TokenId>) { return ByteTokenizer::end; };  // wants to stop at once
    Engine engine(model, {.threads = 1});
    auto answer = engine.generate(request(hold_to({over_bytes(text::Grammar::from_regex("(ab){2,5}"))}), 3)).value();
    EXPECT_EQ(answer.text, "abab");
    EXPECT_EQ(answer.finish, FinishReason::stop);
    // Seldom wants to stop, but must.
    model->next = [](std::span<const text::TokenId>) { return text::TokenId{'a'}; };
    EXPECT_EQ(engine.generate(request(hold_to({over_bytes(text::Grammar::from_regex("a{7}"))}), 3)).value().text,
              "aaaaaaa");
    // An end that is forbidden besides leaves nothing to choose.
    auto none = request(hold_to({over_bytes(text::Grammar::from_regex("b"))}), 3);
    none.sampling.logit_bias = {{'b', -std::numeric_limits<float>::infinity()}};
    EXPECT_EQ(engine.generate(none).error().code(), ErrorCode::internal);
}

TEST(Constraint, OneOfSeveralGrammars) {
    auto model = std::make_shared<FakeModel>();
    Engine engine(model, {.threads = 1});
    std::set<std::string> seen;
    const auto a = over_bytes(text::Grammar::from_regex("ab?")), b = over_bytes(text::Grammar::from_regex("ac|x"));
    for (std::uint64_t seed = 0; seed < 200; ++seed)
        seen.insert(engine.generate(request(hold_to({a, b}), seed)).value().text);
    seen.erase("a");  // the fake model hardly ever ends by itself
    EXPECT_EQ(seen, (std::set<std::string>{"ab", "ac", "x"}));
}

TEST(Constraint, HoldsAfterAMark) {
    auto model = std::make_shared<FakeModel>();
    const auto ids = ByteTokenizer().encode("hi <c>zzz more <c>z end");
    model->next = [ids](std::span<const text::TokenId> tokens) {
        const auto said = tokens.size() - 3;
        return said < ids.size() ? ids[said] : ByteTokenizer::end;
    };
    Engine engine(model, {.threads = 1});
    auto once = request(hold_after("<c>", {over_bytes(text::Grammar::from_regex("[0-9]{3}"))}), 1);
    once.sampling = SamplingParams::greedy();
    const auto ended = engine.generate(once).value().text;
    EXPECT_TRUE(std::regex_match(ended, std::regex("hi <c>\\d{3}"))) << ended;
}

TEST(Constraint, GoesOnFromWhatIsWritten) {
    auto model = std::make_shared<FakeModel>();
    model->next = [](std::span<const text::TokenId>) { return text::TokenId{'a'}; };
    Engine engine(model, {.threads = 1});
    const Grammars grammars = {over_bytes(text::Grammar::from_regex("x[ab]{4}")),
                               over_bytes(text::Grammar::from_regex("y[ab]{4}"))};
    EXPECT_EQ(engine.generate(request(hold_to(grammars, "xb"), 3)).value().text, "aaa");
    EXPECT_EQ(hold_to(grammars, "z"), nullptr);
}

}  // namespace
}  // namespace tenon::engine
