#include "tenon/chain/optimize.hpp"

#include <gtest/gtest.h>

#include <boost/describe/class.hpp>
#include <fstream>

#include "fake/scripted_model.hpp"
#include "tenon/async/runtime.hpp"
#include "tenon/base/file.hpp"
#include "tenon/chain/document.hpp"

namespace tenon::chain {
namespace {

struct Word {
    std::string word;
};
BOOST_DESCRIBE_STRUCT(Word, (), (word))

/// Answers rightly (the word in capitals) only when it has been shown an example or been told to use capitals.
fake::Script student(const llm::ChatRequest& request) {
    const auto& m = request.messages;
    std::string word = m.back().text();
    bool knows = m.size() > 2;
    for (const auto& message : m)
        knows = knows || (message.role == llm::Role::system && message.text().find("capitals") != std::string::npos);
    if (knows)
        for (auto& c : word) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return fake::Script(word);
}

class OptimizeTest : public testing::Test {
  protected:
    Result<Optimized> search(OptimizeOptions options) {
        std::vector<Example<Word>> train, development;
        for (const char* w : {"red", "green", "blue", "white", "black"}) train.push_back({{w}, upper(w)});
        for (const char* w : {"one", "two", "three", "four", "five", "six"}) development.push_back({{w}, upper(w)});
        return sync_wait(runtime, optimize_prompt(prompt<Word>("{word}"), "Echo.", train, development,
                                                  [](const Example<Word>& e, const std::string& answer) {
                                                      return e.answer == answer ? 1.0 : 0.0;
                                                  },
                                                  model, teacher, proposer, options, {}));
    }
    static std::string upper(std::string s) {
        for (auto& c : s) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        return s;
    }
    OptimizeTest() {
        model->otherwise(student);
        teacher->otherwise(student);
        proposer->otherwise("\"Repeat the word.\"");
    }
    Runtime runtime{2};
    std::shared_ptr<fake::ScriptedModel> model = fake::scripted_model("student"),
                                         teacher = fake::scripted_model("teacher"),
                                         proposer = fake::scripted_model("proposer");
};

TEST_F(OptimizeTest, BootstrapsDemonstrationsTheMetricAccepts) {
    const auto out = search({.max_demonstrations = 2, .instructions = 0});
    ASSERT_TRUE(out) << out.error().message();
    EXPECT_EQ(out->start_score, 0);
    EXPECT_EQ(out->score, 1);
    ASSERT_FALSE(out->best.demonstrations.empty());
    EXPECT_LE(out->best.demonstrations.size(), 2U);
    for (const auto& [question, answer] : out->best.demonstrations) EXPECT_EQ(answer, upper(question));
    EXPECT_EQ(teacher->calls(), 5U);
}

TEST_F(OptimizeTest, SearchesInstructions) {
    proposer->reply("Write the word in capitals.");
    const auto out = search({.max_demonstrations = 0, .instructions = 2});
    ASSERT_TRUE(out) << out.error().message();
    EXPECT_EQ(out->best.instruction, "Write the word in capitals.");
    EXPECT_EQ(out->score, 1);
    EXPECT_EQ(teacher->calls(), 0U);
    // Whoever proposes sees the task and what went wrong.
    const auto asked = proposer->requests().at(0).messages.back().text();
    EXPECT_NE(asked.find("Answered wrongly so far: one"), std::string::npos);
    EXPECT_NE(asked.find("Echo."), std::string::npos);
}

TEST_F(OptimizeTest, SameSeedSameSearch) {
    const auto a = *search({.seed = 7}), b = *search({.seed = 7});
    ASSERT_EQ(a.trials.size(), b.trials.size());
    for (std::size_t i = 0; i < a.trials.size(); ++i) {
        EXPECT_EQ(a.trials[i].candidate.demonstrations, b.trials[i].candidate.demonstrations);
        EXPECT_EQ(a.trials[i].score, b.trials[i].score);
    }
}

TEST_F(OptimizeTest, StaysWithinItsBudget) {
    const auto out = search({.max_calls = 12});
    ASSERT_TRUE(out);
    EXPECT_TRUE(out->budget_spent);
    EXPECT_LE(out->calls, 12U);
    EXPECT_EQ(out->calls, model->calls() + teacher->calls() + proposer->calls());
}

TEST_F(OptimizeTest, GoesOnWhereItStopped) {
    const auto folder = *TemporaryDirectory::create();
    OptimizeOptions options;
    options.journal = folder.path() / "journal.jsonl";
    options.concurrency = 1;
    // The student fails in the middle of the search.
    auto broken = fake::scripted_model("student");
    auto left = std::make_shared<int>(10);
    broken->otherwise([left](const llm::ChatRequest& r) {
        return --*left < 0 ? fake::Script(Error(ErrorCode::unavailable, "gone")) : student(r);
    });
    std::swap(model, broken);
    EXPECT_EQ(search(options).error().message(), "gone");
    std::swap(model, broken);
    // A crash cut the last line.
    std::ofstream(options.journal, std::ios::app) << "{\"key\": \"half";
    const auto out = search(options);
    ASSERT_TRUE(out) << out.error().message();
    EXPECT_GE(out->replayed, 10U);
    EXPECT_EQ(out->score, 1);
    const auto calls = model->calls();
    const auto again = search(options);
    EXPECT_EQ(again->calls, 0U);
    EXPECT_EQ(model->calls(), calls);
    EXPECT_EQ(again->best.demonstrations, out->best.demonstrations);
}

TEST_F(OptimizeTest, TheResultIsAPromptFile) {
    const PromptCandidate best{"Use {capitals}.", {{"@red", "RED"}}};
    const auto text = document_of(best, "{word}", "a \"test\"");
    const auto document = PromptDocument::parse(text, "t");
    ASSERT_TRUE(document) << document.error().message();
    const auto request = document->render({{"word", "blue"}});
    ASSERT_EQ(request->messages.size(), 4U);
    EXPECT_EQ(request->messages[0].text(), "Use {capitals}.");
    EXPECT_EQ(request->messages[1].text(), "@red");
    EXPECT_EQ(request->messages[3].text(), "blue");
    EXPECT_EQ(exact_answer("7", "So\nAnswer: 7.0"), 1);
}

}  // namespace
}  // namespace tenon::chain
