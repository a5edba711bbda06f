// Turns many mapped tensors into Weights, several at a time.
#pragma once

#include <optional>
#include <vector>

#include "model/buffer.hpp"
#include "tenon/model/model.hpp"
#include "tenon/model/tensor_record.hpp"
#include "tenon/tensor/weight.hpp"

namespace tenon::model {

/// Some rows of a tensor seen as a matrix.
struct Rows {
    std::size_t first = 0, count = 0;
};

class WeightLoader {
  public:
    explicit WeightLoader(const LoadOptions& options) noexcept : repack_(options.repack) {}
    /// `into` is filled by `run`; both must live until then. The record's bytes must be a mapped file's.
    void add(const TensorRecord& record, tensor::Weight& into) { jobs_.push_back({&record, &into, {}, false}); }
    /// A part of a fused matrix, or one of several matrices in one tensor.
    void add(const TensorRecord& record, Rows rows, tensor::Weight& into) {
        jobs_.push_back({&record, &into, rows, false});
    }
    /// The same of the matrix's transpose: columns of a plain (not quantised) one.
    void add_transposed(const TensorRecord& record, Rows rows, tensor::Weight& into) {
        jobs_.push_back({&record, &into, rows, true});
    }
    /// Prepares all on a few threads. Errors: those of Weight::prepare, naming the tensor.
    [[nodiscard]] Result<void> run();
    /// Copies that weights view: of tensors whose bytes in the file are not aligned, or transposed.
    [[nodiscard]] std::vector<Buffer> take_copies() noexcept { return std::move(copies_); }

  private:
    struct Job {
        const TensorRecord* record;
        tensor::Weight* into;
        std::optional<Rows> rows;  ///< absent: all
        bool transposed;
    };
    [[nodiscard]] Result<void> prepare(const Job& job, Buffer& copy) const;

    bool repack_;
    std::vector<Job> jobs_;
    std::vector<Buffer> copies_;
};

}  // namespace tenon::model
