#include "tenon/async/signal.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace tenon {

namespace asio = boost::asio;

struct Signal::State {
    enum class Outcome : std::uint8_t { rung, expired, cancelled };
    using Waiter = std::move_only_function<void(Outcome)>;  // resumes the coroutine through its executor

    std::mutex mutex;
    bool rung = false;
    std::uint64_t round = 0;       // which wait a time-out or cancellation belongs to
    std::optional<Outcome> early;  // of this round, before its waiter was there
    Waiter waiter;
    const void* known_to = nullptr;  // the Waiters that will drop it

    class Waiters;
    static void make_known(const std::shared_ptr<State>& state, asio::execution_context& context);

    // A new round; 0: none is needed, the signal was rung already.
    std::uint64_t begin() {
        const std::scoped_lock lock(mutex);
        if (std::exchange(rung, false)) return 0;
        early.reset();
        return ++round;
    }

    // The lock is held while the coroutine is posted to its event loop, and the coroutine takes it when it goes on:
    // only then may it do away with the loop, of which the end of `post` still makes use.
    void ring() {
        const std::scoped_lock lock(mutex);
        if (!waiter)
            rung = true;
        else
            std::exchange(waiter, nullptr)(Outcome::rung);
    }

    void give_up(std::uint64_t which, Outcome outcome) {
        const std::scoped_lock lock(mutex);
        if (which != round) return;
        if (!waiter)
            early = outcome;
        else
            std::exchange(waiter, nullptr)(outcome);
    }

    // From the moment the waiter is stored the coroutine may run on another thread: nothing of it is touched after.
    template <class Handler>
    static void start(const std::shared_ptr<State>& state, Handler handler, std::uint64_t which) {
        if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected())
            slot.assign([weak = std::weak_ptr(state), which](asio::cancellation_type) {
                if (const auto alive = weak.lock()) alive->give_up(which, Outcome::cancelled);
            });
        auto executor = asio::get_associated_executor(handler);
        make_known(state, asio::query(executor, asio::execution::context));
        Waiter resume = [executor, handler = std::move(handler)](Outcome outcome) mutable {
            asio::post(executor, [handler = std::move(handler), outcome]() mutable { std::move(handler)(outcome); });
        };
        std::optional<Outcome> already;
        {
            const std::scoped_lock lock(state->mutex);
            if (std::exchange(state->rung, false))
                already = Outcome::rung;
            else if (state->early)
                already = state->early;
            else
                state->waiter = std::move(resume);
        }
        if (already) resume(*already);
    }
};

/// What waits when its event loop is destroyed: a waiter holds its coroutine and the coroutine this state, a circle
/// that the loop must break, as it does with operations of its own.
class Signal::State::Waiters final : public asio::execution_context::service {
  public:
    using key_type = Waiters;
    static inline asio::execution_context::id id;  // NOLINT: Asio finds a service by the address of its id

    explicit Waiters(asio::execution_context& context) : asio::execution_context::service(context) {}

    void add(const std::shared_ptr<State>& state) {
        if (std::exchange(state->known_to, this) == this) return;
        const std::scoped_lock lock(mutex_);
        if (states_.size() >= prune_at_) {
            std::erase_if(states_, [](const auto& weak) { return weak.expired(); });
            prune_at_ = 64 + 2 * states_.size();
        }
        states_.push_back(state);
    }

    void shutdown() override {
        std::vector<std::weak_ptr<State>> states;
        {
            const std::scoped_lock lock(mutex_);
            states.swap(states_);
        }
        for (const auto& weak : states) {
            const auto state = weak.lock();
            if (!state) continue;
            Waiter dropped;  // ends after the lock: its coroutine may ring this very signal
            const std::scoped_lock lock(state->mutex);
            dropped.swap(state->waiter);
        }
    }

  private:
    std::mutex mutex_;
    std::vector<std::weak_ptr<State>> states_;
    std::size_t prune_at_ = 64;
};

void Signal::State::make_known(const std::shared_ptr<State>& state, asio::execution_context& context) {
    asio::use_service<Waiters>(context).add(state);
}

Signal::Signal() : state_(std::make_shared<State>()) {}
Signal::~Signal() = default;

void Signal::ring() { state_->ring(); }

task<Result<void>> Signal::wait(CallOptions options) {
    using Outcome = State::Outcome;
    const auto state = state_;
    const std::uint64_t which = state->begin();
    if (which == 0) co_return Result<void>{};
    std::optional<asio::steady_timer> timer;
    if (options.deadline) {
        const auto executor = co_await asio::this_coro::executor;
        timer.emplace(executor, *options.deadline);
        timer->async_wait([weak = std::weak_ptr(state), which](const boost::system::error_code& error) {
            if (const auto alive = weak.lock(); alive && !error) alive->give_up(which, Outcome::expired);
        });
    }
    std::optional<std::stop_callback<std::function<void()>>> on_stop;
    if (options.stop.stop_possible())
        on_stop.emplace(options.stop, [weak = std::weak_ptr(state), which] {
            if (const auto alive = weak.lock()) alive->give_up(which, Outcome::cancelled);
        });
    // Named: GCC 12 destroys the captures of a temporary lambda in a co_await expression twice.
    const auto initiation = [state, which](auto handler) { State::start(state, std::move(handler), which); };
    const Outcome outcome =
        co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Outcome)>(initiation, asio::use_awaitable);
    { const std::scoped_lock posted(state->mutex); }
    if (outcome == Outcome::expired) co_return fail(ErrorCode::deadline_exceeded, "the deadline has passed");
    if (outcome == Outcome::cancelled) co_return fail(ErrorCode::cancelled, "cancelled by the caller");
    co_return Result<void>{};
}

}  // namespace tenon
