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

/// FakeModel::expect for an engine that shifts its context, where that is asked for.
inline std::vector<text::TokenId> expect_shifted(const fake::FakeModel& model, std::vector<text::TokenId> tokens,
                                                 std::size_t count, const EngineOptions& options,
                                                 model::AdapterUse adapter = {}) {
    std::size_t prompt = tokens.size();
    std::vector<text::TokenId> out;
    while (out.size() < count) {
        const auto next = model.expect(tokens, 1, adapter);
        if (next.empty()) break;
        out.push_back(next.front());
        tokens.push_back(next.front());
        if (tokens.size() <= options.context) continue;
        if (!options.context_shift) break;
        const std::size_t keep = options.context_keep < 0 ? prompt : static_cast<std::size_t>(options.context_keep);
        if (keep + 4 > options.context) break;
        // Half of what is not kept goes.
        const auto begin = tokens.begin() + static_cast<std::ptrdiff_t>(keep);
        const std::size_t gone = (options.context - keep) / 2;
        tokens.erase(begin, begin + static_cast<std::ptrdiff_t>(gone));
        prompt = std::min(prompt, keep) + (prompt > keep + gone ? prompt - keep - gone : 0);
    }
    return out;
}

}  // namespace tenon::engine
