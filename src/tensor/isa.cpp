#include <array>

#include "tenon/tensor/ops.hpp"

namespace tenon::tensor {

std::span<const Isa> available_isas() noexcept {
    static constexpr std::array<Isa, 1> isas{Isa::scalar};
    return isas;
}
std::string_view isa_name(Isa isa) noexcept {
    switch (isa) {
        case Isa::scalar:
            return "scalar";
        case Isa::avx2:
            return "avx2";
        case Isa::avx512:
            return "avx512";
        case Isa::neon:
            return "neon";
    }
    return "unknown";
}
Isa active_isa() noexcept { return Isa::scalar; }
bool force_isa(Isa isa) noexcept { return isa == Isa::scalar; }
std::string_view cpu_features() noexcept { return "scalar"; }

}  // namespace tenon::tensor
