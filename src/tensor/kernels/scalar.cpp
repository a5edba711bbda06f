// The kernels for scalar: the reference.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "tensor/codebooks.hpp"
#include "tensor/kernels/table.hpp"

#define TENON_INLINE __attribute__((always_inline))

namespace tenon::tensor {
namespace {
#include "tensor/kernels/simd_scalar.inl"

#include "tensor/kernels/matmul.inl"

#include "tensor/kernels/vector.inl"

#include "tensor/kernels/attention.inl"

#include "tensor/kernels/register.inl"
}  // namespace
const KernelTable& scalar_kernels() noexcept {
    static const KernelTable table = make_table();
    return table;
}
}  // namespace tenon::tensor
