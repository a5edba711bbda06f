// Several steps on one value at the same time: `parallel(title, summary)`, `parallel<Report>(title, summary)`.
#pragma once

#include <atomic>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "tenon/chain/gather.hpp"
#include "tenon/chain/invoke.hpp"

namespace tenon::chain {

/// All steps take what the first takes. The outcome is a tuple of theirs, or a Target made of them in order. The first
/// failure stops the others; its error is the outcome, after all have ended.
template <class Target, IsStep... S>
class Parallel {
    static constexpr bool sync = (SyncStep<S> && ...);

  public:
    using input_type = typename std::tuple_element_t<0, std::tuple<S...>>::input_type;
    using output_type = std::conditional_t<std::is_void_v<Target>, std::tuple<typename S::output_type...>, Target>;
    static_assert((FitsInto<input_type, typename S::input_type> && ...),
                  "the steps of a parallel all take what the first takes");
    static_assert(
        std::is_void_v<Target> || requires(typename S::output_type... o) { output_type{std::move(o)...}; },
        "the struct cannot be made of what the steps give, in their order");

    explicit Parallel(S... steps) : steps_(std::move(steps)...) {}
    [[nodiscard]] std::string_view name() const { return "parallel"; }

    [[nodiscard]] Result<output_type> call(input_type&& in, const Context& context) const
        requires sync
    {
        return one_by_one(in, context, std::index_sequence_for<S...>());
    }
    [[nodiscard]] task<Result<output_type>> operator()(input_type in, Context context) const
        requires(!sync)
    {
        State state(context.options.stop);
        context.options.stop = state.stop.token();
        std::vector<task<void>> work = begin(in, context, state, std::index_sequence_for<S...>());
        co_await gather(std::move(work));
        co_return finish(state, std::index_sequence_for<S...>());
    }

  private:
    struct State {
        explicit State(const std::stop_token& parent) : stop(parent) {}
        LinkedStop stop;
        std::atomic<int> failed = -1;
        std::tuple<std::optional<Result<typename S::output_type>>...> outcomes;
    };

    template <std::size_t I>
    static task<void> work(const Parallel* self, input_type in, Context context, State* state) {
        const auto& it = std::get<I>(self->steps_);
        using Taken = typename std::tuple_element_t<I, std::tuple<S...>>::input_type;
        auto out = co_await invoke(it, joined<Taken>(std::move(in)), std::move(context));
        if (!out) {
            int none = -1;
            if (state->failed.compare_exchange_strong(none, static_cast<int>(I))) state->stop.request();
        }
        std::get<I>(state->outcomes).emplace(std::move(out));
    }
    template <std::size_t... I>
    [[nodiscard]] std::vector<task<void>> begin(const input_type& in, const Context& context, State& state,
                                                std::index_sequence<I...>) const {
        std::vector<task<void>> all;
        all.reserve(sizeof...(S));
        (all.push_back(work<I>(this, in, context, &state)), ...);
        return all;
    }
    template <std::size_t... I>
    [[nodiscard]] static Result<output_type> finish(State& state, std::index_sequence<I...>) {
        if (const int failed = state.failed.load(); failed >= 0) {
            std::optional<Error> first;
            (void)((static_cast<int>(I) == failed && (first = std::get<I>(state.outcomes)->error(), true)) || ...);
            return std::unexpected(std::move(*first));
        }
        return output_type{std::move(**std::get<I>(state.outcomes))...};
    }
    template <std::size_t... I>
    [[nodiscard]] Result<output_type> one_by_one(const input_type& in, const Context& context,
                                                 std::index_sequence<I...>) const {
        std::optional<Error> error;
        std::tuple<std::optional<typename S::output_type>...> outcomes;
        const auto one = [&]<std::size_t J>(std::integral_constant<std::size_t, J>) {
            using Taken = typename std::tuple_element_t<J, std::tuple<S...>>::input_type;
            auto out = std::get<J>(steps_).call(joined<Taken>(input_type(in)), context);
            if (out)
                std::get<J>(outcomes).emplace(std::move(*out));
            else
                error.emplace(std::move(out).error());
            return out.has_value();
        };
        if (!(one(std::integral_constant<std::size_t, I>()) && ...)) return std::unexpected(std::move(*error));
        return output_type{std::move(*std::get<I>(outcomes))...};
    }

    std::tuple<S...> steps_;
};

template <class Target = void, class... T>
[[nodiscard]] auto parallel(T... steps) {
    return Parallel<Target, decltype(step(std::move(steps)))...>(step(std::move(steps))...);
}

}  // namespace tenon::chain
