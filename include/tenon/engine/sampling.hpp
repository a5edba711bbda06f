// How the next token is chosen.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "tenon/text/tokenizer.hpp"

namespace tenon::engine {

/// Order, as in llama.cpp: logit bias, penalties, top-k, top-p, min-p, temperature, draw.
struct SamplingParams {
    float temperature = 0.8F;         ///< 0: greedy
    int top_k = 40;                   ///< 0: all
    float top_p = 0.95F;              ///< 1: off (Holtzman et al. 2019)
    float min_p = 0.05F;              ///< 0: off (Nguyen et al. 2024)
    float repetition_penalty = 1.0F;  ///< 1: off (Keskar et al. 2019)
    float presence_penalty = 0.0F;    ///< OpenAI's definition
    float frequency_penalty = 0.0F;
    int penalty_window = 64;  ///< last tokens that penalties look at; 0: none, -1: the whole context
    std::vector<std::pair<text::TokenId, float>> logit_bias{};
    std::optional<std::uint64_t> seed{};  ///< unset: random

    [[nodiscard]] static SamplingParams greedy() {
        SamplingParams p;
        p.temperature = 0;
        return p;
    }
};

}  // namespace tenon::engine
