#include "tenon/async/worker.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace tenon {

struct Worker::Impl {
    mutable std::mutex mutex;
    std::condition_variable_any wake;
    std::deque<std::move_only_function<void()>> jobs;
    std::jthread thread{[this](const std::stop_token& stop) { run(stop); }};  // last: it ends before what it uses

    void run(const std::stop_token& stop) {
        for (;;) {
            std::move_only_function<void()> job;
            {
                std::unique_lock lock(mutex);
                wake.wait(lock, stop, [this] { return !jobs.empty(); });
                if (stop.stop_requested()) return;
                job = std::move(jobs.front());
                jobs.pop_front();
            }
            job();
        }
    }
};

Worker::Worker() : impl_(std::make_unique<Impl>()) {}
Worker::~Worker() {
    impl_->thread.request_stop();
    impl_->thread.join();  // a running job may still call `run`
}

void Worker::run(std::move_only_function<void()> job) {
    {
        const std::scoped_lock lock(impl_->mutex);
        impl_->jobs.push_back(std::move(job));
    }
    impl_->wake.notify_one();
}

std::size_t Worker::waiting() const {
    const std::scoped_lock lock(impl_->mutex);
    return impl_->jobs.size();
}

}  // namespace tenon
