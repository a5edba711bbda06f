#include "model/prepare.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>

namespace tenon::model {
namespace {

/// Gives mapped pages that hold nothing but these bytes back to the kernel; read again, they come from the file again.
void release_pages(std::span<const std::byte> bytes) noexcept {
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
    const std::uintptr_t first = (begin + page - 1) / page * page;
    const std::uintptr_t last = (begin + bytes.size()) / page * page;
    if (first < last) ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

std::size_t alignment_of(tensor::DType type) noexcept { return type == tensor::DType::f32 ? 4 : 2; }

}  // namespace

Result<void> WeightLoader::run() {
    copies_.resize(jobs_.size());
    std::atomic<std::size_t> next = 0;
    std::mutex mutex;
    std::optional<Error> error;
    const auto work = [&] {
        for (;;) {
            const std::size_t at = next.fetch_add(1);
            if (at >= jobs_.size()) return;
            const Job& job = jobs_[at];
            const auto prepare = [&]() -> Result<void> {
                TENON_TRY(tensor::MatrixView view, job.record->matrix());
                if (reinterpret_cast<std::uintptr_t>(view.data) % alignment_of(view.type) != 0) {
                    TENON_CHECK(copies_[at].reserve(job.record->data.size()));
                    std::memcpy(copies_[at].data(), job.record->data.data(), job.record->data.size());
                    view.data = copies_[at].data();
                }
                TENON_TRY(*job.into, tensor::Weight::prepare(view, {.repack = repack_}));
                if (repack_) release_pages(job.record->data);  // now, so that the file and the copies never both stay
                return {};
            };
            if (auto done = prepare(); !done) {
                const std::scoped_lock lock(mutex);
                if (!error)
                    error.emplace(done.error().code(), fmt::format("cannot use tensor {}", job.record->name),
                                  std::move(done).error());
                next = jobs_.size();
                return;
            }
        }
    };
    {
        std::vector<std::jthread> threads;
        const std::size_t helpers = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 8) - 1;
        for (std::size_t i = 0; i < helpers; ++i) threads.emplace_back(work);
        work();
    }
    if (error) return std::unexpected(std::move(*error));
    return {};
}

}  // namespace tenon::model
