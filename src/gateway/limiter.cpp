#include "gateway/limiter.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace tenon::gateway {

using std::chrono::milliseconds;

namespace {

std::uint64_t plus(std::uint64_t a, std::uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

/// A new day or month begins with nothing spent; what is still held for the old one belongs there.
void turn(Subject::Purse& purse, std::int64_t window) {
    if (window <= purse.window) return;
    purse.window = window;
    purse.spent = purse.held = 0;
}

constexpr std::array<std::string_view, 3> span_names{"a day", "a month", "in all"};

std::string dollars(std::uint64_t picodollars) {
    return fmt::format("${:.6g}", static_cast<double>(picodollars) / 1e12);
}

milliseconds until_next(std::size_t span, std::chrono::system_clock::time_point now) {
    using namespace std::chrono;
    const auto today = floor<days>(now);
    if (span == Subject::day) return ceil<milliseconds>(today + days(1) - now);
    const year_month_day date(today);
    const sys_days next = sys_days((date.year() / date.month() + months(1)) / day(1));
    return ceil<milliseconds>(next - now);
}

Error too_dear(const Subject& subject, std::size_t span, std::uint64_t most,
               std::chrono::system_clock::time_point now) {
    const auto& purse = subject.purses[span];
    const auto used = plus(purse.spent, purse.held);
    const auto limit = purse.limit->picodollars();
    auto text = fmt::format("the budget of {} is {} {}: {} is spent or set aside, and this request may cost {}",
                            subject.what, dollars(limit), span_names[span], dollars(used), dollars(most));
    Error error(ErrorCode::resource_exhausted, std::move(text));
    if (span == Subject::ever || most > limit) return error;
    return std::move(error).with_retry_after(until_next(span, now).count());
}

}  // namespace

std::array<std::int64_t, 3> windows_of(std::chrono::system_clock::time_point now) {
    using namespace std::chrono;
    const auto today = floor<days>(now);
    const year_month_day date(today);
    return {today.time_since_epoch().count(), int{date.year()} * 12 + static_cast<int>(unsigned{date.month()}), 0};
}

std::string day_of(std::chrono::system_clock::time_point now) {
    const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(now));
    return fmt::format("{:04}-{:02}-{:02}", int{date.year()}, unsigned{date.month()}, unsigned{date.day()});
}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
    if (this == &other) return *this;
    settle(0, llm::Cost());
    limiter_ = std::exchange(other.limiter_, nullptr);
    subjects_ = std::move(other.subjects_);
    windows_ = other.windows_;
    slot_ = other.slot_;
    tokens_ = other.tokens_;
    cost_ = other.cost_;
    return *this;
}

Result<void> Reservation::hold(llm::Cost most) {
    if (limiter_ == nullptr) return {};
    const std::scoped_lock lock(limiter_->mutex_);
    const auto now = limiter_->clocks_.system();
    const auto wanted = most.picodollars();
    for (const auto& subject : subjects_)
        for (std::size_t span = 0; span < 3; ++span) {
            auto& purse = subject->purses[span];
            if (!purse.limit) continue;
            turn(purse, windows_[span]);
            // What this call holds already is part of `held`, if its window is still the current one.
            const auto mine = purse.window == windows_[span] ? cost_ : 0;
            if (plus(plus(purse.spent, purse.held - mine), wanted) > purse.limit->picodollars())
                return std::unexpected(too_dear(*subject, span, wanted, now));
        }
    for (const auto& subject : subjects_)
        for (std::size_t span = 0; span < 3; ++span)
            if (auto& purse = subject->purses[span]; purse.window == windows_[span])
                purse.held = plus(purse.held - cost_, wanted);
    cost_ = wanted;
    return {};
}

void Reservation::settle(std::uint64_t tokens, llm::Cost cost) {
    if (limiter_ == nullptr) return;
    const std::scoped_lock lock(limiter_->mutex_);
    for (const auto& subject : subjects_) {
        subject->tokens.correct(slot_, tokens_, tokens);
        --subject->in_flight;
        for (std::size_t span = 0; span < 3; ++span) {
            auto& purse = subject->purses[span];
            if (purse.window != windows_[span]) continue;
            purse.held -= cost_;
            purse.spent = plus(purse.spent, cost.picodollars());
        }
    }
    limiter_ = nullptr;
    subjects_.clear();
}

SubjectPtr Limiter::make(std::string what, Limits limits) const {
    auto subject = std::make_shared<Subject>();
    subject->what = std::move(what);
    subject->limits = std::move(limits);
    const auto windows = windows_of(clocks_.system());
    for (std::size_t span = 0; span < 3; ++span) subject->purses[span].window = windows[span];
    subject->purses[Subject::day].limit = subject->limits.budget.day;
    subject->purses[Subject::month].limit = subject->limits.budget.month;
    subject->purses[Subject::ever].limit = subject->limits.budget.total;
    return subject;
}

void Limiter::load(Subject& subject, std::int64_t day, std::int64_t month, std::uint64_t picodollars) {
    const std::scoped_lock lock(mutex_);
    const std::array<std::int64_t, 3> of{day, month, 0};
    for (std::size_t span = 0; span < 3; ++span)
        if (auto& purse = subject.purses[span]; purse.window == of[span]) purse.spent = plus(purse.spent, picodollars);
}

Result<Reservation> Limiter::reserve(std::vector<SubjectPtr> subjects, std::uint64_t tokens) {
    const std::scoped_lock lock(mutex_);
    const auto now = clocks_.steady();
    for (const auto& s : subjects) {
        const auto& limits = s->limits;
        const auto refuse = [&](milliseconds wait, std::string text) -> std::unexpected<Error> {
            Error error(ErrorCode::rate_limited,
                        fmt::format("{}; try again in {:.1f} s", text, static_cast<double>(wait.count()) / 1000));
            return std::unexpected(std::move(error).with_retry_after(wait.count()));
        };
        if (limits.max_parallel != 0 && s->in_flight >= limits.max_parallel)
            return refuse(milliseconds(1'000),
                          fmt::format("{} may have {} calls under way at once", s->what, limits.max_parallel));
        if (limits.requests_per_minute != 0 && s->requests.sum(now) + 1 > limits.requests_per_minute)
            return refuse(s->requests.until(now, 1, limits.requests_per_minute),
                          fmt::format("{} may make {} requests a minute", s->what, limits.requests_per_minute));
        if (limits.tokens_per_minute == 0) continue;
        if (tokens > limits.tokens_per_minute)
            return fail(ErrorCode::invalid_argument,
                        fmt::format("this request may use {} tokens, and {} has {} a minute: shorten it or lower "
                                    "max_tokens",
                                    tokens, s->what, limits.tokens_per_minute));
        if (s->tokens.sum(now) + tokens > limits.tokens_per_minute)
            return refuse(s->tokens.until(now, tokens, limits.tokens_per_minute),
                          fmt::format("{} may use {} tokens a minute, and this request up to {}", s->what,
                                      limits.tokens_per_minute, tokens));
    }
    Reservation out;
    out.limiter_ = this;
    out.windows_ = windows_of(clocks_.system());
    out.slot_ = Window::slot_of(now);
    out.tokens_ = tokens;
    for (const auto& s : subjects) {
        ++s->in_flight;
        if (s->limits.requests_per_minute != 0) s->requests.add(now, 1);
        if (s->limits.tokens_per_minute != 0) s->tokens.add(now, tokens);
        for (std::size_t span = 0; span < 3; ++span) turn(s->purses[span], out.windows_[span]);
    }
    out.subjects_ = std::move(subjects);
    return out;
}

Allowance Limiter::allowance(const std::vector<SubjectPtr>& subjects) {
    const std::scoped_lock lock(mutex_);
    const auto now = clocks_.steady();
    const auto windows = windows_of(clocks_.system());
    Allowance out;
    const auto tighten = [&](std::optional<Allowance::Rate>& rate, Window& window, std::uint64_t limit) {
        if (limit == 0) return;
        const auto used = std::min(window.sum(now), limit);
        if (!rate || limit - used < rate->remaining) rate = {limit, limit - used, window.until(now, limit, limit)};
    };
    for (const auto& s : subjects) {
        tighten(out.requests, s->requests, s->limits.requests_per_minute);
        tighten(out.tokens, s->tokens, s->limits.tokens_per_minute);
        out.in_flight = std::max(out.in_flight, s->in_flight);
        for (std::size_t span = 0; span < 3; ++span) {
            const auto& purse = s->purses[span];
            if (!purse.limit) continue;
            const auto used = purse.window == windows[span] ? plus(purse.spent, purse.held) : 0;
            const auto limit = purse.limit->picodollars();
            const llm::Cost left(limit > used ? limit - used : 0);
            if (!out.budget_left || left < *out.budget_left) out.budget_left = left;
        }
    }
    return out;
}

}  // namespace tenon::gateway
