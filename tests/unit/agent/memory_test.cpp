#include "tenon/agent/memory.hpp"

#include <gtest/gtest.h>

#include "fake/scripted_model.hpp"
#include "tenon/agent/agent.hpp"

namespace tenon::agent {
namespace {

using fake::scripted_model;

class LetterEmbedder final : public llm::Embedder {
  public:
    const std::string& name() const noexcept override { return name_; }
    std::size_t dimension() const override { return 256; }
    task<Result<llm::Embeddings>> embed(std::vector<std::string> texts, llm::EmbedKind, CallOptions) override {
        llm::Embeddings out;
        out.dimension = 256;
        for (const auto& t : texts) {
            std::vector<float> row(256, 0.0F);
            for (const char c : t) row[static_cast<unsigned char>(c)] += c == ' ' ? 0.0F : 1.0F;
            out.values.insert(out.values.end(), row.begin(), row.end());
        }
        co_return out;
    }

  private:
    std::string name_ = "letters";
};

class MemoryTest : public testing::Test {
  protected:
    Result<Answer> ask(const Agent& agent, std::string question, std::string user = "ada") {
        RunOptions options;
        options.user = std::move(user);
        agent::Run run = agent.run(std::move(question), std::move(options));
        return sync_wait(runtime_, run.answer());
    }
    Recollection recall(Memory& memory, std::string question, std::string user = "ada") {
        return sync_wait(runtime_, memory.recall(std::move(user), std::move(question), {})).value();
    }
    void said(Memory& memory, std::string question, std::string answer, std::string user = "ada") {
        ASSERT_TRUE(sync_wait(
            runtime_,
            memory.record(std::move(user),
                          {llm::Message::user(std::move(question)), llm::Message::assistant(std::move(answer))}, {})));
    }
    Runtime runtime_{2};
    std::shared_ptr<store::Notebook> notebook_ = store::Notebook::temporary().value();
};

TEST_F(MemoryTest, AConversationGoesOnInTheNextRun) {
    auto model = scripted_model();
    model->reply("Hello Ada.").reply("You are Ada.").reply("I do not know you.");
    const auto agent = Agent{model}.remembers(conversation_memory(notebook_));
    ASSERT_TRUE(ask(agent, "I am Ada."));
    ASSERT_TRUE(ask(agent, "Who am I?"));
    const auto second = model->requests()[1].messages;
    ASSERT_EQ(second.size(), 3U);
    EXPECT_EQ(second[0].text(), "I am Ada.");
    EXPECT_EQ(second[1].text(), "Hello Ada.");
    ASSERT_TRUE(ask(agent, "Who am I?", "bob"));
    EXPECT_EQ(model->requests()[2].messages.size(), 1U);
}

TEST_F(MemoryTest, WindowsAndTokenBoundsBeginWithTheUser) {
    const auto window = conversation_memory(notebook_, nullptr, {3, 0, false});
    for (int i = 0; i < 4; ++i) said(*window, "question " + std::to_string(i), "answer " + std::to_string(i));
    auto turns = recall(*window, "").turns;
    ASSERT_EQ(turns.size(), 2U);
    EXPECT_EQ(turns[0].text(), "question 3");
    const auto bounded = conversation_memory(notebook_, nullptr, {0, 32, false});
    turns = recall(*bounded, "").turns;
    ASSERT_EQ(turns.size(), 4U);
    EXPECT_EQ(turns[0].text(), "question 2");
}

TEST_F(MemoryTest, WhatNoLongerFitsIsSummarised) {
    auto writer = scripted_model();
    writer->otherwise("They spoke of numbers.");
    const auto memory = conversation_memory(notebook_, writer, {0, 20, true});
    for (int i = 0; i < 6; ++i) said(*memory, "a longer question number " + std::to_string(i), "an answer");
    const auto r = recall(*memory, "");
    EXPECT_NE(r.notes.find("They spoke of numbers."), std::string::npos);
    EXPECT_LE(r.turns.size(), 4U);
    EXPECT_NE(writer->requests().back().messages.back().text().find("Summary so far"), std::string::npos);
}

TEST_F(MemoryTest, NearMemoriesComeBack) {
    const auto memory = vector_memory(notebook_, std::make_shared<LetterEmbedder>(), 1, 0.2);
    said(*memory, "zzz zzz", "zz");
    said(*memory, "我喜欢喝茶", "好的");
    EXPECT_NE(recall(*memory, "喝茶").notes.find("我喜欢喝茶"), std::string::npos);
    EXPECT_EQ(recall(*memory, "喝茶").notes.find("zzz"), std::string::npos);
    EXPECT_TRUE(recall(*memory, "喝茶", "bob").notes.empty());
}

TEST_F(MemoryTest, FactsAreKeptByWhatTheyAreAbout) {
    auto model = scripted_model();
    model->reply("- Name: Ada\n- city：伦敦").reply("city: Paris").reply("none");
    const auto memory = fact_memory(notebook_, model);
    said(*memory, "I am Ada from London", "hi");
    said(*memory, "I moved to Paris", "nice");
    said(*memory, "how are you?", "well");
    const auto notes = recall(*memory, "").notes;
    EXPECT_EQ(notes, "Known about the user:\n- Name: Ada\n- city: Paris\n");
}

TEST_F(MemoryTest, AUserCanTakeEverythingAndBeForgotten) {
    const auto memory =
        memories({conversation_memory(notebook_), vector_memory(notebook_, std::make_shared<LetterEmbedder>())});
    said(*memory, "my secret", "kept");
    said(*memory, "bob's", "own", "bob");
    const auto all = memory->export_user("ada").value();
    EXPECT_NE(all.find("my secret"), std::string::npos);
    EXPECT_EQ(all.find("bob"), std::string::npos);
    ASSERT_TRUE(memory->erase_user("ada"));
    EXPECT_EQ(memory->export_user("ada").value(), "[]");
    EXPECT_TRUE(recall(*memory, "my secret").turns.empty());
    EXPECT_EQ(notebook_->owners().value(), std::vector<std::string>{"bob"});
}

}  // namespace
}  // namespace tenon::agent
