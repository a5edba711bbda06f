// Microseconds a token of our samplers on a row of 151,936 logits. Usage: sampling_bench LOGITS (float32, rows of them)
// Prints a JSON line a case; the cases are those of run.py.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

#include "engine/sampler.hpp"

int main(int argc, char** argv) {
    using namespace tenon::engine;
    if (argc != 2) return 2;
    constexpr std::size_t vocabulary = 151936;
    std::ifstream file(argv[1], std::ios::binary);
    std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
    const std::span<const float> all(reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float));
    const std::size_t rows = all.size() / vocabulary;
    if (rows == 0) return 2;
    std::vector<tenon::text::TokenId> tokens;
    for (int i = 0; i < 1000; ++i) tokens.push_back(i * 37 % 500);

    const SamplingParams off{.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0};
    struct Case {
        const char* name;
        SamplingParams params;
    };
    std::vector<Case> cases(6, Case{"", off});
    cases[0] = {"default chain", {}};
    cases[1].name = "penalties, DRY, then the default chain";
    cases[1].params = {.repetition_penalty = 1.1F, .dry_multiplier = 0.8F};
    cases[2].name = "top-p 0.95 of all";
    cases[2].params.top_p = 0.95F;
    cases[3].name = "min-p 0.05 of all";
    cases[3].params.min_p = 0.05F;
    cases[4].name = "mirostat 2";
    cases[4].params.mirostat = 2;
    cases[5].name = "temperature alone";
    cases[5].params.temperature = 0.8F;
    for (auto& c : cases) {
        c.params.seed = 1;
        Sampler sampler(c.params);
        constexpr int turns = 200;
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < turns; ++i) {
            const auto row = all.subspan((static_cast<std::size_t>(i) % rows) * vocabulary, vocabulary);
            if (!sampler.sample(row, tokens, 0)) return 1;
        }
        const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
        std::printf("{\"case\": \"%s\", \"us\": %.1f}\n", c.name, took.count() / turns);
    }
}
