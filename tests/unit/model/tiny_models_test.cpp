// Tiny random models of many shapes against transformers' logits. Goldens: tools/goldens/tiny_models.py.
#include "support.hpp"

#include <map>

#include "tenon/tensor/dtype.hpp"

namespace tenon::model {
namespace {

using test::golden;

struct Case {
    std::string file;    // below golden/model/tiny
    std::string golden;  // key in golden.json
    double tolerance;    // of the largest difference, relative to the largest logit
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.file; }

const json::Value& goldens() {
    static const json::Value value = test::read_json(golden("tiny/golden.json"));
    return value;
}

class TinyModel : public testing::TestWithParam<Case> {
  protected:
    void SetUp() override {
        auto loaded = load_causal(golden("tiny/" + GetParam().file));
        ASSERT_TRUE(loaded) << loaded.error().describe();
        model_ = std::move(*loaded);
        const json::Value& entry = goldens().at(GetParam().golden);
        tokens_ = test::ids(entry.at("tokens"));
        wanted_ = test::floats(std::string_view(entry.at("logits").as_string()));
        ASSERT_EQ(wanted_.size(), tokens_.size() * model_->info().vocabulary);
    }
    std::unique_ptr<KvCache> cache(std::size_t capacity = 64) const { return std::move(*model_->make_cache(capacity)); }

    tensor::ThreadTeam team_{2};
    std::unique_ptr<CausalModel> model_;
    std::vector<text::TokenId> tokens_;
    std::vector<float> wanted_;
};

TEST_P(TinyModel, logits_equal_those_of_transformers) {
    const auto kv = cache();
    const auto got = test::run(*model_, team_, *kv, tokens_, Logits::all);
    const auto [peak, rms] = test::difference(got, wanted_);
    EXPECT_LE(peak, GetParam().tolerance) << "rms " << rms;
    EXPECT_EQ(kv->length(), tokens_.size());
}

TEST_P(TinyModel, one_token_at_a_time_gives_the_same) {
    if (GetParam().golden == "llama-dynamic")
        GTEST_SKIP() << "dynamic scaling depends on the length known at each step";
    const auto kv = cache();
    const std::size_t row = model_->info().vocabulary;
    for (std::size_t t = 0; t < tokens_.size(); ++t) {
        const auto got = test::run(*model_, team_, *kv, std::span(tokens_).subspan(t, 1), Logits::last);
        ASSERT_EQ(got.size(), row);
        const auto d = test::difference(got, std::span(wanted_).subspan(t * row, row));
        ASSERT_LE(d.peak, GetParam().tolerance * 3) << "token " << t;
    }
}

std::vector<Case> cases() {
    std::vector<Case> out;
    for (const char* name :
         {"llama-mha", "llama-gqa-tied", "llama-head-dim", "llama-bias", "llama-linear", "llama-llama3", "llama-yarn",
          "mistral-window", "qwen2", "qwen2-mha-tied", "qwen2-yarn", "qwen3"}) {
        out.push_back({name, name, 1e-3});
        out.push_back({std::string(name) + ".gguf", name, 1e-3});
    }
    out.push_back({"llama-dynamic", "llama-dynamic", 1e-3});
    out.push_back({"llama-bf16", "llama-bf16", 1e-3});
    out.push_back({"llama-types-bf16.gguf", "llama-types-bf16", 1e-3});
    out.push_back({"llama-f16-sharded", "llama-f16-sharded", 1e-3});
    out.push_back({"llama-gqa-tied-00001-of-00003.gguf", "llama-gqa-tied", 1e-3});
    out.push_back({"llama-types-f16.gguf", "llama-types-f16", 1e-3});
    // Inputs of quantised products are rounded to 8 bits, as GGML does.
    for (const char* name :
         {"llama-types-q4_0", "llama-types-q4_1", "llama-types-q5_0", "llama-types-q5_1", "llama-types-q8_0",
          "llama-types-q2_k", "llama-types-q3_k", "llama-types-q4_k", "llama-types-q5_k", "llama-types-q6_k"})
        out.push_back({std::string(name) + ".gguf", name, 0.03});
    return out;
}

INSTANTIATE_TEST_SUITE_P(Shapes, TinyModel, testing::ValuesIn(cases()), [](const auto& tested) {
    std::string name = tested.param.file;
    for (char& c : name)
        if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
    return name;
});

class Sequences : public testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        auto loaded = load_causal(golden(std::string("tiny/") + GetParam()));
        ASSERT_TRUE(loaded) << loaded.error().describe();
        model_ = std::move(*loaded);
        for (text::TokenId i = 0; i < 40; ++i) tokens_.push_back(2 + i * 7 % 70);
    }
    std::unique_ptr<KvCache> cache(std::size_t capacity = 64) const { return std::move(*model_->make_cache(capacity)); }
    std::span<const text::TokenId> part(std::size_t begin, std::size_t count) const {
        return std::span(tokens_).subspan(begin, count);
    }

    tensor::ThreadTeam team_{2};
    std::unique_ptr<CausalModel> model_;
    std::vector<text::TokenId> tokens_;
};

TEST_P(Sequences, together_equal_alone) {
    std::vector<float> alone[3];
    const std::pair<std::size_t, std::size_t> parts[] = {{0, 20}, {5, 1}, {11, 13}};
    std::unique_ptr<KvCache> caches[3];
    for (std::size_t i = 0; i < 3; ++i) {
        const auto kv = cache();
        (void)test::run(*model_, team_, *kv, part(30, i + 1), Logits::none);
        alone[i] =
            test::run(*model_, team_, *kv, part(parts[i].first, parts[i].second), i == 0 ? Logits::all : Logits::last);
        caches[i] = cache(40 + i);
        (void)test::run(*model_, team_, *caches[i], part(30, i + 1), Logits::none);
    }
    std::vector<SequenceStep> steps;
    for (std::size_t i = 0; i < 3; ++i)
        steps.push_back({caches[i].get(), part(parts[i].first, parts[i].second), i == 0 ? Logits::all : Logits::last});
    const auto together = model_->forward(team_, steps);
    ASSERT_TRUE(together) << together.error().describe();
    const std::size_t row = model_->info().vocabulary;
    ASSERT_EQ(together->size(), 22 * row);
    std::size_t at = 0;
    for (const auto& wanted : alone) {
        EXPECT_LE(test::difference(together->subspan(at, wanted.size()), wanted).peak, 1e-4);
        at += wanted.size();
    }
}

TEST_P(Sequences, truncated_cache_continues_as_if_never_written) {
    const auto kv = cache();
    (void)test::run(*model_, team_, *kv, part(0, 12), Logits::none);
    const auto first = test::run(*model_, team_, *kv, part(12, 10), Logits::all);
    kv->truncate(12);
    (void)test::run(*model_, team_, *kv, part(20, 9), Logits::none);
    kv->truncate(12);
    EXPECT_EQ(kv->length(), 12U);
    EXPECT_EQ(test::run(*model_, team_, *kv, part(12, 10), Logits::all), first);
}

TEST_P(Sequences, shared_prefix_continues_alike) {
    const auto pool = model_->make_pool(8, KvType::f16).value();
    KvCache kv(pool, 100), other(pool, 100);
    (void)test::run(*model_, team_, kv, part(0, 20), Logits::none);
    other.share(kv.pages(), 15);
    EXPECT_EQ(other.length(), 15U);
    const auto went_on = test::run(*model_, team_, kv, part(20, 4), Logits::all);  // beside it, in pages of its own
    const auto shared = test::run(*model_, team_, other, part(15, 8), Logits::all);
    kv.truncate(15);
    EXPECT_EQ(test::run(*model_, team_, kv, part(15, 8), Logits::all), shared);
}

TEST_P(Sequences, a_cache_of_eight_bits_is_close) {
    const auto exact = cache();
    const auto rounded = model_->make_cache(64, KvType::q8).value();
    const auto a = test::run(*model_, team_, *exact, part(0, 40), Logits::all);
    const auto b = test::run(*model_, team_, *rounded, part(0, 40), Logits::all);
    EXPECT_NE(a, b);
    EXPECT_LE(test::difference(a, b).peak, 0.05);
}

TEST_P(Sequences, thread_count_does_not_matter) {
    const auto a = cache(), b = cache();
    tensor::ThreadTeam one(1);
    const auto got = test::run(*model_, one, *a, part(0, 30), Logits::all);
    const auto again = test::run(*model_, team_, *b, part(0, 30), Logits::all);
    EXPECT_LE(test::difference(got, again).peak, 1e-5);
}

TEST_P(Sequences, refuses_bad_steps_and_leaves_the_cache_alone) {
    const auto kv = cache(16);
    (void)test::run(*model_, team_, *kv, part(0, 10), Logits::none);
    const auto refused = [&](std::vector<SequenceStep> steps) {
        const auto result = model_->forward(team_, steps);
        EXPECT_EQ(kv->length(), 10U);
        return result ? std::nullopt : std::optional(result.error().code());
    };
    const std::vector<text::TokenId> outside{3, static_cast<text::TokenId>(model_->info().vocabulary)};
    const std::vector<text::TokenId> negative{-1};
    EXPECT_EQ(refused({{kv.get(), outside, Logits::last}}), ErrorCode::invalid_argument);
    EXPECT_EQ(refused({{kv.get(), negative, Logits::last}}), ErrorCode::invalid_argument);
    EXPECT_EQ(refused({{kv.get(), part(0, 7), Logits::last}}), ErrorCode::resource_exhausted);
    EXPECT_EQ(refused({{kv.get(), {}, Logits::last}}), ErrorCode::invalid_argument);
    EXPECT_EQ(refused({{nullptr, part(0, 1), Logits::last}}), ErrorCode::invalid_argument);
    EXPECT_EQ(refused({{kv.get(), part(0, 1), Logits::last}, {kv.get(), part(0, 1), Logits::last}}),
              ErrorCode::invalid_argument);
    const std::vector<text::TokenId> long_prompt(model_->max_batch_tokens() + 1, 3);
    const auto large = cache(2000);
    EXPECT_EQ(refused({{large.get(), long_prompt, Logits::last}}), ErrorCode::invalid_argument);
    auto other = load_causal(golden("tiny/qwen2"));
    ASSERT_TRUE(other);
    const auto foreign = other.value()->make_cache(16);
    EXPECT_EQ(refused({{foreign->get(), part(0, 1), Logits::last}}), ErrorCode::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(Models, Sequences,
                         testing::Values("llama-gqa-tied", "qwen2.gguf", "llama-types-q4_1.gguf", "mistral-window"));

TEST(Inspect, tells_what_a_folder_holds) {
    const auto info = inspect(golden("tiny/llama-gqa-tied"));
    ASSERT_TRUE(info) << info.error().describe();
    EXPECT_EQ(info->architecture, "llama");
    EXPECT_EQ(info->format, "safetensors");
    EXPECT_EQ(info->quantisation, "F32");
    EXPECT_EQ(info->layers, 2U);
    EXPECT_EQ(info->heads, 4U);
    EXPECT_EQ(info->kv_heads, 2U);
    EXPECT_EQ(info->head_dim, 8U);
    EXPECT_EQ(info->vocabulary, 80U);
    EXPECT_EQ(info->context_length, 64U);
    EXPECT_EQ(info->chat_template, "{{ messages[0].content }}");
    EXPECT_TRUE(info->supported);
    EXPECT_EQ(info->memory_needed(100) - info->memory_needed(0), 2U * 2 * 2 * 8 * 2 * 100);
}

TEST(Inspect, tells_what_a_gguf_holds) {
    const auto info = inspect(golden("tiny/llama-types-q4_0.gguf"));
    ASSERT_TRUE(info) << info.error().describe();
    EXPECT_EQ(info->format, "gguf");
    EXPECT_EQ(info->quantisation, "Q4_0");
    EXPECT_EQ(info->embedding_length, 64U);
    EXPECT_EQ(info->vocabulary, 80U);
    const auto missing = inspect(golden("tiny/nothing.gguf"));
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code(), ErrorCode::not_found);
}

TEST(Load, names_the_first_part_of_a_split) {
    const auto later = load_causal(golden("tiny/llama-gqa-tied-00002-of-00003.gguf"));
    ASSERT_FALSE(later);
    EXPECT_NE(later.error().describe().find("llama-gqa-tied-00001-of-00003.gguf"), std::string::npos)
        << later.error().describe();
}

TEST(Load, a_decoder_is_no_encoder) {
    const auto wrong = load_encoder(golden("tiny/llama-mha"));
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code(), ErrorCode::unsupported);
}

}  // namespace
}  // namespace tenon::model
