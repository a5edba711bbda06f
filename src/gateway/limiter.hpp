// Holds keys, teams and deployments to their limits: put aside before a call, settled after it, all under one lock.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gateway/window.hpp"
#include "tenon/gateway/gateway.hpp"

namespace tenon::gateway {

/// Whoever has limits. Made by the limiter, changed under its lock alone.
struct Subject {
    std::string what;  ///< "the key 'alice'"
    Limits limits;

    struct Purse {
        std::optional<llm::Cost> limit;
        std::int64_t window = 0;  ///< the day or month that `spent` and `held` belong to
        std::uint64_t spent = 0, held = 0;
    };
    enum Span : std::size_t { day, month, ever };
    std::array<Purse, 3> purses;
    Window requests, tokens;
    std::size_t in_flight = 0;
};
using SubjectPtr = std::shared_ptr<Subject>;

/// Days since 1970, months since year 0, and 0: the windows a moment lies in, UTC.
[[nodiscard]] std::array<std::int64_t, 3> windows_of(std::chrono::system_clock::time_point now);
/// "2026-11-25"
[[nodiscard]] std::string day_of(std::chrono::system_clock::time_point now);

class Limiter;

/// What has been put aside for one call with all that it concerns. Destroyed unsettled, the call counts as a request
/// that used nothing. Thread-safe through the limiter, which must outlive it.
class Reservation {
  public:
    Reservation() = default;
    Reservation(Reservation&& other) noexcept { *this = std::move(other); }
    Reservation& operator=(Reservation&& other) noexcept;
    ~Reservation() { settle(0, llm::Cost()); }

    /// Puts aside this much money instead of what was before. Errors: resource_exhausted (the budget; nothing changes).
    [[nodiscard]] Result<void> hold(llm::Cost most);
    /// What the call did use. Once.
    void settle(std::uint64_t tokens, llm::Cost cost);

  private:
    friend class Limiter;
    Limiter* limiter_ = nullptr;
    std::vector<SubjectPtr> subjects_;
    std::array<std::int64_t, 3> windows_{};
    std::int64_t slot_ = 0;
    std::uint64_t tokens_ = 0, cost_ = 0;
};

/// Thread-safe.
class Limiter {
  public:
    explicit Limiter(Clocks clocks) : clocks_(std::move(clocks)) {}

    [[nodiscard]] SubjectPtr make(std::string what, Limits limits) const;
    /// Spending of the past, counted against the windows of `now`.
    void load(Subject& subject, std::int64_t day, std::int64_t month, std::uint64_t picodollars);
    /// All subjects or none. Errors: rate_limited with the time to wait, invalid_argument (more tokens than ever fit).
    [[nodiscard]] Result<Reservation> reserve(std::vector<SubjectPtr> subjects, std::uint64_t tokens);
    [[nodiscard]] Allowance allowance(const std::vector<SubjectPtr>& subjects);
    [[nodiscard]] const Clocks& clocks() const noexcept { return clocks_; }

  private:
    friend class Reservation;
    Clocks clocks_;
    std::mutex mutex_;
};

}  // namespace tenon::gateway
