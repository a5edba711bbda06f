#include "gateway/charge.hpp"

#include <fmt/format.h>

#include <utility>

namespace tenon::gateway {

Charge::Charge(CorePtr core, Access access)
    : core_(std::move(core)),
      access_(std::move(access)),
      subjects_(core_->keys.subjects(access_.key.get())),
      day_(day_of(core_->options.clocks.system())) {
    for (const auto& subject : subjects_) {
        budget_ = budget_ || subject->limits.budget.limited();
        rate_ = rate_ || subject->limits.tokens_per_minute != 0;
    }
}

Charge::~Charge() {
    if (!core_) return;  // moved from
    attempt_failed();
    reservation_.settle(tokens_, cost_);
}

Result<void> Charge::reserve(std::uint64_t input_tokens, std::uint64_t max_output_tokens) {
    input_tokens_ = input_tokens;
    max_output_tokens_ = max_output_tokens;
    if (subjects_.empty()) return {};
    auto reserved = core_->limiter.reserve(subjects_, input_tokens + max_output_tokens);
    if (!reserved) {
        core_->count(&Counts::refused_rate);
        return std::unexpected(std::move(reserved).error());
    }
    reservation_ = std::move(*reserved);
    return {};
}

Result<void> Charge::prepare(const Target& target) {
    if (target.price == nullptr) {
        if (target.about.free || !budget_) return reservation_.hold(cost_);
        return fail(ErrorCode::unsupported,
                    fmt::format("the price of {} is not known, and '{}' has a budget; add it to prices.json",
                                target.about.name, access_.key->name));
    }
    llm::Usage most;
    most.input_tokens = input_tokens_;
    most.output_tokens = max_output_tokens_;
    auto price = *target.price;
    // The dearest of what input may be charged as.
    for (auto* rates : {&price.rates, &price.rates_above}) rates->input = std::max(rates->input, rates->cache_write);
    const auto cost = llm::cost_of(price, most);
    if (auto held = reservation_.hold(cost_ + cost); !held) {
        core_->count(&Counts::refused_budget);
        return held;
    }
    if (!core_->options.ledger || cost == llm::Cost()) return {};
    auto hold = core_->options.ledger->hold(spending(target, most, cost));
    if (!hold) {
        if (budget_) return std::unexpected(std::move(hold).error());
        if (core_->options.log) core_->options.log(LogLevel::error, "gateway", hold.error().describe());
        return {};
    }
    hold_ = *hold;
    return {};
}

void Charge::attempt_failed() {
    if (!hold_) return;
    const auto released = core_->options.ledger->release(*std::exchange(hold_, std::nullopt));
    if (!released && core_->options.log) core_->options.log(LogLevel::error, "gateway", released.error().describe());
}

std::optional<llm::Cost> Charge::attempt_cost(const std::string& alias, const Target& target, const llm::Usage& usage) {
    const auto cost = write(alias, target, usage);
    cost_ += cost.value_or(llm::Cost());
    tokens_ += usage.input_tokens + usage.output_tokens;
    return cost;
}

std::optional<llm::Cost> Charge::settle(const std::string& alias, const Target& target, const llm::Usage& usage) {
    const auto cost = write(alias, target, usage);
    reservation_.settle(tokens_ + usage.input_tokens + usage.output_tokens, cost_ + cost.value_or(llm::Cost()));
    return cost;
}

store::Spending Charge::spending(const Target& target, const llm::Usage& usage, llm::Cost cost) const {
    store::Spending out;
    out.day = day_;
    if (access_.key) {
        out.key = access_.key->name;
        out.team = access_.key->team;
    }
    out.model = target.about.name;
    out.requests = 1;
    out.input_tokens = usage.input_tokens;
    out.cached_input_tokens = usage.cached_input_tokens;
    out.output_tokens = usage.output_tokens;
    out.picodollars = cost.picodollars();
    return out;
}

std::optional<llm::Cost> Charge::write(const std::string& alias, const Target& target, const llm::Usage& usage) {
    std::optional<llm::Cost> cost;
    if (target.price != nullptr) cost = llm::cost_of(*target.price, usage);
    if (target.about.free) cost = llm::Cost();
    core_->count(alias, target.about.name, [&](Counts::Calls& calls) {
        ++calls.answered;
        calls.input_tokens += usage.input_tokens;
        calls.output_tokens += usage.output_tokens;
        calls.picodollars += cost.value_or(llm::Cost()).picodollars();
    });
    auto& ledger = core_->options.ledger;
    if (!ledger) return cost;
    const auto actual = spending(target, usage, cost.value_or(llm::Cost()));
    Result<void> written{};
    if (hold_)
        written = ledger->settle(*std::exchange(hold_, std::nullopt), actual);
    else
        written = ledger->add(actual);
    if (!written && core_->options.log) core_->options.log(LogLevel::error, "gateway", written.error().describe());
    return cost;
}

}  // namespace tenon::gateway
