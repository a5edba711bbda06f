// How well a model predicts a text.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <stop_token>

#include "tenon/model/model.hpp"

namespace tenon::model {

struct PerplexityOptions {
    std::size_t context = 512;  ///< tokens a piece; the second half of each is scored
    std::size_t chunks = 0;     ///< at most so many pieces; 0: the whole text
    /// After each piece: how many are done, of how many, and the perplexity so far.
    std::function<void(std::size_t, std::size_t, double)> progress = {};
    std::stop_token stop = {};
};

struct Perplexity {
    double value = 0;
    double error = 0;  ///< one standard error of `value`
    double mean_log_likelihood = 0;
    std::size_t tokens = 0;  ///< scored
    std::size_t chunks = 0;
};

/// As llama.cpp's perplexity tool defines it: the text's tokens (with the beginning-of-text token, where the model
/// wants one) are cut into pieces of `context`, each computed from an empty cache with that token first; the tokens
/// after the middle of each piece are scored. Uses the model's forward pass: for one caller at a time. Errors:
/// invalid_argument (fewer than two pieces, a context below 4), cancelled, those of `forward`.
[[nodiscard]] Result<Perplexity> perplexity(CausalModel& model, tensor::ThreadTeam& team,
                                            std::span<const text::TokenId> tokens, const PerplexityOptions& options);

}  // namespace tenon::model
