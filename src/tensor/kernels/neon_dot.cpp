// The kernels for AArch64 processors with dot products (ARMv8.2 and later).
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

#define TENON_NEON_DOT
#define TENON_TARGET "arch=armv8.2-a+dotprod"
#define TENON_INLINE __attribute__((always_inline, target(TENON_TARGET)))
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("arch=armv8.2-a+dotprod")
#endif

namespace tenon::tensor {
namespace {
#include "tensor/kernels/simd_neon.inl"

#include "tensor/kernels/matmul.inl"

#include "tensor/kernels/vector.inl"

#include "tensor/kernels/attention.inl"

#include "tensor/kernels/register.inl"
}  // namespace
}  // namespace tenon::tensor

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace tenon::tensor {
const KernelTable& neon_dot_kernels() noexcept {
    static const KernelTable table = make_table();
    return table;
}
}  // namespace tenon::tensor
#endif
