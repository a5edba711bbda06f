// Steps that may fail: tried again, replaced by others, given only so much time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <tuple>
#include <utility>

#include "tenon/chain/gather.hpp"
#include "tenon/chain/invoke.hpp"

namespace tenon::chain {

struct RetryPolicy {
    int attempts = 3;  ///< the first included
    std::chrono::milliseconds first_delay{250};
    std::chrono::milliseconds max_delay{20'000};
    double multiplier = 2;
    /// The share of each delay that is random, 0 to 1. A policy with the same seed draws the same.
    double jitter = 0.5;
    std::uint64_t seed = 0;
    /// Which errors are worth another try; unset: unavailable, rate_limited, protocol and io.
    std::function<bool(const Error&)> retryable{};

    /// The pause after failed attempt number `attempt` (1, 2 …): what the peer asked for, when it did and that is
    /// longer. nullopt: give up.
    [[nodiscard]] std::optional<std::chrono::milliseconds> delay(int attempt, const Error& error) const;
};

namespace detail {

/// A stream whose first piece has been taken out already.
template <class T>
class Peeked final : public Stream<T> {
  public:
    Peeked(std::optional<T> first, StreamPtr<T> rest) : first_(std::move(first)), rest_(std::move(rest)) {}
    task<Result<std::optional<T>>> next() override {
        if (first_) co_return std::exchange(first_, std::nullopt);
        auto got = co_await rest_->next();
        co_return got;
    }

  private:
    std::optional<T> first_;
    StreamPtr<T> rest_;
};

/// Opens a stream and waits for its first piece, so that an early failure can still be mended.
template <StreamingStep S>
task<Result<StreamPtr<typename S::chunk_type>>> open_and_peek(const S* step, typename S::input_type in,
                                                              Context context) {
    auto stream = co_await step->stream(std::move(in), std::move(context));
    if (!stream) co_return stream;
    auto first = co_await (*stream)->next();
    if (!first) co_return std::unexpected(std::move(first).error());
    if (!*first) co_return stream;
    using Chunk = typename S::chunk_type;
    co_return StreamPtr<Chunk>(std::make_unique<Peeked<Chunk>>(std::move(*first), std::move(*stream)));
}

template <IsStep S>
struct ChunkOf {};
template <StreamingStep S>
struct ChunkOf<S> {
    using chunk_type = typename S::chunk_type;
};

/// Whether another step could help: not when the caller has had enough.
[[nodiscard]] inline bool worth_more(const Error& error) {
    return error.code() != ErrorCode::cancelled && error.code() != ErrorCode::deadline_exceeded;
}

}  // namespace detail

/// The step again while it fails with an error that may pass. The value is copied for every try. A pause that would
/// outlast the deadline is not begun. A stream is tried again only until its first piece has come.
template <IsStep S>
class Retry : public detail::ChunkOf<S> {
  public:
    using input_type = typename S::input_type;
    using output_type = typename S::output_type;

    Retry(S step, RetryPolicy policy) : step_(std::move(step)), policy_(std::move(policy)) {}
    [[nodiscard]] std::string_view name() const { return "retry"; }

    [[nodiscard]] task<Result<output_type>> operator()(input_type in, Context context) const {
        for (int attempt = 1;; ++attempt) {
            auto out = co_await invoke(step_, in, context);
            if (out) co_return out;
            auto again = co_await wait_for(attempt, out.error(), context);
            if (!again) co_return std::unexpected(std::move(again).error());
        }
    }
    [[nodiscard]] auto stream(input_type in, Context context) const
        -> task<Result<StreamPtr<typename detail::ChunkOf<S>::chunk_type>>>
        requires StreamingStep<S>
    {
        for (int attempt = 1;; ++attempt) {
            auto opened = co_await detail::open_and_peek(&step_, in, context);
            if (opened) co_return opened;
            auto again = co_await wait_for(attempt, opened.error(), context);
            if (!again) co_return std::unexpected(std::move(again).error());
        }
    }

  private:
    /// Returns when it is time to try again; else the error to give up with.
    [[nodiscard]] task<Result<void>> wait_for(int attempt, Error error, Context context) const {
        const auto delay = policy_.delay(attempt, error);
        if (!delay || !detail::worth_more(error)) co_return std::unexpected(std::move(error));
        if (context.options.deadline && Clock::now() + *delay >= *context.options.deadline)
            co_return std::unexpected(std::move(error));
        if (context.tracer) context.tracer->set(context.span, "tenon.retry.attempts", std::int64_t{attempt + 1});
        auto paused = co_await pause(*delay, context.options);
        co_return paused;
    }

    S step_;
    RetryPolicy policy_;
};

template <class T>
[[nodiscard]] auto retry(T tried, RetryPolicy policy = {}) {
    auto inner = step(std::move(tried));
    return Retry<decltype(inner)>(std::move(inner), std::move(policy));
}

/// The first step that succeeds; the last one's error when none does. Not when cancelled or out of time. A stream falls
/// back only until its first piece has come; it needs that every step streams pieces of one type.
template <IsStep First, IsStep... S>
class Fallback : public detail::ChunkOf<First> {
    static constexpr bool streams = [] {
        if constexpr (StreamingStep<First> && (StreamingStep<S> && ...))
            return (std::same_as<typename First::chunk_type, typename S::chunk_type> && ...);
        else
            return false;
    }();

  public:
    using input_type = typename First::input_type;
    using output_type = typename First::output_type;
    static_assert((FitsInto<input_type, typename S::input_type> && ...), "the steps of a fallback take the same value");
    static_assert((std::same_as<output_type, typename S::output_type> && ...),
                  "the steps of a fallback give the same type");

    explicit Fallback(First first, S... rest) : steps_(std::move(first), std::move(rest)...) {}
    [[nodiscard]] std::string_view name() const { return "fallback"; }

    [[nodiscard]] task<Result<output_type>> operator()(input_type in, Context context) const {
        return attempt<0>(std::move(in), std::move(context));
    }
    [[nodiscard]] auto stream(input_type in, Context context) const
        -> task<Result<StreamPtr<typename detail::ChunkOf<First>::chunk_type>>>
        requires streams
    {
        return attempt_stream<0>(std::move(in), std::move(context));
    }

  private:
    template <std::size_t I>
    using InputOf = typename std::tuple_element_t<I, std::tuple<First, S...>>::input_type;

    template <std::size_t I>
    [[nodiscard]] task<Result<output_type>> attempt(input_type in, Context context) const {
        if constexpr (I == sizeof...(S)) {
            auto out = co_await invoke(std::get<I>(steps_), joined<InputOf<I>>(std::move(in)), std::move(context));
            co_return out;
        } else {
            auto out = co_await invoke(std::get<I>(steps_), joined<InputOf<I>>(input_type(in)), context);
            if (out || !detail::worth_more(out.error())) co_return out;
            auto other = co_await attempt<I + 1>(std::move(in), std::move(context));
            co_return other;
        }
    }
    template <std::size_t I>
    [[nodiscard]] auto attempt_stream(input_type in, Context context) const
        -> task<Result<StreamPtr<typename detail::ChunkOf<First>::chunk_type>>> {
        auto opened = co_await detail::open_and_peek(&std::get<I>(steps_), joined<InputOf<I>>(input_type(in)), context);
        if constexpr (I == sizeof...(S)) {
            co_return opened;
        } else {
            if (opened || !detail::worth_more(opened.error())) co_return opened;
            auto other = co_await attempt_stream<I + 1>(std::move(in), std::move(context));
            co_return other;
        }
    }

    std::tuple<First, S...> steps_;
};

template <class... T>
[[nodiscard]] auto fallback(T... steps) {
    return Fallback<decltype(step(std::move(steps)))...>(step(std::move(steps))...);
}

/// The step has at most `time`, streams included. Models and every step of this library obey; a lambda of your own
/// obeys when it looks at the Context it is given.
template <IsStep S>
class WithDeadline : public detail::ChunkOf<S> {
  public:
    using input_type = typename S::input_type;
    using output_type = typename S::output_type;

    WithDeadline(S step, std::chrono::milliseconds time) : step_(std::move(step)), time_(time) {}
    [[nodiscard]] std::string_view name() const { return "with_deadline"; }
    [[nodiscard]] task<Result<output_type>> operator()(input_type in, Context context) const {
        return invoke(step_, std::move(in), shortened(std::move(context)));
    }
    [[nodiscard]] auto stream(input_type in, Context context) const
        -> task<Result<StreamPtr<typename detail::ChunkOf<S>::chunk_type>>>
        requires StreamingStep<S>
    {
        return step_.stream(std::move(in), shortened(std::move(context)));
    }

  private:
    [[nodiscard]] Context shortened(Context context) const {
        const auto until = Clock::now() + time_;
        if (!context.options.deadline || *context.options.deadline > until) context.options.deadline = until;
        return context;
    }
    S step_;
    std::chrono::milliseconds time_;
};

template <class T>
[[nodiscard]] auto with_deadline(T timed, std::chrono::milliseconds time) {
    auto inner = step(std::move(timed));
    return WithDeadline<decltype(inner)>(std::move(inner), time);
}

}  // namespace tenon::chain
