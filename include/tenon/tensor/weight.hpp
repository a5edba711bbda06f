// Weight matrices, prepared for multiplication.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "tenon/base/error.hpp"
#include "tenon/tensor/dtype.hpp"
#include "tenon/tensor/thread_team.hpp"

namespace tenon::tensor {

/// A read-only matrix in memory: `rows` output features, each `columns` input features long, row after row.
struct MatrixView {
    DType type = DType::f32;
    std::size_t rows = 0;
    std::size_t columns = 0;
    const std::byte* data = nullptr;
    [[nodiscard]] std::size_t row_bytes() const noexcept { return bytes_of(info(type), columns); }
};

/// A matrix ready for `linear`: either the view itself (the mapped file) or an interleaved copy that the machine's
/// kernels read faster. Immutable, shareable between threads. The viewed bytes must outlive it unless `owns_copy()`.
class Weight {
  public:
    struct Options {
        bool repack = true;          ///< false: no copy, but each product unpacks the rows anew: slow
        ThreadTeam* team = nullptr;  ///< shares the repacking when given; must not be running
        std::string name = {};       ///< for whoever watches the products
    };
    Weight();
    /// Errors: unsupported (a type no kernel multiplies), invalid_argument (columns not a multiple of the block),
    /// resource_exhausted (no memory for the copy).
    [[nodiscard]] static Result<Weight> prepare(MatrixView view, const Options& options);
    [[nodiscard]] static Result<Weight> prepare(MatrixView view) { return prepare(view, Options{}); }
    Weight(Weight&&) noexcept;
    Weight& operator=(Weight&&) noexcept;
    ~Weight();

    [[nodiscard]] std::size_t rows() const noexcept;
    [[nodiscard]] std::size_t columns() const noexcept;
    [[nodiscard]] DType type() const noexcept;
    [[nodiscard]] bool owns_copy() const noexcept;
    [[nodiscard]] const std::string& name() const noexcept;
    /// Row `r` as float32 (embedding lookup); out.size() == columns().
    void row(std::size_t r, std::span<float> out) const noexcept;

    struct Impl;
    [[nodiscard]] const Impl& impl() const noexcept { return *impl_; }

  private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::tensor
