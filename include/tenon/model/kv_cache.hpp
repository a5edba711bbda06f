// Memory for keys and values: a pool of pages, and the caches of sequences that take pages from it and share them.
// Kwon et al., "Efficient Memory Management for Large Language Model Serving with PagedAttention" (2023).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "tenon/base/error.hpp"
#include "tenon/tensor/ops.hpp"

namespace tenon::model {

using KvPage = std::uint32_t;
using tensor::KvType;
inline constexpr std::size_t kv_page_tokens = tensor::kv_page_tokens;

/// Pages of one size, counted by reference. One anonymous mapping, whose pages cost nothing until written. Not
/// thread-safe.
class KvPool {
  public:
    /// `owner` identifies the model whose caches these are. Errors: invalid_argument, resource_exhausted.
    [[nodiscard]] static Result<std::shared_ptr<KvPool>> create(const void* owner, KvType type, std::size_t page_bytes,
                                                                std::size_t pages);
    ~KvPool();
    KvPool(const KvPool&) = delete;
    KvPool& operator=(const KvPool&) = delete;

    [[nodiscard]] const void* owner() const noexcept { return owner_; }
    [[nodiscard]] KvType type() const noexcept { return type_; }
    [[nodiscard]] std::size_t page_bytes() const noexcept { return page_bytes_; }
    [[nodiscard]] std::size_t pages() const noexcept { return references_.size(); }
    [[nodiscard]] std::size_t free_pages() const noexcept { return free_.size() + references_.size() - touched_; }
    /// Bytes that have been written at some time, and so are resident.
    [[nodiscard]] std::size_t bytes() const noexcept { return touched_ * page_bytes_; }
    /// The bytes of all pages, one after another.
    [[nodiscard]] std::byte* data() const noexcept { return data_; }
    [[nodiscard]] std::span<std::byte> page(KvPage page) const noexcept {
        return {data_ + static_cast<std::size_t>(page) * page_bytes_, page_bytes_};
    }

    /// Some page with one reference; false when none is free.
    [[nodiscard]] bool take(KvPage& page) noexcept;
    void retain(KvPage page) noexcept { ++references_[page]; }
    void release(KvPage page) noexcept;
    [[nodiscard]] std::uint32_t references(KvPage page) const noexcept { return references_[page]; }

  private:
    KvPool(const void* owner, KvType type, std::size_t page_bytes) noexcept
        : owner_(owner), type_(type), page_bytes_(page_bytes) {}
    const void* owner_;
    KvType type_;
    std::size_t page_bytes_;
    std::size_t touched_ = 0;  // pages below this have been taken before
    std::vector<std::uint32_t> references_;
    std::vector<KvPage> free_;
    std::byte* data_ = nullptr;
};

/// Keys and values of one sequence. Not thread-safe; nor are two caches of one pool.
class KvCache {
  public:
    /// `capacity`: positions it may ever hold, whatever the pool has.
    KvCache(std::shared_ptr<KvPool> pool, std::size_t capacity) noexcept
        : pool_(std::move(pool)), capacity_(capacity) {}
    ~KvCache() { truncate(0); }
    KvCache(const KvCache&) = delete;
    KvCache& operator=(const KvCache&) = delete;

    [[nodiscard]] KvPool& pool() const noexcept { return *pool_; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] std::size_t length() const noexcept { return length_; }
    [[nodiscard]] std::span<const KvPage> pages() const noexcept { return pages_; }
    /// Pages that `reserve(length() + tokens)` would take from the pool.
    [[nodiscard]] std::size_t pages_needed(std::size_t tokens) const noexcept;

    /// Makes positions [length(), length() + tokens) writable: takes pages, and copies a page that others read too.
    /// False, and nothing has changed but pages held in advance, when the capacity or the pool has no more.
    [[nodiscard]] bool reserve(std::size_t tokens);
    /// `tokens` positions have been written.
    void grow(std::size_t tokens) noexcept { length_ += tokens; }
    /// Forgets everything from position `length` on.
    void truncate(std::size_t length) noexcept;
    /// Begins an empty cache with `length` positions that are in `pages` already; the pages are shared, not copied.
    void share(std::span<const KvPage> pages, std::size_t length);

  private:
    std::shared_ptr<KvPool> pool_;
    std::size_t capacity_;
    std::size_t length_ = 0;
    std::vector<KvPage> pages_;
};

}  // namespace tenon::model
