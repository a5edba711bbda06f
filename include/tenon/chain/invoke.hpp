// Running any step, whether it waits or not.
#pragma once

#include <utility>

#include "tenon/async/runtime.hpp"
#include "tenon/chain/step.hpp"

namespace tenon::chain {

/// The step with a span of its own. The step must live until the task has ended.
template <IsStep S>
[[nodiscard]] task<Result<typename S::output_type>> invoke(const S& step, typename S::input_type in, Context context) {
    if constexpr (AsyncStep<S>) {
        if (!context.tracer) return step(std::move(in), std::move(context));
    }
    return [](const S* it, typename S::input_type value, Context inner) -> task<Result<typename S::output_type>> {
        Span span(inner.tracer, name_of(*it), inner.span);
        if (span) inner.span = span.id();
        if constexpr (SyncStep<S>) {
            auto out = it->call(std::move(value), inner);
            span.end(out ? nullptr : &out.error());
            co_return out;
        } else {
            auto out = co_await (*it)(std::move(value), std::move(inner));
            span.end(out ? nullptr : &out.error());
            co_return out;
        }
    }(&step, std::move(in), std::move(context));
}

/// From ordinary code: waits for the whole answer. Not to be called on one of the runtime's own threads.
template <IsStep S>
[[nodiscard]] Result<typename S::output_type> run(Runtime& runtime, const S& step, typename S::input_type in,
                                                  Context context = {}) {
    return sync_wait(runtime, invoke(step, std::move(in), std::move(context)));
}

}  // namespace tenon::chain
