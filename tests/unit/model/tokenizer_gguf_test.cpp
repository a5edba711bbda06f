// The tokenizers of whole GGUF vocabularies against tokenizers and llama.cpp (tools/goldens/tokenizers.py).
#include <gtest/gtest.h>

#include <cstdlib>

#include "model/source.hpp"
#include "tenon/model/gguf.hpp"
#include "unit/text/tokenizer_golden.hpp"

namespace tenon::model {
namespace {

class GgufTokenizer : public testing::TestWithParam<const char*> {};

TEST_P(GgufTokenizer, IdsAreTheReference) {
    const std::string name = GetParam();
    const char* models = std::getenv("TENON_TEST_MODELS");
    const std::filesystem::path path = std::filesystem::path(models == nullptr ? "" : models) / (name + ".gguf");
    if (models == nullptr || !std::filesystem::exists(path))
        GTEST_SKIP() << name << ".gguf is not in TENON_TEST_MODELS";
    const auto file = GgufFile::open(path);
    ASSERT_TRUE(file) << file.error().describe();
    const auto tokenizer = tokenizer_from_gguf(*file);
    ASSERT_TRUE(tokenizer) << tokenizer.error().describe();
    const auto cases = text::golden::texts(text::golden::document("cases.json"));
    const json::Value golden = text::golden::document("gguf-" + name + ".ids.json");
    const auto& rows = golden.at("ids").as_array();
    ASSERT_EQ(cases.size(), rows.size());
    for (std::size_t i = 0; i < cases.size(); ++i) {
        const auto want = text::golden::ids(rows[i]);
        const auto got = (*tokenizer)->encode(cases[i], {.add_special = false});
        EXPECT_EQ(got, want) << "case " << i << ": " << cases[i].substr(0, 200) << "\n got "
                             << text::golden::show(got, **tokenizer) << "\nwant "
                             << text::golden::show(want, **tokenizer);
        EXPECT_EQ(text::golden::stream(*tokenizer, want), (*tokenizer)->decode(want)) << "case " << i;
    }
}

INSTANTIATE_TEST_SUITE_P(Models, GgufTokenizer, testing::Values("qwen2.5-coder-0.5b", "smollm2-135m", "gemma3-270m"),
                         [](const auto& p) {
                             std::string name = p.param;
                             for (char& c : name) {
                                 if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
                             }
                             return name;
                         });

}  // namespace
}  // namespace tenon::model
