// The kernels for avx512.
#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "tensor/codebooks.hpp"
#include "tensor/kernels/table.hpp"

#define TENON_INLINE \
    __attribute__((always_inline, target("avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")))
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni"))), \
                                 apply_to = function)
#else
#pragma GCC push_options
#pragma GCC diagnostic ignored "-Wuninitialized"  // inside GCC 12's own intrinsics
#pragma GCC target("avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")
#endif

namespace tenon::tensor {
namespace {
#include "tensor/kernels/simd_avx512.inl"

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
const KernelTable& avx512_kernels() noexcept {
    static const KernelTable table = make_table();
    return table;
}
}  // namespace tenon::tensor
#endif
