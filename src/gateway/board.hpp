// The deployments of a gateway and what is known of them at this moment; chooses one for a request.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gateway/breaker.hpp"
#include "gateway/classify.hpp"
#include "gateway/limiter.hpp"
#include "gateway/needs.hpp"

namespace tenon::gateway {

/// A deployment and its state, which the board's lock guards.
struct Target {
    Deployment about;
    const llm::Price* price = nullptr;  ///< null: unknown
    SubjectPtr limits;                  ///< null: it has none
    std::optional<llm::Capabilities> can{};
    Breaker breaker;
    std::size_t in_flight = 0;
    std::uint64_t calls = 0, failures = 0;
    std::optional<double> first_token_ms{};
    double turn = 0;  ///< of smooth weighted round-robin
};

struct RouteState {
    Route about;
    std::vector<Target*> targets;
    std::vector<double> turns;  ///< one for each target
    bool alias = true;          ///< false: a deployment under its own name
};

class Board;

/// One call of one target, from choice to verdict. Destroyed without one: undecided. The board must outlive it.
class Ticket {
  public:
    Ticket(Board* board, Target* target, bool trial, Reservation limits)
        : board_(board), target_(target), trial_(trial), limits_(std::move(limits)), began_(Clock::now()) {}
    ~Ticket();
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

    [[nodiscard]] const Target& target() const noexcept { return *target_; }
    void opened(const llm::Capabilities& can);
    void first_token();
    void failed(const Error& error);
    /// Tokens it has used, against the provider's own limits.
    void used(std::uint64_t tokens) { limits_.settle(tokens, llm::Cost()); }

  private:
    Board* board_;
    Target* target_;
    bool trial_, decided_ = false;
    Reservation limits_;
    Clock::time_point began_;
};
using TicketPtr = std::shared_ptr<Ticket>;

/// Why none could be chosen.
struct NoTarget {
    bool untried = false;  ///< some are only cooling down or at their limit
    std::chrono::milliseconds ready_in{0};
    std::string_view lacks{};  ///< what they cannot do, or "context"
    bool cooling = false;
};

class Board {
  public:
    Board(Limiter& limiter, BreakerPolicy policy) : limiter_(limiter), policy_(policy) {}

    /// While setting up; targets stay where they are.
    Target& add(Deployment deployment, const llm::PriceTable& prices);
    [[nodiscard]] Target* find(std::string_view name);
    RouteState& add_route(Route route, std::vector<Target*> targets, bool alias);
    [[nodiscard]] RouteState* find_route(std::string_view name);

    /// Chooses among those that are not in `passed_over`, can do it and may be called; counts it as under way.
    [[nodiscard]] std::expected<TicketPtr, NoTarget> choose(RouteState& route, const Needs& needs, std::uint64_t tokens,
                                                            const std::vector<const Target*>& passed_over);
    [[nodiscard]] llm::Capabilities capabilities(const RouteState& route);
    [[nodiscard]] std::vector<DeploymentStatus> status();
    [[nodiscard]] const std::vector<std::unique_ptr<RouteState>>& routes() const noexcept { return routes_; }

  private:
    friend class Ticket;
    [[nodiscard]] std::vector<std::size_t> order(RouteState& route, std::vector<std::size_t> able, const Needs& needs);

    Limiter& limiter_;
    BreakerPolicy policy_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Target>> targets_;
    std::vector<std::unique_ptr<RouteState>> routes_;
    std::unordered_map<std::string, RouteState*> by_name_;
};

}  // namespace tenon::gateway
