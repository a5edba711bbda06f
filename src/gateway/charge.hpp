// The account of one call: put aside before, settled after, in memory and in the ledger.
#pragma once

#include <cstdint>
#include <string>

#include "gateway/core.hpp"

namespace tenon::gateway {

/// One coroutine at a time. Destroyed unsettled, the call has cost nothing but what its earlier attempts did.
class Charge {
  public:
    Charge(CorePtr core, Access access);
    Charge(Charge&& other) noexcept = default;
    Charge& operator=(Charge&& other) noexcept = delete;
    ~Charge();

    /// Takes part in the limits of the key and its team. Errors: those of Limiter::reserve.
    [[nodiscard]] Result<void> reserve(std::uint64_t input_tokens, std::uint64_t max_output_tokens);
    /// Whether somebody counts tokens or money here: then an answer must have a bound.
    [[nodiscard]] bool limited() const noexcept { return budget_ || rate_; }
    /// Puts aside what an answer of this deployment can cost. Errors: resource_exhausted (the budget), unsupported (its
    /// price is not known, and there is a budget), those of the ledger.
    [[nodiscard]] Result<void> prepare(const Target& target);
    /// The attempt has come to nothing.
    void attempt_failed();
    /// The attempt was answered, in a way that is not handed on. Returns its cost, when the price is known.
    std::optional<llm::Cost> attempt_cost(const std::string& alias, const Target& target, const llm::Usage& usage);
    /// The call is over. Returns its cost, when the price is known.
    std::optional<llm::Cost> settle(const std::string& alias, const Target& target, const llm::Usage& usage);

    [[nodiscard]] std::uint64_t input_tokens() const noexcept { return input_tokens_; }

  private:
    [[nodiscard]] store::Spending spending(const Target& target, const llm::Usage& usage, llm::Cost cost) const;
    std::optional<llm::Cost> write(const std::string& alias, const Target& target, const llm::Usage& usage);

    CorePtr core_;
    Access access_;
    std::vector<SubjectPtr> subjects_;
    Reservation reservation_;
    std::string day_;  ///< it began on: the day it is written down under
    std::uint64_t input_tokens_ = 0, max_output_tokens_ = 0;
    std::uint64_t tokens_ = 0;  ///< of earlier attempts
    llm::Cost cost_;
    std::optional<std::int64_t> hold_;
    bool budget_ = false, rate_ = false;
};

}  // namespace tenon::gateway
