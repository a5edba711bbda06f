// Chains as routes: app.serve_chain("/translate", chain).
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "tenon/chain/invoke.hpp"
#include "tenon/serve/app.hpp"

namespace tenon::serve {

template <class T>
struct ChainInput {
    T input{};
    BOOST_DESCRIBE_CLASS(ChainInput, (), (input), (), ())
};
template <class T>
struct ChainOutput {
    T output{};
    BOOST_DESCRIBE_CLASS(ChainOutput, (), (output), (), ())
};
template <class T>
struct ChainChunk {
    T chunk{};
    BOOST_DESCRIBE_CLASS(ChainChunk, (), (chunk), (), ())
};

namespace detail {

template <class In>
inline constexpr bool is_own_body = json::detail::type_table<In>.kind == json::Kind::object;
template <class In>
using ChainBody = std::conditional_t<is_own_body<In>, In, ChainInput<In>>;
template <class In>
In chain_input(ChainBody<In>& body) {
    if constexpr (is_own_body<In>)
        return std::move(body);
    else
        return std::move(body.input);
}

template <class T>
StreamPtr<ChainChunk<T>> chunks(StreamPtr<T> pieces) {
    return stream_from<ChainChunk<T>>(
        [pieces = std::shared_ptr<Stream<T>>(std::move(pieces))]() -> task<Result<std::optional<ChainChunk<T>>>> {
            TENON_CO_TRY(auto piece, co_await pieces->next());
            if (!piece) co_return std::optional<ChainChunk<T>>{};
            co_return std::optional<ChainChunk<T>>(ChainChunk<T>{std::move(*piece)});
        });
}

/// The whole output as the only piece.
template <class Chain>
StreamPtr<ChainChunk<typename Chain::output_type>> one_chunk(std::shared_ptr<const Chain> chain,
                                                             typename Chain::input_type input, CallOptions call) {
    using Chunk = ChainChunk<typename Chain::output_type>;
    auto state = std::make_shared<std::pair<typename Chain::input_type, bool>>(std::move(input), false);
    return stream_from<Chunk>([chain, state, call]() -> task<Result<std::optional<Chunk>>> {
        if (std::exchange(state->second, true)) co_return std::optional<Chunk>{};
        TENON_CO_TRY(auto output, co_await chain::invoke(*chain, std::move(state->first), chain::Context(call)));
        co_return std::optional<Chunk>(Chunk{std::move(output)});
    });
}

}  // namespace detail

template <class Chain>
Operation& App::serve_chain(std::string path, Chain given) {
    auto made = chain::step(std::move(given));
    using C = decltype(made);
    using In = typename C::input_type;
    using Out = typename C::output_type;
    using B = detail::ChainBody<In>;
    static_assert(detail::is_json_able<Out>, "a chain that is served gives something JSON knows");
    const auto it = std::make_shared<const C>(std::move(made));
    const std::string beside = path + "/stream";
    if constexpr (chain::StreamingStep<C>) {
        using Chunk = ChainChunk<typename C::chunk_type>;
        post(RuntimePath{beside}, [it](Body<B> body, CallOptions call) -> task<Result<Events<Chunk>>> {
            TENON_CO_TRY(auto pieces, co_await it->stream(detail::chain_input<In>(*body), chain::Context(call)));
            co_return Events<Chunk>{detail::chunks(std::move(pieces))};
        }).summary("The same, in pieces");
    } else {
        post(RuntimePath{beside}, [it](Body<B> body, CallOptions call) {
            return Events<ChainChunk<Out>>{detail::one_chunk(it, detail::chain_input<In>(*body), call)};
        }).summary("The same, in pieces");
    }
    return post(RuntimePath{path}, [it](Body<B> body, CallOptions call) -> task<Result<ChainOutput<Out>>> {
        TENON_CO_TRY(auto output, co_await chain::invoke(*it, detail::chain_input<In>(*body), chain::Context(call)));
        co_return ChainOutput<Out>{std::move(output)};
    });
}

}  // namespace tenon::serve
