// What a callable takes and what calling it gives, seen through Result and task.
#pragma once

#include <type_traits>

#include "tenon/async/task.hpp"
#include "tenon/chain/context.hpp"

namespace tenon::chain::detail {

template <class... A>
struct Arguments {};
template <class A>
struct Arguments<A> {
    using first = std::remove_cvref_t<A>;
    static constexpr bool by_reference = std::is_reference_v<A>;
};
template <class A>
struct Arguments<A, Context> : Arguments<A> {};
template <class A>
struct Arguments<A, const Context&> : Arguments<A> {};

template <class F>
struct Signature {};
template <class R, class... A>
struct Signature<R (*)(A...)> : Arguments<A...> {};
template <class R, class C, class... A>
struct Signature<R (C::*)(A...)> : Arguments<A...> {};
template <class R, class C, class... A>
struct Signature<R (C::*)(A...) const> : Arguments<A...> {};
template <class R, class C, class... A>
struct Signature<R (C::*)(A...) noexcept> : Arguments<A...> {};
template <class R, class C, class... A>
struct Signature<R (C::*)(A...) const noexcept> : Arguments<A...> {};

template <class F>
struct SignatureOf : Signature<F> {};
template <class F>
    requires requires { &F::operator(); }
struct SignatureOf<F> : Signature<decltype(&F::operator())> {};

/// A callable of one overload, whose input can be told from its declaration.
template <class F>
concept DeclaresInput = requires { typename SignatureOf<F>::first; };

template <class T>
struct Unwrapped {
    using type = T;
    static constexpr bool is_task = false, is_result = false;
};
template <class T>
struct Unwrapped<Result<T>> {
    using type = T;
    static constexpr bool is_task = false, is_result = true;
};
template <class T>
struct Unwrapped<task<T>> {
    using type = typename Unwrapped<T>::type;
    static constexpr bool is_task = true, is_result = Unwrapped<T>::is_result;
};

template <class F, class In>
struct CallOf {};
template <class F, class In>
    requires std::is_invocable_v<const F&, In, Context>
struct CallOf<F, In> : Unwrapped<std::invoke_result_t<const F&, In, Context>> {
    static constexpr bool takes_context = true;
};
template <class F, class In>
    requires(!std::is_invocable_v<const F&, In, Context> && std::is_invocable_v<const F&, In>)
struct CallOf<F, In> : Unwrapped<std::invoke_result_t<const F&, In>> {
    static constexpr bool takes_context = false;
};

template <class F, class In>
concept CallableWith = requires { typename CallOf<F, In>::type; };

}  // namespace tenon::chain::detail
