// A team of threads that run one function together.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

namespace tenon::tensor {

class LinearObserver;

/// One member's view while the team runs: SPMD code asks for its rank and meets the others at barriers.
class Worker {
  public:
    [[nodiscard]] std::size_t rank() const noexcept { return rank_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// Returns when every member has arrived; what was written before is visible to all afterwards.
    void barrier() noexcept;
    /// This member's contiguous share of [0, n), in multiples of `grain`.
    [[nodiscard]] std::pair<std::size_t, std::size_t> share(std::size_t n, std::size_t grain = 1) const noexcept;
    /// Next index of a shared counter, for work of uneven cost; call `reset_counter` by one member between barriers.
    [[nodiscard]] std::size_t take() noexcept;
    void reset_counter() noexcept;
    /// The kernels' own counter, apart from `take`'s: all members call this alike, then meet at a barrier, then draw
    /// indices with fetch_add. Every call gives a counter that starts at zero.
    [[nodiscard]] std::atomic<std::size_t>& next_counter() noexcept;
    /// Who watches the products of this team; null: nobody.
    [[nodiscard]] LinearObserver* observer() const noexcept;

  private:
    friend class ThreadTeam;
    struct Shared;
    Worker(Shared* shared, std::size_t rank, std::size_t size) noexcept : shared_(shared), rank_(rank), size_(size) {}
    Shared* shared_;
    std::size_t rank_;
    std::size_t size_;
    std::size_t counters_used_ = 0;
};

/// `run(f)` calls f(worker) on every member at once (the caller is member 0) and returns when all are done.
/// `f` must not throw. Waiting members spin briefly, then sleep: an idle team costs nothing. `run` is not reentrant and
/// serves one caller at a time.
class ThreadTeam {
  public:
    /// 0: one per physical core the process may use.
    explicit ThreadTeam(std::size_t threads = 0);
    ~ThreadTeam();
    ThreadTeam(const ThreadTeam&) = delete;
    ThreadTeam& operator=(const ThreadTeam&) = delete;

    [[nodiscard]] std::size_t size() const noexcept;
    void run(const std::function<void(Worker&)>& work);
    /// Shows the inputs of `linear` and `linear_many` to `observer` from the next run on; null: to nobody. It must live
    /// until then.
    void observe(LinearObserver* observer) noexcept;
    [[nodiscard]] static std::size_t default_threads() noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::tensor
