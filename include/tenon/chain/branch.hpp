// One step or another, by what the value is; a look at a value on its way; the value itself.
#pragma once

#include <concepts>
#include <utility>

#include "tenon/chain/invoke.hpp"
#include "tenon/chain/step.hpp"

namespace tenon::chain {

/// `branch(test, then, otherwise)`; for more ways, put a branch into a branch. `test` is called with the value and says
/// bool, Result<bool>, or is a coroutine of (value, Context) that says Result<bool>. Streams when both ways stream
/// pieces of one type.
template <class Test, IsStep A, IsStep B>
class Branch {
    using Call = detail::CallOf<Test, typename A::input_type>;
    static constexpr bool sync = SyncStep<A> && SyncStep<B> && !Call::is_task;

  public:
    using input_type = typename A::input_type;
    using output_type = typename A::output_type;
    static_assert(FitsInto<input_type, typename B::input_type>, "both ways of a branch take the same value");
    static_assert(std::same_as<output_type, typename B::output_type>, "both ways of a branch give the same type");

    Branch(Test test, A then, B otherwise)
        : test_(std::move(test)), then_(std::move(then)), otherwise_(std::move(otherwise)) {}
    [[nodiscard]] std::string_view name() const { return "branch"; }

    [[nodiscard]] Result<output_type> call(input_type&& in, const Context& context) const
        requires sync
    {
        TENON_TRY(const bool yes, ask(in, context));
        if (yes) return then_.call(std::move(in), context);
        return otherwise_.call(joined<typename B::input_type>(std::move(in)), context);
    }
    [[nodiscard]] task<Result<output_type>> operator()(input_type in, Context context) const
        requires(!sync)
    {
        auto yes = co_await decide(in, context);
        if (!yes) co_return std::unexpected(std::move(yes).error());
        if (*yes) {
            auto out = co_await invoke(then_, std::move(in), std::move(context));
            co_return out;
        }
        auto out = co_await invoke(otherwise_, joined<typename B::input_type>(std::move(in)), std::move(context));
        co_return out;
    }

  protected:
    [[nodiscard]] Result<bool> ask(const input_type& in, const Context& context) const
        requires(!Call::is_task)
    {
        if constexpr (Call::takes_context)
            return test_(in, context);
        else
            return test_(in);
    }
    [[nodiscard]] task<Result<bool>> decide(input_type in, Context context) const {
        if constexpr (!Call::is_task) {
            co_return ask(in, context);
        } else if constexpr (Call::takes_context) {
            auto yes = co_await test_(std::move(in), std::move(context));
            co_return yes;
        } else {
            auto yes = co_await test_(std::move(in));
            co_return yes;
        }
    }

    Test test_;
    A then_;
    B otherwise_;
};

template <class Test, StreamingStep A, StreamingStep B>
    requires std::same_as<typename A::chunk_type, typename B::chunk_type>
class StreamingBranch : public Branch<Test, A, B> {
  public:
    using input_type = typename A::input_type;
    using chunk_type = typename A::chunk_type;
    using Branch<Test, A, B>::Branch;
    [[nodiscard]] task<Result<StreamPtr<chunk_type>>> stream(input_type in, Context context) const {
        auto yes = co_await this->decide(in, context);
        if (!yes) co_return std::unexpected(std::move(yes).error());
        if (*yes) {
            auto stream = co_await this->then_.stream(std::move(in), std::move(context));
            co_return stream;
        }
        auto stream =
            co_await this->otherwise_.stream(joined<typename B::input_type>(std::move(in)), std::move(context));
        co_return stream;
    }
};

template <class Test, class T, class U>
[[nodiscard]] auto branch(Test test, T then, U otherwise) {
    auto a = step(std::move(then));
    auto b = step(std::move(otherwise));
    using A = decltype(a);
    using B = decltype(b);
    static_assert(detail::CallableWith<Test, typename A::input_type>, "the test of a branch takes what its ways take");
    if constexpr (requires { typename StreamingBranch<Test, A, B>; })
        return StreamingBranch<Test, A, B>(std::move(test), std::move(a), std::move(b));
    else
        return Branch<Test, A, B>(std::move(test), std::move(a), std::move(b));
}

/// Lets a value pass after `look(value)` has seen it: `… | tap([](const std::string& s) { log(s); }) | …`.
template <detail::DeclaresInput F>
[[nodiscard]] auto tap(F look) {
    using T = typename detail::SignatureOf<F>::first;
    const auto pass = [look = std::move(look)](T value) {
        look(std::as_const(value));
        return value;
    };
    return named("tap", pass);
}

/// The value as it is; a branch of `parallel` that keeps the input.
template <class T>
[[nodiscard]] auto identity() {
    return named("identity", [](T value) { return value; });
}

}  // namespace tenon::chain
