#include "tenon/store/analyzer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/stemmer.hpp"

namespace tenon::store {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

std::vector<std::string> terms(std::string_view text) {
    std::vector<std::string> out;
    for (auto& term : analyze(text).terms) out.push_back(term.text);
    return out;
}

std::vector<std::string> asked(std::string_view text) {
    std::vector<std::string> out;
    for (auto& term : analyze_query(text)) out.push_back(term.text);
    return out;
}

/// Examples of Porter's paper and of his published vocabulary.
TEST(StemmerTest, AsPublished) {
    const std::pair<const char*, const char*> examples[] = {
        {"caresses", "caress"},
        {"ponies", "poni"},
        {"ties", "ti"},
        {"cats", "cat"},
        {"feed", "feed"},
        {"agreed", "agre"},
        {"plastered", "plaster"},
        {"bled", "bled"},
        {"motoring", "motor"},
        {"sing", "sing"},
        {"conflated", "conflat"},
        {"troubled", "troubl"},
        {"sized", "size"},
        {"hopping", "hop"},
        {"falling", "fall"},
        {"hissing", "hiss"},
        {"failing", "fail"},
        {"filing", "file"},
        {"happy", "happi"},
        {"sky", "sky"},
        {"relational", "relat"},
        {"conditional", "condit"},
        {"rational", "ration"},
        {"digitizer", "digit"},
        {"vietnamization", "vietnam"},
        {"predication", "predic"},
        {"operator", "oper"},
        {"hopefulness", "hope"},
        {"formality", "formal"},
        {"sensibility", "sensibl"},
        {"triplicate", "triplic"},
        {"electrical", "electr"},
        {"goodness", "good"},
        {"revival", "reviv"},
        {"allowance", "allow"},
        {"inference", "infer"},
        {"adjustable", "adjust"},
        {"replacement", "replac"},
        {"adoption", "adopt"},
        {"homologous", "homolog"},
        {"effective", "effect"},
        {"bowdlerize", "bowdler"},
        {"probate", "probat"},
        {"rate", "rate"},
        {"cease", "ceas"},
        {"controll", "control"},
        {"roll", "roll"},
        {"generalizations", "gener"},
        {"oscillators", "oscil"},
        {"connections", "connect"},
        {"a", "a"},
        {"is", "is"},
    };
    for (const auto& [word, stemmed] : examples) EXPECT_EQ(stem(word), stemmed) << word;
}

TEST(AnalyzerTest, WordsAreFoldedAndStemmed) {
    EXPECT_THAT(terms("Installing the Café’s printers"), ElementsAre("instal", "the", "cafe", "printer"));
    EXPECT_THAT(terms("Ｆｕｌｌ ﬁne ÅNGSTRÖM"), ElementsAre("full", "fine", "angstrom"));
    EXPECT_THAT(terms("Debian's"), ElementsAre("debian"));
    EXPECT_THAT(terms("Привет ΣΊΣΥΦΟΣ"), ElementsAre("привет", "σισυφοσ"));
}

TEST(AnalyzerTest, IdentifiersPathsAndVersionsKeepTheWholeAndTheParts) {
    EXPECT_THAT(terms("readFile"), ElementsAre("readfile", "read", "file"));
    EXPECT_THAT(terms("snake_case_name"), ElementsAre("snake_case_name", "snake", "case", "name"));
    EXPECT_THAT(terms("HTTPServer"), ElementsAre("httpserver", "http", "server"));
    EXPECT_THAT(terms("/etc/apt/sources.list"), ElementsAre("etc/apt/sources.list", "etc", "apt", "sourc", "list"));
    EXPECT_THAT(terms("--no-install-recommends,"), ElementsAre("no-install-recommends", "no", "instal", "recommend"));
    EXPECT_THAT(terms("v2.6.1."), ElementsAre("v2.6.1", "v2", "6", "1"));
    EXPECT_THAT(terms("std::vector"), ElementsAre("std::vector", "std", "vector"));
    EXPECT_THAT(terms("C++ and F# end."), ElementsAre("c++", "and", "f#", "end"));
}

TEST(AnalyzerTest, ScriptsWithoutSpacesGiveBigramsAndCharacters) {
    EXPECT_THAT(terms("安装包"), ElementsAre("安装", "安", "装包", "装", "包"));
    EXPECT_THAT(terms("用apt安装"), ElementsAre("用", "apt", "安装", "安", "装"));
    EXPECT_EQ(analyze("安装 apt 包").length, 4U);
    EXPECT_TRUE(analyze("，。！？ … ---").terms.empty());
    EXPECT_TRUE(analyze("").terms.empty());
    EXPECT_THAT(terms("ab\xff"
                      "cd"),
                ElementsAre("ab", "cd"));
}

TEST(AnalyzerTest, QuestionsLoseTheirQuestionWords) {
    EXPECT_THAT(asked("How do I install the package?"), ElementsAre("instal", "packag"));
    EXPECT_THAT(asked("如何安装"), ElementsAre("安装", "安", "装"));
    EXPECT_THAT(asked("内核是什么？"), ElementsAre("内核", "内", "核"));
    EXPECT_THAT(asked("who is it"), ElementsAre("who", "is", "it"));  // nothing else to go by
    EXPECT_THAT(asked("什么"), Not(ElementsAre()));
    EXPECT_THAT(asked("IT department of the US"), Contains("it"));
    EXPECT_THAT(asked("/usr/share/doc/it is-there.txt"), Contains("usr/share/doc/it"));
    EXPECT_THAT(asked("package packages packaging"), ElementsAre("packag"));
}

TEST(AnalyzerTest, LongInputIsBounded) {
    std::string many;
    for (int i = 0; i < 5000; ++i) many += "word" + std::to_string(i) + " ";
    EXPECT_LE(analyze_query(many).size(), 512U);
    const auto one = terms(std::string(100'000, 'x'));
    ASSERT_EQ(one.size(), 1U);
    EXPECT_LE(one[0].size(), 64U);
}

}  // namespace
}  // namespace tenon::store
