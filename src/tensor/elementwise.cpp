#include <cmath>

#include "tenon/tensor/ops.hpp"

namespace tenon::tensor {

void rms_norm(Worker& worker, const float* x, std::size_t tokens, std::size_t n, const float* weight, float epsilon,
              float* y) noexcept {
    const auto [first, last] = worker.share(tokens);
    for (std::size_t t = first; t < last; ++t) {
        const float* in = x + t * n;
        float* out = y + t * n;
        const float scale = 1.0F / std::sqrt(dot(in, in, n) / static_cast<float>(n) + epsilon);
        for (std::size_t i = 0; i < n; ++i) out[i] = in[i] * scale * weight[i];
    }
}

void layer_norm(Worker& worker, const float* x, std::size_t tokens, std::size_t n, const float* weight,
                const float* bias, float epsilon, float* y) noexcept {
    const auto [first, last] = worker.share(tokens);
    for (std::size_t t = first; t < last; ++t) {
        const float* in = x + t * n;
        float* out = y + t * n;
        double sum = 0;
        for (std::size_t i = 0; i < n; ++i) sum += in[i];
        const auto mean = static_cast<float>(sum / static_cast<double>(n));
        double squares = 0;
        for (std::size_t i = 0; i < n; ++i) squares += static_cast<double>(in[i] - mean) * (in[i] - mean);
        const float scale = 1.0F / std::sqrt(static_cast<float>(squares / static_cast<double>(n)) + epsilon);
        for (std::size_t i = 0; i < n; ++i) out[i] = (in[i] - mean) * scale * weight[i] + bias[i];
    }
}

void rope(Worker& worker, float* x, std::size_t tokens, std::size_t stride, std::size_t heads, std::size_t head_dim,
          std::size_t rotary_dim, const float* cos, const float* sin, RopeStyle style) noexcept {
    const std::size_t half = rotary_dim / 2;
    const std::size_t step = style == RopeStyle::half ? 1 : 2;
    const std::size_t apart = style == RopeStyle::half ? half : 1;
    const auto [first, last] = worker.share(tokens * heads);
    for (std::size_t at = first; at < last; ++at) {
        const std::size_t t = at / heads;
        float* head = x + t * stride + at % heads * head_dim;
        const float* c = cos + t * half;
        const float* s = sin + t * half;
        for (std::size_t i = 0; i < half; ++i) {
            const float a = head[i * step];
            const float b = head[i * step + apart];
            head[i * step] = a * c[i] - b * s[i];
            head[i * step + apart] = a * s[i] + b * c[i];
        }
    }
}

void silu_mul(Worker& worker, const float* gate, const float* up, std::size_t n, float* y) noexcept {
    const auto [first, last] = worker.share(n, 16);
    for (std::size_t i = first; i < last; ++i) y[i] = gate[i] / (1.0F + std::exp(-gate[i])) * up[i];
}

namespace {
float gelu_of(float x, bool tanh_approximation) noexcept {
    if (!tanh_approximation) return 0.5F * x * (1.0F + std::erf(x * 0.70710678118654752440F));
    return 0.5F * x * (1.0F + std::tanh(0.79788456080286535588F * (x + 0.044715F * x * x * x)));
}
}  // namespace

void gelu(Worker& worker, const float* x, std::size_t n, bool tanh_approximation, float* y) noexcept {
    const auto [first, last] = worker.share(n, 16);
    for (std::size_t i = first; i < last; ++i) y[i] = gelu_of(x[i], tanh_approximation);
}

void gelu_mul(Worker& worker, const float* gate, const float* up, std::size_t n, bool tanh_approximation,
              float* y) noexcept {
    const auto [first, last] = worker.share(n, 16);
    for (std::size_t i = first; i < last; ++i) y[i] = gelu_of(gate[i], tanh_approximation) * up[i];
}

void add(Worker& worker, const float* a, const float* b, std::size_t n, float* y) noexcept {
    const auto [first, last] = worker.share(n, 16);
    for (std::size_t i = first; i < last; ++i) y[i] = a[i] + b[i];
}

float dot(const float* a, const float* b, std::size_t n) noexcept {
    float sum[8] = {};
    std::size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (std::size_t j = 0; j < 8; ++j) sum[j] += a[i + j] * b[i + j];
    for (; i < n; ++i) sum[0] += a[i] * b[i];
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

float squared_distance(const float* a, const float* b, std::size_t n) noexcept {
    float sum[8] = {};
    std::size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (std::size_t j = 0; j < 8; ++j) sum[j] += (a[i + j] - b[i + j]) * (a[i + j] - b[i + j]);
    for (; i < n; ++i) sum[0] += (a[i] - b[i]) * (a[i] - b[i]);
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

}  // namespace tenon::tensor
