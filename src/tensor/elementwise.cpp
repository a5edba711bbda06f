#include "tenon/tensor/ops.hpp"
#include "tensor/kernels/table.hpp"

namespace tenon::tensor {

void rms_norm(Worker& worker, const float* x, std::size_t tokens, std::size_t n, const float* weight, float epsilon,
              float* y) noexcept {
    const auto [first, last] = worker.share(tokens);
    for (std::size_t t = first; t < last; ++t) kernels().rms_norm(x + t * n, n, weight, epsilon, y + t * n);
}

void layer_norm(Worker& worker, const float* x, std::size_t tokens, std::size_t n, const float* weight,
                const float* bias, float epsilon, float* y) noexcept {
    const auto [first, last] = worker.share(tokens);
    for (std::size_t t = first; t < last; ++t) kernels().layer_norm(x + t * n, n, weight, bias, epsilon, y + t * n);
}

void rope(Worker& worker, float* x, std::size_t tokens, std::size_t stride, std::size_t heads, std::size_t head_dim,
          std::size_t rotary_dim, const float* cos, const float* sin, RopeStyle style) noexcept {
    const std::size_t half = rotary_dim / 2;
    const auto [first, last] = worker.share(tokens * heads);
    for (std::size_t at = first; at < last; ++at) {
        const std::size_t t = at / heads;
        float* head = x + t * stride + at % heads * head_dim;
        const float* c = cos + t * half;
        const float* s = sin + t * half;
        if (style == RopeStyle::half) {
            kernels().rope_half(head, half, c, s);
            continue;
        }
        for (std::size_t i = 0; i < half; ++i) {
            const float a = head[2 * i];
            const float b = head[2 * i + 1];
            head[2 * i] = a * c[i] - b * s[i];
            head[2 * i + 1] = a * s[i] + b * c[i];
        }
    }
}

void silu_mul(Worker& worker, const float* gate, const float* up, std::size_t n, float* y) noexcept {
    const auto [first, last] = worker.share(n, 16);
    kernels().silu_mul(gate + first, up + first, last - first, y + first);
}

void gelu(Worker& worker, const float* x, std::size_t n, bool tanh_approximation, float* y) noexcept {
    const auto [first, last] = worker.share(n, 16);
    kernels().gelu(x + first, nullptr, last - first, tanh_approximation, y + first);
}

void gelu_mul(Worker& worker, const float* gate, const float* up, std::size_t n, bool tanh_approximation,
              float* y) noexcept {
    const auto [first, last] = worker.share(n, 16);
    kernels().gelu(gate + first, up + first, last - first, tanh_approximation, y + first);
}

void add(Worker& worker, const float* a, const float* b, std::size_t n, float* y) noexcept {
    const auto [first, last] = worker.share(n, 16);
    kernels().add(a + first, b + first, last - first, y + first);
}

float dot(const float* a, const float* b, std::size_t n) noexcept { return kernels().dot(a, b, n); }
float squared_distance(const float* a, const float* b, std::size_t n) noexcept {
    return kernels().squared_distance(a, b, n);
}

}  // namespace tenon::tensor
