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

/// The two vectors of one position, whatever their type: for head sizes that the kernels do not take.
struct Position {
    Position(const KvView& view, std::size_t position, std::size_t head, std::size_t dim) noexcept
        : type(view.type),
          page(view, position / kv_page_tokens, head, dim),
          slot(position % kv_page_tokens),
          row(dim) {}
    [[nodiscard]] float key(std::size_t i) const noexcept {
        const std::size_t at = i * kv_page_tokens + slot;
        return type == KvType::f16 ? f16_to_f32(half(page.keys, at)) : page.key_scales[slot] * byte(page.keys, at);
    }
    [[nodiscard]] float value(std::size_t i) const noexcept {
        const std::size_t at = slot * row + i;
        return type == KvType::f16 ? f16_to_f32(half(page.values, at))
                                   : page.value_scales[slot] * byte(page.values, at);
    }

  private:
    static std::uint16_t half(const std::byte* p, std::size_t at) noexcept {
        return reinterpret_cast<const std::uint16_t*>(p)[at];
    }
    static float byte(const std::byte* p, std::size_t at) noexcept {
        return static_cast<float>(reinterpret_cast<const std::int8_t*>(p)[at]);
    }
    KvType type;
    KvHead page;
    std::size_t slot, row;
};

void attend_plain(const AttentionArgs& a, std::size_t token, std::size_t head, std::vector<float>& scores) noexcept {
    const std::size_t kv_head = head / (a.heads / a.kv_heads);
    const float* q = a.q + token * a.q_stride + head * a.head_dim;
    float* out = a.out + token * a.out_stride + head * a.head_dim;
    const std::size_t position = a.first + token;
    const std::size_t low = a.window != 0 && position + 1 > a.window ? position + 1 - a.window : 0;
    scores.resize(position + 1 - low);
    float peak = -std::numeric_limits<float>::infinity();
    for (std::size_t p = low; p <= position; ++p) {
        const Position at(a.cache, p, kv_head, a.head_dim);
        float s = 0;
        for (std::size_t i = 0; i < a.head_dim; ++i) s += q[i] * at.key(i);
        s *= a.scale;
        if (a.softcap != 0) s = a.softcap * std::tanh(s / a.softcap);
        scores[p - low] = s;
        peak = std::max(peak, s);
    }
    float total = 0;
    for (float& s : scores) total += s = std::exp(s - peak);
    std::fill(out, out + a.head_dim, 0.0F);
    for (std::size_t p = low; p <= position; ++p) {
        const Position at(a.cache, p, kv_head, a.head_dim);
        const float weight = scores[p - low] / total;
        for (std::size_t i = 0; i < a.head_dim; ++i) out[i] += weight * at.value(i);
    }
}

/// One sequence's work, cut into units that any member can do.
struct Plan {
    Plan(const AttentionArgs& a, std::size_t members, bool alone) noexcept : group(a.heads / a.kv_heads) {
        if (!has_kernel(a.head_dim)) {
            kind = Kind::plain;
            units = a.tokens * a.heads;
        } else if (a.tokens * group < 8 || a.tokens == 1) {
            // A few heads of one token each; split finer when they do not divide evenly.
            const bool even = !alone || a.tokens * a.kv_heads % members == 0;
            per = even ? std::min(group, lanes) : std::min<std::size_t>((group + 1) / 2, lanes);
            parts = (group + per - 1) / per;
            units = a.tokens * a.kv_heads * parts;
        } else {
            kind = Kind::blocks;
            units = (a.tokens * group + lanes - 1) / lanes * a.kv_heads;
        }
    }
    void run(const AttentionArgs& a, std::size_t unit, std::vector<float>& scores) const noexcept {
        if (kind == Kind::plain) return attend_plain(a, unit / a.heads, unit % a.heads, scores);
        if (kind == Kind::few) {
            const std::size_t part = unit % parts;
            const std::size_t token = unit / parts / a.kv_heads;
            return kernels().attend_few(
                {&a, unit / parts % a.kv_heads, token * group + part * per, std::min(per, group - part * per)});
        }
        // Later rows see more positions: the longest work first, so that nobody waits for it in the end.
        const std::size_t rows = a.tokens * group;
        const std::size_t first = (units - 1 - unit) / a.kv_heads * lanes;
        kernels().attend({&a, unit % a.kv_heads, first, std::min(lanes, rows - first)});
    }

    enum class Kind : std::uint8_t { few, blocks, plain };
    Kind kind = Kind::few;
    std::size_t group, per = 1, parts = 1, units = 0;
};

}  // namespace

std::size_t kv_head_bytes(KvType type, std::size_t head_dim) noexcept {
    const std::size_t elements = 2 * kv_page_tokens * head_dim;
    return type == KvType::f16 ? elements * 2 : elements + 2 * kv_page_tokens * sizeof(float);
}

void kv_store(Worker& worker, const KvView& cache, const float* k, const float* v, std::size_t stride,
              std::size_t tokens, std::size_t first, std::size_t kv_heads, std::size_t head_dim) noexcept {
    const auto [begin, end] = worker.share(tokens * kv_heads);
    for (std::size_t at = begin; at < end; ++at) {
        const std::size_t t = at / kv_heads;
        const std::size_t head = at % kv_heads;
        const std::size_t from = t * stride + head * head_dim;
        kernels().kv_store(cache.type, KvHead(cache, (first + t) / kv_page_tokens, head, head_dim), head_dim,
                           (first + t) % kv_page_tokens, k + from, v + from);
    }
}

void attention(Worker& worker, std::span<const AttentionArgs> sequences, std::atomic<std::size_t>& counter) noexcept {
    std::vector<float> scores;
    std::size_t unit = counter.fetch_add(1, std::memory_order_relaxed);
    std::size_t before = 0;
    for (const AttentionArgs& a : sequences) {
        const Plan plan(a, worker.size(), sequences.size() == 1);
        for (; unit < before + plan.units; unit = counter.fetch_add(1, std::memory_order_relaxed))
            plan.run(a, unit - before, scores);
        before += plan.units;
    }
}

void encoder_attention(Worker& worker, const float* q, const float* k, const float* v, std::size_t stride,
                       std::size_t tokens, std::size_t heads, std::size_t head_dim, float scale, float* out,
                       std::size_t out_stride, std::size_t window) noexcept {
    const bool windowed = window != 0 && window + 1 < tokens;
    if (has_kernel(head_dim) && !windowed) {
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
        const std::size_t here = at / heads;
        const std::size_t low = windowed && here > window ? here - window : 0;
        const std::size_t high = windowed ? std::min(tokens, here + window + 1) : tokens;
        float peak = -std::numeric_limits<float>::infinity();
        for (std::size_t p = low; p < high; ++p) {
            scores[p] = dot(query, k + p * stride + offset, head_dim) * scale;
            peak = std::max(peak, scores[p]);
        }
        float total = 0;
        for (std::size_t p = low; p < high; ++p) total += scores[p] = std::exp(scores[p] - peak);
        float* o = out + at / heads * out_stride + offset;
        std::fill(o, o + head_dim, 0.0F);
        for (std::size_t p = low; p < high; ++p)
            for (std::size_t i = 0; i < head_dim; ++i) o[i] += scores[p] / total * v[p * stride + offset + i];
    }
}

}  // namespace tenon::tensor
