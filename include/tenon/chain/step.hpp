// A step of a chain: a value that turns one typed value into another.
//
// Any of these is a step:
//   - a class with `input_type`, `output_type` and `task<Result<output_type>> operator()(input_type, Context) const`;
//   - the same with `Result<output_type> call(input_type&&, const Context&) const` instead, for work that never waits:
//     such steps cost no coroutine;
//   - a lambda or function that takes the value, or the value and the Context, and returns R, Result<R>, task<R> or
//     task<Result<R>>.
//
// A step that can give its answer in pieces has besides `chunk_type` and
//   `task<Result<StreamPtr<chunk_type>>> stream(input_type, Context) const`,
// one that can turn pieces of its input into pieces of its output has `taken_chunk_type`, `chunk_type` and
//   `StreamPtr<chunk_type> transform(StreamPtr<taken_chunk_type>, Context) const`
// (the stream it returns must not refer to the step). `std::string_view name() const` is what tracing calls it.
//
// Steps are copyable and immutable: one step may run any number of times at once. A task refers to the step that made
// it, which must live until the task has ended; `co_await (a | b)(value, context)` is safe.
#pragma once

#include <boost/describe/members.hpp>
#include <boost/mp11/list.hpp>
#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "tenon/async/stream.hpp"
#include "tenon/chain/context.hpp"
#include "tenon/chain/signature.hpp"

namespace tenon::chain {

template <class S>
concept Typed = requires {
    typename S::input_type;
    typename S::output_type;
};
template <class S>
concept SyncStep = Typed<S> && requires(const S& s, typename S::input_type in, const Context& c) {
    { s.call(std::move(in), c) } -> std::same_as<Result<typename S::output_type>>;
};
template <class S>
concept AsyncStep = Typed<S> && !SyncStep<S> && requires(const S& s, typename S::input_type in, Context c) {
    { s(std::move(in), std::move(c)) } -> std::same_as<task<Result<typename S::output_type>>>;
};
template <class S>
concept IsStep = SyncStep<S> || AsyncStep<S>;
/// Gives its answer in pieces.
template <class S>
concept StreamingStep = IsStep<S> && requires(const S& s, typename S::input_type in, Context c) {
    { s.stream(std::move(in), c) } -> std::same_as<task<Result<StreamPtr<typename S::chunk_type>>>>;
};
/// Turns pieces of type `Chunk` into pieces.
template <class S, class Chunk>
concept Transforms = IsStep<S> && requires(const S& s, StreamPtr<Chunk> below, Context c) {
    requires std::same_as<typename S::taken_chunk_type, Chunk>;
    { s.transform(std::move(below), c) } -> std::same_as<StreamPtr<typename S::chunk_type>>;
};

template <IsStep S>
[[nodiscard]] std::string_view name_of(const S& step) {
    if constexpr (requires { step.name(); })
        return step.name();
    else
        return "step";
}

namespace detail {

template <class T>
struct OnlyMember {};
template <class T>
    requires(std::is_aggregate_v<T> &&
             requires { typename boost::describe::describe_members<T, boost::describe::mod_public>; })
struct OnlyMember<T> {
    using members = boost::describe::describe_members<T, boost::describe::mod_public>;
    static constexpr bool one = boost::mp11::mp_size<members>::value == 1;
};
template <class From, class To>
concept Wraps = OnlyMember<To>::one && requires(From&& from) { To{std::forward<From>(from)}; };

}  // namespace detail

/// Whether a value of type From may flow into a step that takes To: the same type, one that converts to it by itself,
/// or the only member of a described struct.
template <class From, class To>
concept FitsInto = std::convertible_to<From, To> || detail::Wraps<From, To>;

template <class To, class From>
    requires FitsInto<From, To>
[[nodiscard]] To joined(From&& from) {
    if constexpr (std::convertible_to<From, To>)
        return std::forward<From>(from);
    else
        return To{std::forward<From>(from)};
}

/// Declared only to be named in the compiler's message.
#ifdef __clang__
template <class StepBeforeGives, class StepAfterTakes>
constexpr void this_joint_does_not_fit() {
    static_assert(FitsInto<StepBeforeGives, StepAfterTakes>,
                  "this joint does not fit: the step before gives one type, the step after takes another");
}
#else
template <class StepBeforeGives, class StepAfterTakes>
constexpr void this_joint_does_not_fit() = delete;
#endif
/// What a failed joint gives, so that one mistake is one message: any further `|` accepts it.
struct Misfit {};

/// A lambda or function as a step that takes In.
template <class F, class In>
class Lambda {
    using Call = detail::CallOf<F, In>;

  public:
    using input_type = In;
    using output_type = typename Call::type;
    static_assert(!std::is_void_v<output_type>, "a step of a chain gives a value: return one from the lambda");

    explicit Lambda(F function) : function_(std::move(function)) {}
    [[nodiscard]] std::string_view name() const { return "lambda"; }

    [[nodiscard]] Result<output_type> call(In&& in, const Context& context) const
        requires(!Call::is_task)
    {
        if constexpr (Call::takes_context)
            return function_(std::move(in), context);
        else
            return function_(std::move(in));
    }
    [[nodiscard]] task<Result<output_type>> operator()(In in, Context context) const
        requires(Call::is_task && Call::is_result && Call::takes_context)
    {
        return function_(std::move(in), std::move(context));
    }
    [[nodiscard]] task<Result<output_type>> operator()(In in, Context context) const
        requires(Call::is_task && !(Call::is_result && Call::takes_context))
    {
        if constexpr (Call::takes_context) {
            auto out = co_await function_(std::move(in), std::move(context));
            co_return out;
        } else {
            auto out = co_await function_(std::move(in));
            co_return out;
        }
    }

  private:
    F function_;
};

/// What makes a step of a value that is none by itself; specialised for model pointers and the like. `make` gives the
/// step.
template <class T>
struct AsStep {};

namespace detail {

template <class T>
concept Adaptable = requires(T value) { AsStep<T>::make(std::move(value)); };

/// The step that `T` becomes when the value before it has type `In` (void: nothing is before it).
template <class T, class In>
auto adapt(T value) {
    if constexpr (IsStep<T>) {
        return value;
    } else if constexpr (Adaptable<T>) {
        return AsStep<T>::make(std::move(value));
    } else if constexpr (DeclaresInput<T>) {
        using Taken = typename SignatureOf<T>::first;
        static_assert(!(CallOf<T, Taken>::is_task && SignatureOf<T>::by_reference),
                      "a coroutine step takes its input by value: a reference would dangle");
        return Lambda<T, Taken>(std::move(value));
    } else if constexpr (!std::is_void_v<In> && CallableWith<T, In>) {
        return Lambda<T, In>(std::move(value));
    } else {
        return Misfit{};
    }
}
template <class T, class In>
using Adapted = decltype(adapt<T, In>(std::declval<T>()));

/// Would `T` be a step, given the right input? Generic lambdas are, after something.
template <class T>
concept Steplike = IsStep<T> || Adaptable<T> || DeclaresInput<T>;

}  // namespace detail

/// A lambda or function as the first step of a chain: `step([](std::string s) {…}) | …`. With an explicit input for
/// lambdas of `auto`: `step<std::string>([](auto s) {…})`.
template <class In = void, class T>
[[nodiscard]] auto step(T value) {
    static_assert(detail::Steplike<T> || (!std::is_void_v<In> && detail::CallableWith<T, In>),
                  "not a step: see tenon/chain/step.hpp for what is one; name the input of a lambda that takes auto");
    return detail::adapt<T, In>(std::move(value));
}

/// The same step under a name of its own in traces.
template <IsStep S>
class Named {
  public:
    using input_type = typename S::input_type;
    using output_type = typename S::output_type;

    Named(std::string name, S inner)
        : name_(std::make_shared<const std::string>(std::move(name))), inner_(std::move(inner)) {}
    [[nodiscard]] std::string_view name() const { return *name_; }
    [[nodiscard]] const S& inner() const { return inner_; }

    [[nodiscard]] Result<output_type> call(input_type&& in, const Context& context) const
        requires SyncStep<S>
    {
        return inner_.call(std::move(in), context);
    }
    [[nodiscard]] task<Result<output_type>> operator()(input_type in, Context context) const
        requires AsyncStep<S>
    {
        return inner_(std::move(in), std::move(context));
    }

  protected:
    std::shared_ptr<const std::string> name_;
    S inner_;
};
/// Named steps that stream still do.
template <IsStep S>
class NamedStreaming : public Named<S> {
  public:
    using chunk_type = typename S::chunk_type;
    using Named<S>::Named;
    [[nodiscard]] auto stream(typename S::input_type in, Context context) const
        requires StreamingStep<S>
    {
        return this->inner_.stream(std::move(in), std::move(context));
    }
};
template <IsStep S>
class NamedTransform : public NamedStreaming<S> {
  public:
    using taken_chunk_type = typename S::taken_chunk_type;
    using NamedStreaming<S>::NamedStreaming;
    [[nodiscard]] auto transform(StreamPtr<taken_chunk_type> below, Context context) const {
        return this->inner_.transform(std::move(below), std::move(context));
    }
};

template <class T>
[[nodiscard]] auto named(std::string name, T value) {
    auto inner = step(std::move(value));
    using S = decltype(inner);
    if constexpr (requires { typename S::taken_chunk_type; })
        return NamedTransform<S>(std::move(name), std::move(inner));
    else if constexpr (requires { typename S::chunk_type; })
        return NamedStreaming<S>(std::move(name), std::move(inner));
    else
        return Named<S>(std::move(name), std::move(inner));
}

}  // namespace tenon::chain
