#include "engine/slots.hpp"

#include <algorithm>

namespace tenon::engine {

std::size_t common_prefix(std::span<const text::TokenId> a, std::span<const text::TokenId> b) noexcept {
    const std::size_t shorter = std::min(a.size(), b.size());
    return static_cast<std::size_t>(
        std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(shorter), b.begin()).first - a.begin());
}

void Slot::truncate(std::size_t length) {
    if (length >= tokens.size()) return;
    cache->truncate(length);
    tokens.resize(length);
}

bool Slots::available() const noexcept {
    return slots_.size() < limit_ || std::any_of(slots_.begin(), slots_.end(), [](const auto& s) { return !s->busy; });
}

std::size_t Slots::bytes() const noexcept {
    std::size_t sum = 0;
    for (const auto& slot : slots_) sum += slot->cache->bytes();
    return sum;
}

Result<Slot*> Slots::fresh() {
    TENON_TRY(auto cache, model_.make_cache(context_));
    auto& slot = slots_.emplace_back(std::make_unique<Slot>());
    slot->cache = std::move(cache);
    return slot.get();
}

Result<Slots::Lease> Slots::acquire(std::span<const text::TokenId> prompt, bool reuse) {
    Slot* source = nullptr;  // the cache that shares most with the prompt
    Slot* oldest = nullptr;  // the free slot unused for longest
    std::size_t shared = 0;
    // Of the prompt, what may come from a cache: all but the last token, or whole blocks with one to spare.
    const std::size_t before = prompt.size() - 1;
    const std::size_t most = block_ <= 1 ? before : before / block_ > 0 ? (before / block_ - 1) * block_ : 0;
    for (const auto& slot : slots_) {
        if (!slot->busy && (oldest == nullptr || slot->last_used < oldest->last_used)) oldest = slot.get();
        std::size_t common = reuse ? common_prefix(slot->tokens, prompt.first(most)) : 0;
        if (block_ > 1) common -= common % block_;
        if (common > shared || (common == shared && common > 0 && !slot->busy)) {
            shared = common;
            source = slot.get();
        }
    }
    // In place when the slot loses less than it keeps, or when there is no other; else a copy, which costs little.
    Slot* slot = nullptr;
    const bool in_place = source != nullptr && !source->busy && source->tokens.size() - shared <= shared;
    if (in_place) slot = source;
    if (slot == nullptr && slots_.size() < limit_) {
        auto made = fresh();
        if (!made && oldest == nullptr) return std::unexpected(std::move(made).error());
        slot = made ? *made : oldest;
    }
    if (slot == nullptr) slot = source != nullptr && !source->busy ? source : oldest;
    if (slot == nullptr) return fail(ErrorCode::internal, "no free slot");
    if (source != nullptr && source != slot) {
        slot->truncate(0);
        source->cache->copy_to(*slot->cache, shared);
        slot->tokens.assign(source->tokens.begin(), source->tokens.begin() + static_cast<std::ptrdiff_t>(shared));
    }
    slot->truncate(shared);
    slot->busy = true;
    slot->last_used = ++clock_;
    return Lease{slot, shared};
}

void Slots::release(Slot& slot) {
    slot.busy = false;
    slot.last_used = ++clock_;
}

}  // namespace tenon::engine
