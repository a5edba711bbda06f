// Tiny random decoders of every architecture against transformers' logits, however their tokens are cut and batched.
// Goldens: tools/goldens/tiny_architectures.py.
#include "support.hpp"

namespace tenon::model {
namespace {

struct Case {
    const char* name;
    bool folder, gguf;  // in which formats the weights are there
};

const json::Value& goldens() {
    static const json::Value value = test::read_json(test::golden("architectures/golden.json"));
    return value;
}

/// Longer than the length "phi3-long" was first trained with, shorter than that of "phi3-short".
constexpr std::size_t longest = 32;

/// Name of the golden, and of the file or folder.
using Tested = std::pair<std::string, std::string>;

class Architectures : public testing::TestWithParam<Tested> {
  protected:
    void SetUp() override {
        auto loaded = load_causal(test::golden("architectures/" + GetParam().second), {.context = longest});
        ASSERT_TRUE(loaded) << loaded.error().describe();
        model_ = std::move(*loaded);
        const json::Value& entry = goldens().at(GetParam().first);
        tokens_ = test::ids(entry.at("tokens"));
        wanted_ = test::floats(std::string_view(entry.at("logits").as_string()));
        row_ = model_->info().vocabulary;
        ASSERT_EQ(wanted_.size(), tokens_.size() * row_);
    }
    std::unique_ptr<KvCache> cache(std::size_t capacity = longest) const {
        return std::move(*model_->make_cache(capacity));
    }
    std::span<const text::TokenId> part(std::size_t begin, std::size_t end) const {
        return std::span(tokens_).subspan(begin, end - begin);
    }
    /// Against transformers' logits of positions [begin, end).
    void expect_rows(std::span<const float> got, std::size_t begin, std::size_t end, double tolerance) const {
        const std::span wanted = std::span(wanted_).subspan(begin * row_, (end - begin) * row_);
        ASSERT_EQ(got.size(), wanted.size());
        const double peak = test::difference(got, wanted).peak;
        EXPECT_LE(peak, tolerance) << "positions " << begin << " to " << end;
        RecordProperty("peak_" + std::to_string(begin) + "_" + std::to_string(end), std::to_string(peak));
    }

    tensor::ThreadTeam team_{2};
    std::unique_ptr<CausalModel> model_;
    std::vector<text::TokenId> tokens_;
    std::vector<float> wanted_;
    std::size_t row_ = 0;
};

TEST_P(Architectures, logits_equal_those_of_transformers) {
    const auto kv = cache();
    expect_rows(test::run(*model_, team_, *kv, tokens_, Logits::all), 0, tokens_.size(), 1e-3);
    EXPECT_EQ(kv->length(), tokens_.size());
}

TEST_P(Architectures, chunks_give_the_same) {
    for (const std::size_t step : {1, 3, 10}) {
        const auto kv = cache();
        for (std::size_t at = 0; at < tokens_.size(); at += step) {
            const std::size_t end = std::min(at + step, tokens_.size());
            expect_rows(test::run(*model_, team_, *kv, part(at, end), Logits::all), at, end, 2e-3);
        }
    }
}

TEST_P(Architectures, sequences_computed_together_give_the_same) {
    const auto a = cache(), b = cache(), c = cache();
    (void)test::run(*model_, team_, *a, part(0, 20), Logits::none);
    (void)test::run(*model_, team_, *b, part(0, 3), Logits::none);
    const SequenceStep steps[] = {{a.get(), part(20, 21), Logits::last},
                                  {b.get(), part(3, 14), Logits::last},
                                  {c.get(), part(0, 7), Logits::all}};
    const auto got = model_->forward(team_, steps);
    ASSERT_TRUE(got) << got.error().describe();
    ASSERT_EQ(got->size(), 9 * row_);
    expect_rows(got->subspan(0, row_), 20, 21, 2e-3);
    expect_rows(got->subspan(row_, row_), 13, 14, 2e-3);
    expect_rows(got->subspan(2 * row_, 7 * row_), 0, 7, 2e-3);
}

TEST_P(Architectures, weights_read_from_the_file_as_they_are_give_the_same) {
    const auto plain =
        load_causal(test::golden("architectures/" + GetParam().second), {.repack = false, .context = longest});
    ASSERT_TRUE(plain) << plain.error().describe();
    const auto kv = std::move(*plain.value()->make_cache(longest));
    expect_rows(test::run(**plain, team_, *kv, tokens_, Logits::all), 0, tokens_.size(), 1e-3);
}

std::vector<Tested> cases() {
    std::vector<Tested> out;
    constexpr Case all[] = {{"gemma", false, true},    {"gemma2", true, true},        {"gemma2-scalar", true, false},
                            {"gemma3", true, true},    {"gemma3-linear", true, true}, {"phi3", true, true},
                            {"phi3-long", true, true}, {"phi3-short", false, true},   {"granite", true, true},
                            {"olmo2", true, true},     {"gpt2", true, true},          {"smollm3", true, true},
                            {"mixtral", true, true},   {"qwen2moe", true, true},      {"qwen2moe-norm", true, false},
                            {"qwen3moe", true, true}};
    for (const Case& c : all) {
        if (c.folder) out.emplace_back(c.name, c.name);
        if (c.gguf) out.emplace_back(c.name, std::string(c.name) + ".gguf");
    }
    return out;
}

INSTANTIATE_TEST_SUITE_P(Kinds, Architectures, testing::ValuesIn(cases()), [](const auto& tested) {
    std::string name = tested.param.second;
    for (char& c : name)
        if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
    return name;
});

}  // namespace
}  // namespace tenon::model
