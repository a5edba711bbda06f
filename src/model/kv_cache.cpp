#include "model/kv_cache.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

namespace tenon::model {

Result<std::unique_ptr<KvCache>> DecoderCache::create(const void* owner, const KvShape& shape, std::size_t capacity) {
    if (capacity == 0) return fail(ErrorCode::invalid_argument, "a cache needs room for at least one token");
    std::size_t bytes = shape.layers * shape.row() * 2 * sizeof(std::uint16_t);
    if (__builtin_mul_overflow(bytes, capacity, &bytes))
        return fail(ErrorCode::resource_exhausted, fmt::format("a cache of {} tokens is too large", capacity));
    std::unique_ptr<DecoderCache> cache(new DecoderCache(owner, shape, capacity));
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return fail(ErrorCode::resource_exhausted,
                    fmt::format("not enough memory for a cache of {} tokens ({} bytes)", capacity, bytes));
    cache->data_ = static_cast<std::uint16_t*>(memory);
    cache->bytes_ = bytes;
    return cache;
}

DecoderCache::~DecoderCache() {
    if (data_ != nullptr) ::munmap(data_, bytes_);
}

void DecoderCache::truncate(std::size_t length) noexcept { length_ = std::min(length_, length); }

tensor::KvView DecoderCache::layer(std::size_t index) const noexcept {
    const std::size_t half = capacity_ * shape_.row();
    std::uint16_t* const keys = data_ + index * 2 * half;
    return {keys, keys + half, capacity_};
}

void DecoderCache::copy_to(KvCache& other, std::size_t length) const {
    auto* const target = dynamic_cast<DecoderCache*>(&other);
    if (target == nullptr || target == this || target->owner_ != owner_) return;
    length = std::min({length, length_, target->capacity_});
    for (std::size_t i = 0; i < shape_.layers; ++i) {
        const tensor::KvView from = layer(i);
        const tensor::KvView to = target->layer(i);
        std::memcpy(to.keys, from.keys, length * shape_.row() * sizeof(std::uint16_t));
        std::memcpy(to.values, from.values, length * shape_.row() * sizeof(std::uint16_t));
    }
    target->length_ = length;
}

}  // namespace tenon::model
