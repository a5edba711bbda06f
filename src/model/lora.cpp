#include "model/lora.hpp"

#include <algorithm>

namespace tenon::model {

void LoraBatch::add(const DecoderLora& adapter, float scale, std::size_t begin, std::size_t rows) {
    if (!ranges_.empty()) {
        Range& last = ranges_.back();
        if (last.adapter == &adapter && last.scale == scale && last.begin + last.rows == begin) {
            last.rows += rows;
            return;
        }
    }
    ranges_.push_back({&adapter, scale, begin, rows});
}

Result<void> LoraBatch::reserve() {
    std::size_t most = 0;
    for (const Range& range : ranges_) most = std::max(most, range.rows * range.adapter->info().rank);
    return middle_.reserve_floats(3 * most);  // q, k and v
}

void LoraBatch::run(tensor::Worker& worker, std::span<const Job> jobs, float scale, std::size_t rows, const float* x,
                    std::size_t x_stride, std::span<std::byte> scratch) const noexcept {
    if (jobs.empty()) return;
    std::array<tensor::LinearArgs, 3> down;
    std::size_t at = 0;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        const std::size_t rank = jobs[i].pair->down.rows();
        down[i] = {.weight = &jobs[i].pair->down,
                   .x = x,
                   .x_stride = x_stride,
                   .tokens = rows,
                   .y = middle_.floats() + at,
                   .y_stride = rank};
        at += rows * rank;
    }
    tensor::linear_many(worker, std::span(down).first(jobs.size()), scratch);
    worker.barrier();
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        const float factor = jobs[i].pair->scale * scale;
        const auto [first, last] = worker.share(rows * down[i].y_stride, 16);
        for (std::size_t j = first; j < last; ++j) down[i].y[j] *= factor;
    }
    worker.barrier();
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        tensor::linear(worker,
                       {.weight = &jobs[i].pair->up,
                        .x = down[i].y,
                        .x_stride = down[i].y_stride,
                        .tokens = rows,
                        .y = jobs[i].y,
                        .y_stride = jobs[i].y_stride,
                        .bias = nullptr,
                        .accumulate = true},
                       scratch);
        worker.barrier();
    }
}

void LoraBatch::apply(tensor::Worker& worker, std::size_t layer, std::span<const Product> products, const float* x,
                      std::size_t x_stride, std::span<std::byte> scratch) const noexcept {
    for (const Range& range : ranges_) {
        std::array<Job, 3> jobs;
        std::size_t count = 0;
        for (const Product& product : products)
            if (const auto& pair = range.adapter->layer(layer)[static_cast<std::size_t>(product.target)])
                jobs[count++] = {&*pair, product.y + range.begin * product.y_stride, product.y_stride};
        run(worker, std::span(jobs).first(count), range.scale, range.rows, x + range.begin * x_stride, x_stride,
            scratch);
    }
}

void LoraBatch::apply_output(tensor::Worker& worker, std::span<const std::size_t> rows, const float* x,
                             std::size_t x_stride, float* y, std::size_t y_stride,
                             std::span<std::byte> scratch) const noexcept {
    for (const Range& range : ranges_) {
        const LoraPair* const pair = range.adapter->output();
        if (pair == nullptr) continue;
        const auto first = static_cast<std::size_t>(std::ranges::lower_bound(rows, range.begin) - rows.begin());
        const auto last =
            static_cast<std::size_t>(std::ranges::lower_bound(rows, range.begin + range.rows) - rows.begin());
        if (first == last) continue;
        const Job job{pair, y + first * y_stride, y_stride};
        run(worker, {&job, 1}, range.scale, last - first, x + first * x_stride, x_stride, scratch);
    }
}

}  // namespace tenon::model
