// The inside of Weight.
#pragma once

#include <cstddef>
#include <memory>

#include "tenon/tensor/weight.hpp"

namespace tenon::tensor {

struct Weight::Impl {
    MatrixView view;
};

}  // namespace tenon::tensor
