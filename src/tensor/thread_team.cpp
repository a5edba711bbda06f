#include "tenon/tensor/thread_team.hpp"

#include <sched.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace tenon::tensor {
namespace {

inline void relax() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

/// Waits until `value` differs from `old`: spins for about `spin` first, then sleeps in the kernel.
void await_change(const std::atomic<int>& value, int old, std::chrono::nanoseconds spin) noexcept {
    if (value.load(std::memory_order_acquire) != old) return;
    if (spin.count() > 0) {
        const auto end = std::chrono::steady_clock::now() + spin;
        do {
            for (int i = 0; i < 64; ++i) {
                if (value.load(std::memory_order_acquire) != old) return;
                relax();
            }
        } while (std::chrono::steady_clock::now() < end);
    }
    while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

std::size_t allowed_cpus(cpu_set_t& set) noexcept {
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 0;
    return static_cast<std::size_t>(CPU_COUNT(&set));
}

}  // namespace

struct Worker::Shared {
    explicit Shared(std::size_t members) : size(members) {}
    const std::size_t size;
    std::chrono::nanoseconds spin{};
    LinearObserver* observer = nullptr;
    alignas(64) std::atomic<std::size_t> arrived{0};
    alignas(64) std::atomic<int> generation{0};
    alignas(64) std::atomic<std::size_t> counter{0};
    struct alignas(64) Padded {
        std::atomic<std::size_t> value{0};
    };
    std::array<Padded, 4> counters;
};

void Worker::barrier() noexcept {
    if (size_ == 1) return;
    Shared& s = *shared_;
    const int generation = s.generation.load(std::memory_order_acquire);
    if (s.arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == s.size) {
        s.arrived.store(0, std::memory_order_relaxed);
        s.generation.store(generation + 1, std::memory_order_release);
        s.generation.notify_all();
        return;
    }
    await_change(s.generation, generation, s.spin);
}

std::pair<std::size_t, std::size_t> Worker::share(std::size_t n, std::size_t grain) const noexcept {
    const std::size_t units = (n + grain - 1) / grain;
    const std::size_t first = units * rank_ / size_ * grain;
    const std::size_t last = units * (rank_ + 1) / size_ * grain;
    return {std::min(first, n), std::min(last, n)};
}

std::size_t Worker::take() noexcept { return shared_->counter.fetch_add(1, std::memory_order_relaxed); }
void Worker::reset_counter() noexcept { shared_->counter.store(0, std::memory_order_relaxed); }

std::atomic<std::size_t>& Worker::next_counter() noexcept {
    // A slow member may still draw from the counter before this one, never from the one after it.
    const std::size_t at = counters_used_++;
    if (rank_ == 0) shared_->counters[(at + 1) % 4].value.store(0, std::memory_order_relaxed);
    return shared_->counters[at % 4].value;
}

struct ThreadTeam::Impl {
    explicit Impl(std::size_t members) : shared(members) {}
    Worker::Shared shared;
    const std::function<void(Worker&)>* work = nullptr;
    alignas(64) std::atomic<int> epoch{0};
    alignas(64) std::atomic<int> finished{0};  // counts runs whose helpers are all done
    std::atomic<std::size_t> running{0};
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;

    void member(std::size_t rank) {
        int seen = 0;
        while (true) {
            await_change(epoch, seen, shared.spin);
            ++seen;
            if (stop.load(std::memory_order_acquire)) return;
            Worker worker(&shared, rank, shared.size);
            (*work)(worker);
            if (running.fetch_sub(1, std::memory_order_acq_rel) == 1) {
                finished.fetch_add(1, std::memory_order_release);
                finished.notify_one();
            }
        }
    }
};

ThreadTeam::ThreadTeam(std::size_t threads) {
    const std::size_t members = threads == 0 ? default_threads() : threads;
    impl_ = std::make_unique<Impl>(members);
    cpu_set_t set;
    // With more members than processors a spinning member keeps the one it waits for from running.
    impl_->shared.spin = std::chrono::microseconds(members <= allowed_cpus(set) ? 50 : 0);
    for (std::size_t rank = 1; rank < members; ++rank)
        impl_->threads.emplace_back([this, rank] { impl_->member(rank); });
}

ThreadTeam::~ThreadTeam() {
    impl_->stop.store(true, std::memory_order_release);
    impl_->epoch.fetch_add(1, std::memory_order_release);
    impl_->epoch.notify_all();
    for (std::thread& thread : impl_->threads) thread.join();
}

std::size_t ThreadTeam::size() const noexcept { return impl_->shared.size; }

LinearObserver* Worker::observer() const noexcept { return shared_->observer; }
void ThreadTeam::observe(LinearObserver* observer) noexcept { impl_->shared.observer = observer; }

void ThreadTeam::run(const std::function<void(Worker&)>& work) {
    Impl& impl = *impl_;
    Worker worker(&impl.shared, 0, impl.shared.size);
    impl.shared.counter.store(0, std::memory_order_relaxed);
    for (auto& counter : impl.shared.counters) counter.value.store(0, std::memory_order_relaxed);
    if (impl.shared.size == 1) return work(worker);
    impl.work = &work;
    impl.running.store(impl.shared.size - 1, std::memory_order_relaxed);
    const int finished = impl.finished.load(std::memory_order_relaxed);
    impl.epoch.fetch_add(1, std::memory_order_release);
    impl.epoch.notify_all();
    work(worker);
    await_change(impl.finished, finished, impl.shared.spin);
}

std::size_t ThreadTeam::default_threads() noexcept {
    cpu_set_t set;
    const std::size_t allowed = allowed_cpus(set);
    if (allowed == 0) return std::max(1U, std::thread::hardware_concurrency());
    std::set<std::string> cores;  // siblings of one core name the same list
    for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &set)) continue;
        std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
        std::string siblings;
        if (!(file >> siblings)) return allowed;
        cores.insert(siblings);
    }
    return std::max<std::size_t>(1, cores.size());
}

}  // namespace tenon::tensor
