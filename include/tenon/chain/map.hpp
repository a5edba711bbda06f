// One step on many values, so many at a time.
#pragma once

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>
#include <vector>

#include "tenon/chain/gather.hpp"
#include "tenon/chain/invoke.hpp"

namespace tenon::chain {

namespace detail {

template <IsStep S>
struct MapState {
    MapState(const S& s, std::vector<typename S::input_type> values, Context with, bool stops_at_first)
        : step(&s),
          inputs(std::move(values)),
          context(std::move(with)),
          stop(context.options.stop),
          fail_fast(stops_at_first) {
        outcomes.resize(inputs.size());
        context.options.stop = stop.token();
    }
    const S* step;
    std::vector<typename S::input_type> inputs;
    Context context;
    LinkedStop stop;
    bool fail_fast;
    std::vector<std::optional<Result<typename S::output_type>>> outcomes;
    std::atomic<std::size_t> next = 0;
    std::atomic<std::size_t> failed = static_cast<std::size_t>(-1);
};

template <IsStep S>
task<void> map_worker(MapState<S>* state) {
    for (;;) {
        const std::size_t i = state->next.fetch_add(1);
        if (i >= state->inputs.size()) co_return;
        if (auto go_on = state->context.check(); !go_on) {
            state->outcomes[i].emplace(std::unexpected(std::move(go_on).error()));
        } else {
            auto out = co_await invoke(*state->step, std::move(state->inputs[i]), state->context);
            state->outcomes[i].emplace(std::move(out));
        }
        if (*state->outcomes[i] || !state->fail_fast) continue;
        auto none = static_cast<std::size_t>(-1);
        if (state->failed.compare_exchange_strong(none, i)) state->stop.request();
    }
}

template <IsStep S>
task<void> map_all(MapState<S>* state, std::size_t concurrency) {
    std::vector<task<void>> workers;
    const std::size_t count = std::min(std::max<std::size_t>(concurrency, 1), state->inputs.size());
    for (std::size_t w = 0; w < count; ++w) workers.push_back(map_worker(state));
    co_await gather(std::move(workers));
}

}  // namespace detail

/// The step on every value of a vector, at most `concurrency` at once; outcomes in the order of the values. The first
/// failure stops the others and is the outcome.
template <IsStep S>
class Map {
  public:
    using input_type = std::vector<typename S::input_type>;
    using output_type = std::vector<typename S::output_type>;

    Map(S step, std::size_t concurrency) : step_(std::move(step)), concurrency_(concurrency) {}
    [[nodiscard]] std::string_view name() const { return "map"; }
    [[nodiscard]] task<Result<output_type>> operator()(input_type in, Context context) const {
        detail::MapState<S> state(step_, std::move(in), std::move(context), true);
        co_await detail::map_all(&state, concurrency_);
        const std::size_t failed = state.failed.load();
        if (failed != static_cast<std::size_t>(-1))
            co_return std::unexpected(std::move(*state.outcomes[failed]).error());
        output_type out;
        out.reserve(state.outcomes.size());
        for (auto& o : state.outcomes) {
            if (!*o) co_return std::unexpected(std::move(*o).error());
            out.push_back(std::move(**o));
        }
        co_return out;
    }

  private:
    S step_;
    std::size_t concurrency_;
};

template <class T>
[[nodiscard]] auto map(T each, std::size_t concurrency) {
    auto inner = step(std::move(each));
    return Map<decltype(inner)>(std::move(inner), concurrency);
}

/// The same as one call, for work that is not a chain: every value has its own outcome, and a failure stops no other.
/// The step must live until the task has ended.
template <IsStep S>
[[nodiscard]] task<std::vector<Result<typename S::output_type>>> batch(const S& step,
                                                                       std::vector<typename S::input_type> inputs,
                                                                       std::size_t concurrency, Context context = {}) {
    return [](const S* it, std::vector<typename S::input_type> values, std::size_t at_once,
              Context with) -> task<std::vector<Result<typename S::output_type>>> {
        detail::MapState<S> state(*it, std::move(values), std::move(with), false);
        co_await detail::map_all(&state, at_once);
        std::vector<Result<typename S::output_type>> out;
        out.reserve(state.outcomes.size());
        for (auto& o : state.outcomes) out.push_back(std::move(*o));
        co_return out;
    }(&step, std::move(inputs), concurrency, std::move(context));
}

}  // namespace tenon::chain
