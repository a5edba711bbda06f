// Which examples to show: the first few, as many as fit, the nearest, or near ones that differ.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/chain/context.hpp"
#include "tenon/llm/model.hpp"

namespace tenon::chain {

/// Chooses among examples, known by their texts, those that help with `query`. Immutable, thread-safe.
class ExampleSelector {
  public:
    virtual ~ExampleSelector() = default;
    /// Indices into the examples, in the order in which they are to be shown. Errors: those of the embedder.
    [[nodiscard]] virtual task<Result<std::vector<std::size_t>>> select(std::string query, Context context) const = 0;
};
using SelectorPtr = std::shared_ptr<const ExampleSelector>;

/// The first `count`, always.
[[nodiscard]] SelectorPtr select_first(std::size_t count);

/// In order, as long as query and examples together stay within `budget` of what `count` counts: tokens, when it is a
/// model's `count_tokens`. Stops at the first that does not fit.
[[nodiscard]] SelectorPtr select_by_length(std::span<const std::string> examples, std::size_t budget,
                                           std::function<std::size_t(std::string_view)> count);

struct SimilarityOptions {
    std::size_t count = 4;
    /// Examples less similar than this (cosine) are left out.
    double at_least = -1;
    /// The nearest stands last, next to the question; else first.
    bool nearest_last = false;
};
/// The nearest by cosine of their embeddings, which are made once, here. Errors: those of the embedder.
[[nodiscard]] task<Result<SelectorPtr>> select_by_similarity(llm::EmbedderPtr embedder,
                                                             std::vector<std::string> examples,
                                                             SimilarityOptions options, Context context);

struct DiversityOptions {
    std::size_t count = 4;
    std::size_t candidates = 20;  ///< the nearest, among which the choice is made
    double relevance = 0.5;       ///< 1: only nearness counts; 0: only difference from what is chosen already
};
/// Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): one after another, the example with the highest
/// relevance · cos(query, it) − (1 − relevance) · max cos(chosen, it).
[[nodiscard]] task<Result<SelectorPtr>> select_diverse(llm::EmbedderPtr embedder, std::vector<std::string> examples,
                                                       DiversityOptions options, Context context);

}  // namespace tenon::chain
