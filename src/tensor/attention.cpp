#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "tenon/tensor/ops.hpp"
#include "tensor/kernels/table.hpp"

namespace tenon::tensor {
namespace {

constexpr std::size_t lanes = 16;

bool has_kernel(std::size_t head_dim) noexcept { return head_dim % 16 == 0 && head_dim <= max_head_dim; }

/// Head sizes that the kernels do not take: one query at a time.
void attend_plain(const AttentionArgs& a, std::size_t token, std::size_t head, std::vector<float>& scores) noexcept {
    const std::size_t stride = a.kv_heads * a.head_dim;
    const std::size_t offset = head / (a.heads / a.kv_heads) * a.head_dim;
    const float* q = a.q + token * a.q_stride + head * a.head_dim;
    float* out = a.out + token * a.out_stride + head * a.head_dim;
    const std::size_t position = a.first + token;
    const std::size_t low = a.window != 0 && position + 1 > a.window ? position + 1 - a.window : 0;
    scores.resize(position + 1 - low);
    float peak = -std::numeric_limits<float>::infinity();
    for (std::size_t p = low; p <= position; ++p) {
        const std::uint16_t* key = a.cache.keys + p * stride + offset;
        float s = 0;
        for (std::size_t i = 0; i < a.head_dim; ++i) s += q[i] * f16_to_f32(key[i]);
        s *= a.scale;
        if (a.softcap != 0) s = a.softcap * std::tanh(s / a.softcap);
        scores[p - low] = s;
        peak = std::max(peak, s);
    }
    float total = 0;
    for (float& s : scores) total += s = std::exp(s - peak);
    std::fill(out, out + a.head_dim, 0.0F);
    for (std::size_t p = low; p <= position; ++p) {
        const std::uint16_t* value = a.cache.values + p * stride + offset;
        const float weight = scores[p - low] / total;
        for (std::size_t i = 0; i < a.head_dim; ++i) out[i] += weight * f16_to_f32(value[i]);
    }
}

}  // namespace

void kv_store(Worker& worker, const KvView& cache, const float* k, const float* v, std::size_t stride,
              std::size_t tokens, std::size_t first, std::size_t kv_heads, std::size_t head_dim) noexcept {
    const std::size_t row = kv_heads * head_dim;
    const auto [begin, end] = worker.share(tokens);
    for (std::size_t t = begin; t < end; ++t) {
        kernels().to_half(k + t * stride, row, cache.keys + (first + t) * row);
        kernels().to_half(v + t * stride, row, cache.values + (first + t) * row);
    }
}

void attention(Worker& worker, const AttentionArgs& a) noexcept {
    const std::size_t group = a.heads / a.kv_heads;
    if (!has_kernel(a.head_dim)) {
        std::vector<float> scores;
        const auto [begin, end] = worker.share(a.tokens * a.heads);
        for (std::size_t at = begin; at < end; ++at) attend_plain(a, at / a.heads, at % a.heads, scores);
        return;
    }
    if (a.tokens * group < 8 || a.tokens == 1) {
        // A few heads of one token each; split finer when the kv heads do not divide evenly.
        const std::size_t per = a.tokens * a.kv_heads % worker.size() == 0
                                    ? std::min(group, lanes)
                                    : std::min<std::size_t>((group + 1) / 2, lanes);
        const std::size_t parts = (group + per - 1) / per;
        const auto [begin, end] = worker.share(a.tokens * a.kv_heads * parts);
        for (std::size_t at = begin; at < end; ++at) {
            const std::size_t part = at % parts;
            const std::size_t kv_head = at / parts % a.kv_heads;
            const std::size_t token = at / parts / a.kv_heads;
            kernels().attend_few({&a, kv_head, token * group + part * per, std::min(per, group - part * per)});
        }
        return;
    }
    // Later rows see more positions: deal blocks out in turn, in both directions.
    const std::size_t rows = a.tokens * group;
    const std::size_t blocks = (rows + lanes - 1) / lanes;
    const std::size_t members = worker.size();
    for (std::size_t at = 0; at < blocks * a.kv_heads; ++at) {
        const std::size_t turn = at / members;
        const std::size_t owner = turn % 2 == 0 ? at % members : members - 1 - at % members;
        if (owner != worker.rank()) continue;
        const std::size_t first = at / a.kv_heads * lanes;
        kernels().attend({&a, at % a.kv_heads, first, std::min(lanes, rows - first)});
    }
}

void encoder_attention(Worker& worker, const float* q, const float* k, const float* v, std::size_t stride,
                       std::size_t tokens, std::size_t heads, std::size_t head_dim, float scale, float* out,
                       std::size_t out_stride) noexcept {
    if (has_kernel(head_dim)) {
        const std::size_t blocks = (tokens + lanes - 1) / lanes;
        const auto [begin, end] = worker.share(blocks * heads);
        for (std::size_t at = begin; at < end; ++at) {
            const std::size_t offset = at / blocks * head_dim;
            const std::size_t first = at % blocks * lanes;
            kernels().attend_all(q + offset, k + offset, v + offset, stride, tokens, first,
                                 std::min(lanes, tokens - first), head_dim, scale, out + offset, out_stride);
        }
        return;
    }
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
