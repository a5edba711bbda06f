// Interleaving rows for the kernels (the layout is described in kernels/table.hpp).
#pragma once

#include "tenon/tensor/weight.hpp"
#include "tensor/kernels/table.hpp"

namespace tenon::tensor {

/// The packed shape of a matrix, without data.
[[nodiscard]] PackedMatrix packed_shape(const MatrixView& view) noexcept;
/// Packs rows 16 * group … of the view into `out` (group_bytes long).
void pack_group(const MatrixView& view, const PackedMatrix& shape, std::size_t group, std::uint8_t* out) noexcept;
/// One row of a packed matrix as float32.
void unpack_row(const PackedMatrix& packed, std::size_t row, float* out) noexcept;

}  // namespace tenon::tensor
