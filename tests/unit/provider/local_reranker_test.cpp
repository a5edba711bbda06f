// The local reranker over a tiny cross-encoder, directly and through the pool.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "tenon/async/runtime.hpp"
#include "tenon/provider/local.hpp"
#include "tenon/provider/model_pool.hpp"
#include "tenon/provider/open.hpp"

namespace tenon::provider {
namespace {

std::filesystem::path tiny(const std::string& name) {
    return std::filesystem::path(TENON_TEST_DATA) / "golden/model/encoder_kinds" / name;
}

const std::vector<std::string> documents{"a", "the cat sat on the mat", "wood", "hello world", "a"};

TEST(LocalReranker, orders_by_the_models_score_and_keeps_places) {
    auto loaded = LocalReranker::load(tiny("bert-rerank"), {.name = "tiny", .threads = 1});
    ASSERT_TRUE(loaded) << loaded.error().describe();
    EXPECT_EQ((*loaded)->name(), "tiny");
    Runtime runtime(2);
    const auto all = sync_wait(runtime, (*loaded)->rerank("hello cat", documents, 0, {}));
    ASSERT_TRUE(all) << all.error().describe();
    ASSERT_EQ(all->documents.size(), documents.size());
    EXPECT_GT(all->usage.input_tokens, documents.size() * 5);
    std::vector<bool> seen(documents.size());
    double before = 1;
    for (const auto& ranked : all->documents) {
        EXPECT_LE(ranked.score, before);
        EXPECT_GT(ranked.score, 0);
        before = ranked.score;
        ASSERT_LT(ranked.index, documents.size());
        seen[ranked.index] = true;
    }
    EXPECT_TRUE(std::ranges::all_of(seen, std::identity{}));

    auto model = model::load_reranker(tiny("bert-rerank"));
    ASSERT_TRUE(model);
    tensor::ThreadTeam team(1);
    const auto raw = (*model)->score(team, "hello cat", documents);
    ASSERT_TRUE(raw);
    for (const auto& ranked : all->documents)
        EXPECT_NEAR(ranked.score, 1 / (1 + std::exp(-double{(*raw)[ranked.index]})), 1e-5);

    const auto best = sync_wait(runtime, (*loaded)->rerank("hello cat", documents, 2, {}));
    ASSERT_TRUE(best);
    ASSERT_EQ(best->documents.size(), 2U);
    EXPECT_EQ(best->documents[0].index, all->documents[0].index);
    // More documents than one batch: each keeps its place.
    std::vector<std::string> many(40, "wood");
    many[37] = documents[all->documents[0].index];
    const auto long_list = sync_wait(runtime, (*loaded)->rerank("hello cat", many, 0, {}));
    ASSERT_TRUE(long_list);
    EXPECT_EQ(long_list->documents.size(), many.size());
    const auto none = sync_wait(runtime, (*loaded)->rerank("hello cat", {}, 0, {}));
    ASSERT_TRUE(none);
    EXPECT_TRUE(none->documents.empty());
}

TEST(LocalReranker, stops_when_told_to) {
    auto loaded = LocalReranker::load(tiny("bert-rerank"), {.name = {}, .threads = 1});
    ASSERT_TRUE(loaded);
    Runtime runtime(2);
    std::stop_source stop;
    stop.request_stop();
    const auto result = sync_wait(runtime, (*loaded)->rerank("q", documents, 0, CallOptions{{}, stop.get_token()}));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), ErrorCode::cancelled);
}

TEST(LocalReranker, opens_by_name_through_the_pool) {
    const auto resolve = [](const std::string& name) -> Result<std::filesystem::path> { return tiny(name); };
    OpenSettings settings;
    settings.pool = std::make_shared<ModelPool>(resolve, ModelPoolOptions());
    Runtime runtime(2);
    const auto reranker = sync_wait(runtime, open_reranker("xlm-roberta-rerank.gguf", settings, {}));
    ASSERT_TRUE(reranker) << reranker.error().describe();
    const auto ranking = sync_wait(runtime, (*reranker)->rerank("hello", documents, 1, {}));
    ASSERT_TRUE(ranking);
    EXPECT_EQ(ranking->documents.size(), 1U);
    const auto held = settings.pool->loaded();
    ASSERT_EQ(held.size(), 1U);
    EXPECT_EQ(held[0].role, model::ModelRole::reranker);
    EXPECT_TRUE(held[0].in_use);
    const auto wrong = sync_wait(runtime, open_reranker("nomic-bert", settings, {}));
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code(), ErrorCode::unsupported);
    EXPECT_EQ(sync_wait(runtime, open_reranker("x", OpenSettings(), {})).error().code(), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace tenon::provider
