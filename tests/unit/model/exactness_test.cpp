// Real GGUF files: how far our logits are from those of float32 arithmetic on the same weights, beside llama.cpp's
// distance, and greedy text beside llama.cpp's. Goldens: tools/goldens/llama_cpp.py and tools/goldens/exactness.py.
#include <algorithm>

#include "support.hpp"

namespace tenon::model {
namespace {

constexpr std::size_t every = 8;  // steps between those whose logits are sampled

class Exactness : public testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        TENON_NEED_MODEL(path, std::string(GetParam()) + ".gguf");
        auto loaded = load_causal(path);
        ASSERT_TRUE(loaded) << loaded.error().describe();
        model_ = std::move(*loaded);
        prompts_ = test::read_json(test::golden("llama_cpp.json")).at(GetParam()).at("prompts");
        golden_ = test::read_json(test::golden("exactness.json")).at(GetParam());
    }
    tensor::ThreadTeam team_{2};
    std::unique_ptr<CausalModel> model_;
    json::Value prompts_, golden_;
};

/// Where our choice is not llama.cpp's.
struct Divergence {
    std::size_t prompt = 0, step = 0;
    double margin = 0;           ///< between the two choices, by the reference
    bool ours_is_right = false;  ///< the reference chooses as we do
};

std::optional<double> reference_logit(const json::Value& best, text::TokenId token) {
    for (const json::Value& one : best.as_array())
        if (one.at(0).as_int64() == token) return one.at(1).to_number<double>();
    return std::nullopt;
}

// Both engines round the inputs of their products to 8 bits, which moves logits at random. Of two tokens the wrong one
// is chosen only where the reference's margin between them is smaller than the error in their difference, so whoever
// departs from the reference may do so only within three standard deviations of its own error, measured here on the
// same text.
TEST_P(Exactness, is_nearer_to_float32_than_llama_cpp_and_its_text_differs_only_at_near_ties) {
    const auto sampled = test::ids(golden_.at("ids"));
    const auto reference = test::floats(golden_.at("reference").as_string());
    std::vector<Divergence> divergences;
    double error = 0, pairs = 0;
    std::size_t at = 0, steps = 0, same = 0;
    for (std::size_t p = 0; p < prompts_.as_array().size(); ++p) {
        const json::Value& prompt = prompts_.at(p);
        const auto theirs = test::ids(prompt.at("tokens"));
        const auto kv = std::move(*model_->make_cache(256));
        auto logits = test::run(*model_, team_, *kv, test::ids(prompt.at("ids")), Logits::last);
        bool whole = true;
        for (std::size_t i = 0; i < theirs.size(); ++i, ++steps) {
            const json::Value& best = golden_.at("best").at(p).at(i);
            const auto logit = [&](std::size_t rank) {
                return logits[static_cast<std::size_t>(best.at(rank).at(0).as_int64())] -
                       best.at(rank).at(1).to_number<double>();
            };
            pairs += std::pow(logit(0) - logit(1), 2);
            if (i % every == 0)
                for (const text::TokenId id : sampled)
                    error += std::abs(logits[static_cast<std::size_t>(id)] - reference.at(at++));
            const auto ours =
                static_cast<text::TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
            if (ours != theirs[i]) {
                const auto a = reference_logit(best, ours);
                const auto b = reference_logit(best, theirs[i]);
                ASSERT_TRUE(a && b) << "prompt " << p << ", step " << i << ": a choice not among the reference's best";
                divergences.push_back({p, i, std::abs(*a - *b), *a > *b});
                whole = false;
            }
            logits = test::run(*model_, team_, *kv, {&theirs[i], 1}, Logits::last);
        }
        same += whole ? 1 : 0;
    }
    ASSERT_EQ(at, reference.size());
    error /= static_cast<double>(at);
    const double sigma = std::sqrt(pairs / static_cast<double>(steps));
    const double their_error = golden_.at("error").to_number<double>();
    const double their_sigma = golden_.at("pair_sigma").to_number<double>();
    RecordProperty("error", std::to_string(error) + ", llama.cpp's " + std::to_string(their_error));
    RecordProperty("pair_sigma", std::to_string(sigma) + ", llama.cpp's " + std::to_string(their_sigma));
    RecordProperty("prompts_equal_throughout", std::to_string(same));
    const auto right = std::ranges::count(divergences, true, &Divergence::ours_is_right);
    RecordProperty("other_choices", std::to_string(divergences.size()) + " of " + std::to_string(steps) +
                                        ", ours right " + std::to_string(right));
    EXPECT_LE(error, their_error);
    EXPECT_LE(sigma, their_sigma);
    for (const Divergence& d : divergences)
        EXPECT_LT(d.margin, 3 * (d.ours_is_right ? their_sigma : sigma))
            << "prompt " << d.prompt << ", step " << d.step << (d.ours_is_right ? ": llama.cpp" : ": we")
            << " depart from the reference";
}

INSTANTIATE_TEST_SUITE_P(Files, Exactness, testing::Values("smollm2-135m", "qwen2.5-coder-0.5b"));

}  // namespace
}  // namespace tenon::model
