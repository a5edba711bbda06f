// Who may ask a gateway for how much: keys, teams, budgets and rate limits.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"
#include "tenon/llm/price.hpp"

namespace tenon::gateway {

/// Money in windows of the calendar, UTC. What is spent and what calls under way may still cost never pass it.
struct Budget {
    std::optional<llm::Cost> day{}, month{};
    std::optional<llm::Cost> total{};  ///< ever

    [[nodiscard]] bool limited() const noexcept { return day || month || total; }
};

/// 0 and empty: no limit. The rates hold in every span of sixty seconds, not only in those that begin with a minute.
struct Limits {
    Budget budget{};
    std::uint64_t requests_per_minute = 0;
    std::uint64_t tokens_per_minute = 0;  ///< read and written, together
    std::size_t max_parallel = 0;         ///< calls under way at once
    std::vector<std::string> models{};    ///< aliases and deployments that may be asked for
};

/// Shares one set of limits among its keys.
struct Team {
    std::string name;
    Limits limits{};
};

/// A virtual key: the gateway knows it by its hash alone.
struct Key {
    std::string name{};    ///< in spending, messages and metrics
    std::string sha256{};  ///< of the key, 64 hexadecimal digits
    std::string team{};
    Limits limits{};
};
using KeyPtr = std::shared_ptr<const Key>;

/// "sk-tenon-" and 43 random characters (256 bits). It can be shown once, then only its hash is known.
[[nodiscard]] std::string make_key();
[[nodiscard]] std::string hash_of(std::string_view key);

/// Limits as JSON text, and back: {"budget": {"day": 1.5, "month", "total"}, "requests_per_minute",
/// "tokens_per_minute", "max_parallel", "models"}, dollars. Errors: corrupt.
[[nodiscard]] std::string to_json(const Limits& limits);
[[nodiscard]] Result<Limits> limits_from_json(std::string_view text);

/// What is left to a key or team at this moment; unset: no such limit.
struct Allowance {
    struct Rate {
        std::uint64_t limit = 0, remaining = 0;
        std::chrono::milliseconds full_in{0};  ///< until all of it is there again
    };
    std::optional<Rate> requests{}, tokens{};
    std::optional<llm::Cost> budget_left{};  ///< of the tightest window
    std::size_t in_flight = 0;
};

}  // namespace tenon::gateway
