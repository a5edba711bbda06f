#include "gateway/board.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

namespace tenon::gateway {

using std::chrono::milliseconds;

namespace {

constexpr double newest_share = 0.2;  // of the moving average

double cost_for(const Target& target, const Needs& needs) {
    if (target.about.free) return 0;
    if (target.price == nullptr) return std::numeric_limits<double>::infinity();
    // What the answer will be long is not known yet; a quarter of the question is a fair weight for its price.
    llm::Usage usage;
    usage.input_tokens = needs.input_tokens;
    usage.output_tokens = std::max<std::uint64_t>(needs.input_tokens / 4, 64);
    return llm::cost_of(*target.price, usage).dollars();
}

/// Capabilities that several models have together: a request goes to one that can.
void join(llm::Capabilities& all, const llm::Capabilities& one) {
    bool llm::Capabilities::*const abilities[] = {
        &llm::Capabilities::tools,      &llm::Capabilities::images,       &llm::Capabilities::logprobs,
        &llm::Capabilities::completion, &llm::Capabilities::forced_tools, &llm::Capabilities::parallel_tools,
        &llm::Capabilities::json,       &llm::Capabilities::json_schema,  &llm::Capabilities::grammar,
        &llm::Capabilities::regex,      &llm::Capabilities::audio,        &llm::Capabilities::documents,
        &llm::Capabilities::citations,  &llm::Capabilities::reasoning,    &llm::Capabilities::prompt_cache};
    for (const auto ability : abilities) all.*ability = all.*ability || one.*ability;
    all.context_length = std::max(all.context_length, one.context_length);
    all.max_output_tokens = std::max(all.max_output_tokens, one.max_output_tokens);
}

}  // namespace

Ticket::~Ticket() {
    const std::scoped_lock lock(board_->mutex_);
    --target_->in_flight;
    if (!decided_) target_->breaker.undecided(trial_);
}

void Ticket::opened(const llm::Capabilities& can) {
    const std::scoped_lock lock(board_->mutex_);
    if (!target_->can) target_->can = can;
}

void Ticket::first_token() {
    const double ms = std::chrono::duration<double, std::milli>(Clock::now() - began_).count();
    const std::scoped_lock lock(board_->mutex_);
    decided_ = true;
    target_->breaker.succeeded();
    auto& average = target_->first_token_ms;
    average = average ? (1 - newest_share) * *average + newest_share * ms : ms;
}

void Ticket::failed(const Error& error) {
    const std::scoped_lock lock(board_->mutex_);
    decided_ = true;
    ++target_->failures;
    std::optional<milliseconds> asked;
    if (const auto wait = error.retry_after_ms()) asked = milliseconds(*wait);
    target_->breaker.failed(board_->limiter_.clocks().steady(), board_->policy_, asked);
}

Target& Board::add(Deployment deployment, const llm::PriceTable& prices) {
    auto target = std::make_unique<Target>();
    target->about = std::move(deployment);
    auto& about = target->about;
    if (about.price) {
        target->price = &*about.price;
    } else if (!about.free) {
        target->price = prices.find(about.priced_as.empty() ? about.name : about.priced_as);
    }
    target->can = about.capabilities;
    if (about.requests_per_minute != 0 || about.tokens_per_minute != 0 || about.max_parallel != 0) {
        Limits limits;
        limits.requests_per_minute = about.requests_per_minute;
        limits.tokens_per_minute = about.tokens_per_minute;
        limits.max_parallel = about.max_parallel;
        target->limits = limiter_.make(fmt::format("the deployment '{}'", about.name), std::move(limits));
    }
    targets_.push_back(std::move(target));
    return *targets_.back();
}

Target* Board::find(std::string_view name) {
    const auto at = std::ranges::find_if(targets_, [&](const auto& t) { return t->about.name == name; });
    return at == targets_.end() ? nullptr : at->get();
}

RouteState& Board::add_route(Route route, std::vector<Target*> targets, bool alias) {
    auto state = std::make_unique<RouteState>();
    state->turns.assign(targets.size(), 0);
    state->targets = std::move(targets);
    state->about = std::move(route);
    state->alias = alias;
    routes_.push_back(std::move(state));
    by_name_[routes_.back()->about.alias] = routes_.back().get();
    return *routes_.back();
}

RouteState* Board::find_route(std::string_view name) {
    const auto at = by_name_.find(std::string(name));
    return at == by_name_.end() ? nullptr : at->second;
}

std::vector<std::size_t> Board::order(RouteState& route, std::vector<std::size_t> able, const Needs& needs) {
    const auto strategy = route.about.strategy;
    const auto weight = [&](std::size_t i) {
        return strategy == Strategy::weighted ? std::max(route.targets[i]->about.weight, 0.0) : 1.0;
    };
    // Smooth weighted round-robin: each gains its weight, the richest is chosen and pays the sum. It also breaks ties.
    double sum = 0;
    for (const auto i : able) {
        route.turns[i] += weight(i);
        sum += weight(i);
    }
    std::ranges::stable_sort(able, std::ranges::greater{}, [&](std::size_t i) { return route.turns[i]; });
    const auto by = [&](auto value) { std::ranges::stable_sort(able, std::ranges::less{}, value); };
    if (strategy == Strategy::least_busy) by([&](std::size_t i) { return route.targets[i]->in_flight; });
    if (strategy == Strategy::lowest_latency)
        by([&](std::size_t i) { return route.targets[i]->first_token_ms.value_or(-1); });
    if (strategy == Strategy::lowest_cost) by([&](std::size_t i) { return cost_for(*route.targets[i], needs); });
    if (!able.empty()) route.turns[able.front()] -= sum;
    return able;
}

std::expected<TicketPtr, NoTarget> Board::choose(RouteState& route, const Needs& needs, std::uint64_t tokens,
                                                 const std::vector<const Target*>& passed_over) {
    const std::scoped_lock lock(mutex_);
    const auto now = limiter_.clocks().steady();
    NoTarget none;
    none.ready_in = milliseconds::max();
    std::vector<std::size_t> able;
    for (std::size_t i = 0; i < route.targets.size(); ++i) {
        const Target& target = *route.targets[i];
        if (std::ranges::find(passed_over, &target) != passed_over.end()) continue;
        if (needs.embedding ? !target.about.embedder : !target.about.chat) {
            none.lacks = needs.embedding ? "embeddings" : "chat";
            continue;
        }
        if (target.can)
            if (const auto gap = lacking(*target.can, needs); !gap.empty()) {
                none.lacks = gap;
                continue;
            }
        if (!target.breaker.allows(now)) {
            none.untried = none.cooling = true;
            none.ready_in = std::min(none.ready_in, std::max(target.breaker.ready_in(now), milliseconds(1)));
            continue;
        }
        able.push_back(i);
    }
    for (const auto i : order(route, std::move(able), needs)) {
        Target& target = *route.targets[i];
        Reservation limits;
        if (target.limits) {
            auto reserved = limiter_.reserve({target.limits}, tokens);
            if (!reserved && reserved.error().code() == ErrorCode::invalid_argument) {
                none.lacks = "so many tokens a minute";
                continue;
            }
            if (!reserved) {
                none.untried = true;
                if (const auto wait = reserved.error().retry_after_ms())
                    none.ready_in = std::min(none.ready_in, milliseconds(*wait));
                continue;
            }
            limits = std::move(*reserved);
        }
        ++target.in_flight;
        ++target.calls;
        const bool trial = target.breaker.enter();
        return std::make_shared<Ticket>(this, &target, trial, std::move(limits));
    }
    if (none.ready_in == milliseconds::max()) none.ready_in = milliseconds(0);
    return std::unexpected(none);
}

llm::Capabilities Board::capabilities(const RouteState& route) {
    const std::scoped_lock lock(mutex_);
    llm::Capabilities all;
    bool known = false;
    for (const auto* target : route.targets)
        if (target->can) {
            join(all, *target->can);
            known = true;
        }
    // Before anything is open one may ask for everything: the request itself finds out.
    if (!known) all.tools = all.images = all.completion = all.json = all.json_schema = all.forced_tools = true;
    return all;
}

std::vector<DeploymentStatus> Board::status() {
    const std::scoped_lock lock(mutex_);
    const auto now = limiter_.clocks().steady();
    std::vector<DeploymentStatus> out;
    for (const auto& t : targets_) {
        DeploymentStatus s{t->about.name, t->breaker.state(now), t->breaker.ready_in(now), t->in_flight,
                           t->calls,      t->failures,           t->first_token_ms,        std::nullopt};
        if (t->price != nullptr) s.price = *t->price;
        out.push_back(std::move(s));
    }
    return out;
}

}  // namespace tenon::gateway
