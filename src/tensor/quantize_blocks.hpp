// The steps of quantising one block, for quantize.cpp.
#pragma once

#include <cstddef>

#include "tenon/tensor/dtype.hpp"
#include "tensor/blocks.hpp"

namespace tenon::tensor {

/// 256 numbers, finite, and what an error in each weighs (positive). Q2_K … Q6_K, IQ4_XS.
void quantise_super_block(DType type, const float* x, const float* weights, RawBlock& out) noexcept;
/// The inverse of `unpack_block`. Q2_K … Q6_K, IQ4_XS, and Q4_0 … Q5_1, IQ4_NL, MXFP4.
void pack_block(DType type, const RawBlock& in, std::byte* block) noexcept;

}  // namespace tenon::tensor
