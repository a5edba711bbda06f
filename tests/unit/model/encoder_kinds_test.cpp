// Tiny random encoders of newer kinds, and cross-encoders, against sentence-transformers. Goldens:
// tools/goldens/tiny_encoder_kinds.py.
#include "support.hpp"

namespace tenon::model {
namespace {

const json::Value& goldens() {
    static const json::Value value = test::read_json(test::golden("encoder_kinds/golden.json"));
    return value;
}

std::vector<std::string> strings(const json::Value& array) {
    std::vector<std::string> out;
    for (const json::Value& one : array.as_array()) out.emplace_back(one.as_string().c_str());
    return out;
}

std::string golden_of(const std::string& file) { return std::filesystem::path(file).stem().string(); }

class EncoderKinds : public testing::TestWithParam<const char*> {};

TEST_P(EncoderKinds, vectors_equal_those_of_sentence_transformers) {
    auto loaded = load_encoder(test::golden(std::string("encoder_kinds/") + GetParam()));
    ASSERT_TRUE(loaded) << loaded.error().describe();
    EncoderModel& model = **loaded;
    const auto texts = strings(goldens().at("texts"));
    const auto& rows = goldens().at("vectors").at(golden_of(GetParam())).as_array();
    tensor::ThreadTeam team(2);
    const auto got = model.embed(team, texts);
    ASSERT_TRUE(got) << got.error().describe();
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const auto wanted = test::floats(std::string_view(rows[i].as_string()));
        ASSERT_EQ(wanted.size(), model.dimension());
        const auto vector = std::span(*got).subspan(i * model.dimension(), model.dimension());
        EXPECT_LE(test::difference(vector, wanted).peak, 1e-4) << texts[i];
        const auto alone = model.embed(team, {&texts[i], 1});
        ASSERT_TRUE(alone);
        EXPECT_LE(test::difference(*alone, wanted).peak, 1e-4) << texts[i];
    }
}

INSTANTIATE_TEST_SUITE_P(Files, EncoderKinds,
                         testing::Values("nomic-bert", "nomic-bert.gguf", "modernbert", "modernbert.gguf"));

class Rerankers : public testing::TestWithParam<const char*> {};

TEST_P(Rerankers, scores_equal_those_of_sentence_transformers) {
    const auto path = test::golden(std::string("encoder_kinds/") + GetParam());
    auto loaded = load_reranker(path);
    ASSERT_TRUE(loaded) << loaded.error().describe();
    const auto documents = strings(goldens().at("documents"));
    tensor::ThreadTeam team(2);
    std::size_t at = 0;
    for (const char* key : {"query", "long_query"}) {
        const std::string query(goldens().at(key).as_string());
        std::size_t tokens = 0;
        const auto got = (*loaded)->score(team, query, documents, &tokens);
        ASSERT_TRUE(got) << got.error().describe();
        EXPECT_GE(tokens, documents.size() * 3);
        const auto wanted =
            test::floats(std::string_view(goldens().at("scores").at(golden_of(GetParam())).at(at++).as_string()));
        ASSERT_EQ(got->size(), wanted.size());
        EXPECT_LE(test::difference(*got, wanted).peak, 2e-4) << key;
        const auto last = (*loaded)->score(team, query, {&documents.back(), 1});
        ASSERT_TRUE(last);
        EXPECT_NEAR(last->front(), got->back(), 1e-4);
    }
    const auto none = (*loaded)->score(team, "q", {});
    ASSERT_TRUE(none);
    EXPECT_TRUE(none->empty());
    EXPECT_EQ((*loaded)->info().role, ModelRole::reranker);
    EXPECT_EQ(inspect(path)->role, ModelRole::reranker);
    const auto wrong = load_encoder(path);
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code(), ErrorCode::unsupported);
}

INSTANTIATE_TEST_SUITE_P(Files, Rerankers,
                         testing::Values("bert-rerank", "xlm-roberta-rerank", "xlm-roberta-rerank.gguf",
                                         "modernbert-rerank"));

TEST(Rerankers, an_embedding_model_is_none) {
    for (const char* file : {"encoder_kinds/nomic-bert", "encoder_kinds/nomic-bert.gguf", "tiny/llama-mha"}) {
        const auto wrong = load_reranker(test::golden(file));
        ASSERT_FALSE(wrong) << file;
        EXPECT_EQ(wrong.error().code(), ErrorCode::unsupported);
    }
}

}  // namespace
}  // namespace tenon::model
