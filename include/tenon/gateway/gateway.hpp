// A gateway: many models behind few names, with balancing, fallbacks, retries, budgets, limits and caches.
//
//     auto gateway = gateway::Gateway::create({
//         .deployments = {gateway::deployment(small), gateway::deployment(large)},
//         .routes = {{.alias = "smart", .deployments = {"large"}, .fallbacks = {"small"}}}}).value();
//     auto smart = gateway->chat("smart").value();        // an llm::ChatModel like any other
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/log.hpp"
#include "tenon/gateway/cache.hpp"
#include "tenon/gateway/limits.hpp"
#include "tenon/llm/model.hpp"
#include "tenon/llm/price.hpp"
#include "tenon/net/retry.hpp"
#include "tenon/store/ledger.hpp"

namespace tenon::gateway {

/// One model somewhere. Its functions are called from any thread, once for each attempt, and may load or connect.
struct Deployment {
    std::string name{};
    std::function<task<Result<llm::ChatModelPtr>>(CallOptions)> chat{};     ///< unset: it does not chat
    std::function<task<Result<llm::EmbedderPtr>>(CallOptions)> embedder{};  ///< unset: it does not embed
    double weight = 1;                                                      ///< with Strategy::weighted
    /// What it can do; unset: what the model says of itself once it is open.
    std::optional<llm::Capabilities> capabilities{};
    /// What it costs; unset: what `Options::prices` say of `priced_as`, or of its name.
    std::optional<llm::Price> price{};
    std::string priced_as{};
    bool free = false;  ///< costs nothing, whatever the table says: local models
    // What its provider allows; 0: no limit. Others of the route take over when it is used up.
    std::uint64_t requests_per_minute = 0, tokens_per_minute = 0;
    std::size_t max_parallel = 0;
    /// Without a first piece of the answer in this time, the attempt has failed; 0: only the call's deadline counts.
    std::chrono::milliseconds first_token_timeout{0};
};

/// A deployment of a model that is there already, named as the model.
[[nodiscard]] Deployment deployment(llm::ChatModelPtr model);
[[nodiscard]] Deployment deployment(llm::EmbedderPtr embedder);

/// Which of the deployments of a route that can and may take a request gets it. Ties are broken in turn.
enum class Strategy : std::uint8_t {
    weighted,        ///< in proportion to their weights, evenly spread
    round_robin,     ///< one after another
    least_busy,      ///< the fewest calls under way
    lowest_latency,  ///< the shortest time to the first token, a moving average; untried ones first
    lowest_cost,     ///< the cheapest for this request; those of unknown price last
};
[[nodiscard]] std::string_view to_string(Strategy strategy) noexcept;
[[nodiscard]] std::optional<Strategy> strategy_from(std::string_view name) noexcept;

/// What a name stands for.
struct Route {
    std::string alias{};
    std::vector<std::string> deployments{};
    Strategy strategy = Strategy::weighted;
    /// Aliases or deployments to turn to, in order, when all of the above have failed …
    std::vector<std::string> fallbacks{};
    /// … because the request is too long for them, or because they refuse to speak about it. Empty: `fallbacks`.
    std::vector<std::string> context_fallbacks{}, content_fallbacks{};
};

/// When a deployment is left alone, and for how long (Nygard, "Release It!", 2007: circuit breaker).
struct BreakerPolicy {
    int failures = 3;                           ///< in a row, until it opens
    std::chrono::milliseconds cooldown{5'000};  ///< then one call is let through; if it fails, twice as long
    std::chrono::milliseconds max_cooldown{300'000};
};

/// Two clocks, for tests to turn.
struct Clocks {
    std::function<Clock::time_point()> steady{};                      ///< unset: Clock::now
    std::function<std::chrono::system_clock::time_point()> system{};  ///< unset: system_clock::now
};

struct Options {
    std::vector<Deployment> deployments{};
    std::vector<Route> routes{};
    std::vector<Team> teams{};
    std::vector<Key> keys{};
    llm::PriceTable prices = llm::PriceTable::builtin();
    /// `max_attempts` counts the calls made for one route. A pause is only made when every deployment of the route has
    /// failed, and with a fallback at hand only when it is short (`fallback_patience`).
    net::RetryPolicy retry{3, std::chrono::milliseconds(200), std::chrono::milliseconds(5'000),
                           std::chrono::milliseconds(20'000)};
    std::chrono::milliseconds fallback_patience{1'000};
    BreakerPolicy breaker{};
    CachePolicy cache{};
    /// Keeps spending and keys over restarts; unset: in memory alone.
    std::shared_ptr<store::Ledger> ledger{};
    /// Calls that other processes never settled count as spent (store::Ledger::recover). False for one that works
    /// beside a server on the same ledger.
    bool recover = true;
    /// For requests that say no `max_tokens` on behalf of somebody with a budget or a limit of tokens: what is put
    /// aside for the answer, and therefore the most it may have.
    std::uint64_t default_max_tokens = 4096;
    Clocks clocks{};
    LogSink log{};
};

/// On whose behalf, and how.
struct Access {
    KeyPtr key{};        ///< none: nobody's limits
    bool fresh = false;  ///< not from a cache
};

/// How an answer came about: in `extensions` of its last event.
struct Delivery {
    std::string alias, deployment;
    int attempts = 0;
    bool cached = false;
    std::optional<llm::Cost> cost{};  ///< unset: the price is not known
};

struct DeploymentStatus {
    std::string name;
    std::string breaker;  ///< "closed", "open", "half_open"
    std::chrono::milliseconds ready_in{0};
    std::size_t in_flight = 0;
    std::uint64_t calls = 0, failures = 0;
    std::optional<double> first_token_ms{};
    std::optional<llm::Price> price{};
};

/// Sums since the gateway was made, for metrics.
struct Counts {
    struct Calls {
        std::string alias, deployment;
        std::uint64_t answered = 0, failed = 0, cached = 0;
        std::uint64_t input_tokens = 0, output_tokens = 0, picodollars = 0;
    };
    std::vector<Calls> calls;
    std::uint64_t fallbacks = 0, retries = 0, refused_rate = 0, refused_budget = 0;
    std::uint64_t cache_hits = 0, cache_misses = 0, cache_entries = 0, cache_bytes = 0;
};

/// Thread-safe. Models made by it keep it alive.
class Gateway : public std::enable_shared_from_this<Gateway> {
  public:
    /// Errors: invalid_argument (a name used twice, or one that nothing is called; a key of an unknown team; a hash
    /// that is none), those of the ledger.
    [[nodiscard]] static Result<std::shared_ptr<Gateway>> create(Options options);
    ~Gateway();
    Gateway(const Gateway&) = delete;
    Gateway& operator=(const Gateway&) = delete;

    /// The model behind an alias, or one deployment. It can what any of its deployments can, and a request goes only to
    /// those that can take it. Until the first piece of an answer has come, failures are mended by other deployments,
    /// retries and fallbacks; afterwards they are the stream's errors.
    /// Errors: not_found (says which there are), permission_denied (not for this key).
    /// Errors of its calls: of the last deployment tried; rate_limited (the key's or team's limit, with the time to
    /// wait); resource_exhausted (the budget, or the request is too long for all); unsupported (no deployment can do
    /// it); unavailable (all are failing).
    [[nodiscard]] Result<llm::ChatModelPtr> chat(std::string_view name, Access access = Access());
    [[nodiscard]] Result<llm::EmbedderPtr> embedder(std::string_view name, Access access = Access());

    /// The key of this text. Errors: unauthenticated (unknown or revoked).
    [[nodiscard]] Result<KeyPtr> authenticate(std::string_view key);
    /// Whether there is any key: then nobody should be let in without one.
    [[nodiscard]] bool has_keys();

    [[nodiscard]] const std::vector<Route>& routes() const noexcept;
    /// Whether anything is called so.
    [[nodiscard]] bool knows(std::string_view name) const noexcept;
    /// Whether `chat` of this name can lead to a deployment that chats; `embedder` likewise.
    [[nodiscard]] bool chats(std::string_view name) const noexcept;
    [[nodiscard]] bool embeds(std::string_view name) const noexcept;
    [[nodiscard]] std::vector<DeploymentStatus> status() const;
    [[nodiscard]] Counts counts() const;
    [[nodiscard]] Allowance allowance(const Key& key) const;

    struct Core;

  private:
    explicit Gateway(std::shared_ptr<Core> core);
    std::shared_ptr<Core> core_;
};

}  // namespace tenon::gateway
