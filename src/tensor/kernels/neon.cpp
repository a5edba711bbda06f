// The kernels for every AArch64 processor.
#if defined(__aarch64__)
#include <arm_neon.h>

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
#include "tensor/kernels/simd_neon.inl"

#include "tensor/kernels/matmul.inl"

#include "tensor/kernels/vector.inl"

#include "tensor/kernels/attention.inl"

#include "tensor/kernels/register.inl"
}  // namespace
const KernelTable& neon_kernels() noexcept {
    static const KernelTable table = make_table();
    return table;
}
}  // namespace tenon::tensor
#endif
