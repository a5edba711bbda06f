#include "serve/choices.hpp"

#include <atomic>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "tenon/async/channel.hpp"

namespace tenon::serve {

struct Choices::State {
    struct Arrival {
        std::size_t index = 0;
        Result<std::optional<llm::ChatEvent>> event;
    };
    std::vector<StreamPtr<llm::ChatEvent>> streams;
    Channel<Arrival> arrivals;
    std::atomic<bool> abandoned = false;
    std::size_t open = 0;  // the consumer's
    bool pumping = false;

    /// Reads one stream to its end; the only one that touches it.
    static task<void> pump(std::shared_ptr<State> state, std::size_t index) {
        for (bool more = true; more && !state->abandoned;) {
            auto event = co_await state->streams[index]->next();
            more = event && *event;
            state->arrivals.push({index, std::move(event)});
        }
        state->streams[index].reset();
    }
};

Choices::Choices(std::vector<StreamPtr<llm::ChatEvent>> streams) : state_(std::make_shared<State>()) {
    state_->open = streams.size();
    state_->streams = std::move(streams);
}

Choices::~Choices() {
    state_->abandoned = true;
    if (!state_->pumping) state_->streams.clear();
}

task<Result<std::optional<Choices::Piece>>> Choices::next() {
    if (state_->streams.size() == 1) {
        auto event = co_await state_->streams.front()->next();
        if (!event) co_return std::unexpected(std::move(event).error());
        if (!*event) co_return std::optional<Piece>();
        Piece piece{0, std::move(**event)};
        co_return std::optional<Piece>(std::move(piece));
    }
    if (!std::exchange(state_->pumping, true)) {
        const auto executor = co_await boost::asio::this_coro::executor;
        for (std::size_t i = 0; i < state_->streams.size(); ++i) {
            boost::asio::co_spawn(executor, State::pump(state_, i), [](std::exception_ptr error) {
                if (error) std::rethrow_exception(error);
            });
        }
    }
    while (state_->open > 0) {
        // Each stream obeys the call's stop and deadline, and says so in its last event.
        auto arrival = co_await state_->arrivals.next(CallOptions());
        if (!arrival) co_return std::unexpected(std::move(arrival).error());
        auto& [index, event] = **arrival;
        if (!event) co_return std::unexpected(std::move(event).error());
        if (!*event) {
            --state_->open;
            continue;
        }
        Piece piece{index, std::move(**event)};
        co_return std::optional<Piece>(std::move(piece));
    }
    co_return std::optional<Piece>();
}

}  // namespace tenon::serve
