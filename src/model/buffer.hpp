// Uninitialised float memory, aligned to a cache line.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

#include "tenon/base/error.hpp"

namespace tenon::model {

class Buffer {
  public:
    /// Errors: resource_exhausted.
    [[nodiscard]] Result<void> reserve(std::size_t bytes) {
        if (bytes <= bytes_) return {};
        data_.reset(static_cast<std::byte*>(::operator new(bytes, std::align_val_t{64}, std::nothrow)));
        bytes_ = data_ == nullptr ? 0 : bytes;
        if (data_ == nullptr)
            return fail(ErrorCode::resource_exhausted, "not enough memory for the model's working buffers");
        return {};
    }
    [[nodiscard]] Result<void> reserve_floats(std::size_t count) { return reserve(count * sizeof(float)); }
    [[nodiscard]] float* floats() const noexcept { return reinterpret_cast<float*>(data_.get()); }
    [[nodiscard]] std::byte* data() const noexcept { return data_.get(); }
    [[nodiscard]] std::size_t size() const noexcept { return bytes_; }

  private:
    struct Free {
        void operator()(std::byte* p) const noexcept { ::operator delete(p, std::align_val_t{64}); }
    };
    std::unique_ptr<std::byte, Free> data_;
    std::size_t bytes_ = 0;
};

}  // namespace tenon::model
