#include "tenon/base/trace.hpp"

#include <algorithm>
#include <ranges>

namespace tenon {

const SpanValue* SpanRecord::attribute(std::string_view key) const noexcept {
    for (const auto& [set, value] : attributes | std::views::reverse)
        if (set == key) return &value;
    return nullptr;
}

SpanId MemoryTracer::begin(std::string_view name, SpanId parent) {
    const std::scoped_lock lock(mutex_);
    if (spans_.size() >= std::max<std::size_t>(2 * capacity_, 2)) {
        const auto surplus = static_cast<std::ptrdiff_t>(spans_.size() - capacity_);
        spans_.erase(spans_.begin(), spans_.begin() + surplus);
        begun_.erase(begun_.begin(), begun_.begin() + surplus);
    }
    SpanRecord record;
    record.id = next_++;
    record.parent = parent;
    record.name = name;
    record.started = std::chrono::system_clock::now();
    spans_.push_back(std::move(record));
    begun_.push_back(std::chrono::steady_clock::now());
    return spans_.back().id;
}

SpanRecord* MemoryTracer::find(SpanId span) {
    const auto at = std::ranges::lower_bound(spans_, span, {}, &SpanRecord::id);
    return at != spans_.end() && at->id == span ? &*at : nullptr;
}

void MemoryTracer::set(SpanId span, std::string_view key, SpanValue value) {
    const std::scoped_lock lock(mutex_);
    if (auto* record = find(span)) record->attributes.emplace_back(key, std::move(value));
}

void MemoryTracer::end(SpanId span, const Error* error) {
    const std::scoped_lock lock(mutex_);
    auto* record = find(span);
    if (record == nullptr || !record->open) return;
    record->open = false;
    record->duration = std::chrono::steady_clock::now() - begun_[static_cast<std::size_t>(record - spans_.data())];
    if (error != nullptr) record->error = *error;
}

std::vector<SpanRecord> MemoryTracer::spans() const {
    const std::scoped_lock lock(mutex_);
    const auto surplus = spans_.size() > capacity_ ? spans_.size() - capacity_ : 0;
    return {spans_.begin() + static_cast<std::ptrdiff_t>(surplus), spans_.end()};
}

void MemoryTracer::clear() {
    const std::scoped_lock lock(mutex_);
    spans_.clear();
    begun_.clear();
}

}  // namespace tenon
