// Decoding options on their way to the engine and to remote servers.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "fake/causal_model.hpp"
#include "tenon/async/runtime.hpp"
#include "tenon/provider/local.hpp"

namespace tenon::provider {
namespace {

using fake::ByteTokenizer;

std::shared_ptr<LocalChatModel> speaker(const std::string& text) {
    auto model = std::make_shared<fake::FakeModel>();
    model->chat_template = "{{ messages[0].content }}<|turn|>";
    model->next = [ids = ByteTokenizer().encode(text)](std::span<const text::TokenId> tokens) {
        const auto said = static_cast<std::size_t>(tokens.end() - std::ranges::find(tokens, ByteTokenizer::turn)) - 1;
        return said < ids.size() ? ids[said] : ByteTokenizer::end;
    };
    return LocalChatModel::create(model, {.name = "speaker", .engine = {.threads = 1}}).value();
}

Result<llm::ChatResponse> answer(const std::string& text, llm::DecodingSettings decoding) {
    llm::ChatRequest request;
    request.messages = {llm::Message::user("go")};
    request.settings.temperature = 0;
    request.settings.max_tokens = 20;
    request.settings.decoding = std::move(decoding);
    Runtime runtime(1);
    return sync_wait(runtime, speaker(text)->generate(std::move(request), {}));
}

TEST(LocalDecoding, OptionsReachTheEngine) {
    EXPECT_EQ(answer("ab.cd", {})->message.text(), "ab.cd");
    EXPECT_EQ(answer("ab.cd", {.stop_token_ids = std::vector<std::int32_t>{'.'}})->message.text(), "ab");
    EXPECT_EQ(answer("ab.cd", {.include_stop_str_in_output = true, .stop_token_ids = std::vector<std::int32_t>{'.'}})
                  ->message.text(),
              "ab.");
    EXPECT_EQ(answer("ab.cd", {.min_tokens = 9})->message.text().size(), 9U);
    EXPECT_EQ(answer("ab.cd", {.ignore_eos = true})->finish, llm::FinishReason::length);
    const auto clean = answer("bad luck", {.bad_words = std::vector<std::string>{"bad"}})->message.text();
    EXPECT_EQ(clean.find("bad"), std::string::npos);
}

TEST(LocalDecoding, FaultsAreNamed) {
    const auto unknown = answer("a", {.samplers = std::vector<std::string>{"top_k", "magic"}});
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code(), ErrorCode::invalid_argument);
    EXPECT_NE(unknown.error().message().find("magic"), std::string::npos);
    EXPECT_NE(answer("a", {.typical_p = 3}).error().message().find("typical_p"), std::string::npos);
}

TEST(DecodingSettings, UpdateAndRefuse) {
    llm::DecodingSettings base{.typical_p = 0.5, .mirostat = 1};
    base.update({.mirostat = 2, .bad_words = std::vector<std::string>{"x"}});
    EXPECT_EQ(base.typical_p, 0.5);
    EXPECT_EQ(base.mirostat, 2);
    EXPECT_EQ(base.bad_words->size(), 1U);
    EXPECT_TRUE(llm::refuse({}));
    EXPECT_NE(llm::refuse(base).error().message().find("typical_p"), std::string::npos);
}

}  // namespace
}  // namespace tenon::provider
