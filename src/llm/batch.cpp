#include <algorithm>
#include <atomic>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "tenon/async/signal.hpp"
#include "tenon/llm/model.hpp"

namespace tenon::llm {
namespace {

struct Batch {
    ChatModelPtr model;
    std::vector<ChatRequest> requests;
    CallOptions options;
    std::vector<Result<ChatResponse>> results;
    std::atomic<std::size_t> next = 0;
    std::atomic<std::size_t> working = 0;
    Signal done;
};

/// Takes one request after another until none is left.
task<void> work(std::shared_ptr<Batch> batch) {
    for (;;) {
        const std::size_t i = batch->next.fetch_add(1);
        if (i >= batch->requests.size()) break;
        auto answer = co_await batch->model->generate(std::move(batch->requests[i]), batch->options);
        batch->results[i] = std::move(answer);
    }
    if (batch->working.fetch_sub(1) == 1) batch->done.ring();
}

}  // namespace

task<std::vector<Result<ChatResponse>>> generate_batch(ChatModelPtr model, std::vector<ChatRequest> requests,
                                                       std::size_t concurrency, CallOptions options) {
    auto batch = std::make_shared<Batch>();
    batch->model = std::move(model);
    batch->options = options;
    batch->results.resize(requests.size(), fail(ErrorCode::cancelled, "not asked"));
    batch->requests = std::move(requests);
    const std::size_t workers = std::min(std::max<std::size_t>(concurrency, 1), batch->requests.size());
    if (workers == 0) co_return std::move(batch->results);
    batch->working = workers;
    const auto executor = co_await boost::asio::this_coro::executor;
    for (std::size_t w = 0; w < workers; ++w) {
        boost::asio::co_spawn(executor, work(batch), [](std::exception_ptr error) {
            if (error) std::rethrow_exception(error);
        });
    }
    // The calls themselves end when told to stop, so that no result is written after this returns.
    co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
    while (batch->working.load() > 0) (void)co_await batch->done.wait({});
    co_return std::move(batch->results);
}

}  // namespace tenon::llm
