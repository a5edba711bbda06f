// Products that see their input whole.
#pragma once

#include <cstddef>
#include <span>

#include "tenon/tensor/ops.hpp"

namespace tenon::tensor {

/// Sees the input of every product of a team (ThreadTeam::observe), before it is computed.
class LinearObserver {
  public:
    virtual ~LinearObserver() = default;
    /// Called by one member of the team at a time; `weight.columns()` numbers of each of `tokens` rows.
    virtual void input(const Weight& weight, const float* x, std::size_t x_stride, std::size_t tokens) noexcept = 0;
};

/// As `linear_many(worker, coarse, scratch)`, and the products in `fine` over the same input: for quantised weights
/// these multiply what 8 bits of the input leave over too, in 8 bits of its own. The input's error shrinks 250-fold,
/// the work doubles. Either list may be empty; `scratch` is as large as for `linear`.
void linear_many(Worker& worker, std::span<const LinearArgs> coarse, std::span<const LinearArgs> fine,
                 std::span<std::byte> scratch) noexcept;

}  // namespace tenon::tensor
