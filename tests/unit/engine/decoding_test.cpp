// Where an answer ends and what it never says.
#include <gtest/gtest.h>

#include "fake/causal_model.hpp"
#include "tenon/engine/engine.hpp"

namespace tenon::engine {
namespace {

using fake::ByteTokenizer;
using fake::FakeModel;

/// Wants to say `text` over and over.
std::shared_ptr<FakeModel> speaker(const std::string& text) {
    auto model = std::make_shared<FakeModel>();
    model->next = [ids = ByteTokenizer().encode(text)](std::span<const text::TokenId> tokens) {
        return ids[(tokens.size() - 1) % ids.size()];
    };
    return model;
}

GenerationRequest request(std::size_t max_tokens = 12) {
    GenerationRequest out;
    out.prompt = {'>'};
    out.sampling = SamplingParams::greedy();
    out.max_tokens = max_tokens;
    return out;
}

TEST(Decoding, StopTokensAndStopStringsBelongToTheTextWhenAsked) {
    Engine engine(speaker("abc.d"), {.threads = 1});
    auto ask = request();
    ask.stop_tokens = {'.'};
    EXPECT_EQ(engine.generate(ask).value().text, "abc");
    EXPECT_EQ(engine.generate(ask).value().finish, FinishReason::stop);
    ask.include_stop = true;
    EXPECT_EQ(engine.generate(ask).value().text, "abc.");
    auto strings = request();
    strings.stop = {"c.d"};
    EXPECT_EQ(engine.generate(strings).value().text, "ab");
    strings.include_stop = true;
    EXPECT_EQ(engine.generate(strings).value().text, "abc.d");
}

TEST(Decoding, NothingEndsBeforeTheLeastTokens) {
    Engine engine(speaker("a."), {.threads = 1});
    auto ask = request();
    ask.stop_tokens = {'.'};
    ask.min_tokens = 5;
    const auto answer = engine.generate(ask).value();
    EXPECT_EQ(answer.text.size(), 5U);
    EXPECT_EQ(answer.text.find('.'), std::string::npos);
    EXPECT_EQ(answer.finish, FinishReason::stop);
}

TEST(Decoding, BadWordsAreNeverWritten) {
    Engine engine(speaker("the cat sat. "), {.threads = 1});
    auto ask = request(120);
    ask.bad_words = {"cat", "at."};
    auto text = engine.generate(ask).value().text;
    EXPECT_TRUE(text.starts_with("the ca"));
    EXPECT_EQ(text.find("cat"), std::string::npos);
    EXPECT_EQ(text.find("at."), std::string::npos);
    ask.sampling = {.temperature = 1.5F, .seed = 3};
    text = engine.generate(ask).value().text;
    EXPECT_EQ(text.find("cat"), std::string::npos);
}

TEST(Decoding, ControlTokensCanBeShown) {
    auto model = speaker("a");
    model->next = [](std::span<const text::TokenId> tokens) {
        return tokens.size() % 2 == 0 ? text::TokenId{'a'} : ByteTokenizer::turn;
    };
    Engine engine(model, {.threads = 1});
    auto ask = request(4);
    EXPECT_EQ(engine.generate(ask).value().text, "aa");
    ask.skip_special = false;
    EXPECT_EQ(engine.generate(ask).value().text, "<|turn|>a<|turn|>a");
}

TEST(Decoding, RepetitionsAreBroken) {
    Engine engine(speaker("abcde"), {.threads = 1});
    auto ask = request(40);
    ask.sampling.dry_multiplier = 20;
    ask.sampling.dry_base = 2;
    const auto text = engine.generate(ask).value().text;
    EXPECT_EQ(text.find("abcdeabcde"), std::string::npos);
}

TEST(Decoding, ValuesOutOfRangeAreNamed) {
    Engine engine(speaker("a"), {.threads = 1});
    const auto refusal = [&](auto change) {
        auto ask = request();
        change(ask);
        const auto answer = engine.generate(ask);
        return answer ? std::string("accepted") : answer.error().message();
    };
    EXPECT_NE(refusal([](auto& r) { r.stop_tokens = {5000}; }).find("stop_token_ids"), std::string::npos);
    EXPECT_NE(refusal([](auto& r) { r.bad_words = {""}; }).find("bad_words"), std::string::npos);
    EXPECT_NE(refusal([](auto& r) { r.sampling.mirostat = 3; }).find("mirostat"), std::string::npos);
    EXPECT_NE(refusal([](auto& r) { r.sampling.typical_p = 2; }).find("typical_p"), std::string::npos);
    EXPECT_NE(refusal([](auto& r) { r.sampling.dry_base = 0.5F; }).find("dry_base"), std::string::npos);
}

}  // namespace
}  // namespace tenon::engine
