#include "tenon/model/synthetic.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "support.hpp"
#include "tenon/model/model.hpp"

namespace tenon::model {
namespace {

TEST(Synthetic, IsAModelOfTheShapeThatRuns) {
    const auto path = std::filesystem::path(testing::TempDir()) / "synthetic-135m.gguf";
    const auto written = write_synthetic("135m", "Q8_0", path);
    ASSERT_TRUE(written) << written.error().describe();
    EXPECT_FALSE(std::filesystem::exists(path.string() + ".f16"));
    const auto info = inspect(path).value();
    EXPECT_EQ(info.architecture, "llama");
    EXPECT_EQ(info.layers, 30U);
    EXPECT_EQ(info.kv_heads, 3U);
    EXPECT_EQ(info.vocabulary, 49152U);
    EXPECT_EQ(info.quantisation, "Q8_0");
    auto model = load_causal(path);
    ASSERT_TRUE(model) << model.error().describe();
    EXPECT_EQ((*model)->tokenizer()->decode((*model)->tokenizer()->encode("Hello, 世界")), "Hello, 世界");
    tensor::ThreadTeam team(1);
    const auto cache = (*model)->make_cache(8).value();
    const auto logits = test::run(**model, team, *cache, std::vector<text::TokenId>{1, 2, 300}, Logits::last);
    for (const float x : logits) ASSERT_TRUE(std::isfinite(x));
    std::filesystem::remove(path);
}

TEST(Synthetic, SaysWhatThereIs) {
    const auto path = std::filesystem::path(testing::TempDir()) / "synthetic-none.gguf";
    const auto shape = write_synthetic("7b", "Q8_0", path);
    ASSERT_FALSE(shape);
    EXPECT_NE(shape.error().message().find("135m"), std::string::npos);
    const auto type = write_synthetic("135m", "Q9", path);
    ASSERT_FALSE(type);
    EXPECT_NE(type.error().message().find("Q4_K_M"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace tenon::model
