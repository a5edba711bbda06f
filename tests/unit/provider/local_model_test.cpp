// Local providers over real weights, when TENON_TEST_MODELS names a directory that holds them.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <future>

#include "tenon/async/runtime.hpp"
#include "tenon/provider/local.hpp"
#include "tenon/provider/model_pool.hpp"

namespace tenon::provider {
namespace {

std::optional<std::filesystem::path> model_path(const std::string& name) {
    const char* directory = std::getenv("TENON_TEST_MODELS");
    if (directory == nullptr) return std::nullopt;
    const auto path = std::filesystem::path(directory) / name;
    if (!std::filesystem::exists(path)) return std::nullopt;
    return path;
}

#define NEED_MODEL(variable, name)          \
    const auto variable = model_path(name); \
    if (!variable) GTEST_SKIP() << "set TENON_TEST_MODELS to a directory that holds " << (name)

llm::ChatRequest ask(std::string question) {
    llm::ChatRequest request;
    request.messages = {llm::Message::user(std::move(question))};
    request.settings.temperature = 0;
    request.settings.max_tokens = 24;
    return request;
}

// Answers may part only where the model itself hardly prefers one token: within three standard deviations of what
// rounding activations to 8 bits does to the difference of the top two (0.116 on SmolLM2,
// tests/golden/model/exactness.json).
constexpr double near_tie = 3 * 0.116;
void expect_same(const std::vector<llm::TokenLogprob>& a, const std::vector<llm::TokenLogprob>& b,
                 const std::string& what) {
    ASSERT_FALSE(a.empty());
    ASSERT_FALSE(b.empty());
    for (std::size_t t = 0; t < std::min(a.size(), b.size()); ++t) {
        if (a[t].bytes != b[t].bytes) {
            EXPECT_LT(std::abs(a[t].top[0].logprob - a[t].top[1].logprob), near_tie) << what << ", token " << t;
            return;
        }
        EXPECT_NEAR(a[t].logprob, b[t].logprob, near_tie) << what << ", token " << t;
    }
}

TEST(LocalModel, SmolLm2ContinuesAndSharesThePrefix) {
    NEED_MODEL(path, "smollm2-135m.gguf");
    const auto model = LocalChatModel::load(*path, {.name = "smollm2", .engine = {.context = 1024}}).value();
    Runtime runtime(2);
    llm::CompletionRequest count;
    count.prompt = "one, two, three, four,";
    count.settings.temperature = 0;
    count.settings.max_tokens = 4;
    auto stream = sync_wait(runtime, model->complete(count, {})).value();
    std::string text;
    while (auto event = sync_wait(runtime, stream->next()).value()) text += event->text;
    EXPECT_TRUE(text.starts_with(" five, six")) << text;

    auto request = ask("What is the capital of France?");
    request.settings.top_logprobs = 2;
    const auto first = sync_wait(runtime, model->generate(request, {})).value();
    EXPECT_EQ(first.usage.cached_input_tokens, 0U);
    const auto again = sync_wait(runtime, model->generate(request, {})).value();
    EXPECT_EQ(again.usage.cached_input_tokens, again.usage.input_tokens - 1);
    expect_same(first.logprobs, again.logprobs, "from the cache");
}

TEST(LocalModel, SmolLm2AnswersTogetherAsAlone) {
    NEED_MODEL(path, "smollm2-135m.gguf");
    const std::vector<std::string> questions = {"Name three colours.", "What is water made of?", "Who wrote Hamlet?",
                                                "Count from one to five."};
    Runtime runtime(2);
    std::vector<std::vector<llm::TokenLogprob>> alone;
    const auto request = [&](std::size_t i) {
        auto r = ask(questions[i]);
        r.settings.top_logprobs = 2;
        return r;
    };
    {
        const auto model =
            LocalChatModel::load(*path, {.name = {}, .engine = {.context = 512, .max_sequences = 1}}).value();
        for (std::size_t i = 0; i < questions.size(); ++i)
            alone.push_back(sync_wait(runtime, model->generate(request(i), {})).value().logprobs);
    }
    const auto model =
        LocalChatModel::load(*path, {.name = {}, .engine = {.context = 512, .max_sequences = 4}}).value();
    std::vector<std::future<Result<llm::ChatResponse>>> together;
    for (std::size_t i = 0; i < questions.size(); ++i)
        together.push_back(
            std::async(std::launch::async, [&, i] { return sync_wait(runtime, model->generate(request(i), {})); }));
    for (std::size_t i = 0; i < questions.size(); ++i) {
        expect_same(alone[i], together[i].get().value().logprobs, questions[i]);
    }
}

TEST(LocalModel, MiniLmEmbedsLikeWithLike) {
    NEED_MODEL(path, "minilm");
    const auto embedder = LocalEmbedder::load(*path, {.name = "minilm", .threads = 2}).value();
    Runtime runtime(2);
    std::vector<std::string> texts(40, "filler text about nothing");
    texts[0] = "A cat sleeps on the sofa.";
    texts[1] = "A kitten naps on the couch.";
    texts[2] = "Interest rates rose by two percent.";
    const auto got = sync_wait(runtime, embedder->embed(texts, llm::EmbedKind::passage, {})).value();
    EXPECT_EQ(got.dimension, 384U);
    ASSERT_EQ(got.count(), texts.size());
    EXPECT_GT(got.usage.input_tokens, texts.size());
    const auto dot = [&](std::size_t a, std::size_t b) {
        double sum = 0;
        for (std::size_t i = 0; i < got.dimension; ++i)
            sum += static_cast<double>(got.values[a * got.dimension + i] * got.values[b * got.dimension + i]);
        return sum;
    };
    EXPECT_NEAR(dot(0, 0), 1, 1e-4);
    EXPECT_GT(dot(0, 1), dot(0, 2) + 0.3);
    EXPECT_NEAR(dot(3, 39), 1, 1e-4);
    EXPECT_EQ(sync_wait(runtime, embedder->embed(texts, llm::EmbedKind::passage,
                                                 CallOptions::within(std::chrono::milliseconds(-1))))
                  .error()
                  .code(),
              ErrorCode::deadline_exceeded);
    EXPECT_EQ(sync_wait(runtime, embedder->embed({}, llm::EmbedKind::query, {})).value().count(), 0U);
}

TEST(LocalModel, ThePoolOpensRealFiles) {
    NEED_MODEL(chat, "smollm2-135m.gguf");
    NEED_MODEL(encoder, "minilm");
    ModelPoolOptions options;
    options.memory_budget = std::uint64_t{2} << 30;
    options.engine.context = 512;
    ModelPool pool(
        [&](const std::string& name) -> Result<std::filesystem::path> { return name == "chat" ? *chat : *encoder; },
        options);
    Runtime runtime(2);
    EXPECT_TRUE(sync_wait(runtime, pool.chat("chat", {})));
    EXPECT_TRUE(sync_wait(runtime, pool.embedder("embed", {})));
    EXPECT_EQ(pool.loaded().size(), 2U);
    EXPECT_GT(pool.bytes(), std::uint64_t{100} << 20);
    EXPECT_FALSE(sync_wait(runtime, pool.embedder("chat", {})));  // a decoder is no encoder
}

}  // namespace
}  // namespace tenon::provider
