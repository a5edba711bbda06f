#include "tenon/chain/few_shot.hpp"

#include <gtest/gtest.h>

#include <boost/describe/class.hpp>
#include <map>

#include "fake/scripted_model.hpp"
#include "tenon/async/runtime.hpp"

namespace tenon::chain {
namespace {

struct Word {
    std::string word;
};
BOOST_DESCRIBE_STRUCT(Word, (), (word))

/// Vectors by text, as the test wants them.
class TableEmbedder final : public llm::Embedder {
  public:
    explicit TableEmbedder(std::map<std::string, std::vector<float>> table) : table_(std::move(table)) {}
    const std::string& name() const noexcept override { return name_; }
    std::size_t dimension() const override { return 2; }
    task<Result<llm::Embeddings>> embed(std::vector<std::string> texts, llm::EmbedKind, CallOptions) override {
        llm::Embeddings out;
        out.dimension = 2;
        for (const auto& t : texts) {
            const auto at = table_.find(t);
            if (at == table_.end()) co_return fail(ErrorCode::not_found, "no vector for " + t);
            out.values.insert(out.values.end(), at->second.begin(), at->second.end());
        }
        co_return out;
    }

  private:
    std::string name_ = "table";
    std::map<std::string, std::vector<float>> table_;
};

using Indices = std::vector<std::size_t>;

class FewShotTest : public testing::Test {
  protected:
    template <class T>
    T wait(task<T> work) {
        return sync_wait(runtime, std::move(work));
    }
    Indices choose(const SelectorPtr& selector, std::string query) {
        return *wait(selector->select(std::move(query), {}));
    }
    Runtime runtime{1};
    // Unit vectors: a and b nearly the same, c apart from both, d opposite to the query.
    std::shared_ptr<TableEmbedder> embedder = std::make_shared<TableEmbedder>(std::map<std::string, std::vector<float>>{
        {"q", {1, 0}}, {"a", {2, 0.1F}}, {"b", {1, 0.12F}}, {"c", {1, 0.9F}}, {"d", {-1, 0}}});
};

TEST_F(FewShotTest, ExamplesAreEarlierTurnsOrText) {
    const std::vector<Example<Word>> examples = {{{"hot"}, "cold"}, {{"高"}, "低"}};
    const auto question = prompt<Word>("The opposite of {word}?");
    const auto turns = *FewShot<Word>::make(question, examples, "Answer with one word.");
    auto request = wait(turns({"big"}, {}));
    ASSERT_EQ(request->messages.size(), 6U);
    EXPECT_EQ(request->messages[0].role, llm::Role::system);
    EXPECT_EQ(request->messages[3].text(), "The opposite of 高?");
    EXPECT_EQ(request->messages[4].role, llm::Role::assistant);
    EXPECT_EQ(request->messages[4].text(), "低");
    EXPECT_EQ(request->messages[5].text(), "The opposite of big?");

    const auto text = *FewShot<Word>::make(question, examples, "", select_first(1), Layout::text);
    request = wait(text({"big"}, {}));
    ASSERT_EQ(request->messages.size(), 1U);
    EXPECT_EQ(request->messages[0].text(), "The opposite of hot?\ncold\n\nThe opposite of big?");

    const auto model = fake::scripted_model();
    model->reply("small");
    auto chain = turns | model | to_text();
    EXPECT_EQ(*wait(chain({"big"})), "small");
}

TEST_F(FewShotTest, ByLengthTakesWhatFits) {
    const std::vector<std::string> examples = {"12345", "123", "1234567", "1"};
    const auto bytes = [](std::string_view s) { return s.size(); };
    EXPECT_EQ(choose(select_by_length(examples, 10, bytes), "12"), (Indices{0, 1}));
    EXPECT_EQ(choose(select_by_length(examples, 10, bytes), "123456"), (Indices{}));
    EXPECT_EQ(choose(select_by_length(examples, 100, bytes), ""), (Indices{0, 1, 2, 3}));
}

TEST_F(FewShotTest, BySimilarityTakesTheNearest) {
    const auto make = [&](SimilarityOptions o) {
        return *wait(select_by_similarity(embedder, {"d", "c", "b", "a"}, o, {}));
    };
    EXPECT_EQ(choose(make({.count = 2}), "q"), (Indices{3, 2}));
    EXPECT_EQ(choose(make({.count = 2, .nearest_last = true}), "q"), (Indices{2, 3}));
    EXPECT_EQ(choose(make({.count = 4, .at_least = 0.9}), "q"), (Indices{3, 2}));
    EXPECT_EQ(wait(make({})->select("unknown", {})).error().code(), ErrorCode::not_found);
}

TEST_F(FewShotTest, DiverseAvoidsWhatIsThereAlready) {
    const auto make = [&](DiversityOptions o) { return *wait(select_diverse(embedder, {"a", "b", "c", "d"}, o, {})); };
    EXPECT_EQ(choose(make({.count = 2, .relevance = 1}), "q"), (Indices{0, 1}));
    EXPECT_EQ(choose(make({.count = 2, .relevance = 0.5}), "q"), (Indices{0, 3}));
    EXPECT_EQ(choose(make({.count = 2, .candidates = 3, .relevance = 0.3}), "q"), (Indices{0, 2}));
    EXPECT_EQ(choose(make({.count = 9}), "q").size(), 4U);
    EXPECT_TRUE(choose(*wait(select_diverse(embedder, {}, {}, {})), "q").empty());
}

}  // namespace
}  // namespace tenon::chain
