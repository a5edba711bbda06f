// The cache of one sequence of a decoder: one anonymous mapping, whose pages cost nothing until written.
#pragma once

#include <memory>

#include "tenon/model/model.hpp"
#include "tenon/tensor/ops.hpp"

namespace tenon::model {

struct KvShape {
    std::size_t layers = 0, kv_heads = 0, head_dim = 0;
    [[nodiscard]] std::size_t row() const noexcept { return kv_heads * head_dim; }
};

class DecoderCache final : public KvCache {
  public:
    /// `owner` identifies the model. Errors: invalid_argument, resource_exhausted.
    [[nodiscard]] static Result<std::unique_ptr<KvCache>> create(const void* owner, const KvShape& shape,
                                                                 std::size_t capacity);
    ~DecoderCache() override;
    DecoderCache(const DecoderCache&) = delete;
    DecoderCache& operator=(const DecoderCache&) = delete;

    [[nodiscard]] std::size_t capacity() const noexcept override { return capacity_; }
    [[nodiscard]] std::size_t length() const noexcept override { return length_; }
    void truncate(std::size_t length) noexcept override;
    void copy_to(KvCache& other, std::size_t length) const override;
    [[nodiscard]] std::size_t bytes() const noexcept override { return bytes_; }

    [[nodiscard]] const void* owner() const noexcept { return owner_; }
    [[nodiscard]] tensor::KvView layer(std::size_t index) const noexcept;
    void grow(std::size_t tokens) noexcept { length_ += tokens; }

  private:
    DecoderCache(const void* owner, const KvShape& shape, std::size_t capacity) noexcept
        : owner_(owner), shape_(shape), capacity_(capacity) {}
    const void* owner_;
    KvShape shape_;
    std::size_t capacity_;
    std::size_t length_ = 0;
    std::size_t bytes_ = 0;
    std::uint16_t* data_ = nullptr;
};

}  // namespace tenon::model
