// One tensor of a model file: what both readers give.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tenon/base/error.hpp"
#include "tenon/tensor/dtype.hpp"
#include "tenon/tensor/weight.hpp"

namespace tenon::model {

/// A named tensor inside a mapped file. `data` is a view: the file must outlive it.
struct TensorRecord {
    std::string name;
    std::optional<tensor::DType> type;  ///< absent: a type Tenon knows by name only
    std::string type_name;              ///< as the format writes it: "Q4_K", "IQ2_XXS", "BF16"
    std::vector<std::uint64_t> shape;   ///< outermost dimension first, whatever the file's order; empty: a scalar
    std::span<const std::byte> data;    ///< exactly the tensor's bytes; empty when `type` is absent

    [[nodiscard]] std::uint64_t elements() const noexcept;
    /// The tensor as a matrix: the last dimension is `columns`, all others together are `rows`.
    /// Errors: unsupported (a type that is no weight; the message names it).
    [[nodiscard]] Result<tensor::MatrixView> matrix() const;
    /// All elements as float32. Errors: unsupported (the type).
    [[nodiscard]] Result<std::vector<float>> floats() const;
};

}  // namespace tenon::model
