// The order in which deployments are tried.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <ranges>
#include <unordered_set>

#include "gateway/call.hpp"

namespace tenon::gateway {

using std::chrono::milliseconds;

namespace {

bool out_of_time(const CallOptions& options) {
    return options.stop.stop_requested() || (options.deadline && Clock::now() >= *options.deadline);
}

/// Why none of the route's deployments could be asked.
Error none_left(const RouteState& route, const NoTarget& none, const Needs& needs) {
    const auto& name = route.about.alias;
    if (none.untried) {
        Error error(ErrorCode::unavailable,
                    none.cooling
                        ? fmt::format("every model behind '{}' has failed lately and is left alone for {:.1f} s", name,
                                      static_cast<double>(none.ready_in.count()) / 1000)
                        : fmt::format("every model behind '{}' is at the limit of its provider; try again in {:.1f} s",
                                      name, static_cast<double>(none.ready_in.count()) / 1000));
        return std::move(error).with_retry_after(none.ready_in.count());
    }
    if (none.lacks == "context")
        return {ErrorCode::resource_exhausted,
                fmt::format("the request has about {} tokens, more than the context window of any model behind '{}'",
                            needs.input_tokens, name)};
    return {ErrorCode::unsupported,
            fmt::format("no model behind '{}' can take {}", name, none.lacks.empty() ? "this request" : none.lacks)};
}

const std::vector<std::string>& fallbacks_of(const Route& route, Failure failure) {
    if (failure == Failure::context && !route.context_fallbacks.empty()) return route.context_fallbacks;
    if (failure == Failure::content && !route.content_fallbacks.empty()) return route.content_fallbacks;
    return route.fallbacks;
}

/// One route: each deployment that can, then pauses and further rounds, as many calls as the policy allows. Nullopt:
/// it is done.
task<std::optional<Outcome>> try_route(Journey* journey, Attempt* attempt, bool last_route) {
    auto& core = *journey->core;
    std::vector<const Target*> failed, unfit;  // of this round; for good
    std::optional<Outcome> last;
    int calls = 0, pauses = 0;
    for (;;) {
        if (out_of_time(journey->options)) {
            const auto code =
                journey->options.stop.stop_requested() ? ErrorCode::cancelled : ErrorCode::deadline_exceeded;
            Error error(code, "the request ended before any model had answered it");
            if (last) error = Error(code, error.message(), last->error);
            co_return Outcome{Failure::gone, std::move(error)};
        }
        auto passed_over = failed;
        passed_over.insert(passed_over.end(), unfit.begin(), unfit.end());
        auto chosen = core.board.choose(*journey->route, journey->needs, journey->tokens, passed_over);
        if (!chosen) {
            const auto& none = chosen.error();
            if (!last || (failed.empty() && unfit.empty())) {
                auto error = none_left(*journey->route, none, journey->needs);
                const auto kind = none.lacks == "context" && !none.untried ? Failure::context : Failure::incapable;
                last = Outcome{none.untried ? Failure::deployment : kind, std::move(error)};
            }
            // Nothing is gained by waiting for those that refused for good.
            if (last->failure != Failure::deployment) co_return last;
            auto wait = net::retry_delay(core.options.retry, std::max(calls, 1), last->error, core.uniform());
            if (none.untried && wait) wait = std::max(*wait, none.ready_in);
            const auto patience = last_route ? core.options.retry.max_retry_after : core.options.fallback_patience;
            if (!wait || *wait > patience || std::max(calls, ++pauses) > core.options.retry.max_attempts)
                co_return last;
            // Those that were found failing by others are not waited for: the caller is told when to come back.
            if (none.cooling && calls == 0) co_return last;
            if (journey->options.deadline && Clock::now() + *wait >= *journey->options.deadline) co_return last;
            auto slept = co_await net::sleep_for(*wait, journey->options);
            if (!slept) co_return Outcome{Failure::gone, std::move(slept).error()};
            failed.clear();
            core.count(&Counts::retries);
            continue;
        }
        const TicketPtr ticket = std::move(*chosen);
        ++journey->attempts;
        auto done = co_await (*attempt)(ticket);
        if (done) co_return std::nullopt;
        Outcome outcome = std::move(done).error();
        if (outcome.failure == Failure::deployment && out_of_time(journey->options)) outcome.failure = Failure::gone;
        if (outcome.failure == Failure::gone || outcome.failure == Failure::caller) co_return outcome;
        if (outcome.failure == Failure::deployment) {
            ticket->failed(outcome.error);
            core.count(journey->alias, ticket->target().about.name, [](auto& c) { ++c.failed; });
            failed.push_back(&ticket->target());
            ++calls;
        } else {
            unfit.push_back(&ticket->target());
        }
        const bool tired = calls >= core.options.retry.max_attempts;
        // A deployment that may come back says more about a retry than one that cannot do it.
        if (!last || last->failure != Failure::deployment || outcome.failure == Failure::deployment)
            last = std::move(outcome);
        if (tired) co_return last;
    }
}

}  // namespace

task<Result<void>> travel(Journey* journey, Attempt attempt) {
    journey->alias = journey->route->about.alias;
    std::deque<RouteState*> ahead{journey->route};
    std::unordered_set<const RouteState*> visited{journey->route};
    std::optional<Outcome> last;
    while (!ahead.empty()) {
        journey->route = ahead.front();
        ahead.pop_front();
        const auto& about = journey->route->about;
        const bool last_route = ahead.empty() && about.fallbacks.empty() && about.context_fallbacks.empty() &&
                                about.content_fallbacks.empty();
        if (last) journey->core->count(&Counts::fallbacks);
        auto outcome = co_await try_route(journey, &attempt, last_route);
        if (!outcome) co_return Result<void>{};
        last = std::move(outcome);
        if (last->failure == Failure::gone || last->failure == Failure::caller) break;
        const auto& next = fallbacks_of(about, last->failure);
        for (const auto& name : std::ranges::reverse_view(next)) {
            auto* route = journey->core->board.find_route(name);
            if (route != nullptr && visited.insert(route).second) ahead.push_front(route);
        }
    }
    co_return std::unexpected(std::move(last->error));
}

}  // namespace tenon::gateway
