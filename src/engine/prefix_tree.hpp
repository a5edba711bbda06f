// Finished prefixes, kept so that what many requests begin with is computed once (Zheng et al., "SGLang: Efficient
// Execution of Structured Language Model Programs", 2024: RadixAttention). Every node is one page of a pool.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "tenon/model/kv_cache.hpp"
#include "tenon/model/lora.hpp"
#include "tenon/text/tokenizer.hpp"

namespace tenon::engine {

[[nodiscard]] std::size_t common_prefix(std::span<const text::TokenId> a, std::span<const text::TokenId> b) noexcept;

/// Used by the scheduling thread only.
class PrefixTree {
  public:
    explicit PrefixTree(std::shared_ptr<model::KvPool> pool);
    ~PrefixTree();
    PrefixTree(const PrefixTree&) = delete;
    PrefixTree& operator=(const PrefixTree&) = delete;

    struct Match {
        std::size_t length = 0;            ///< tokens; the last page may be used in part
        std::vector<model::KvPage> pages;  ///< still the tree's: whoever keeps them retains them before the next call
    };
    /// The longest beginning of `tokens` that is here, computed with this adapter.
    [[nodiscard]] Match match(model::AdapterUse adapter, std::span<const text::TokenId> tokens);
    /// Keeps the pages of `tokens` (those that are not here yet), with a reference of the tree's own.
    void insert(model::AdapterUse adapter, std::span<const text::TokenId> tokens, std::span<const model::KvPage> pages);
    /// Gives back the pages used longest ago that nobody else reads, until `count` are free or none is left.
    void evict(std::size_t count);
    /// Pages that `evict` could give back.
    [[nodiscard]] std::size_t evictable() const;
    [[nodiscard]] std::size_t pages() const noexcept { return size_; }

  private:
    struct Node;
    /// Sequences of pages from the root; a node with fewer tokens than a page holds has no children.
    std::shared_ptr<model::KvPool> pool_;
    /// Keys and values depend on the adapter, known by its number: one that is gone is never found again.
    using Space = std::pair<std::uint64_t, float>;
    [[nodiscard]] static Space space_of(model::AdapterUse adapter) noexcept {
        return adapter.adapter == nullptr ? Space{} : Space{adapter.adapter->id(), adapter.scale};
    }
    std::map<Space, std::unique_ptr<Node>> roots_;
    std::uint64_t clock_ = 0;
    std::size_t size_ = 0;
};

}  // namespace tenon::engine
