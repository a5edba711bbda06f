// The operations models are made of. All are SPMD: every member of the team calls them with the same arguments, each
// does its share, and the caller puts `worker.barrier()` before anyone reads the result (or overwrites an input).
// Activations are float32, row-major: `x[t * stride + i]`.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "tenon/tensor/dtype.hpp"
#include "tenon/tensor/thread_team.hpp"
#include "tenon/tensor/weight.hpp"

namespace tenon::tensor {

/// y[t, r] = sum_c w[r, c] * x[t, c] (+ bias[r]) (+ y[t, r] when accumulate), for t < tokens.
/// Quantised weights multiply an input quantised to 8 bits per block (Q8_0 or Q8_K), as GGML does; F16/BF16/F32 weights
/// multiply float input. Contains one internal barrier after the input is quantised: all members must call it.
struct LinearArgs {
    const Weight* weight = nullptr;
    const float* x = nullptr;
    std::size_t x_stride = 0;
    std::size_t tokens = 0;
    float* y = nullptr;
    std::size_t y_stride = 0;
    const float* bias = nullptr;
    bool accumulate = false;
};
/// Bytes of shared scratch that `linear` needs for inputs of `columns` features and `tokens` tokens.
[[nodiscard]] std::size_t linear_scratch_bytes(std::size_t columns, std::size_t tokens) noexcept;
void linear(Worker& worker, const LinearArgs& args, std::span<std::byte> scratch) noexcept;
/// Two calls that use the same scratch need a barrier between them.
/// Several matrices over the same input (q/k/v, gate/up): the input is quantised once.
void linear_many(Worker& worker, std::span<const LinearArgs> args, std::span<std::byte> scratch) noexcept;

/// y = x / rms(x) * weight, by row of `n`.
void rms_norm(Worker& worker, const float* x, std::size_t tokens, std::size_t n, const float* weight, float epsilon,
              float* y) noexcept;
/// y = (x - mean) / std * weight + bias.
void layer_norm(Worker& worker, const float* x, std::size_t tokens, std::size_t n, const float* weight,
                const float* bias, float epsilon, float* y) noexcept;

enum class RopeStyle : std::uint8_t {
    interleaved,  ///< pairs (2i, 2i+1): GGUF "llama"
    half,         ///< pairs (i, i + d/2): NeoX, GGUF "qwen2", and Hugging Face order
};
/// Rotates `heads` heads of `head_dim` in place. cos/sin: [tokens, rotary_dim/2], already scaled.
void rope(Worker& worker, float* x, std::size_t tokens, std::size_t stride, std::size_t heads, std::size_t head_dim,
          std::size_t rotary_dim, const float* cos, const float* sin, RopeStyle style) noexcept;

/// y = silu(gate) * up, elementwise over n values.
void silu_mul(Worker& worker, const float* gate, const float* up, std::size_t n, float* y) noexcept;
/// y = gelu(x): exact (erf) or tanh approximation.
void gelu(Worker& worker, const float* x, std::size_t n, bool tanh_approximation, float* y) noexcept;
void gelu_mul(Worker& worker, const float* gate, const float* up, std::size_t n, bool tanh_approximation,
              float* y) noexcept;
void add(Worker& worker, const float* a, const float* b, std::size_t n, float* y) noexcept;

/// How keys and values are kept: float16, or 8 bits with one scale for each head's vector (half the memory and
/// traffic).
enum class KvType : std::uint8_t { f16, q8 };
/// Positions of a page, the unit in which caches are given memory and share it.
inline constexpr std::size_t kv_page_tokens = 32;
/// Bytes of the keys and values of one page, one layer, one key head.
[[nodiscard]] std::size_t kv_head_bytes(KvType type, std::size_t head_dim) noexcept;

/// Keys and values of one layer of one sequence, in pages that lie anywhere in a pool. Within a page heads follow each
/// other, and each keeps its keys by element, `[head_dim][kv_page_tokens]`, then its values by position,
/// `[kv_page_tokens][head_dim]` (then, of KvType::q8, the scales of keys and of values, float32).
struct KvView {
    KvType type = KvType::f16;
    std::byte* base = nullptr;             ///< this layer's part of the pool's first page
    std::size_t page_bytes = 0;            ///< from one page of the pool to the next
    const std::uint32_t* pages = nullptr;  ///< pages[i]: where the positions from i * kv_page_tokens on are
};
/// Writes `tokens` rows of k and v (float32, [tokens, kv_heads * head_dim]) at positions first…
void kv_store(Worker& worker, const KvView& cache, const float* k, const float* v, std::size_t stride,
              std::size_t tokens, std::size_t first, std::size_t kv_heads, std::size_t head_dim) noexcept;

struct AttentionArgs {
    const float* q = nullptr;  ///< [tokens, heads * head_dim]
    std::size_t q_stride = 0;
    std::size_t tokens = 0;
    std::size_t first = 0;  ///< position of the first query; query t sees positions 0 … first + t
    std::size_t heads = 0, kv_heads = 0, head_dim = 0;
    float scale = 0;         ///< usually 1/sqrt(head_dim)
    std::size_t window = 0;  ///< sliding window; 0: none
    float softcap = 0;       ///< 0: none
    KvView cache;
    float* out = nullptr;  ///< [tokens, heads * head_dim]
    std::size_t out_stride = 0;
};
/// Causal attention over the caches of several sequences, with an online softmax. Units of work are drawn from
/// `counter`, which is `worker.next_counter()`, taken by every member before the barrier in front of this call.
void attention(Worker& worker, std::span<const AttentionArgs> sequences, std::atomic<std::size_t>& counter) noexcept;

/// Bidirectional attention of an encoder over one sequence: q, k, v float32 [tokens, heads * head_dim]. `window`: the
/// farthest neighbour a token sees on either side; 0: all.
void encoder_attention(Worker& worker, const float* q, const float* k, const float* v, std::size_t stride,
                       std::size_t tokens, std::size_t heads, std::size_t head_dim, float scale, float* out,
                       std::size_t out_stride, std::size_t window = 0) noexcept;

/// Dot product and squared Euclidean distance of float vectors; for vector search. Pure.
[[nodiscard]] float dot(const float* a, const float* b, std::size_t n) noexcept;
[[nodiscard]] float squared_distance(const float* a, const float* b, std::size_t n) noexcept;

/// The instruction sets this machine has and Tenon can use.
enum class Isa : std::uint8_t { scalar, avx2, avx512, neon };
[[nodiscard]] std::span<const Isa> available_isas() noexcept;
[[nodiscard]] std::string_view isa_name(Isa isa) noexcept;
[[nodiscard]] Isa active_isa() noexcept;
/// For tests and benchmarks: before any Weight is prepared. False when the machine lacks it.
bool force_isa(Isa isa) noexcept;
/// One line of the CPU's features, for `tenon doctor`.
[[nodiscard]] std::string_view cpu_features() noexcept;

}  // namespace tenon::tensor
