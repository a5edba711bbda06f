// Exact rates: how much was used in the last sixty seconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

#include "tenon/async/task.hpp"

namespace tenon::gateway {

/// Sums over the last minute, kept in slots of a twentieth of a second: what was used in a slot counts until the minute
/// after the slot's end, so the limit holds in every span of sixty seconds. Not thread-safe.
class Window {
  public:
    using Time = Clock::time_point;
    static constexpr std::chrono::milliseconds slot_length{50};
    static constexpr std::int64_t slots = 60'000 / slot_length.count();

    static std::int64_t slot_of(Time now) {
        return std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch()).count() / slot_length.count();
    }
    [[nodiscard]] std::uint64_t sum(Time now) {
        const auto slot = slot_of(now);
        while (!used_.empty() && used_.front().slot + slots < slot) {
            sum_ -= used_.front().amount;
            used_.pop_front();
        }
        return sum_;
    }
    void add(Time now, std::uint64_t amount) {
        (void)sum(now);
        const auto slot = slot_of(now);
        if (used_.empty() || used_.back().slot < slot)
            used_.push_back({slot, amount});
        else
            used_.back().amount += amount;
        sum_ += amount;
    }
    /// What was added as `before` in this slot turns out to be `after`.
    void correct(std::int64_t slot, std::uint64_t before, std::uint64_t after) {
        for (auto at = used_.rbegin(); at != used_.rend() && at->slot >= slot; ++at) {
            if (at->slot != slot) continue;
            at->amount = at->amount - before + after;
            sum_ = sum_ - before + after;
            return;
        }
    }
    /// How long until `amount` fits under `limit`, when nothing else is used meanwhile.
    [[nodiscard]] std::chrono::milliseconds until(Time now, std::uint64_t amount, std::uint64_t limit) {
        auto left = sum(now);
        auto at = used_.begin();
        while (left + amount > limit && at != used_.end()) left -= at++->amount;
        if (at == used_.begin()) return std::chrono::milliseconds(0);
        const auto free = std::chrono::milliseconds((std::prev(at)->slot + slots + 1) * slot_length.count());
        const auto passed = std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch());
        return std::max(std::chrono::milliseconds(0), free - passed);
    }

  private:
    struct Slot {
        std::int64_t slot;
        std::uint64_t amount;
    };
    std::deque<Slot> used_;
    std::uint64_t sum_ = 0;
};

}  // namespace tenon::gateway
