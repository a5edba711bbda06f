// Held to llama.cpp's samplers on fixed logits (tools/goldens/samplers.py).
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <map>

#include "engine/sampler.hpp"
#include "fake/causal_model.hpp"
#include "tenon/base/file.hpp"
#include "tenon/json/json.hpp"

namespace tenon::engine {
namespace {

const json::Value& golden() {
    static const json::Value value =
        json::parse(read_file(TENON_TEST_DATA "/golden/engine/samplers.json").value()).value();
    return value;
}

std::vector<float> row(const json::Value& name) {
    std::vector<float> out;
    for (const auto& x : golden().at("rows").at(name.as_string()).as_array()) out.push_back(x.to_number<float>());
    return out;
}

SamplingParams params_of(const json::Value& from) {
    SamplingParams p{.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0};
    const std::map<std::string_view, float*> floats = {{"temperature", &p.temperature},
                                                       {"top_p", &p.top_p},
                                                       {"min_p", &p.min_p},
                                                       {"typical_p", &p.typical_p},
                                                       {"top_n_sigma", &p.top_n_sigma},
                                                       {"xtc_probability", &p.xtc_probability},
                                                       {"xtc_threshold", &p.xtc_threshold},
                                                       {"dynatemp_range", &p.dynatemp_range},
                                                       {"dynatemp_exponent", &p.dynatemp_exponent},
                                                       {"repetition_penalty", &p.repetition_penalty},
                                                       {"presence_penalty", &p.presence_penalty},
                                                       {"frequency_penalty", &p.frequency_penalty},
                                                       {"dry_multiplier", &p.dry_multiplier},
                                                       {"dry_base", &p.dry_base}};
    const std::map<std::string_view, int*> ints = {{"top_k", &p.top_k},
                                                   {"penalty_window", &p.penalty_window},
                                                   {"dry_allowed_length", &p.dry_allowed_length},
                                                   {"dry_penalty_last_n", &p.dry_penalty_last_n}};
    for (const auto& [key, value] : from.as_object()) {
        if (const auto f = floats.find(key); f != floats.end()) {
            *f->second = value.to_number<float>();
        } else if (const auto i = ints.find(key); i != ints.end()) {
            *i->second = value.to_number<int>();
        } else if (key == "min_keep") {
            p.min_keep = value.to_number<std::size_t>();
        } else if (key == "steps") {
            p.steps.clear();
            for (const auto& step : value.as_array()) p.steps.push_back(sampler_step_from(step.as_string()).value());
        } else {
            ADD_FAILURE() << key;
        }
    }
    return p;
}

void expect_left(std::span<const Candidate> got, const json::Value& expected, const std::string& what) {
    double most = -1e30, total = 0;
    for (const auto& c : got) most = std::max(most, static_cast<double>(c.logit));
    for (const auto& c : got) total += std::exp(static_cast<double>(c.logit) - most);
    std::map<text::TokenId, double> ours;
    for (const auto& c : got) ours[c.id] = std::exp(static_cast<double>(c.logit) - most) / total;
    for (const auto& pair : expected.as_array()) {
        const auto id = pair.at(0).to_number<text::TokenId>();
        // What llama.cpp leaves with no weight need not be there.
        const double p = pair.at(1).to_number<double>();
        ASSERT_TRUE(ours.contains(id) || p == 0) << what << " token " << id;
        EXPECT_NEAR(ours[id], p, 3e-5) << what << " token " << id;
        ours.erase(id);
    }
    EXPECT_TRUE(ours.empty()) << what << " leaves " << ours.size() << " too many";
}

TEST(SamplerGolden, LeavesWhatLlamaCppLeaves) {
    for (const auto& c : golden().at("cases").as_array()) {
        std::vector<text::TokenId> tokens;
        for (const auto& t : c.at("tokens").as_array()) tokens.push_back(t.to_number<text::TokenId>());
        Sampler sampler(params_of(c.at("params")));
        const auto logits = row(c.at("row"));
        const auto got = sampler.candidates(logits, tokens, 0);
        ASSERT_TRUE(got);
        expect_left(*got, c.at("left"), json::dump(c.at("params")) + json::dump(c.at("row")));
    }
}

TEST(SamplerGolden, MirostatFollowsLlamaCpp) {
    for (const auto& c : golden().at("mirostat").as_array()) {
        SamplingParams p{.temperature = c.at("temperature").to_number<float>()};
        p.mirostat = c.at("version").to_number<int>();
        p.mirostat_tau = c.at("tau").to_number<float>();
        p.mirostat_eta = c.at("eta").to_number<float>();
        Sampler sampler(p);
        int number = 0;
        for (const auto& step : c.at("steps").as_array()) {
            const auto logits = row(step.at("row"));
            const auto got = sampler.candidates(logits, {}, 0);
            ASSERT_TRUE(got);
            expect_left(*got, step.at("left"),
                        "mirostat " + std::to_string(p.mirostat) + " step " + std::to_string(number++));
            sampler.observe(step.at("chosen").to_number<text::TokenId>());
        }
    }
}

// The same on a vocabulary of real size, where the steps work on parts of it.
TEST(Sampler, LargeRowsGiveWhatSmallOnesWould) {
    Random random(5);
    std::vector<float> logits(151936);
    for (auto& x : logits) x = static_cast<float>(random.uniform() * 20 - 12);
    std::vector<SamplingParams> cases(6, SamplingParams{.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0});
    cases[0].top_p = 0.3F;
    cases[1].min_p = 0.7F;
    cases[1].min_keep = 50;
    cases[2].top_n_sigma = 1;
    cases[3].typical_p = 0.2F;
    cases[4].dynatemp_range = 0.5F;
    cases[5].mirostat = 2;
    for (auto p : cases) {
        std::map<text::TokenId, double> weights;
        Sampler direct(p);
        const auto got = direct.candidates(logits, {}, 0).value();
        for (const auto& c : got) weights[c.id] = static_cast<double>(c.logit);
        // All tokens gathered before the step that cuts.
        p.top_k = static_cast<int>(logits.size()) - 1;
        p.steps.insert(p.steps.begin(), SamplerStep::top_k);
        if (p.mirostat != 0) continue;
        Sampler gathered(p);
        const auto again = gathered.candidates(logits, {}, 0).value();
        const std::size_t dropped = 1;  // the least likely of all
        EXPECT_LE(got.size(), again.size() + dropped);
        EXPECT_LE(again.size(), got.size() + dropped);
        for (const auto& c : again) {
            if (weights.contains(c.id)) {
                EXPECT_NEAR(weights[c.id], static_cast<double>(c.logit), 1e-3);
            }
        }
    }
}

TEST(Dry, BreakersEndRepetitions) {
    const fake::ByteTokenizer tokenizer;
    const auto tokens = tokenizer.encode("abc:xabc:x");
    SamplingParams p;
    p.dry_multiplier = 1;
    p.dry_base = 2;
    const auto loss = [&](const std::vector<std::string>& breakers) {
        const DryBreakers made(tokenizer, breakers);
        std::map<text::TokenId, float> out;
        for (const auto& [id, amount] : dry_penalties(tokens, p, &made)) out[id] = amount;
        return out;
    };
    EXPECT_EQ(loss({}), (std::map<text::TokenId, float>{{'a', 8.F}}));  // "abc:x" again: 2^(5 - 2)
    EXPECT_TRUE(loss({":"}).empty());                                   // "x" alone: shorter than allowed
    EXPECT_EQ(loss({"b"}), (std::map<text::TokenId, float>{{'a', 2.F}}));
    EXPECT_EQ(loss({"bc"}), (std::map<text::TokenId, float>{{'a', 1.F}}));
    EXPECT_EQ(loss({"bz"}), (std::map<text::TokenId, float>{{'a', 8.F}}));
    EXPECT_TRUE(loss({"a"}).empty());  // a breaker itself loses nothing
    DryBreakerCache cache;
    EXPECT_EQ(cache.of(tokenizer, {"\n"}), cache.of(tokenizer, {"\n"}));
}

TEST(Dry, LongRepetitionsCostLinearTime) {
    std::vector<text::TokenId> tokens(100000, 3);
    SamplingParams p;
    p.dry_multiplier = 1;
    const auto found = dry_penalties(tokens, p, nullptr);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_TRUE(std::isfinite(found[0].second));
}

}  // namespace
}  // namespace tenon::engine
