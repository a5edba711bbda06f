// How the next token is chosen.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tenon/text/tokenizer.hpp"

namespace tenon::engine {

/// What narrows or reshapes the choice, each by llama.cpp's definition.
enum class SamplerStep : std::uint8_t { penalties, dry, top_n_sigma, top_k, typical_p, top_p, min_p, xtc, temperature };
/// "penalties", "dry", "top_n_sigma", "top_k", "typ_p" (also typical_p), "top_p", "min_p", "xtc", "temperature".
[[nodiscard]] std::optional<SamplerStep> sampler_step_from(std::string_view name);

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

    float typical_p = 1;          ///< 1: off (Meister et al. 2022)
    float top_n_sigma = 0;        ///< 0: off; keeps logits within so many standard deviations of the largest
    float xtc_probability = 0;    ///< 0: off; how often all but the last of the likely tokens are left out
    float xtc_threshold = 0.1F;   ///< probability from which a token counts as likely; above 0.5: off
    float dynatemp_range = 0;     ///< 0: off; temperature ± so much, by how flat the distribution is
    float dynatemp_exponent = 1;  ///< of the normalised entropy
    float dry_multiplier = 0;     ///< 0: off; a token that would go on with a repetition of n tokens loses
    float dry_base = 1.75F;       ///< multiplier * base^(n - allowed_length)
    int dry_allowed_length = 2;   ///< repetitions shorter than this are free
    int dry_penalty_last_n = -1;  ///< tokens looked at; 0: none, -1: the whole context
    std::vector<std::string> dry_sequence_breakers{"\n", ":", "\"", "*"};  ///< repetitions do not reach across them
    int mirostat = 0;        ///< 1, 2: instead of all steps but logit bias and temperature (Basu et al. 2020); 0: off
    float mirostat_tau = 5;  ///< surprise aimed at, in bits
    float mirostat_eta = 0.1F;  ///< how fast it is corrected
    std::size_t min_keep = 0;   ///< typical_p, top_p, min_p and xtc leave at least so many
    /// Logit bias comes first and the draw last.
    std::vector<SamplerStep> steps{SamplerStep::penalties, SamplerStep::dry,       SamplerStep::top_n_sigma,
                                   SamplerStep::top_k,     SamplerStep::typical_p, SamplerStep::top_p,
                                   SamplerStep::min_p,     SamplerStep::xtc,       SamplerStep::temperature};

    [[nodiscard]] static SamplingParams greedy() {
        SamplingParams p;
        p.temperature = 0;
        return p;
    }
};

}  // namespace tenon::engine
