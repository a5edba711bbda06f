// Handlers seen by their signatures: which path they fit, how they are called. Users need app.hpp.
#pragma once

#include <array>
#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "tenon/serve/reply.hpp"

namespace tenon::serve::detail {

template <class R, class... A>
struct SignatureParts {
    using result = R;
    using arguments = std::tuple<std::remove_cvref_t<A>...>;
    static constexpr bool by_reference = (std::is_reference_v<A> || ...);
};
template <class F>
struct Signature {};
template <class R, class... A>
struct Signature<R (*)(A...)> : SignatureParts<R, A...> {};
template <class R, class C, class... A>
struct Signature<R (C::*)(A...) const> : SignatureParts<R, A...> {};
template <class R, class C, class... A>
struct Signature<R (C::*)(A...) const noexcept> : SignatureParts<R, A...> {};
template <class F>
struct SignatureOf : Signature<F> {};
template <class F>
    requires requires { &F::operator(); }
struct SignatureOf<F> : Signature<decltype(&F::operator())> {};

/// One overload, its parameters named by type; const, for requests run at the same time.
template <class F>
concept HasSignature = requires { typename SignatureOf<F>::result; };

/// T of T, Result<T>, task<T>, task<Result<T>>; void becomes NoContent.
template <class R>
struct Given {
    using type = R;
    static constexpr bool waits = false, may_fail = false;
};
template <>
struct Given<void> {
    using type = NoContent;
    static constexpr bool waits = false, may_fail = false;
};
template <class R>
struct Given<Result<R>> {
    using type = typename Given<R>::type;
    static constexpr bool waits = false, may_fail = true;
};
template <class R>
struct Given<task<R>> {
    using type = typename Given<R>::type;
    static constexpr bool waits = true, may_fail = Given<R>::may_fail;
};

template <class Tuple>
struct Each;
template <class... A>
struct Each<std::tuple<A...>> {
    static constexpr std::size_t count = sizeof...(A);
    static constexpr bool fillable = (Fillable<A> && ...);
    static constexpr bool takes_everything = (serve::detail::takes_everything<A>() || ...);
    static constexpr std::array<PathNeed, sizeof...(A)> paths() { return {path_need<A>()...}; }
    static constexpr std::array<const ParameterKind*, sizeof...(A)> kinds() { return {&ParameterOf<A>::kind...}; }
    static constexpr std::array<std::string_view, sizeof...(A)> names() { return {name_of_parameter<A>()...}; }
};

// --- the path -------------------------------------------------------------------------------------------------------

inline constexpr std::size_t most_placeholders = 16;

struct Placeholders {
    std::array<std::string_view, most_placeholders> names{};
    std::size_t count = 0;
    bool well_formed = true;
};
/// "/users/{id}/files/{rest...}"
constexpr Placeholders placeholders_of(std::string_view path) {
    Placeholders out;
    if (!path.starts_with('/')) out.well_formed = false;
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (path[i] == '}') out.well_formed = false;
        if (path[i] != '{') continue;
        const std::size_t close = path.find('}', i);
        if (close == std::string_view::npos || path[i - 1] != '/' || out.count == most_placeholders ||
            (close + 1 < path.size() && path[close + 1] != '/')) {
            out.well_formed = false;
            return out;
        }
        auto name = path.substr(i + 1, close - i - 1);
        if (name.ends_with("...")) name.remove_suffix(3);
        if (name.empty() || name.find_first_of("{}/.") != std::string_view::npos) out.well_formed = false;
        for (std::size_t k = 0; k < out.count; ++k)
            if (out.names[k] == name) out.well_formed = false;
        out.names[out.count++] = name;
        i = close;
    }
    return out;
}

enum class PathFault : std::uint8_t { none, malformed, too_few, untaken };
template <std::size_t N>
struct PathBinding {
    PathFault fault = PathFault::none;
    std::array<std::string_view, N> names{};  ///< of the placeholder, for single values
    std::array<bool, N> one_field{};
};
template <std::size_t N>
constexpr PathBinding<N> bind_path(std::string_view path, const std::array<PathNeed, N>& needs,
                                   bool may_leave_untaken) {
    PathBinding<N> out;
    const Placeholders found = placeholders_of(path);
    if (!found.well_formed) {
        out.fault = PathFault::malformed;
        return out;
    }
    std::array<bool, most_placeholders> taken{};
    const auto index_of = [&](std::string_view name) {
        std::size_t i = 0;
        while (i < found.count && found.names[i] != name) ++i;
        return i;
    };
    std::array<bool, N> waiting{};
    for (std::size_t n = 0; n < N; ++n) {
        if (needs[n].use == PathUse::named) {
            const auto i = index_of(needs[n].name);
            if (i == found.count) out.fault = PathFault::too_few;
            if (i < found.count) taken[i] = true;
            out.names[n] = needs[n].name;
        } else if (needs[n].use == PathUse::fields) {
            bool all = true;
            for (const auto& field : needs[n].fields) all = all && index_of(field.name) < found.count;
            if (all)
                for (const auto& field : needs[n].fields) taken[index_of(field.name)] = true;
            else if (needs[n].fields.size() == 1)
                waiting[n] = out.one_field[n] = true;  // a strong type: struct UserId { int value; }
            else
                out.fault = PathFault::too_few;
        } else if (needs[n].use == PathUse::next) {
            waiting[n] = true;
        }
    }
    for (std::size_t n = 0; n < N; ++n) {
        if (!waiting[n]) continue;
        std::size_t i = 0;
        while (i < found.count && taken[i]) ++i;
        if (i == found.count) {
            out.fault = PathFault::too_few;
            continue;
        }
        taken[i] = true;
        out.names[n] = found.names[i];
    }
    for (std::size_t i = 0; i < found.count; ++i)
        if (!taken[i] && !may_leave_untaken && out.fault == PathFault::none) out.fault = PathFault::untaken;
    return out;
}

// Declared only to be named in the compiler's message.
void this_path_is_not_well_formed();
void this_path_has_fewer_placeholders_than_the_handler_takes();
void this_path_has_a_placeholder_the_handler_does_not_take();

/// A path known when the program runs, checked when the route is added.
struct RuntimePath {
    std::string_view text;
};

/// A literal that fits the handler H, held to it while compiling.
template <class H>
class PathFor {
  public:
    template <class S>
        requires std::convertible_to<const S&, std::string_view>
    consteval PathFor(const S& literal) : text_(literal) {  // NOLINT(google-explicit-constructor)
        if constexpr (HasSignature<H>) {
            using E = Each<typename SignatureOf<H>::arguments>;
            if constexpr (E::fillable) {
                const auto bound = bind_path(text_, E::paths(), E::takes_everything);
                if (bound.fault == PathFault::malformed) this_path_is_not_well_formed();
                if (bound.fault == PathFault::too_few) this_path_has_fewer_placeholders_than_the_handler_takes();
                if (bound.fault == PathFault::untaken) this_path_has_a_placeholder_the_handler_does_not_take();
            }
        }
    }
    PathFor(RuntimePath path) : text_(path.text) {}  // NOLINT(google-explicit-constructor)
    [[nodiscard]] std::string_view text() const noexcept { return text_; }

  private:
    std::string_view text_;
};

// --- the call -------------------------------------------------------------------------------------------------------

template <class Tuple>
class TupleArguments final : public Arguments {
  public:
    void* at(std::size_t index) noexcept override {
        void* found = nullptr;
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (void)((I == index && (found = &std::get<I>(values), true)) || ...);
        }(std::make_index_sequence<std::tuple_size_v<Tuple>>{});
        return found;
    }
    Tuple values{};
};

/// A handler, its types forgotten. Out: HttpResponse of routes, shared_ptr<void> of providers.
template <class Out>
class Endpoint {
  public:
    virtual ~Endpoint() = default;
    [[nodiscard]] virtual std::unique_ptr<Arguments> arguments() const = 0;
    [[nodiscard]] virtual bool waits() const noexcept = 0;
    /// When it does not wait.
    [[nodiscard]] virtual Result<Out> call_now(Arguments& arguments) const = 0;
    /// When it does. The endpoint and the arguments must live until the task has ended.
    [[nodiscard]] virtual task<Result<Out>> call(Arguments& arguments) const = 0;
};

/// `Finish::make(value)` turns what the handler gives into Out.
template <class H, class Out, class Finish>
class HandlerEndpoint final : public Endpoint<Out> {
    using Result_ = typename SignatureOf<H>::result;
    using Tuple = typename SignatureOf<H>::arguments;
    using G = Given<Result_>;

  public:
    explicit HandlerEndpoint(H handler) : handler_(std::move(handler)) {}
    std::unique_ptr<Arguments> arguments() const override { return std::make_unique<TupleArguments<Tuple>>(); }
    bool waits() const noexcept override { return G::waits; }

    Result<Out> call_now(Arguments& arguments) const override {
        if constexpr (G::waits) {
            return fail(ErrorCode::internal, "this handler waits");
        } else {
            auto& values = static_cast<TupleArguments<Tuple>&>(arguments).values;
            if constexpr (std::is_void_v<Result_>) {
                std::apply(handler_, std::move(values));
                return Finish::make(NoContent{});
            } else {
                return finish(std::apply(handler_, std::move(values)));
            }
        }
    }
    task<Result<Out>> call(Arguments& arguments) const override {
        if constexpr (G::waits)
            return wait(std::apply(handler_, std::move(static_cast<TupleArguments<Tuple>&>(arguments).values)));
        else
            return ready(call_now(arguments));
    }

  private:
    static task<Result<Out>> ready(Result<Out> out) { co_return out; }
    template <class R>
    static task<Result<Out>> wait(task<R> work) {
        if constexpr (std::is_void_v<R>) {
            co_await std::move(work);
            co_return Finish::make(NoContent{});
        } else {
            auto given = co_await std::move(work);
            co_return finish(std::move(given));
        }
    }
    template <class R>
    static Result<Out> finish(R given) {
        if constexpr (G::may_fail) {
            if (!given) return std::unexpected(std::move(given).error());
            if constexpr (std::is_void_v<typename R::value_type>)
                return Finish::make(NoContent{});
            else
                return Finish::make(std::move(*given));
        } else {
            return Finish::make(std::move(given));
        }
    }

    H handler_;
};

template <class T>
struct FinishReply {
    static net::HttpResponse make(T value) { return ReplyOf<T>::make(std::move(value)); }
};
/// Of a provider: the value, moved into an object of its own unless it comes as a pointer.
template <class T>
struct FinishProvided {
    template <class V>
    static std::shared_ptr<void> make(V value) {
        if constexpr (std::is_convertible_v<V, std::shared_ptr<T>>)
            return std::shared_ptr<T>(std::move(value));
        else
            return std::make_shared<T>(std::move(value));
    }
};

template <class V>
struct Pointee {
    using type = V;
};
template <class V>
struct Pointee<std::shared_ptr<V>> {
    using type = V;
};
template <class V>
struct Pointee<std::unique_ptr<V>> {
    using type = V;
};

/// The parameters of a handler for a path (empty: it has none).
template <class H>
struct BoundHandler {
    std::vector<BoundParameter> parameters;
    PathFault fault = PathFault::none;
};
template <class H>
[[nodiscard]] BoundHandler<H> bind_handler(std::string_view path) {
    using E = Each<typename SignatureOf<H>::arguments>;
    BoundHandler<H> out;
    const auto bound = bind_path(path, E::paths(), E::takes_everything);
    out.fault = bound.fault;
    const auto kinds = E::kinds();
    const auto names = E::names();
    for (std::size_t i = 0; i < E::count; ++i)
        out.parameters.push_back(
            {kinds[i], std::string(bound.names[i].empty() ? names[i] : bound.names[i]), bound.one_field[i]});
    return out;
}

// Declared only to be named in the compiler's message.
#ifdef __clang__
template <class Handler>
constexpr void a_handler_is_a_function_with_typed_parameters() {
    static_assert(HasSignature<Handler>, "a handler is a function or lambda whose parameters have types, not auto");
}
template <class Parameter>
constexpr void a_handler_cannot_take_this_parameter() {
    static_assert(Fillable<Parameter>, "say where this parameter comes from: Path<>, Query<>, Body<>, Inject<> …");
}
template <class Given>
constexpr void a_handler_cannot_give_this_type() {
    static_assert(Answerable<Given>, "describe this type with BOOST_DESCRIBE_STRUCT, or give Text, Bytes, File …");
}
template <class Handler>
constexpr void a_coroutine_handler_takes_its_parameters_by_value() {
    static_assert(!SignatureOf<Handler>::by_reference, "a coroutine handler takes its parameters by value");
}
#else
template <class Handler>
constexpr void a_handler_is_a_function_with_typed_parameters() = delete;
template <class Parameter>
constexpr void a_handler_cannot_take_this_parameter() = delete;
template <class Given>
constexpr void a_handler_cannot_give_this_type() = delete;
template <class Handler>
constexpr void a_coroutine_handler_takes_its_parameters_by_value() = delete;
#endif

template <class... A>
struct FirstUnfillable {
    using type = void;
};
template <class A, class... Rest>
struct FirstUnfillable<A, Rest...> {
    using type = typename std::conditional_t<Fillable<A>, FirstUnfillable<Rest...>, std::type_identity<A>>::type;
};
template <class Tuple>
struct UnfillableOf;
template <class... A>
struct UnfillableOf<std::tuple<A...>> : FirstUnfillable<A...> {};

/// True when it is a handler; else exactly one message of the compiler says what is wrong.
template <class H, bool Replies = true>
consteval bool is_handler() {
    return HasSignature<H> && [] {
        if constexpr (HasSignature<H>) {
            using S = SignatureOf<H>;
            using G = Given<typename S::result>;
            return Each<typename S::arguments>::fillable &&
                   (!Replies || Answerable<typename G::type>)&&!(G::waits && S::by_reference);
        }
        return false;
    }();
}
template <class H, bool Replies = true>
constexpr void explain_handler() {
    if constexpr (!HasSignature<H>) {
        a_handler_is_a_function_with_typed_parameters<H>();
    } else {
        using S = SignatureOf<H>;
        using G = Given<typename S::result>;
        if constexpr (!Each<typename S::arguments>::fillable)
            a_handler_cannot_take_this_parameter<typename UnfillableOf<typename S::arguments>::type>();
        else if constexpr (Replies && !Answerable<typename G::type>)
            a_handler_cannot_give_this_type<typename G::type>();
        else if constexpr (G::waits && S::by_reference)
            a_coroutine_handler_takes_its_parameters_by_value<H>();
    }
}

}  // namespace tenon::serve::detail
