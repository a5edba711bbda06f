// The state of one deployment: whether it may be called, how busy and how quick it is.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "tenon/gateway/gateway.hpp"

namespace tenon::gateway {

/// Closed; open for a while after failures in a row, or for as long as the provider asked; then half open: one call is
/// let through, and decides. Not thread-safe.
class Breaker {
  public:
    using Time = Clock::time_point;

    [[nodiscard]] bool allows(Time now) const { return now >= open_until_ && !(tripped_ && trial_); }
    /// Before a call that is allowed. True when it is the trial of a half-open breaker.
    bool enter() {
        if (!tripped_) return false;
        return trial_ = true;
    }
    void succeeded() {
        failures_ = 0;
        tripped_ = trial_ = false;
        cooldown_ = std::chrono::milliseconds(0);
    }
    /// Neither good nor bad: the caller gave up, or asked for what cannot be.
    void undecided(bool trial) {
        if (trial) trial_ = false;
    }
    void failed(Time now, const BreakerPolicy& policy, std::optional<std::chrono::milliseconds> asked) {
        ++failures_;
        const bool was_trial = tripped_;
        trial_ = false;
        if (asked) {
            tripped_ = true;
            open_until_ = std::max(open_until_, now + std::min(*asked, policy.max_cooldown));
        }
        if (failures_ < policy.failures && !was_trial) return;
        tripped_ = true;
        cooldown_ = cooldown_.count() == 0 ? policy.cooldown : std::min(2 * cooldown_, policy.max_cooldown);
        open_until_ = std::max(open_until_, now + cooldown_);
    }
    [[nodiscard]] std::chrono::milliseconds ready_in(Time now) const {
        return now >= open_until_ ? std::chrono::milliseconds(0)
                                  : std::chrono::ceil<std::chrono::milliseconds>(open_until_ - now);
    }
    [[nodiscard]] const char* state(Time now) const {
        if (!tripped_) return "closed";
        return now < open_until_ ? "open" : "half_open";
    }

  private:
    int failures_ = 0;
    bool tripped_ = false, trial_ = false;
    Time open_until_{};
    std::chrono::milliseconds cooldown_{0};
};

}  // namespace tenon::gateway
