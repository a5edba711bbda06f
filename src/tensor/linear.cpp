#include <vector>

#include "tenon/tensor/ops.hpp"

namespace tenon::tensor {

std::size_t linear_scratch_bytes(std::size_t columns, std::size_t tokens) noexcept {
    return (columns + 64) * (tokens + 1) * sizeof(float) + 4096;
}

void linear(Worker& worker, const LinearArgs& args, std::span<std::byte> scratch) noexcept {
    linear_many(worker, {&args, 1}, scratch);
}

void linear_many(Worker& worker, std::span<const LinearArgs> args, std::span<std::byte>) noexcept {
    worker.barrier();
    for (const LinearArgs& a : args) {
        const std::size_t columns = a.weight->columns();
        std::vector<float> row(columns);
        const auto [first, last] = worker.share(a.weight->rows(), 16);
        for (std::size_t r = first; r < last; ++r) {
            a.weight->row(r, row);
            for (std::size_t t = 0; t < a.tokens; ++t) {
                float& y = a.y[t * a.y_stride + r];
                y = dot(row.data(), a.x + t * a.x_stride, columns) + (a.bias != nullptr ? a.bias[r] : 0.0F) +
                    (a.accumulate ? y : 0.0F);
            }
        }
    }
}

}  // namespace tenon::tensor
