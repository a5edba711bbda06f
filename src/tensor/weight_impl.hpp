// The inside of Weight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "tenon/tensor/weight.hpp"
#include "tensor/kernels/table.hpp"

namespace tenon::tensor {

/// Memory for packed matrices: aligned to cache lines, in huge pages where it is large.
class PackedBuffer {
  public:
    PackedBuffer() = default;
    /// False: no memory.
    [[nodiscard]] bool allocate(std::size_t bytes) noexcept;
    [[nodiscard]] std::uint8_t* data() const noexcept { return data_.get(); }

  private:
    struct Free {
        void operator()(std::uint8_t* p) const noexcept;
    };
    std::unique_ptr<std::uint8_t, Free> data_;
};

struct Weight::Impl {
    MatrixView view;
    PackedMatrix packed;  ///< without data when not repacked
    PackedBuffer buffer;
    std::string name;
};

}  // namespace tenon::tensor
