// Tiny random encoders of several kinds against sentence-transformers. Goldens: tools/goldens/tiny_encoders.py.
#include "support.hpp"

namespace tenon::model {
namespace {

struct Case {
    const char* file;    // below golden/model/tiny_encoders
    const char* golden;  // key of its vectors
    double tolerance;    // of every value, relative to the vector's largest
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.file; }

class TinyEncoder : public testing::TestWithParam<Case> {};

TEST_P(TinyEncoder, vectors_equal_those_of_sentence_transformers) {
    auto loaded = load_encoder(test::golden(std::string("tiny_encoders/") + GetParam().file));
    ASSERT_TRUE(loaded) << loaded.error().describe();
    EncoderModel& model = **loaded;
    const json::Value golden = test::read_json(test::golden("tiny_encoders/golden.json"));
    const auto& rows = golden.at("vectors").at(GetParam().golden).as_array();
    std::vector<std::string> texts;
    for (const auto& text : golden.at("texts").as_array()) texts.emplace_back(text.as_string().c_str());
    ASSERT_EQ(texts.size(), rows.size());
    tensor::ThreadTeam team(2);
    const auto got = model.embed(team, texts);
    ASSERT_TRUE(got) << got.error().describe();
    const std::size_t width = model.dimension();
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const std::vector<float> wanted = test::floats(std::string_view(rows[i].as_string()));
        ASSERT_EQ(wanted.size(), width);
        const auto [peak, rms] = test::difference(std::span(*got).subspan(i * width, width), wanted);
        EXPECT_LE(peak, GetParam().tolerance) << "\"" << texts[i] << "\", rms " << rms;
    }
}

// A GGUF file does not say whether vectors are normalised: they are, as llama.cpp's embedding program has it.
INSTANTIATE_TEST_SUITE_P(Kinds, TinyEncoder,
                         testing::Values(Case{"bert-mean", "bert-mean", 1e-4}, Case{"bert-cls", "bert-cls", 1e-4},
                                         Case{"xlm-roberta-cls", "xlm-roberta-cls", 1e-4},
                                         Case{"bert-mean.gguf", "bert-mean", 1e-4},
                                         Case{"xlm-roberta-cls.gguf", "xlm-roberta-cls", 1e-4},
                                         Case{"bert-k-quants.gguf", "bert-k-quants", 0.03}));

TEST(TinyEncoders, are_shown_with_the_length_their_texts_are_cut_at) {
    const auto info = inspect(test::golden("tiny_encoders/xlm-roberta-cls"));
    ASSERT_TRUE(info) << info.error().describe();
    EXPECT_EQ(info->context_length, 46U);  // of 48 positions
    EXPECT_EQ(info->role, ModelRole::encoder);
}

}  // namespace
}  // namespace tenon::model
