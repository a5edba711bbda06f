#include "tenon/model/tensor_record.hpp"

#include <fmt/format.h>

namespace tenon::model {

std::uint64_t TensorRecord::elements() const noexcept {
    std::uint64_t product = 1;
    for (const std::uint64_t n : shape) product *= n;
    return product;
}

Result<tensor::MatrixView> TensorRecord::matrix() const {
    using tensor::DType;
    const bool readable =
        type && (tensor::info(*type).quantised || *type == DType::f32 || *type == DType::f16 || *type == DType::bf16);
    if (!readable)
        return fail(ErrorCode::unsupported,
                    fmt::format("tensor {} has type {}, which is no weight; convert it to F16 or quantise it", name,
                                type_name));
    tensor::MatrixView view;
    view.type = *type;
    view.columns = shape.empty() ? 1 : shape.back();
    view.rows = view.columns == 0 ? 0 : elements() / view.columns;
    view.data = data.data();
    return view;
}

Result<std::vector<float>> TensorRecord::floats() const {
    TENON_TRY(const tensor::MatrixView view, matrix());
    std::vector<float> out(elements());
    tensor::dequantize(view.type, view.data, out);
    return out;
}

}  // namespace tenon::model
