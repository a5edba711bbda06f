// Running a chain from ordinary code, without a runtime.
#pragma once

#include <optional>
#include <utility>

#include "tenon/chain/invoke.hpp"

namespace tenon::chain {

/// Runs the work and whatever it waits for on the calling thread, which may be none of a runtime's. Exceptions pass on.
void run_to_end(task<void> work);

/// Waits for the whole answer; everything happens on the calling thread.
template <IsStep S>
[[nodiscard]] Result<typename S::output_type> run(const S& step, typename S::input_type in, Context context = {}) {
    if constexpr (SyncStep<S>) {
        if (!context.tracer) return step.call(std::move(in), context);
    }
    using Out = Result<typename S::output_type>;
    std::optional<Out> out;
    const auto keep = [](task<Out> work, std::optional<Out>* to) -> task<void> {
        auto result = co_await std::move(work);
        to->emplace(std::move(result));
    };
    run_to_end(keep(invoke(step, std::move(in), std::move(context)), &out));
    return std::move(*out);
}

}  // namespace tenon::chain
