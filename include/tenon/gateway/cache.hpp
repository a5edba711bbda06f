// Answers given before: to the same question, or to one that means the same.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "tenon/llm/model.hpp"

namespace tenon::gateway {

/// What is kept: whole answers that ended well (stop, length, tool calls), as the events they came in. The same
/// question is the same alias, messages, tools, settings and form; requests with a provider's own extensions are not
/// kept.
struct CachePolicy {
    std::size_t max_entries = 0;  ///< 0: no cache. Least recently used go first
    std::size_t max_bytes = std::size_t{64} << 20;
    std::chrono::milliseconds ttl{3'600'000};
    /// Who may be given whose answers.
    enum class Isolation : std::uint8_t { none, team, key };
    Isolation isolation = Isolation::none;
    /// Set: a last question of the user that is this similar (cosine of the embeddings, 0 to 1) to an earlier one gets
    /// its answer, when everything before it and beside it is the same.
    llm::EmbedderPtr embedder{};
    double similarity = 0.95;
};

}  // namespace tenon::gateway
