// Rotary position embedding: the frequencies, after whatever scaling a long-context model was given.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "model/source.hpp"
#include "tenon/tensor/ops.hpp"

namespace tenon::model {

/// Frequencies of one model. `cosines_and_sines` is const and pure.
class Rope {
  public:
    Rope() = default;
    /// Reads base, dimension and scaling: none, linear, dynamic (NTK), llama3, yarn; a `rope_freqs` tensor where GGUF
    /// has one. Formulas as in transformers' modeling_rope_utils; YaRN is arXiv 2309.00071.
    /// Errors: unsupported (another scaling, named), corrupt.
    [[nodiscard]] static Result<Rope> read(const ModelSource& source, std::size_t head_dim, tensor::RopeStyle style);

    [[nodiscard]] std::size_t dimension() const noexcept { return dimension_; }
    [[nodiscard]] tensor::RopeStyle style() const noexcept { return style_; }
    /// One position's row of dimension/2 each, times the attention factor. `length`: of the sequence so far, for
    /// dynamic scaling.
    void cosines_and_sines(std::size_t position, std::size_t length, float* cosines, float* sines) const noexcept;

  private:
    std::size_t dimension_ = 0;
    tensor::RopeStyle style_ = tensor::RopeStyle::half;
    std::vector<float> frequencies_;
    float magnitude_ = 1;
    double base_ = 10000;
    double dynamic_factor_ = 0;  // > 0: the base grows once a sequence is longer than trained
    std::size_t trained_length_ = 0;
};

}  // namespace tenon::model
