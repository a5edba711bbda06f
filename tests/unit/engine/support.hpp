// What the tests of this room share.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "fake/causal_model.hpp"
#include "tenon/engine/engine.hpp"

namespace tenon::engine {

inline std::vector<text::TokenId> bytes(std::string_view text) { return fake::ByteTokenizer().encode(text); }

inline GenerationRequest greedy(std::vector<text::TokenId> prompt, std::size_t max_tokens) {
    GenerationRequest request;
    request.prompt = std::move(prompt);
    request.sampling = SamplingParams::greedy();
    request.max_tokens = max_tokens;
    return request;
}

}  // namespace tenon::engine
