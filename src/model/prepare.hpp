// Turns many mapped tensors into Weights, several at a time.
#pragma once

#include <vector>

#include "model/buffer.hpp"
#include "tenon/model/model.hpp"
#include "tenon/model/tensor_record.hpp"
#include "tenon/tensor/weight.hpp"

namespace tenon::model {

class WeightLoader {
  public:
    explicit WeightLoader(const LoadOptions& options) noexcept : repack_(options.repack) {}
    /// `into` is filled by `run`; both must live until then. The record's bytes must be a mapped file's.
    void add(const TensorRecord& record, tensor::Weight& into) { jobs_.push_back({&record, &into}); }
    /// Prepares all on a few threads. Errors: those of Weight::prepare, naming the tensor.
    [[nodiscard]] Result<void> run();
    /// Copies of tensors whose bytes in the file are not aligned; the weights view them.
    [[nodiscard]] std::vector<Buffer> take_copies() noexcept { return std::move(copies_); }

  private:
    struct Job {
        const TensorRecord* record;
        tensor::Weight* into;
    };
    bool repack_;
    std::vector<Job> jobs_;
    std::vector<Buffer> copies_;
};

}  // namespace tenon::model
