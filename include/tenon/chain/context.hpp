// What flows through a chain beside the values: when to give up, how to be told to stop, and who watches.
#pragma once

#include <cstdint>

#include "tenon/async/task.hpp"
#include "tenon/base/trace.hpp"

namespace tenon::chain {

/// Copied into every step. Cheap to copy.
struct Context {
    CallOptions options{};     ///< the deadline and the stop token of the whole run
    TracerPtr tracer{};        ///< null: nobody watches
    SpanId span = 0;           ///< the span this step runs in
    std::uint64_t sample = 0;  ///< which of several samples of one question this is; moves a fixed seed

    Context() = default;
    Context(CallOptions call)
        : options(std::move(call)) {}  // NOLINT(google-explicit-constructor): a context with nobody watching
    Context(CallOptions call, TracerPtr watcher, SpanId parent = 0)
        : options(std::move(call)), tracer(std::move(watcher)), span(parent) {}

    /// Errors: cancelled, deadline_exceeded. Steps that take long ask now and then.
    [[nodiscard]] Result<void> check() const {
        if (options.stop.stop_requested()) return fail(ErrorCode::cancelled, "cancelled by the caller");
        if (options.deadline && Clock::now() >= *options.deadline)
            return fail(ErrorCode::deadline_exceeded, "the deadline has passed");
        return {};
    }
};

}  // namespace tenon::chain
