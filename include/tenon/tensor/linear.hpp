// Products that see their input whole.
#pragma once

#include <cstddef>
#include <span>

#include "tenon/tensor/ops.hpp"

namespace tenon::tensor {

/// As `linear_many(worker, coarse, scratch)`, and the products in `fine` over the same input: for quantised weights
/// these multiply what 8 bits of the input leave over too, in 8 bits of its own. The input's error shrinks 250-fold,
/// the work doubles. Either list may be empty; `scratch` is as large as for `linear`.
void linear_many(Worker& worker, std::span<const LinearArgs> coarse, std::span<const LinearArgs> fine,
                 std::span<std::byte> scratch) noexcept;

}  // namespace tenon::tensor
