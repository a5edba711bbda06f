#include "tenon/tensor/weight.hpp"

#include <string>

#include "tensor/weight_impl.hpp"

namespace tenon::tensor {

Weight::Weight() : impl_(std::make_unique<Impl>()) {}
Weight::Weight(Weight&&) noexcept = default;
Weight& Weight::operator=(Weight&&) noexcept = default;
Weight::~Weight() = default;

Result<Weight> Weight::prepare(MatrixView view, const Options&) {
    const DTypeInfo& i = info(view.type);
    if (!i.quantised && view.type != DType::f32 && view.type != DType::f16 && view.type != DType::bf16)
        return fail(ErrorCode::unsupported, "no kernel multiplies weights of type " + std::string(i.name));
    if (view.columns % i.block_elements != 0)
        return fail(ErrorCode::invalid_argument, std::string(i.name) + " needs rows of a multiple of " +
                                                     std::to_string(i.block_elements) + " elements, not " +
                                                     std::to_string(view.columns));
    Weight weight;
    weight.impl_->view = view;
    return weight;
}

std::size_t Weight::rows() const noexcept { return impl_->view.rows; }
std::size_t Weight::columns() const noexcept { return impl_->view.columns; }
DType Weight::type() const noexcept { return impl_->view.type; }
bool Weight::owns_copy() const noexcept { return false; }

void Weight::row(std::size_t r, std::span<float> out) const noexcept {
    dequantize(impl_->view.type, impl_->view.data + r * impl_->view.row_bytes(), out);
}

}  // namespace tenon::tensor
