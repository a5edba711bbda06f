#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "tenon/tensor/ops.hpp"

namespace tenon::tensor {

void kv_store(Worker& worker, const KvView& cache, const float* k, const float* v, std::size_t stride,
              std::size_t tokens, std::size_t first, std::size_t kv_heads, std::size_t head_dim) noexcept {
    const std::size_t row = kv_heads * head_dim;
    const auto [begin, end] = worker.share(tokens);
    for (std::size_t t = begin; t < end; ++t)
        for (std::size_t i = 0; i < row; ++i) {
            cache.keys[(first + t) * row + i] = f32_to_f16(k[t * stride + i]);
            cache.values[(first + t) * row + i] = f32_to_f16(v[t * stride + i]);
        }
}

void attention(Worker& worker, const AttentionArgs& a) noexcept {
    const std::size_t row = a.kv_heads * a.head_dim;
    const std::size_t group = a.heads / a.kv_heads;
    std::vector<float> buffer(a.head_dim);
    std::vector<float> sum(a.head_dim);
    const auto [begin, end] = worker.share(a.tokens * a.heads);
    for (std::size_t at = begin; at < end; ++at) {
        const std::size_t t = at / a.heads;
        const std::size_t h = at % a.heads;
        const float* q = a.q + t * a.q_stride + h * a.head_dim;
        const std::size_t position = a.first + t;
        const std::size_t low = a.window != 0 && position + 1 > a.window ? position + 1 - a.window : 0;
        float peak = -std::numeric_limits<float>::infinity();
        float total = 0;
        std::fill(sum.begin(), sum.end(), 0.0F);
        for (std::size_t p = low; p <= position; ++p) {
            const std::uint16_t* key = a.cache.keys + p * row + h / group * a.head_dim;
            const std::uint16_t* value = a.cache.values + p * row + h / group * a.head_dim;
            for (std::size_t i = 0; i < a.head_dim; ++i) buffer[i] = f16_to_f32(key[i]);
            float score = dot(q, buffer.data(), a.head_dim) * a.scale;
            if (a.softcap != 0) score = a.softcap * std::tanh(score / a.softcap);
            if (score > peak) {
                const float shrink = std::exp(peak - score);
                total *= shrink;
                for (float& s : sum) s *= shrink;
                peak = score;
            }
            const float weight = std::exp(score - peak);
            total += weight;
            for (std::size_t i = 0; i < a.head_dim; ++i) sum[i] += weight * f16_to_f32(value[i]);
        }
        float* out = a.out + t * a.out_stride + h * a.head_dim;
        for (std::size_t i = 0; i < a.head_dim; ++i) out[i] = sum[i] / total;
    }
}

void encoder_attention(Worker& worker, const float* q, const float* k, const float* v, std::size_t stride,
                       std::size_t tokens, std::size_t heads, std::size_t head_dim, float scale, float* out,
                       std::size_t out_stride) noexcept {
    std::vector<float> scores(tokens);
    const auto [begin, end] = worker.share(tokens * heads);
    for (std::size_t at = begin; at < end; ++at) {
        const std::size_t offset = at % heads * head_dim;
        const float* query = q + at / heads * stride + offset;
        float peak = -std::numeric_limits<float>::infinity();
        for (std::size_t p = 0; p < tokens; ++p) {
            scores[p] = dot(query, k + p * stride + offset, head_dim) * scale;
            peak = std::max(peak, scores[p]);
        }
        float total = 0;
        for (float& s : scores) total += s = std::exp(s - peak);
        float* o = out + at / heads * out_stride + offset;
        std::fill(o, o + head_dim, 0.0F);
        for (std::size_t p = 0; p < tokens; ++p)
            for (std::size_t i = 0; i < head_dim; ++i) o[i] += scores[p] / total * v[p * stride + offset + i];
    }
}

}  // namespace tenon::tensor
