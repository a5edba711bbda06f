#include "agent/run/step_stream.hpp"

namespace tenon::agent {

StepStream::StepStream(RunOptions options, std::chrono::milliseconds max_time) : options_(std::move(options)) {
    if (max_time.count() <= 0) return;
    own_deadline_ = Clock::now() + max_time;
    if (!options_.call.deadline || *options_.call.deadline > *own_deadline_) options_.call.deadline = own_deadline_;
}

task<Result<std::optional<Step>>> StepStream::next() {
    for (;;) {
        if (!ready_.empty()) {
            Step step = std::move(ready_.front());
            ready_.pop_front();
            co_return step;
        }
        if (over_) co_return std::nullopt;
        auto moved = co_await advance();
        if (moved) continue;
        if (moved.error().code() == ErrorCode::deadline_exceeded && own_deadline_ &&
            options_.call.deadline == own_deadline_) {
            TENON_CO_CHECK(co_await run_out_of_time());
            continue;
        }
        over_ = true;
        span_.end(&moved.error());
        co_return std::unexpected(std::move(moved).error());
    }
}

}  // namespace tenon::agent
