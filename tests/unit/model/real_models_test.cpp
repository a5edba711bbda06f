// Real GGUF files against other implementations on the same files. Goldens: tools/goldens/llama_cpp.py and gemma3.py.
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

/// Mean negative log-likelihood of all tokens but the first.
double nll_of(CausalModel& model, tensor::ThreadTeam& team, std::span<const text::TokenId> ids) {
    const std::size_t row = model.info().vocabulary;
    const auto kv = std::move(*model.make_cache(ids.size()));
    double sum = 0;
    for (std::size_t begin = 0; begin < ids.size(); begin += 128) {
        const std::size_t count = std::min<std::size_t>(128, ids.size() - begin);
        const auto logits = test::run(model, team, *kv, ids.subspan(begin, count), Logits::all);
        for (std::size_t t = begin; t < std::min(begin + count, ids.size() - 1); ++t) {
            const float* at = logits.data() + (t - begin) * row;
            const double peak = *std::max_element(at, at + row);
            double total = 0;
            for (std::size_t i = 0; i < row; ++i) total += std::exp(at[i] - peak);
            sum += peak + std::log(total) - at[ids[t + 1]];
        }
    }
    return sum / static_cast<double>(ids.size() - 1);
}

// A text twice as long as the window, and greedy choices along the reference's own text.
TEST(Gemma3, computes_what_float32_arithmetic_makes_of_the_file) {
    TENON_NEED_MODEL(path, "gemma3-270m.gguf");
    auto loaded = load_causal(path);
    ASSERT_TRUE(loaded) << loaded.error().describe();
    CausalModel& model = **loaded;
    tensor::ThreadTeam team(2);
    const json::Value golden = test::read_json(test::golden("gemma3.json"));
    const auto ids = test::ids(golden.at("ids"));
    ASSERT_EQ(ids.size(), 1024U);
    const double got = nll_of(model, team, ids);
    RecordProperty("perplexity", std::to_string(std::exp(got)));
    EXPECT_NEAR(std::exp(got - golden.at("nll").as_double()), 1, 0.01);

    // A choice may differ only where the two best are closer than rounding activations to 8 bits moves them.
    constexpr double near_tie = 0.5;
    std::size_t same = 0, steps = 0;
    for (const json::Value& prompt : golden.at("prompts").as_array()) {
        EXPECT_EQ(model.tokenizer()->encode(std::string(prompt.at("text").as_string())), test::ids(prompt.at("ids")));
        const auto theirs = test::ids(prompt.at("tokens"));
        const auto kv = std::move(*model.make_cache(128));
        auto logits = test::run(model, team, *kv, test::ids(prompt.at("ids")), Logits::last);
        for (std::size_t i = 0; i < theirs.size(); ++i, ++steps) {
            const auto ours = std::max_element(logits.begin(), logits.end()) - logits.begin();
            same += ours == theirs[i] ? 1 : 0;
            if (ours != theirs[i]) {
                EXPECT_LT(prompt.at("margins").at(i).to_number<double>(), near_tie)
                    << prompt.at("text") << ", step " << i;
            }
            logits = test::run(model, team, *kv, {&theirs[i], 1}, Logits::last);
        }
    }
    RecordProperty("same_choices", std::to_string(same) + " of " + std::to_string(steps));
    EXPECT_GE(same * 100, steps * 90);
}

TEST(RealFiles, gemma3_is_inspected) {
    TENON_NEED_MODEL(path, "gemma3-270m.gguf");
    const auto info = inspect(path);
    ASSERT_TRUE(info) << info.error().describe();
    EXPECT_TRUE(info->supported);
    EXPECT_EQ(info->architecture, "gemma3");
    EXPECT_EQ(info->quantisation, "Q4_K_M");
    EXPECT_EQ(info->licence, "gemma");
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
