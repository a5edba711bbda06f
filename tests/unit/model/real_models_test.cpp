// Real GGUF files against llama.cpp on the same files. Goldens: tools/goldens/llama_cpp.py.
#include <algorithm>

#include "support.hpp"

namespace tenon::model {
namespace {

class RealModel : public testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        TENON_NEED_MODEL(path, std::string(GetParam()) + ".gguf");
        auto loaded = load_causal(path);
        ASSERT_TRUE(loaded) << loaded.error().describe();
        model_ = std::move(*loaded);
        golden_ = test::read_json(test::golden("llama_cpp.json")).at(GetParam());
    }
    tensor::ThreadTeam team_{2};
    std::unique_ptr<CausalModel> model_;
    json::Value golden_;
};

TEST_P(RealModel, perplexity_is_that_of_llama_cpp) {
    const std::size_t row = model_->info().vocabulary;
    double sum = 0;
    std::size_t count = 0;
    for (const json::Value& window : golden_.at("windows").as_array()) {
        const auto ids = test::ids(window);
        const auto kv = std::move(*model_->make_cache(ids.size()));
        const auto logits = test::run(*model_, team_, *kv, ids, Logits::all);
        for (std::size_t t = 0; t + 1 < ids.size(); ++t) {
            const float* at = logits.data() + t * row;
            const double peak = *std::max_element(at, at + row);
            double total = 0;
            for (std::size_t i = 0; i < row; ++i) total += std::exp(at[i] - peak);
            sum += peak + std::log(total) - at[ids[t + 1]];
        }
        count += ids.size() - 1;
    }
    const double got = std::exp(sum / static_cast<double>(count));
    const double wanted = std::exp(golden_.at("nll").as_double());
    RecordProperty("perplexity", std::to_string(got) + " for " + std::to_string(wanted));
    EXPECT_NEAR(got / wanted, 1, 0.005) << got << " for " << wanted;
}

INSTANTIATE_TEST_SUITE_P(Files, RealModel, testing::Values("smollm2-135m", "qwen2.5-coder-0.5b"));

TEST(RealFiles, an_unknown_architecture_is_inspected_and_refused_by_name) {
    TENON_NEED_MODEL(path, "gemma3-270m.gguf");
    const auto info = inspect(path);
    ASSERT_TRUE(info) << info.error().describe();
    EXPECT_FALSE(info->supported);
    EXPECT_EQ(info->architecture, "gemma3");
    EXPECT_EQ(info->quantisation, "Q4_K_M");
    EXPECT_EQ(info->licence, "gemma");
    const auto loaded = load_causal(path);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code(), ErrorCode::unsupported);
    EXPECT_NE(loaded.error().message().find("gemma3"), std::string::npos);
    EXPECT_NE(loaded.error().message().find("qwen2"), std::string::npos);
}

TEST(RealFiles, inspect_tells_what_models_show_prints) {
    TENON_NEED_MODEL(path, "smollm2-135m.gguf");
    const auto info = inspect(path);
    ASSERT_TRUE(info) << info.error().describe();
    EXPECT_EQ(info->architecture, "llama");
    EXPECT_EQ(info->quantisation, "Q4_1");
    EXPECT_EQ(info->licence, "apache-2.0");
    EXPECT_EQ(info->context_length, 8192U);
    EXPECT_EQ(info->parameters, 134'515'008U);
    EXPECT_EQ(info->heads, 9U);
    EXPECT_EQ(info->kv_heads, 3U);
    EXPECT_NE(info->chat_template.find("<|im_start|>"), std::string::npos);
    EXPECT_TRUE(info->supported);
}

}  // namespace
}  // namespace tenon::model
