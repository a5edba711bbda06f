// Ids and texts against tokenizers, tiktoken and sentencepiece, over one corpus.
#include <gtest/gtest.h>

#include "tenon/base/hash.hpp"
#include "tenon/base/utf8.hpp"
#include "unit/text/tokenizer_golden.hpp"

namespace tenon::text {
namespace {

using namespace golden;

const std::vector<std::string>& corpus() {
    static const std::vector<std::string> cases = texts(document("cases.json"));
    return cases;
}

void compare(const TokenizerPtr& tokenizer, const json::Value& rows, const std::vector<std::string>& cases,
             bool decode = true) {
    const auto& expected = rows.at("ids").as_array();
    ASSERT_EQ(expected.size(), cases.size());
    std::vector<TokenId> prefix, suffix;
    const bool wraps = json::find(rows, "prefix") != nullptr;
    if (wraps) {
        prefix = ids(rows.at("prefix"));
        suffix = ids(rows.at("suffix"));
    }
    for (std::size_t i = 0; i < cases.size(); ++i) {
        const std::vector<TokenId> want = ids(expected[i]);
        const std::vector<TokenId> got = tokenizer->encode(cases[i], {.add_special = false});
        ASSERT_EQ(got, want) << "case " << i << ": " << cases[i].substr(0, 200) << "\n got " << show(got, *tokenizer)
                             << "\nwant " << show(want, *tokenizer);
        if (wraps) {
            std::vector<TokenId> full = prefix;
            full.insert(full.end(), want.begin(), want.end());
            full.insert(full.end(), suffix.begin(), suffix.end());
            ASSERT_EQ(tokenizer->encode(cases[i]), full) << "case " << i;
        }
        const std::string decoded = tokenizer->decode(want);
        ASSERT_TRUE(utf8::is_valid(decoded));
        ASSERT_EQ(stream(tokenizer, want), decoded) << "case " << i;
        if (const json::Value* sums = json::find(rows, "decoded"); decode && sums != nullptr) {
            const std::string_view sum = sums->as_array()[i].as_string();
            ASSERT_EQ(sha256_hex(decoded).substr(0, sum.size()), sum) << "case " << i << ": " << decoded;
        }
    }
}

class HuggingFace : public testing::TestWithParam<const char*> {};

TEST_P(HuggingFace, IdsAndTextsAreTheReference) {
    const std::string name = GetParam();
    const auto tokenizer = load_tokenizer_json(file(name + ".json"));
    ASSERT_TRUE(tokenizer) << tokenizer.error().describe();
    compare(*tokenizer, document(name + ".ids.json"), corpus());
}

INSTANTIATE_TEST_SUITE_P(Small, HuggingFace,
                         testing::Values("hf-gpt2", "hf-llama3", "hf-qwen2", "hf-gpt4o", "hf-smollm", "hf-llama2",
                                         "hf-fuse-unk", "hf-unigram", "hf-xlmr", "hf-bert-cased", "hf-wordlevel"),
                         [](const auto& p) {
                             std::string name = p.param;
                             std::ranges::replace(name, '-', '_');
                             return name;
                         });

TEST(Tiktoken, IdsAreTheReference) {
    const auto tokenizer = load_tokenizer_json(file("hf-llama3.json"));
    ASSERT_TRUE(tokenizer) << tokenizer.error().describe();
    const json::Value rows = document("tiktoken.ids.json");
    for (std::size_t i = 0; i < corpus().size(); ++i) {
        const auto got = (*tokenizer)->encode(corpus()[i], {.add_special = false, .parse_special = false});
        ASSERT_EQ(got, ids(rows.at("ids").as_array()[i])) << "case " << i;
    }
}

TokenizerSpec sentencepiece_spec(const json::Value& v) {
    TokenizerSpec spec;
    spec.kind = v.at("unigram").as_bool() ? TokenizerKind::unigram : TokenizerKind::sentencepiece_bpe;
    for (const auto& t : v.at("tokens").as_array()) spec.tokens.emplace_back(t.as_string());
    for (const auto& s : v.at("scores").as_array()) spec.scores.push_back(s.to_number<float>());
    for (const auto& t : v.at("types").as_array()) spec.types.push_back(static_cast<TokenType>(t.as_int64()));
    spec.bos = static_cast<TokenId>(v.at("bos").as_int64());
    spec.eos = static_cast<TokenId>(v.at("eos").as_int64());
    spec.unk = static_cast<TokenId>(v.at("unk").as_int64());
    spec.add_space_prefix = v.at("add_space_prefix").as_bool();
    spec.remove_extra_whitespaces = v.at("remove_extra_whitespaces").as_bool();
    if (const json::Value* map = json::find(v, "charsmap"))
        spec.precompiled_charsmap = from_hex(std::string_view(map->as_string()));
    return spec;
}

class SentencePiece : public testing::TestWithParam<const char*> {};

TEST_P(SentencePiece, IdsAndTextsAreTheReference) {
    const std::string name = GetParam();
    const auto tokenizer = make_tokenizer(sentencepiece_spec(document(name + ".spec.json")));
    ASSERT_TRUE(tokenizer) << tokenizer.error().describe();
    const json::Value rows = document(name + ".ids.json");
    std::vector<std::string> cases;
    for (const json::Value& index : rows.at("cases").as_array())
        cases.push_back(corpus()[static_cast<std::size_t>(index.as_int64())]);
    compare(*tokenizer, rows, cases);
}

INSTANTIATE_TEST_SUITE_P(Small, SentencePiece,
                         testing::Values("sp-bpe", "sp-bpe-nofallback", "sp-unigram", "sp-unigram-bytes"),
                         [](const auto& p) {
                             std::string name = p.param;
                             std::ranges::replace(name, '-', '_');
                             return name;
                         });

TEST(MiniLM, TokenizerJsonAndVocabTxtGiveTheReference) {
    const char* models = std::getenv("TENON_TEST_MODELS");
    if (models == nullptr || !std::filesystem::exists(std::filesystem::path(models) / "minilm" / "tokenizer.json"))
        GTEST_SKIP() << "minilm/tokenizer.json is not in TENON_TEST_MODELS";
    const std::filesystem::path folder = std::filesystem::path(models) / "minilm";
    const json::Value rows = document("minilm.ids.json");
    const auto from_json = load_tokenizer_json(read_file(folder / "tokenizer.json").value());
    ASSERT_TRUE(from_json) << from_json.error().describe();
    compare(*from_json, rows, corpus());
    const auto from_vocab = load_vocab_txt(read_file(folder / "vocab.txt").value());
    ASSERT_TRUE(from_vocab) << from_vocab.error().describe();
    compare(*from_vocab, rows, corpus());
    // The form of GGUF files: "▁" marks what begins a word.
    TokenizerSpec spec = (*from_json)->spec();
    for (std::string& token : spec.tokens) {
        if (token.starts_with("##")) {
            token.erase(0, 2);
        } else if (!token.starts_with('[') || token.size() == 1) {
            token.insert(0, "\u2581");
        }
    }
    const auto from_gguf = make_tokenizer(std::move(spec));
    ASSERT_TRUE(from_gguf) << from_gguf.error().describe();
    compare(*from_gguf, rows, corpus());
}

}  // namespace
}  // namespace tenon::text
