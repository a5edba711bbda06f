#include <gtest/gtest.h>

#include <algorithm>

#include "rag/answer/confidence.hpp"
#include "rag/answer/evidence.hpp"
#include "rag/answer/passages.hpp"
#include "rag/answer/prompt.hpp"
#include "rag/answer/verify.hpp"
#include "tenon/async/runtime.hpp"
#include "tenon/base/file.hpp"
#include "tenon/rag/answer.hpp"

namespace tenon::rag {
namespace {

store::Hit hit(std::string text, std::string heading = {}) {
    store::Hit h;
    h.source = "a.md";
    h.chunk.text = std::move(text);
    h.chunk.heading = std::move(heading);
    h.chunk.start_line = 10;
    h.chunk.start_char = 100;
    return h;
}

std::vector<std::string> units_of(std::string_view text) {
    std::vector<std::string> out;
    for (const auto& r : unit_ranges(text)) out.emplace_back(text.substr(r.begin, r.end - r.begin));
    return out;
}

TEST(Units, KeepSentencesItemsRowsAndCodeApart) {
    EXPECT_EQ(units_of("One sentence\nover two lines. Another one.\n\n- item a\n- item b\n  goes on\n\n```sh\nrun it. "
                       "now\n```\n| a | b |\n"),
              (std::vector<std::string>{"One sentence\nover two lines.", "Another one.", "- item a",
                                        "- item b\n  goes on", "```sh\nrun it. now\n```", "| a | b |"}));
    EXPECT_EQ(units_of("第一句。第二句！"), (std::vector<std::string>{"第一句。", "第二句！"}));
    EXPECT_TRUE(units_of(" \n\t\n").empty());
    EXPECT_EQ(units_of("```\nnever closed").size(), 1U);
}

TEST(Units, RankByWhatTheQuestionAsksAndHowRareItIs) {
    const std::vector<store::Hit> hits{hit("The server is fast. The port is 8080. It can be changed.")};
    auto units = find_units(hits);
    ASSERT_EQ(units.size(), 3U);
    const std::vector<store::TermStatistic> terms{{"port", 1, 4}, {"server", 1, 1}};
    const auto order = rank_units(units, hits, terms);
    EXPECT_EQ(order.front(), 1U);
    EXPECT_NEAR(units[1].coverage, 0.8, 1e-6);
}

TEST(Passages, StayWithinTheBudgetAndJoinWhatTouches) {
    const std::vector<store::Hit> hits{
        hit("The port is 8080. It can be changed. Nothing else matters here. Really nothing.")};
    auto units = find_units(hits);
    const std::vector<store::TermStatistic> terms{{"port", 1, 4}};
    const auto order = rank_units(units, hits, terms);
    const auto words = [](std::string_view t) {
        return static_cast<std::size_t>(std::count(t.begin(), t.end(), ' ')) + 1;
    };
    PassageOptions options;
    options.max_tokens = 10;
    const auto passages = choose_passages(units, order, hits, options, words);
    ASSERT_EQ(passages.size(), 1U);
    EXPECT_EQ(passages[0].text, "The port is 8080. It can be changed.");
}

std::vector<std::string> evidence_of(const std::vector<store::Hit>& hits,
                                     const std::vector<store::TermStatistic>& terms) {
    auto units = find_units(hits);
    const auto order = rank_units(units, hits, terms);
    std::vector<std::string> out;
    for (const auto& e : choose_evidence(units, order, hits, terms))
        out.push_back(hits[e.hit].chunk.text.substr(e.begin, e.end - e.begin));
    return out;
}

TEST(Evidence, ASecondStretchIsForTheSecondPartOfTheQuestion) {
    const std::string filler = "Nothing of that " + std::string(300, 'x') + ". ";
    const std::vector<store::Hit> hits{hit("A room may include base. It never does more. " + filler +
                                           "A room is small. " + filler + "The program check_layers proves it.")};
    const std::vector<store::TermStatistic> terms{{"room", 1, 2}, {"includ", 1, 3}, {"check_layers", 1, 3}};
    const auto found = evidence_of(hits, terms);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0], "A room may include base. It never does more.");
    EXPECT_EQ(found[1], "The program check_layers proves it.");
}

TEST(Evidence, NothingIsQuotedTwice) {
    const std::vector<store::Hit> hits{
        hit("A room may include base. The program check_layers reads the table of rooms. | a | table |")};
    const std::vector<store::TermStatistic> terms{{"check_layers", 1, 9}, {"includ", 1, 3}};
    EXPECT_EQ(evidence_of(hits, terms).size(), 2U);
    EXPECT_EQ(evidence_of(hits, terms)[1], "A room may include base.");
}

TEST(Evidence, AnAnnouncementBringsItsListAndLosesToAnAnswer) {
    EXPECT_TRUE(announces_more("Supported ports:"));
    EXPECT_TRUE(announces_more("端口是多少？ \n"));
    EXPECT_FALSE(announces_more("The port is 8080."));
    const std::vector<store::Hit> list{hit("Supported ports:\n\n- 80\n- 443\n- 8080\n")};
    const std::vector<store::TermStatistic> terms{{"port", 1, 4}, {"support", 1, 2}};
    const auto found = evidence_of(list, terms);
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found[0], "Supported ports:\n\n- 80\n- 443\n- 8080");
    const std::vector<store::Hit> both{hit("Which port is supported?\n\nThe supported port is 8080.")};
    auto units = find_units(both);
    EXPECT_EQ(rank_units(units, both, terms).front(), 1U);
    EXPECT_TRUE(evidence_of({}, terms).empty());
}

TEST(Evidence, ANameThatNothingHasTellsAgainstAnAnswer) {
    const std::vector<store::Hit> hits{hit("The default port is 8080.", "Ports")};
    const std::vector<store::TermStatistic> terms{{"port", 1, 3}, {"mongodb", 1, 7}, {"usual", 1, 6}};
    EXPECT_EQ(rarest_missing("Which port does MongoDB use?", terms, hits), 7);
    EXPECT_EQ(rarest_missing("MongoDB 的端口是多少？", terms, hits), 7);
    EXPECT_EQ(rarest_missing("mongodb 的端口是多少？", terms, hits), 7);
    EXPECT_EQ(rarest_missing("Which port is usual?", terms, hits), 0);  // an ordinary word
    EXPECT_EQ(rarest_missing("Port 8080, is it the default?", terms, hits), 0);
    EXPECT_EQ(
        rarest_missing("tenon.toml 里有端口吗？", terms, std::vector<store::Hit>{hit("端口在tenon.toml中设置。")}), 0);
    EXPECT_EQ(rarest_missing("It is slow. Which port helps?", terms, hits), 0);
    EXPECT_EQ(rarest_missing("What is x2?", terms, hits), 0);
    EXPECT_EQ(rarest_missing("", {}, {}), 0);
    AnswerSignals known{0.6, 0.5, 0.6, 0, 0}, unknown{0.6, 0.5, 0.6, 7, 0};
    EXPECT_GT(estimate_confidence(known), estimate_confidence(unknown));
}

TEST(Confidence, TheBestOfFewIsLessOftenGoodByChance) {
    AnswerSignals signals{0.6, 0.3, 0.5, 0, 0};
    const double unknown = estimate_confidence(signals);
    signals.chunks = 50'000;
    const double many = estimate_confidence(signals);
    signals.chunks = store::typical_chunks;
    EXPECT_DOUBLE_EQ(estimate_confidence(signals), many);
    EXPECT_DOUBLE_EQ(many, unknown);
    signals.chunks = 2;
    EXPECT_GT(estimate_confidence(signals), many);
}

TEST(Verify, KnowsYesFromNo) {
    for (const auto* question :
         {"Can I go back?", " is it safe to do so?", "Does it work?", "可以降级吗？", "是否支持？"})
        EXPECT_TRUE(asks_yes_or_no(question)) << question;
    for (const auto* question : {"What can I do?", "Which one is it?", "端口是多少？", "Island of what?", ""})
        EXPECT_FALSE(asks_yes_or_no(question)) << question;
    for (const auto* text :
         {"It is not possible.", "You can't.", "Avoid it.", "There must be no files.", "不能降级。", "无法使用"})
        EXPECT_TRUE(denies(text)) << text;
    for (const auto* text : {"It is possible.", "The notes are nothingness.", "可以。", ""})
        EXPECT_FALSE(denies(text)) << text;
}

TEST(Verify, FindsMadeUpFactsAndRepeatedQuestions) {
    const std::vector<Passage> passages{
        {0, 0, 0, "The default port is 8080, set in /etc/tenon.toml by the administrator.", 1}};
    const Verifier verifier("Which port is the default?", passages);
    const auto good = verifier.check("The default port is 8080.");
    EXPECT_TRUE(good.facts_found);
    EXPECT_GT(good.share, 0.9);
    EXPECT_GT(good.novelty, min_novelty);
    EXPECT_FALSE(verifier.check("The default port is 9090.").facts_found);
    EXPECT_FALSE(verifier.check("It is set in /etc/other.conf.").facts_found);
    EXPECT_LT(verifier.check("The default port is the default port.").novelty, min_novelty);
    EXPECT_LT(verifier.check("Elephants migrate through savannas yearly.").share, min_support);
}

TEST(Prompt, SpeaksTheLanguageOfTheQuestion) {
    EXPECT_EQ(prompt_language("端口是多少？"), PromptLanguage::chinese);
    EXPECT_EQ(prompt_language("Which port?"), PromptLanguage::english);
    EXPECT_EQ(prompt_language("ポートは何番ですか"), PromptLanguage::english);
    EXPECT_EQ(refusal("端口是多少？"), "文档中没有说明。");
    EXPECT_EQ(refusal("Which port?"), "The documents do not say.");
    EXPECT_TRUE(says_unknown("The text does not mention it."));
    EXPECT_TRUE(says_unknown("资料中没有提到。"));
    EXPECT_FALSE(says_unknown("The port is 8080."));
}

TEST(Prompt, TheBestPassageStandsNextToTheQuestion) {
    const std::vector<store::Hit> hits{hit("First.", "One > Two"), hit("Second.")};
    const std::vector<Passage> passages{{0, 0, 6, "First.", 2}, {1, 0, 7, "Second.", 1}};
    const auto english = make_prompt("Which?", passages, hits);
    EXPECT_LT(english.ask.find("- Second."), english.ask.find("- Two: First."));
    EXPECT_TRUE(english.ask.ends_with("Question: Which?")) << english.ask;
    EXPECT_TRUE(make_prompt("哪个？", passages, hits, true).ask.contains("用中文回答"));
    EXPECT_TRUE(make_prompt("Which one is it?", passages, hits, true).ask.contains("Answer in English"));
}

TEST(Prompt, DocumentsInAnotherLanguageAreForeign) {
    const std::vector<store::Hit> english{hit("The default port is 8080, as everyone knows who has read this text.")};
    const std::vector<store::Hit> chinese{hit("默认端口是 8080，在 tenon.toml 里设置，读过这段文字的人都知道。")};
    const std::vector<store::Hit> mixed{hit("默认端口是 8080。"), hit("The default port is 8080, as everyone knows.")};
    EXPECT_TRUE(is_foreign("默认端口是多少？", english));
    EXPECT_FALSE(is_foreign("默认端口是多少？", chinese));
    EXPECT_FALSE(is_foreign("默认端口是多少？", mixed));
    EXPECT_TRUE(is_foreign("What is the default port of the server?", chinese));
    EXPECT_FALSE(is_foreign("What is the default port of the server?", english));
}

/// A base that finds one chunk for any question with "port" in it.
class OneChunk final : public store::KnowledgeBase {
  public:
    Result<store::KnowledgeBaseInfo> info() const override { return store::KnowledgeBaseInfo{}; }
    Result<std::int64_t> put(const store::Document&, std::span<const store::Chunk>, std::span<const float>) override {
        return 1;
    }
    Result<bool> remove(std::string_view) override { return false; }
    Result<std::vector<store::DocumentSummary>> list() const override { return std::vector<store::DocumentSummary>{}; }
    Result<store::Document> document(std::string_view) const override { return fail(ErrorCode::not_found, "none"); }
    Result<std::vector<store::Hit>> chunks(std::int64_t, std::size_t, std::size_t) const override {
        return std::vector<store::Hit>{};
    }
    Result<std::vector<store::Hit>> vector_search(std::span<const float>, std::size_t) const override {
        return std::vector<store::Hit>{};
    }
    Result<std::vector<store::Hit>> text_search(std::string_view, std::size_t) const override {
        return std::vector<store::Hit>{};
    }
    Result<store::Candidates> candidates(std::string_view query, std::span<const float>, std::size_t) const override {
        store::Candidates out;
        out.chunks = 5000;
        const bool match = query.find("port") != std::string_view::npos;
        out.terms = {{"default", 1, 2}, {"port", 1, match ? 2.0 : 9.0}};
        auto h = hit("Intro words.\nThe default port is 8080. More words follow.", "Ports");
        h.bm25 = match ? 9.0 : 0.5;
        h.bm25_share = match ? 0.9 : 0.05;
        if (!match) h.chunk.text = "Nothing of interest.";
        out.hits.push_back(std::move(h));
        return out;
    }
};

/// Says a fixed sentence, a few bytes at a time.
class Parrot final : public llm::ChatModel {
  public:
    explicit Parrot(std::string line) : line_(std::move(line)) {}
    const std::string& name() const noexcept override { return name_; }
    llm::Capabilities capabilities() const override { return {}; }
    task<Result<StreamPtr<llm::ChatEvent>>> stream(llm::ChatRequest, CallOptions) override {
        ++calls;
        struct Pieces final : Stream<llm::ChatEvent> {
            std::string rest;
            bool ended = false;
            task<Result<std::optional<llm::ChatEvent>>> next() override {
                llm::ChatEvent event;
                if (!rest.empty()) {
                    event.text = rest.substr(0, 3);
                    rest.erase(0, 3);
                    co_return event;
                }
                if (ended) co_return std::nullopt;
                ended = true;
                event.finish = llm::FinishReason::stop;
                event.usage.output_tokens = 7;
                co_return event;
            }
        };
        auto pieces = std::make_unique<Pieces>();
        pieces->rest = line_;
        co_return StreamPtr<llm::ChatEvent>(std::move(pieces));
    }
    task<Result<StreamPtr<llm::ChatEvent>>> complete(llm::CompletionRequest, CallOptions) override {
        co_return fail(ErrorCode::unsupported, "no");
    }
    std::size_t count_tokens(std::string_view text) const override { return text.size() / 4 + 1; }
    int calls = 0;

  private:
    std::string name_ = "parrot", line_;
};

Answer ask(const std::shared_ptr<Parrot>& model, std::string question) {
    Runtime runtime(1);
    const Answerer answerer(std::make_shared<const Retriever>(std::make_shared<OneChunk>()), model);
    auto answer = sync_wait(runtime, answerer.answer(std::move(question), {}, {}));
    EXPECT_TRUE(answer) << (answer ? "" : answer.error().describe());
    return answer ? *answer : Answer{};
}

TEST(Answerer, CitesWhereTheAnswerStands) {
    const auto answer = ask(std::make_shared<Parrot>("The default port is 8080."), "What is the default port?");
    EXPECT_TRUE(answer.answerable);
    EXPECT_TRUE(answer.text.starts_with("The default port is 8080. [1]")) << answer.text;
    ASSERT_EQ(answer.citations.size(), 1U);
    const auto& c = answer.citations[0];
    EXPECT_EQ(c.text, "The default port is 8080. More words follow.");
    EXPECT_EQ(c.start_line, 11U);
    EXPECT_EQ(c.start_char, 113U);
    EXPECT_EQ(c.end_char, 157U);
    EXPECT_EQ(answer.usage.output_tokens, 7U);
}

TEST(Answerer, QuotesTheDocumentWhenTheModelMakesThingsUp) {
    const auto answer = ask(std::make_shared<Parrot>("The default port is 9999."), "What is the default port?");
    EXPECT_TRUE(answer.answerable);
    EXPECT_EQ(answer.text.find("9999"), std::string::npos);
    EXPECT_NE(answer.text.find("8080"), std::string::npos);
}

TEST(Answerer, ShowsOnlyTheEvidenceWhenTheModelSaysYesForNo) {
    const auto answer = ask(std::make_shared<Parrot>("No, the default port is not 8080."), "Is 8080 the default port?");
    EXPECT_TRUE(answer.answerable);
    EXPECT_EQ(answer.text.find("not 8080"), std::string::npos) << answer.text;
    EXPECT_NE(answer.text.find("“The default port is 8080."), std::string::npos) << answer.text;
}

TEST(Answerer, QuotesBelowTheAnswerWhatItLeavesOut) {
    const auto answer = ask(std::make_shared<Parrot>("It is 8080."), "What is the default port?");
    EXPECT_TRUE(answer.text.starts_with("It is 8080. [1]")) << answer.text;
    EXPECT_NE(answer.text.find("In the documents: “The default port is 8080. More words follow.” [1]"),
              std::string::npos)
        << answer.text;
    ASSERT_EQ(answer.citations.size(), 1U);  // the quotation widens the citation
    EXPECT_EQ(answer.citations[0].text, "The default port is 8080. More words follow.");
}

TEST(Answerer, PutsTheQuestionIntoTheLanguageOfTheDocuments) {
    // The model answers everything alike: the translation is "The default port is 8080.", and so is the answer.
    const auto model = std::make_shared<Parrot>("The default port is 8080.");
    const auto answer = ask(model, "默认 port 是多少？");
    EXPECT_EQ(model->calls, 2);
    EXPECT_TRUE(answer.answerable);
    EXPECT_TRUE(answer.text.starts_with("The default port is 8080. [1]")) << answer.text;
}

TEST(Answerer, RefusesWithoutAskingWhenNothingSupportsAnAnswer) {
    const auto model = std::make_shared<Parrot>("Forty-two.");
    const auto answer = ask(model, "How tall is the tower?");
    EXPECT_FALSE(answer.answerable);
    EXPECT_EQ(answer.text, "The documents do not say.");
    EXPECT_TRUE(answer.citations.empty());
    EXPECT_EQ(model->calls, 0);
}

TEST(Answerer, AnEmptyQuestionIsAnError) {
    Runtime runtime(1);
    const Answerer answerer(std::make_shared<const Retriever>(std::make_shared<OneChunk>()),
                            std::make_shared<Parrot>("x"));
    const auto answer = sync_wait(runtime, answerer.answer("  \n", {}, {}));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace tenon::rag
