// Rotary position embedding: the frequencies, after whatever scaling a long-context model was given.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "model/source.hpp"
#include "tenon/tensor/ops.hpp"

namespace tenon::model {

struct RopeOptions {
    std::size_t context = 0;  ///< of the longest sequence to be run; 0: what the file says
    bool local = false;       ///< the embedding of layers with a window, in models that have two
    double base = 10000;      ///< where the file does not say
};

/// Frequencies of one model. `cosines_and_sines` is const and pure.
class Rope {
  public:
    Rope() = default;
    /// Reads base, dimension and scaling: none, linear, dynamic (NTK), llama3, yarn, longrope; a `rope_freqs` tensor
    /// where GGUF has one. Formulas as in transformers' modeling_rope_utils; YaRN is arXiv 2309.00071, LongRoPE
    /// arXiv 2402.13753. LongRoPE's long factors serve every sequence of a model that runs contexts longer than it was
    /// first trained with, so that keys computed once stay valid.
    /// Errors: unsupported (another scaling, named), corrupt.
    [[nodiscard]] static Result<Rope> read(const ModelSource& source, std::size_t head_dim, tensor::RopeStyle style,
                                           const RopeOptions& options);

    [[nodiscard]] std::size_t dimension() const noexcept { return dimension_; }
    [[nodiscard]] tensor::RopeStyle style() const noexcept { return style_; }
    /// dimension/2 angles a position, scaled; and the factor of cosines and sines.
    [[nodiscard]] std::span<const float> frequencies() const noexcept { return frequencies_; }
    [[nodiscard]] float magnitude() const noexcept { return magnitude_; }
    /// One position's row of dimension/2 each, times the attention factor. `length`: of the sequence so far, for
    /// dynamic scaling.
    void cosines_and_sines(std::size_t position, std::size_t length, float* cosines, float* sines) const noexcept;

  private:
    [[nodiscard]] Result<void> read_long_factors(const ModelSource& source, const json::Value* parameters,
                                                 const RopeOptions& options, double original, double factor,
                                                 std::optional<double> attention_factor);

    std::size_t dimension_ = 0;
    tensor::RopeStyle style_ = tensor::RopeStyle::half;
    std::vector<float> frequencies_;
    float magnitude_ = 1;
    double base_ = 10000;
    double dynamic_factor_ = 0;  // > 0: the base grows once a sequence is longer than trained
    std::size_t trained_length_ = 0;
};

}  // namespace tenon::model
