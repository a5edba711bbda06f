// The KV caches requests run in, kept between requests so that shared prefixes are computed once.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "tenon/base/error.hpp"
#include "tenon/model/model.hpp"

namespace tenon::engine {

[[nodiscard]] std::size_t common_prefix(std::span<const text::TokenId> a, std::span<const text::TokenId> b) noexcept;

struct Slot {
    std::unique_ptr<model::KvCache> cache;
    std::vector<text::TokenId> tokens;  ///< what the cache holds: tokens.size() == cache->length()
    std::uint64_t last_used = 0;
    bool busy = false;

    void truncate(std::size_t length);
};

/// Used by the scheduling thread only.
class Slots {
  public:
    /// `block`: see EngineOptions::prefix_block.
    Slots(const model::CausalModel& model, std::size_t count, std::size_t context, std::size_t block = 1)
        : model_(model), limit_(count), context_(context), block_(block) {}

    struct Lease {
        Slot* slot = nullptr;
        std::size_t reused = 0;
    };
    /// A slot whose cache holds the first `reused` tokens of `prompt` (never all of it) and nothing else: one that a
    /// request left behind, or a copy of the beginning of another. Some slot must be free (see `available`).
    /// Errors: resource_exhausted (no memory for a cache).
    [[nodiscard]] Result<Lease> acquire(std::span<const text::TokenId> prompt, bool reuse);
    void release(Slot& slot);
    [[nodiscard]] bool available() const noexcept;
    [[nodiscard]] std::size_t bytes() const noexcept;

  private:
    [[nodiscard]] Result<Slot*> fresh();

    const model::CausalModel& model_;
    std::size_t limit_;
    std::size_t context_;
    std::size_t block_;
    std::uint64_t clock_ = 0;
    std::vector<std::unique_ptr<Slot>> slots_;
};

}  // namespace tenon::engine
