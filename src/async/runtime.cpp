#include "tenon/async/runtime.hpp"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <thread>
#include <vector>

namespace tenon {

struct Runtime::Impl {
    explicit Impl(unsigned count) : context(static_cast<int>(count)) {}  // one thread hands itself work without locking

    boost::asio::io_context context;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard{context.get_executor()};
    boost::asio::thread_pool blocking{2};
    std::vector<std::jthread> threads;
};

Runtime::Runtime(unsigned threads) : impl_(std::make_unique<Impl>(std::max(1U, threads))) {
    for (unsigned i = 0; i < std::max(1U, threads); ++i) impl_->threads.emplace_back([this] { impl_->context.run(); });
}

Runtime::~Runtime() { stop(); }

void Runtime::stop() {
    impl_->guard.reset();
    impl_->context.stop();
    impl_->threads.clear();
    impl_->blocking.join();
}

Executor Runtime::executor() const { return impl_->context.get_executor(); }
Executor Runtime::blocking_executor() const { return impl_->blocking.get_executor(); }

}  // namespace tenon
