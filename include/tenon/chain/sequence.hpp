// Steps one after another: `prompt | model | to_text()`.
#pragma once

#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>

#include "tenon/chain/step.hpp"

namespace tenon::chain {

namespace detail {

/// A stream of one value.
template <class T>
class Once final : public Stream<T> {
  public:
    explicit Once(T value) : value_(std::move(value)) {}
    task<Result<std::optional<T>>> next() override { co_return std::exchange(value_, std::nullopt); }

  private:
    std::optional<T> value_;
};

/// Ends the span of a streaming step when its stream ends.
template <class T>
class TracedStream final : public Stream<T> {
  public:
    TracedStream(StreamPtr<T> inner, Span span) : inner_(std::move(inner)), span_(std::move(span)) {}
    task<Result<std::optional<T>>> next() override {
        auto got = co_await inner_->next();
        if (!got) {
            span_.end(&got.error());
        } else if (!*got) {
            span_.set("tenon.stream.chunks", chunks_);
            span_.end();
        } else {
            ++chunks_;
        }
        co_return got;
    }

  private:
    StreamPtr<T> inner_;
    Span span_;
    std::int64_t chunks_ = 0;
};

/// How the first N steps give their answer in pieces.
enum class Pieces : std::uint8_t {
    transformed,  ///< the last step turns the pieces of the steps before it into its own
    streamed,     ///< the last step makes pieces of the whole value before it
    whole,        ///< one piece: the whole value
};

template <std::size_t N, class... S>
struct PiecesOf {
    using Last = std::tuple_element_t<N - 1, std::tuple<S...>>;
    template <std::size_t M>
    static consteval bool transforms() {
        if constexpr (M > 1)
            return Transforms<Last, typename PiecesOf<M - 1, S...>::chunk_type>;
        else
            return false;
    }
    static constexpr Pieces how = transforms<N>()       ? Pieces::transformed
                                  : StreamingStep<Last> ? Pieces::streamed
                                                        : Pieces::whole;
    static auto chunk() {
        if constexpr (how == Pieces::whole)
            return std::type_identity<typename Last::output_type>{};
        else
            return std::type_identity<typename Last::chunk_type>{};
    }
    using chunk_type = typename decltype(chunk())::type;
};

}  // namespace detail

/// Made by `|`, already flat: no step of it is a Sequence. Cancellation and the deadline are looked at before every
/// step that may wait; tracing sees a span for each step. Errors: those of the steps; the first ends the run.
template <class... S>
class Sequence {
    static constexpr std::size_t count = sizeof...(S);
    using Steps = std::tuple<S...>;
    template <std::size_t I>
    using At = std::tuple_element_t<I, Steps>;
    template <std::size_t I>
    using InputOf = typename At<I>::input_type;
    /// What the first N steps give.
    template <std::size_t N>
    using OutputOf = typename At<N - 1>::output_type;

  public:
    using input_type = InputOf<0>;
    using output_type = OutputOf<count>;
    using chunk_type = typename detail::PiecesOf<count, S...>::chunk_type;
    /// False when `stream` gives the whole value as one piece.
    static constexpr bool streams = detail::PiecesOf<count, S...>::how != detail::Pieces::whole;

    explicit Sequence(Steps steps) : steps_(std::move(steps)) {}
    [[nodiscard]] std::string_view name() const { return "sequence"; }
    [[nodiscard]] const Steps& steps() const& { return steps_; }
    [[nodiscard]] Steps steps() && { return std::move(steps_); }

    [[nodiscard]] Result<output_type> call(input_type&& in, const Context& context) const
        requires(SyncStep<S> && ...)
    {
        TENON_CHECK(context.check());
        return run_sync<0, count>(std::move(in), context);
    }
    /// The whole answer.
    [[nodiscard]] task<Result<output_type>> operator()(input_type in, Context context = {}) const {
        return run<0, count>(std::move(in), std::move(context));
    }
    /// The answer in pieces, as they are made: see `chunk_type`. Steps before the last one that streams run whole
    /// first. Destroying the stream cancels what makes it. The stream may outlive this object.
    [[nodiscard]] task<Result<StreamPtr<chunk_type>>> stream(input_type in, Context context = {}) const {
        return open<count>(std::move(in), std::move(context));
    }

  private:
    static consteval std::size_t next_waiting(std::size_t from, std::size_t end) {
        constexpr bool waits[] = {AsyncStep<S>...};
        while (from < end && !waits[from]) ++from;
        return from;
    }

    /// Steps [I, End), none of which waits.
    template <std::size_t I, std::size_t End, class Value>
    [[nodiscard]] Result<OutputOf<End>> run_sync(Value&& value, const Context& context) const {
        auto out = call_sync<I>(joined<InputOf<I>>(std::forward<Value>(value)), context);
        if constexpr (I + 1 == End) {
            return out;
        } else {
            if (!out) return std::unexpected(std::move(out).error());
            return run_sync<I + 1, End>(std::move(*out), context);
        }
    }
    template <std::size_t I>
    [[nodiscard]] auto call_sync(InputOf<I>&& value, const Context& context) const {
        const auto& it = std::get<I>(steps_);
        if (!context.tracer) [[likely]]
            return it.call(std::move(value), context);
        Context inner = context;
        Span span(context.tracer, name_of(it), context.span);
        inner.span = span.id();
        auto out = it.call(std::move(value), inner);
        span.end(out ? nullptr : &out.error());
        return out;
    }
    template <std::size_t I>
    [[nodiscard]] task<Result<OutputOf<I + 1>>> call_traced(InputOf<I> value, Context context) const {
        Span span(context.tracer, name_of(std::get<I>(steps_)), context.span);
        context.span = span.id();
        auto out = co_await std::get<I>(steps_)(std::move(value), std::move(context));
        span.end(out ? nullptr : &out.error());
        co_return out;
    }
    template <std::size_t I>
    [[nodiscard]] task<Result<OutputOf<I + 1>>> call_waiting(InputOf<I> value, const Context& context) const {
        if (!context.tracer) [[likely]]
            return std::get<I>(steps_)(std::move(value), context);
        return call_traced<I>(std::move(value), context);
    }

    /// Steps [I, End): one coroutine for each step that waits.
    template <std::size_t I, std::size_t End>
    [[nodiscard]] task<Result<OutputOf<End>>> run(InputOf<I> value, Context context) const {
        constexpr std::size_t waiting = next_waiting(I, End);
        if (auto go_on = context.check(); !go_on) co_return std::unexpected(std::move(go_on).error());
        if constexpr (waiting == End) {
            co_return run_sync<I, End>(std::move(value), context);
        } else if constexpr (waiting > I) {
            auto ready = run_sync<I, waiting>(std::move(value), context);
            if (!ready) co_return std::unexpected(std::move(ready).error());
            auto out = co_await call_waiting<waiting>(joined<InputOf<waiting>>(std::move(*ready)), context);
            if constexpr (waiting + 1 == End) {
                co_return out;
            } else {
                if (!out) co_return std::unexpected(std::move(out).error());
                if constexpr (next_waiting(waiting + 1, End) == End) {
                    co_return run_sync<waiting + 1, End>(std::move(*out), context);
                } else {
                    auto rest = co_await run<waiting + 1, End>(joined<InputOf<waiting + 1>>(std::move(*out)), context);
                    co_return rest;
                }
            }
        } else {
            auto out = co_await call_waiting<I>(std::move(value), context);
            if constexpr (I + 1 == End) {
                co_return out;
            } else {
                if (!out) co_return std::unexpected(std::move(out).error());
                if constexpr (next_waiting(I + 1, End) == End) {
                    co_return run_sync<I + 1, End>(std::move(*out), context);
                } else {
                    auto rest = co_await run<I + 1, End>(joined<InputOf<I + 1>>(std::move(*out)), context);
                    co_return rest;
                }
            }
        }
    }

    template <std::size_t N>
    using Chunk = typename detail::PiecesOf<N, S...>::chunk_type;

    /// The first N steps in pieces.
    template <std::size_t N>
    [[nodiscard]] task<Result<StreamPtr<Chunk<N>>>> open(input_type in, Context context) const {
        constexpr auto how = detail::PiecesOf<N, S...>::how;
        const auto& last = std::get<N - 1>(steps_);
        if constexpr (how == detail::Pieces::transformed) {
            auto below = co_await open<N - 1>(std::move(in), context);
            if (!below) co_return std::unexpected(std::move(below).error());
            Span span(context.tracer, name_of(last), context.span);
            if (span) context.span = span.id();
            auto stream = last.transform(std::move(*below), std::move(context));
            co_return traced(std::move(stream), std::move(span));
        } else if constexpr (how == detail::Pieces::streamed) {
            if constexpr (N == 1) {
                if (auto go_on = context.check(); !go_on) co_return std::unexpected(std::move(go_on).error());
                auto stream = co_await open_last<N>(std::move(in), std::move(context));
                co_return stream;
            } else {
                auto value = co_await run<0, N - 1>(std::move(in), context);
                if (!value) co_return std::unexpected(std::move(value).error());
                if (auto go_on = context.check(); !go_on) co_return std::unexpected(std::move(go_on).error());
                auto stream = co_await open_last<N>(joined<InputOf<N - 1>>(std::move(*value)), std::move(context));
                co_return stream;
            }
        } else {
            auto value = co_await run<0, N>(std::move(in), std::move(context));
            if (!value) co_return std::unexpected(std::move(value).error());
            co_return StreamPtr<Chunk<N>>(std::make_unique<detail::Once<Chunk<N>>>(std::move(*value)));
        }
    }
    template <std::size_t N>
    [[nodiscard]] task<Result<StreamPtr<Chunk<N>>>> open_last(InputOf<N - 1> value, Context context) const {
        const auto& last = std::get<N - 1>(steps_);
        Span span(context.tracer, name_of(last), context.span);
        if (span) context.span = span.id();
        auto stream = co_await last.stream(std::move(value), std::move(context));
        if (!stream) {
            span.end(&stream.error());
            co_return std::unexpected(std::move(stream).error());
        }
        co_return traced(std::move(*stream), std::move(span));
    }
    template <class T>
    static StreamPtr<T> traced(StreamPtr<T> stream, Span span) {
        if (!span) return stream;
        return std::make_unique<detail::TracedStream<T>>(std::move(stream), std::move(span));
    }

    Steps steps_;
};

namespace detail {

template <class T>
inline constexpr bool is_sequence = false;
template <class... S>
inline constexpr bool is_sequence<Sequence<S...>> = true;

template <class S>
auto steps_of(S step) {
    if constexpr (is_sequence<S>)
        return std::move(step).steps();
    else
        return std::tuple<S>(std::move(step));
}
template <class... S>
auto sequence_of(std::tuple<S...> steps) {
    return Sequence<S...>(std::move(steps));
}

template <class A, class B>
auto join(A before, B after) {
    if constexpr (std::same_as<A, Misfit> || std::same_as<B, Misfit>) {
        return Misfit{};
    } else if constexpr (!FitsInto<typename A::output_type, typename B::input_type>) {
        this_joint_does_not_fit<typename A::output_type, typename B::input_type>();
        return Misfit{};
    } else {
        return sequence_of(std::tuple_cat(steps_of(std::move(before)), steps_of(std::move(after))));
    }
}

}  // namespace detail

/// One step after another. At least one side is a step of this library; the other may be a lambda, a function, or a
/// model. What the left side gives must fit into what the right side takes, else this does not compile.
template <class A, class B>
    requires((IsStep<A> && !std::is_array_v<B>) || IsStep<B> || std::same_as<A, Misfit>)
[[nodiscard]] auto operator|(A before, B after) {
    if constexpr (std::same_as<A, Misfit>) {
        return Misfit{};
    } else {
        auto left = step(std::move(before));
        using Given = typename decltype(left)::output_type;
        auto right = detail::adapt<B, Given>(std::move(after));
        static_assert(!std::same_as<decltype(right), Misfit> || std::same_as<B, Misfit>,
                      "not a step, or a step that does not take what the step before gives");
        return detail::join(std::move(left), std::move(right));
    }
}

}  // namespace tenon::chain
