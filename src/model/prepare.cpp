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

/// Columns [first, first + count) of a matrix of plain numbers, as rows.
void transpose(const tensor::MatrixView& from, Rows columns, std::byte* to) {
    const std::size_t size = from.row_bytes() / from.columns;
    for (std::size_t c = 0; c < columns.count; ++c)
        for (std::size_t r = 0; r < from.rows; ++r)
            std::memcpy(to + (c * from.rows + r) * size, from.data + (r * from.columns + columns.first + c) * size,
                        size);
}

}  // namespace

Result<void> WeightLoader::prepare(const Job& job, Buffer& copy) const {
    TENON_TRY(tensor::MatrixView view, job.record->matrix());
    std::span<const std::byte> bytes = job.record->data;
    if (job.transposed) {
        if (tensor::info(view.type).quantised)
            return fail(ErrorCode::unsupported, "a quantised matrix stored with its inputs first");
        const Rows columns = job.rows.value_or(Rows{0, view.columns});
        TENON_CHECK(copy.reserve(columns.count * view.rows * (view.row_bytes() / view.columns)));
        transpose(view, columns, copy.data());
        view = {view.type, columns.count, view.rows, copy.data()};
    } else {
        if (job.rows) {
            bytes = bytes.subspan(job.rows->first * view.row_bytes(), job.rows->count * view.row_bytes());
            view.rows = job.rows->count;
            view.data = bytes.data();
        }
        if (reinterpret_cast<std::uintptr_t>(view.data) % alignment_of(view.type) != 0) {
            TENON_CHECK(copy.reserve(bytes.size()));
            std::memcpy(copy.data(), bytes.data(), bytes.size());
            view.data = copy.data();
        }
    }
    TENON_TRY(*job.into, tensor::Weight::prepare(view, {.repack = repack_, .team = nullptr, .name = job.record->name}));
    if (job.into->owns_copy()) copy = Buffer();
    // Now, so that the file and the copies never both stay. Other parts of a transposed matrix may still be read.
    if (repack_ && !job.transposed) release_pages(bytes);
    return {};
}

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
            if (auto done = prepare(job, copies_[at]); !done) {
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
