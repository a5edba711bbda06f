#include "tenon/model/kv_cache.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace tenon::model {
namespace {

std::size_t pages_for(std::size_t tokens) noexcept { return (tokens + kv_page_tokens - 1) / kv_page_tokens; }

}  // namespace

Result<std::shared_ptr<KvPool>> KvPool::create(const void* owner, KvType type, std::size_t page_bytes,
                                               std::size_t pages) {
    if (pages == 0 || page_bytes == 0)
        return fail(ErrorCode::invalid_argument, "a pool of keys and values needs at least one page");
    std::size_t bytes = 0;
    if (pages > std::numeric_limits<KvPage>::max() || __builtin_mul_overflow(page_bytes, pages, &bytes))
        return fail(ErrorCode::resource_exhausted, fmt::format("a cache of {} pages is too large", pages));
    std::shared_ptr<KvPool> pool(new KvPool(owner, type, page_bytes));
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return fail(ErrorCode::resource_exhausted,
                    fmt::format("not enough memory for a cache of {} tokens ({} bytes); give a smaller context",
                                pages * kv_page_tokens, bytes));
    pool->data_ = static_cast<std::byte*>(memory);
    pool->references_.assign(pages, 0);
    return pool;
}

KvPool::~KvPool() {
    if (data_ != nullptr) ::munmap(data_, references_.size() * page_bytes_);
}

bool KvPool::take(KvPage& page) noexcept {
    if (!free_.empty()) {
        page = free_.back();
        free_.pop_back();
    } else if (touched_ < references_.size()) {
        page = static_cast<KvPage>(touched_++);
    } else {
        return false;
    }
    references_[page] = 1;
    return true;
}

void KvPool::release(KvPage page) noexcept {
    if (--references_[page] == 0) free_.push_back(page);
}

std::size_t KvCache::pages_needed(std::size_t tokens) const noexcept {
    const std::size_t more = pages_for(length_ + tokens);
    const bool copy = length_ % kv_page_tokens != 0 && pool_->references(pages_[length_ / kv_page_tokens]) > 1;
    return (more > pages_.size() ? more - pages_.size() : 0) + (copy ? 1 : 0);
}

bool KvCache::reserve(std::size_t tokens) {
    if (tokens > capacity_ - length_ || pages_needed(tokens) > pool_->free_pages()) return false;
    if (length_ % kv_page_tokens != 0) {
        KvPage& last = pages_[length_ / kv_page_tokens];
        if (pool_->references(last) > 1) {
            KvPage copy = 0;
            if (!pool_->take(copy)) return false;
            std::memcpy(pool_->page(copy).data(), pool_->page(last).data(), pool_->page_bytes());
            pool_->release(last);
            last = copy;
        }
    }
    while (pages_.size() < pages_for(length_ + tokens)) {
        KvPage page = 0;
        if (!pool_->take(page)) return false;
        pages_.push_back(page);
    }
    return true;
}

void KvCache::truncate(std::size_t length) noexcept {
    length_ = std::min(length_, length);
    while (pages_.size() > pages_for(length_)) {
        pool_->release(pages_.back());
        pages_.pop_back();
    }
}

void KvCache::share(std::span<const KvPage> pages, std::size_t length) {
    pages_.assign(pages.begin(), pages.begin() + static_cast<std::ptrdiff_t>(pages_for(length)));
    for (const KvPage page : pages_) pool_->retain(page);
    length_ = length;
}

}  // namespace tenon::model
