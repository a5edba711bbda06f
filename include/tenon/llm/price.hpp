// What calls cost: a table of prices with their dates and sources, and exact sums.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"
#include "tenon/llm/message.hpp"

namespace tenon::llm {

/// An amount of money, exact: whole picodollars (10⁻¹² US dollars), which a price in millionths of a dollar per million
/// tokens gives for every token. Sums never round; they stop at the largest number rather than wrap.
class Cost {
  public:
    constexpr Cost() noexcept = default;
    constexpr explicit Cost(std::uint64_t picodollars) noexcept : picodollars_(picodollars) {}

    [[nodiscard]] constexpr std::uint64_t picodollars() const noexcept { return picodollars_; }
    /// Millionths of a dollar, to the nearest; half goes up.
    [[nodiscard]] constexpr std::uint64_t microdollars() const noexcept {
        return picodollars_ / 1'000'000 + (picodollars_ % 1'000'000 >= 500'000 ? 1 : 0);
    }
    [[nodiscard]] double dollars() const noexcept { return static_cast<double>(picodollars_) / 1e12; }
    constexpr Cost& operator+=(Cost other) noexcept {
        const auto sum = picodollars_ + other.picodollars_;
        picodollars_ = sum < picodollars_ ? UINT64_MAX : sum;
        return *this;
    }
    [[nodiscard]] friend constexpr Cost operator+(Cost a, Cost b) noexcept { return a += b; }
    friend constexpr auto operator<=>(Cost, Cost) noexcept = default;

  private:
    std::uint64_t picodollars_ = 0;
};

/// Millionths of a US dollar per million tokens: $1.25 is 1'250'000.
struct Rates {
    std::uint64_t input = 0, cached_input = 0, cache_write = 0, output = 0;
};

struct Price {
    std::string provider;  ///< "openai", "anthropic", …; empty: whoever serves the model
    std::string model;
    Rates rates;
    std::uint64_t above = 0;  ///< a request with more input tokens than this is charged `rates_above` for all of them
    Rates rates_above;        ///< with `above`
    std::string as_of;        ///< "2026-11-24": when the price was looked up
    std::string source;       ///< where
};

/// What this much usage costs. Cached and written tokens are part of the input (see Usage); reasoning is part of the
/// output. Cache writes are charged as those kept for five minutes.
[[nodiscard]] Cost cost_of(const Price& price, const Usage& usage) noexcept;

/// Immutable but for `merge`; reading is thread-safe.
class PriceTable {
  public:
    /// {"prices": [{"provider", "model", "input", "cached_input", "cache_write", "output", "above": {"tokens", …},
    /// "as_of", "source"}]}, dollars per million tokens; without "cached_input" or "cache_write", they cost what input
    /// does. Errors: corrupt, naming the entry (not JSON, no model, a price that is none or finer than a millionth).
    [[nodiscard]] static Result<PriceTable> parse(std::string_view json);
    /// The table this library was built with (data/prices.json).
    [[nodiscard]] static PriceTable builtin();

    /// Entries of `newer` win over those of the same provider and model.
    void merge(PriceTable newer);
    /// "gpt-5", "openai:gpt-5" or "gpt-5-2025-08-07": the entry of that name, else of the longest name that is followed
    /// by a date, a number or "latest" alone. With a provider, only its own entries and those of no provider. Null when
    /// there is none. Valid until `merge`.
    [[nodiscard]] const Price* find(std::string_view model) const noexcept;
    /// Errors: not_found, saying how to add a price.
    [[nodiscard]] Result<Cost> cost(std::string_view model, const Usage& usage) const;
    [[nodiscard]] const std::vector<Price>& entries() const noexcept { return prices_; }

  private:
    std::vector<Price> prices_;
};

}  // namespace tenon::llm
