// Guesses change how fast an answer comes, and nothing else.
#include "tenon/engine/speculation.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>
#include <random>

#include "engine/lookup.hpp"
#include "engine/sampler.hpp"
#include "fake/causal_model.hpp"
#include "support.hpp"
#include "tenon/engine/engine.hpp"
#include "tenon/text/grammar.hpp"
#include "unit/effort.hpp"

namespace tenon::engine {
namespace {

using fake::ByteTokenizer;
using fake::FakeModel;
using Tokens = std::vector<text::TokenId>;

/// Says `text` over and over.
std::shared_ptr<FakeModel> speaker(const std::string& text) {
    auto model = std::make_shared<FakeModel>(2048);
    model->next = [ids = bytes(text)](std::span<const text::TokenId> tokens) {
        return ids[(tokens.size() - 1) % ids.size()];
    };
    return model;
}

/// Agrees with `target` where `agrees` says so, by the number of tokens before.
std::shared_ptr<FakeModel> follower(std::shared_ptr<FakeModel> target, std::function<bool(std::size_t)> agrees) {
    auto model = std::make_shared<FakeModel>(4096);
    model->shape = [target = std::move(target), agrees = std::move(agrees)](std::span<const text::TokenId> tokens,
                                                                            std::span<float> row) {
        target->fill(tokens, row);
        if (agrees(tokens.size())) return;
        const auto best = std::max_element(row.begin(), row.end());
        *best -= 30;
        row['?'] = 30;
    };
    return model;
}

std::size_t passes_of_one(const FakeModel& model) { return model.passes().size(); }

TEST(Lookup, FindsWhatFollowed) {
    const Tokens text{1, 2, 3, 4, 9, 2, 3, 5, 7, 2, 3};
    EXPECT_EQ(look_up(text, 2, 4, 3), (Tokens{5, 7, 2}));  // the last place counts
    EXPECT_EQ(look_up(text, 3, 4, 3), Tokens());
    const Tokens longer{1, 2, 3, 4, 9, 2, 3, 5, 1, 2, 3};
    EXPECT_EQ(look_up(longer, 1, 4, 2), (Tokens{4, 9}));  // the longer agreement counts more
    EXPECT_EQ(look_up(longer, 1, 2, 2), (Tokens{5, 1}));
    EXPECT_EQ(look_up(Tokens{6, 1, 2, 1, 2}, 2, 4, 5), (Tokens{1, 2, 1, 2, 1}));  // a loop
    EXPECT_EQ(look_up(Tokens{7, 7}, 1, 4, 3), (Tokens{7, 7, 7}));
    EXPECT_EQ(look_up(Tokens{7}, 1, 4, 3), Tokens());
    EXPECT_EQ(look_up(Tokens{1, 2, 3}, 1, 4, 3), Tokens());
    EXPECT_EQ(follow(Tokens{1, 2, 3, 4}, Tokens{1}, 9), (Tokens{2, 3, 4}));
    EXPECT_EQ(follow(Tokens{1, 2, 3, 4}, Tokens{8, 2, 3}, 9), Tokens{4});
    EXPECT_EQ(follow(Tokens{1, 2, 3, 4}, Tokens{2, 3, 4}, 9), Tokens());
    EXPECT_EQ(follow(Tokens(), Tokens{2}, 9), Tokens());
}

TEST(Speculation, WhatRepeatsComesInFewerPasses) {
    for (const bool lookup : {false, true}) {
        auto model = speaker("the same sentence again. ");
        Engine engine(model, {.threads = 1, .speculation = {.lookup = lookup}});
        const auto answer = engine.generate(greedy(bytes(">"), 200)).value();
        EXPECT_EQ(answer.tokens, model->expect(bytes(">"), 200));
        EXPECT_EQ(answer.usage.completion_tokens, 200U);
        EXPECT_EQ(answer.usage.drafted_tokens > 0, lookup);
        EXPECT_LE(answer.usage.accepted_tokens, answer.usage.drafted_tokens);
        if (lookup) {
            EXPECT_LT(passes_of_one(*model), 70U);
            EXPECT_EQ(passes_of_one(*model) + answer.usage.accepted_tokens, 200U);
        } else {
            EXPECT_EQ(passes_of_one(*model), 200U);
        }
    }
}

TEST(Speculation, ADraftModelIsBelievedWhereItIsRight) {
    struct Case {
        std::function<bool(std::size_t)> agrees;
        std::size_t most_passes;
    };
    for (const auto& [agrees, most] :
         {Case{[](std::size_t) { return true; }, 30U}, Case{[](std::size_t n) { return n % 3 != 0; }, 90U},
          Case{[](std::size_t) { return false; }, 120U}}) {
        auto model = std::make_shared<FakeModel>(1024);
        Engine engine(
            model,
            {.threads = 1, .prompt_chunk = 16, .speculation = {.draft = follower(model, agrees), .draft_p_min = 0}});
        const auto prompt = bytes("a prompt of several chunks for the draft model to catch up with");
        const auto answer = engine.generate(greedy(prompt, 120)).value();
        EXPECT_EQ(answer.tokens, model->expect(prompt, 120));
        EXPECT_LE(passes_of_one(*model), most + prompt.size() / 16 + 6);
        EXPECT_GT(answer.usage.drafted_tokens, 0U);
        if (!agrees(3)) {
            EXPECT_LT(answer.usage.accepted_tokens, answer.usage.drafted_tokens);
        }
    }
    // The engine's own model is the perfect guesser.
    auto model = std::make_shared<FakeModel>(1024);
    Engine engine(model, {.threads = 1, .speculation = {.draft = model, .draft_p_min = 0}});
    const auto answer = engine.generate(greedy(bytes("itself"), 100)).value();
    EXPECT_EQ(answer.tokens, model->expect(bytes("itself"), 100));
    EXPECT_EQ(answer.usage.accepted_tokens, answer.usage.drafted_tokens);
}

TEST(Speculation, ADraftModelWithoutConfidenceIsSilent) {
    auto model = std::make_shared<FakeModel>(1024);  // no token has half the probability
    Engine engine(model, {.threads = 1, .speculation = {.draft = model, .draft_p_min = 0.5F}});
    EXPECT_EQ(engine.generate(greedy(bytes("x"), 20)).value().usage.drafted_tokens, 0U);
}

TEST(Speculation, ADraftModelOfAnotherVocabularyIsRefused) {
    auto model = std::make_shared<FakeModel>();
    auto other = std::make_shared<FakeModel>(512, std::make_shared<ByteTokenizer>("<odd>"));
    ASSERT_TRUE(check_draft(*model, *std::make_shared<FakeModel>()));
    const auto refused = check_draft(*model, *other);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::invalid_argument);
    EXPECT_NE(refused.error().message().find("token 319"), std::string::npos) << refused.error().message();
    Engine engine(model, {.threads = 1, .speculation = {.draft = other}});
    EXPECT_EQ(engine.generate(greedy(bytes("x"), 2)).error().code(), ErrorCode::invalid_argument);
}

TEST(Speculation, APredictionIsFollowedAndLeft) {
    const std::string said = "int main() { return 0; } // and so on";
    auto model = speaker(said);
    Engine engine(model, {.threads = 1});
    auto request = greedy(bytes(">"), said.size());
    request.prediction = bytes("int main() { return 1; } // and so on");
    const auto answer = engine.generate(request).value();
    EXPECT_EQ(answer.text, said);
    EXPECT_LT(passes_of_one(*model), 15U);
    EXPECT_GT(answer.usage.accepted_tokens, 20U);
    EXPECT_LT(answer.usage.accepted_tokens, answer.usage.drafted_tokens);  // the 1 was wrong
    request.draft_max = 0;
    EXPECT_EQ(engine.generate(request).value().usage.drafted_tokens, 0U);
    request.prediction = {100'000};
    EXPECT_EQ(engine.generate(request).error().code(), ErrorCode::invalid_argument);
}

/// All events of one answer joined; generate() does the same, but this keeps what must be equal.
void expect_same(const GenerationEvent& a, const GenerationEvent& b, const std::string& where) {
    EXPECT_EQ(a.text, b.text) << where;
    EXPECT_EQ(a.tokens, b.tokens) << where;
    EXPECT_EQ(a.finish, b.finish) << where;
    EXPECT_EQ(a.stop_string, b.stop_string) << where;
    EXPECT_EQ(a.usage.completion_tokens, b.usage.completion_tokens) << where;
    ASSERT_EQ(a.logprobs.size(), b.logprobs.size()) << where;
    for (std::size_t i = 0; i < a.logprobs.size(); ++i) {
        EXPECT_EQ(a.logprobs[i].chosen.token, b.logprobs[i].chosen.token) << where;
        EXPECT_EQ(a.logprobs[i].chosen.logprob, b.logprobs[i].chosen.logprob) << where;
        EXPECT_EQ(a.logprobs[i].top.size(), b.logprobs[i].top.size()) << where;
    }
}

// Whatever a request asks for, a run with looked-up guesses says the very same, drawn tokens included.
TEST(Speculation, LookedUpGuessesChangeNoAnswer) {
    static const auto vocabulary = text::GrammarVocabulary::create(ByteTokenizer(), ByteTokenizer::vocabulary);
    const auto held = [&](std::string_view regex) {
        Grammars grammars{std::make_shared<text::TokenGrammar>(text::Grammar::from_regex(regex).value(), vocabulary)};
        return hold_to(std::move(grammars));
    };
    // Few words, so that guesses are often there and often wrong.
    auto model = std::make_shared<FakeModel>(300);
    model->shape = [](std::span<const text::TokenId> tokens, std::span<float> row) {
        for (std::size_t i = 0; i < row.size(); ++i) row[i] = std::min(row[i], 0.F) - 20;
        for (const char c : {'a', 'b', 'c', '.', ' '})
            row[static_cast<std::size_t>(c)] = static_cast<float>((tokens.back() * 7 + c * 5) % 9) * 0.8F;
        row[ByteTokenizer::end] = -1.5F;
    };
    Engine plain(model, {.threads = 1});
    Engine quick(model, {.threads = 1, .speculation = {.lookup = true, .lookup_min = 1}});
    std::mt19937 random(7);
    const auto pick = [&](std::size_t low, std::size_t high) {
        return std::uniform_int_distribution<std::size_t>(low, high)(random);
    };
    std::size_t accepted = 0, drafted = 0;
    for (std::size_t i = 0; i < test::effort(300); ++i) {
        GenerationRequest request;
        request.prompt = bytes("abc.ab");
        if (pick(0, 2) == 0)
            request.sampling = SamplingParams::greedy();
        else
            request.sampling = {.temperature = 0.9F, .top_k = static_cast<int>(pick(0, 4)), .seed = pick(0, 1000)};
        if (pick(0, 4) == 0) request.sampling.repetition_penalty = 1.2F;
        if (pick(0, 4) == 0) request.sampling.mirostat = 2;
        if (pick(0, 4) == 0) request.sampling.xtc_probability = 0.5F;
        if (pick(0, 4) == 0) request.sampling.dry_multiplier = 0.8F;
        request.max_tokens = pick(0, 3) == 0 ? 0 : pick(1, 60);
        request.ignore_eos = pick(0, 2) == 0;
        if (pick(0, 2) == 0) request.stop = {"cb", ". a"};
        if (pick(0, 2) == 0) request.min_tokens = pick(1, 20);
        if (pick(0, 3) == 0) request.stop_tokens = {'.'};
        if (pick(0, 3) == 0) request.bad_words = {"ca", "..b"};
        if (pick(0, 3) == 0) request.include_stop = true;
        if (pick(0, 2) == 0) request.top_logprobs = 2;
        const bool grammar = pick(0, 3) == 0;
        if (grammar) request.bad_words.clear();
        const auto ask = [&](Engine& engine) {
            if (grammar) request.constraint = held("(a[bc. ]){3,25}");
            return engine.generate(request).value();
        };
        const auto expected = ask(plain);
        const auto answer = ask(quick);
        expect_same(answer, expected, std::to_string(i));
        EXPECT_EQ(expected.usage.drafted_tokens, 0U);
        accepted += answer.usage.accepted_tokens;
        drafted += answer.usage.drafted_tokens;
    }
    EXPECT_GT(accepted, 500U);
    EXPECT_GT(drafted, accepted + 500U);
}

TEST(Speculation, AnErrorAmongGuessesEndsTheRequestAndNothingElse) {
    auto model = speaker("abcdefgh");
    model->not_a_number = 'z';
    Engine engine(model, {.threads = 1});
    auto request = greedy(bytes(">"), 60);
    // Right up to a token after which logits are no numbers.
    model->shape = [](std::span<const text::TokenId> tokens, std::span<float> row) {
        if (tokens.size() == 20) row['z'] = 40;
    };
    request.prediction = bytes("abcdefghabcdefghabczabcdefgh");
    EXPECT_EQ(engine.generate(request).error().code(), ErrorCode::internal);
    model->shape = nullptr;
    request.prediction.clear();
    EXPECT_EQ(engine.generate(request).value().tokens, model->expect(bytes(">"), 60));
}

TEST(Speculation, TheContextEndsWhereItDid) {
    auto model = speaker("ab");
    for (const bool lookup : {false, true}) {
        Engine engine(model, {.threads = 1, .context = 100, .speculation = {.lookup = lookup}});
        const auto answer = engine.generate(greedy(bytes(">"), 0)).value();
        EXPECT_EQ(answer.finish, FinishReason::length);
        EXPECT_EQ(answer.tokens.size(), 100U);
    }
}

TEST(Speculation, CountsGuessesAndGivesPagesBack) {
    auto model = speaker("over and over ");
    Engine engine(model, {.threads = 1, .speculation = {.lookup = true}});
    (void)engine.generate(greedy(bytes(">"), 100)).value();
    for (int i = 0; i < 60'000 && engine.stats().requests < 1; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    for (int i = 0; i < 60'000 && engine.stats().running > 0; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const auto stats = engine.stats();
    EXPECT_GT(stats.drafted_tokens, 0U);
    EXPECT_GT(stats.accepted_tokens, 0U);
    EXPECT_EQ(stats.kv_pages_used, 0U);
}

// ---- the distribution ----

/// Pearson's statistic of two samples of the same size, and its degrees of freedom; cells of few are joined.
template <class Key>
std::pair<double, double> two_samples(const std::map<Key, int>& a, const std::map<Key, int>& b) {
    std::map<Key, std::pair<int, int>> both;
    for (const auto& [key, n] : a) both[key].first = n;
    for (const auto& [key, n] : b) both[key].second = n;
    double sum = 0, cells = 0;
    std::pair<int, int> rest;
    const auto add = [&](int x, int y) {
        if (x + y == 0) return;
        sum += static_cast<double>((x - y) * (x - y)) / (x + y);
        cells += 1;
    };
    for (const auto& [key, n] : both) {
        if (n.first + n.second >= 20)
            add(n.first, n.second);
        else
            rest = {rest.first + n.first, rest.second + n.second};
    }
    add(rest.first, rest.second);
    return {sum, cells - 1};
}

/// Five standard deviations above what is expected; seeds are fixed, so a pass stays a pass.
void expect_alike(std::pair<double, double> chi, const std::string& where) {
    EXPECT_LT(chi.first, chi.second + 5 * std::sqrt(2 * chi.second)) << where;
}

std::vector<float> logits_of(std::size_t size, std::uint64_t seed) {
    Random random(seed);
    std::vector<float> out(size);
    for (auto& x : out) x = static_cast<float>(random.uniform() * 5);
    return out;
}

// Any p, any q: what `check` gives is distributed as what `sample` gives, and the guess is kept as often as it can be.
TEST(Speculation, CheckedGuessesKeepTheDistribution) {
    constexpr auto draws = static_cast<int>(test::effort(20'000));
    const std::vector<SamplingParams> chains{
        {.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0},
        {.temperature = 0.6F, .top_k = 5, .top_p = 1, .min_p = 0},
        {.temperature = 1.4F, .top_k = 0, .top_p = 0.7F, .min_p = 0.02F},
        {.temperature = 1, .top_k = 8, .top_p = 1, .min_p = 0, .xtc_probability = 0.5F, .xtc_threshold = 0.1F}};
    for (std::size_t chain = 0; chain < chains.size(); ++chain) {
        for (const std::uint64_t pair : {1U, 2U, 3U}) {
            auto params = chains[chain];
            const auto p = logits_of(12, pair);
            auto q = logits_of(12, pair + 100);
            if (pair == 2)
                for (std::size_t i = 0; i < q.size(); ++i) q[i] = p[i] + q[i] * 0.2F;  // nearly the same
            params.seed = 11 * pair;
            Sampler plain(params);
            params.seed = 12 * pair + 1;
            Sampler checking(params);
            params.seed = 13 * pair + 2;
            Sampler guessing(params);
            std::map<text::TokenId, int> expected, found;
            int kept = 0;
            for (int i = 0; i < draws; ++i) {
                ++expected[plain.sample(p, {}, 0).value()];
                const auto guess = guessing.guess(q, {}, 0).value();
                const auto token = checking.check(guess, p, {}, 0).value();
                ++found[token];
                kept += token == guess.token ? 1 : 0;
            }
            expect_alike(two_samples(expected, found), "chain " + std::to_string(chain) + ", " + std::to_string(pair));
            if (chain == 0) {  // 1 - total variation
                double likely = 0, sum_p = 0, sum_q = 0;
                for (std::size_t i = 0; i < p.size(); ++i) {
                    sum_p += std::exp(static_cast<double>(p[i]));
                    sum_q += std::exp(static_cast<double>(q[i]));
                }
                for (std::size_t i = 0; i < p.size(); ++i)
                    likely += std::min(std::exp(static_cast<double>(p[i])) / sum_p,
                                       std::exp(static_cast<double>(q[i])) / sum_q);
                EXPECT_NEAR(static_cast<double>(kept) / draws, likely, test::sanitized ? 0.06 : 0.02);
            }
        }
    }
}

TEST(Speculation, AGuessThatIsNotAllowedIsNeverKept) {
    Sampler sampler({.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0, .seed = 5});
    const std::vector<float> p(8, 1.F);
    const std::vector<std::uint64_t> allowed{0b00001110};
    const Guess guess{0, {{0, 0.9}, {1, 0.1}}};
    std::map<text::TokenId, int> found;
    for (int i = 0; i < 3000; ++i) ++found[sampler.check(guess, p, {}, 0, allowed).value()];
    EXPECT_EQ(found.size(), 3U);
    EXPECT_EQ(found.count(0), 0U);
    const std::vector<text::TokenId> forbidden{0};
    for (int i = 0; i < 100; ++i) EXPECT_NE(sampler.check(guess, p, {}, 0, {}, forbidden).value(), 0);
}

// Through the whole engine, over answers of four tokens of which three can be guessed.
TEST(Speculation, ADraftModelKeepsTheDistributionOfAnswers) {
    constexpr auto answers = static_cast<int>(test::effort(3000));
    auto model = std::make_shared<FakeModel>();
    const auto shape = [](std::size_t salt, float scale) {
        return [salt, scale](std::span<const text::TokenId> tokens, std::span<float> row) {
            std::fill(row.begin(), row.end(), -40.F);
            for (std::size_t c = 0; c < 6; ++c) {
                const std::size_t before = static_cast<std::size_t>(tokens.back()) * 31 + tokens.size() * 17;
                row['a' + c] = static_cast<float>((before + c * c * 7 + (c == 2 ? salt : 0)) % 11) * scale;
            }
        };
    };
    model->shape = shape(0, 0.3F);
    auto draft = std::make_shared<FakeModel>();
    draft->shape = shape(5, 0.25F);
    Engine plain(model, {.threads = 1});
    Engine quick(model, {.threads = 1, .speculation = {.draft = draft, .draft_p_min = 0}});
    const std::vector<SamplingParams> chains{
        {.temperature = 0.8F, .top_k = 4, .top_p = 1, .min_p = 0},
        {.temperature = 1.1F, .top_k = 0, .top_p = 0.9F, .min_p = 0.05F, .repetition_penalty = 1.3F}};
    for (std::size_t chain = 0; chain < chains.size(); ++chain) {
        std::map<Tokens, int> expected, found;
        std::size_t drafted = 0, accepted = 0;
        for (int i = 0; i < answers; ++i) {
            GenerationRequest request;
            request.prompt = bytes("go");
            request.sampling = chains[chain];
            request.max_tokens = 4;
            request.sampling.seed = 2 * i;
            ++expected[plain.generate(request).value().tokens];
            request.sampling.seed = 2 * i + 1;
            const auto answer = quick.generate(request).value();
            ++found[answer.tokens];
            drafted += answer.usage.drafted_tokens;
            accepted += answer.usage.accepted_tokens;
        }
        expect_alike(two_samples(expected, found), "chain " + std::to_string(chain));
        EXPECT_GT(accepted, drafted / 3);
        EXPECT_LT(accepted, drafted);
    }
}

}  // namespace
}  // namespace tenon::engine
