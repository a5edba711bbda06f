#if defined(__aarch64__)
#include <sys/auxv.h>
#elif defined(__x86_64__)
#include <cpuid.h>
#endif

#include <array>
#include <atomic>
#include <string>

#include "tenon/tensor/ops.hpp"
#include "tensor/kernels/table.hpp"

namespace tenon::tensor {
namespace {

#if defined(__aarch64__)
bool has_dot_products() noexcept { return (getauxval(AT_HWCAP) >> 20 & 1) != 0; }  // HWCAP_ASIMDDP
#endif

#if defined(__x86_64__)
// Clang 16's __builtin_cpu_supports does not know this name; the registers it needs are those of AVX.
bool has_f16c() noexcept {
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    return __builtin_cpu_supports("avx") && __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}
#endif

/// The instruction sets of this machine, plainest first.
struct Available {
    Available() noexcept {
        add(Isa::scalar);
#if defined(__x86_64__)
        const auto has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
        if (has_avx2) add(Isa::avx2);
        if (has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512vnni"))
            add(Isa::avx512);
#elif defined(__aarch64__)
        add(Isa::neon);
#endif
    }
    void add(Isa isa) noexcept { isas[count++] = isa; }
    std::array<Isa, 4> isas{};
    std::size_t count = 0;
};

const Available& available() noexcept {
    static const Available value;
    return value;
}

const KernelTable& table_of(Isa isa) noexcept {
    switch (isa) {
#if defined(__x86_64__)
        case Isa::avx2:
            return avx2_kernels();
        case Isa::avx512:
            return avx512_kernels();
#elif defined(__aarch64__)
        case Isa::neon:
            return neon_kernels();
#endif
        default:
            return scalar_kernels();
    }
}

std::atomic<const KernelTable*>& chosen() noexcept {
    static std::atomic<const KernelTable*> table{&table_of(available_isas().back())};
    return table;
}

std::string describe() {
    std::string text(isa_name(available_isas().back()));
    text += " (machine has:";
#if defined(__x86_64__)
    const std::pair<const char*, bool> features[] = {{"avx2", __builtin_cpu_supports("avx2")},
                                                     {"fma", __builtin_cpu_supports("fma")},
                                                     {"f16c", has_f16c()},
                                                     {"avx512f", __builtin_cpu_supports("avx512f")},
                                                     {"avx512bw", __builtin_cpu_supports("avx512bw")},
                                                     {"avx512vnni", __builtin_cpu_supports("avx512vnni")},
                                                     {"avx512bf16", __builtin_cpu_supports("avx512bf16")}};
    for (const auto& [name, present] : features)
        if (present) text += std::string(" ") + name;
#elif defined(__aarch64__)
    text += has_dot_products() ? " neon dotprod" : " neon";
#endif
    return text + ")";
}

}  // namespace

const KernelTable& kernels() noexcept { return *chosen().load(std::memory_order_relaxed); }

std::span<const Isa> available_isas() noexcept { return {available().isas.data(), available().count}; }

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

Isa active_isa() noexcept { return kernels().isa; }

bool force_isa(Isa isa) noexcept {
    for (const Isa have : available_isas())
        if (have == isa) {
            chosen().store(&table_of(isa), std::memory_order_relaxed);
            return true;
        }
    return false;
}

std::string_view cpu_features() noexcept {
    static const std::string text = describe();
    return text;
}

}  // namespace tenon::tensor
