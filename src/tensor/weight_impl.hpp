// The inside of Weight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "tenon/tensor/weight.hpp"
#include "tensor/kernels/table.hpp"

namespace tenon::tensor {

/// Memory for packed matrices: aligned to cache lines, in huge pages that small matrices share.
class PackedBuffer {
  public:
    PackedBuffer() = default;
    /// False: no memory. Thread-safe.
    [[nodiscard]] bool allocate(std::size_t bytes) noexcept;
    [[nodiscard]] std::uint8_t* data() const noexcept { return data_; }

  private:
    struct Block;
    std::shared_ptr<Block> block_;
    std::uint8_t* data_ = nullptr;
};

struct Weight::Impl {
    MatrixView view;
    PackedMatrix packed;  ///< without data when not repacked
    PackedBuffer buffer;
    std::string name;
};

}  // namespace tenon::tensor
