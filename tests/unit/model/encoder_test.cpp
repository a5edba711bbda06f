// Embedding models against sentence-transformers. Golden: tools/goldens/embeddings.py.
#include "support.hpp"

namespace tenon::model {
namespace {

double cosine(std::span<const float> a, std::span<const float> b) {
    double ab = 0, aa = 0, bb = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        ab += static_cast<double>(a[i]) * b[i];
        aa += static_cast<double>(a[i]) * a[i];
        bb += static_cast<double>(b[i]) * b[i];
    }
    return ab / std::sqrt(aa * bb);
}

std::vector<float> vector_of(const json::Value& row) {
    const std::string bytes = test::base64(std::string_view(row.at("vector").as_string()));
    std::vector<std::int16_t> small(bytes.size() / 2);
    std::memcpy(small.data(), bytes.data(), small.size() * 2);
    const auto scale = static_cast<float>(json::number_or(row, "scale", 0));
    std::vector<float> out;
    for (const std::int16_t value : small) out.push_back(static_cast<float>(value) * scale);
    return out;
}

TEST(MiniLm, vectors_equal_those_of_sentence_transformers) {
    TENON_NEED_MODEL(path, "minilm");
    auto loaded = load_encoder(path);
    ASSERT_TRUE(loaded) << loaded.error().describe();
    EncoderModel& model = **loaded;
    const json::Value golden = test::read_json(test::golden("minilm.json"));
    EXPECT_EQ(model.dimension(), 384U);
    EXPECT_EQ(static_cast<std::int64_t>(model.max_tokens()), golden.at("max_tokens").as_int64());
    EXPECT_TRUE(model.normalised());
    EXPECT_EQ(model.query_prefix(), "");

    std::vector<std::string> texts;
    for (const json::Value& row : golden.at("rows").as_array()) texts.emplace_back(row.at("text").as_string().c_str());
    ASSERT_EQ(texts.size(), 200U);
    tensor::ThreadTeam team(2);
    std::size_t tokens = 0;
    const auto got = model.embed(team, texts, &tokens);
    ASSERT_TRUE(got) << got.error().describe();
    EXPECT_GT(tokens, texts.size() * 2);
    double worst = 1;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const std::span<const float> vector(got->data() + i * 384, 384);
        const double similarity = cosine(vector, vector_of(golden.at("rows").as_array()[i]));
        EXPECT_GE(similarity, 0.9999) << i << ": " << texts[i].substr(0, 60);
        EXPECT_NEAR(cosine(vector, vector), 1, 1e-6);
        worst = std::min(worst, similarity);
    }
    RecordProperty("worst_cosine", std::to_string(worst));

    // One at a time, in any order, the same.
    for (const std::size_t i : {std::size_t{3}, std::size_t{120}, std::size_t{0}}) {
        const auto one = model.embed(team, {&texts[i], 1});
        ASSERT_TRUE(one);
        EXPECT_GE(cosine(*one, std::span<const float>(got->data() + i * 384, 384)), 0.999999);
    }
    const auto none = model.embed(team, {});
    ASSERT_TRUE(none);
    EXPECT_TRUE(none->empty());
}

}  // namespace
}  // namespace tenon::model
