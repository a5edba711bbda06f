#include "tenon/chain/gather.hpp"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>
#include <mutex>

#include "tenon/async/signal.hpp"

namespace tenon::chain {
namespace {

struct Gathering {
    explicit Gathering(std::size_t count) : open(count) {}
    std::atomic<std::size_t> open;
    Signal done;
    std::mutex mutex;
    std::exception_ptr bug;

    void end(const std::exception_ptr& error) {
        if (error) {
            const std::scoped_lock lock(mutex);
            if (!bug) bug = error;
        }
        if (open.fetch_sub(1) == 1) done.ring();
    }
};

}  // namespace

task<void> gather(std::vector<task<void>> work) {
    if (work.empty()) co_return;
    if (work.size() == 1) {
        co_await std::move(work.front());
        co_return;
    }
    const auto state = std::make_shared<Gathering>(work.size());
    const auto executor = co_await boost::asio::this_coro::executor;
    for (std::size_t i = 1; i < work.size(); ++i)
        boost::asio::co_spawn(executor, std::move(work[i]),
                              [state](const std::exception_ptr& error) { state->end(error); });
    // The work ends by its stop token; until then it may refer to the caller.
    co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
    std::exception_ptr bug;
    try {
        co_await std::move(work.front());
    } catch (...) {
        bug = std::current_exception();
    }
    state->end(bug);
    while (state->open.load() > 0) (void)co_await state->done.wait({});
    const std::scoped_lock lock(state->mutex);
    if (state->bug) std::rethrow_exception(state->bug);
}

task<Result<void>> pause(std::chrono::milliseconds time, CallOptions options) {
    const auto until = Clock::now() + time;
    const bool cut = options.deadline && *options.deadline < until;
    if (!cut) options.deadline = until;
    Signal never;
    auto woken = co_await never.wait(std::move(options));
    if (!woken && !cut && woken.error().code() == ErrorCode::deadline_exceeded) co_return Result<void>{};
    co_return woken;
}

}  // namespace tenon::chain
