// What every instruction set implements, and the data the implementations share.
//
// Packed matrices hold 16 rows side by side (a row group), so that one SIMD register carries 16 outputs and sums never
// run across a register. A group of a quantised type is three streams, d first and
// codes last, so that reading ahead along the group brings in the scales before their codes:
//   codes   for each 32 columns: chunks of 4 columns; in a plane of 64 bytes, byte 4*row + column%4
//             4-bit part: plane i holds chunk i in its low nibbles and chunk i+4 in its high ones (4 planes)
//             2-bit part: plane i holds chunk 4i+k in bits 2k, 2k+1 (2 planes)
//             1-bit part: bit j belongs to chunk j (1 plane)
//             8 bits: plane j is chunk j, signed (8 planes)
//           a code of 5 bits is 4-bit then 1-bit, of 6 4-bit then 2-bit, of 3 2-bit then 1-bit
//   scales  super-blocks only, for each 32 columns: 16 scales then 16 mins (Q4_K, Q5_K); 16 scales for each half
//           (Q3_K, Q6_K and the IQ types written out to 8 bits); the same with the min in the high nibble (Q2_K);
//           16 scales (IQ4_XS)
//   d       for each 32 (super-blocks: 256) columns: 16 float16 (MXFP4: bfloat16), then 16 more where the type stores a
//           minimum
// A group of a float type is, for each column, its 16 elements. Rows past the end are zero.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tenon/tensor/dtype.hpp"
#include "tenon/tensor/ops.hpp"

namespace tenon::tensor {

inline constexpr std::size_t group_rows = 16;

/// What a code stands for: itself less an offset, or one of sixteen signed levels.
enum class Levels { even, iq4, mxfp4 };

struct PackedMatrix {
    DType type = DType::f32;
    std::size_t rows = 0, columns = 0;
    std::size_t group_bytes = 0;
    std::size_t scales_offset = 0, codes_offset = 0;  ///< of the streams within a group; d is at 0
    float factor = 1.0F;                              ///< of every d (types written out to 8 bits)
    const std::uint8_t* data = nullptr;               ///< 64-byte aligned
    [[nodiscard]] std::size_t groups() const noexcept { return (rows + group_rows - 1) / group_rows; }
};

/// Up to `width` tokens of input, quantised to 8 bits with a scale for each 32 columns. Every array is [block][width]
/// (q: with 32 codes each, n2 and s2: with the two halves outermost). Tokens past the last are zero.
struct QuantTile {
    std::int8_t* q = nullptr;
    float* d = nullptr;         ///< value = d * code
    float* s = nullptr;         ///< d * sum of the 32 codes
    std::int32_t* n = nullptr;  ///< minus the sum of the 32 codes
    float* s2 = nullptr;        ///< as s and n for 16 columns each
    std::int32_t* n2 = nullptr;
};

struct MatmulCall {
    const PackedMatrix* weight = nullptr;
    std::size_t first_group = 0, last_group = 0;
    QuantTile quantised;            ///< for quantised weights
    const float* floats = nullptr;  ///< for float weights: [column][width]
    std::size_t tokens = 0;         ///< of the tile's width, those that exist
    float* y = nullptr;             ///< of the tile's first token
    std::size_t y_stride = 0;
    const float* bias = nullptr;
    bool accumulate = false;
};
using Matmul = void (*)(const MatmulCall&) noexcept;

/// Rows of queries that share one kv head: row i is token i / group, head i % group of the kv head's.
struct AttentionUnit {
    const AttentionArgs* args = nullptr;
    std::size_t kv_head = 0;
    std::size_t first_row = 0, rows = 0;  ///< rows <= 16
};

/// One page of one key head of one layer, taken apart (see KvView).
struct KvHead {
    std::byte* keys = nullptr;
    std::byte* values = nullptr;
    float* key_scales = nullptr;  ///< KvType::q8 only, likewise the next
    float* value_scales = nullptr;

    KvHead(const KvView& view, std::size_t page, std::size_t head, std::size_t head_dim) noexcept {
        const std::size_t plane = kv_page_tokens * head_dim * (view.type == KvType::f16 ? 2 : 1);
        keys = view.base + view.pages[page] * view.page_bytes + head * kv_head_bytes(view.type, head_dim);
        values = keys + plane;
        if (view.type == KvType::f16) return;
        key_scales = reinterpret_cast<float*>(values + plane);
        value_scales = key_scales + kv_page_tokens;
    }
};

inline constexpr std::size_t tile_widths = 6;
// Checked by a sanitizer, wide kernels take minutes to compile and show nothing that narrow ones do not.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool few_kernels = true;
#else
inline constexpr bool few_kernels = false;
#endif
using TileWidths = std::array<std::uint8_t, tile_widths>;

struct KernelTable {
    Isa isa = Isa::scalar;
    TileWidths widths{};  ///< ascending; 0 ends the list
    std::array<std::array<Matmul, tile_widths>, dtype_count> matmul{};
    /// Quantises blocks [first, last) of `tokens` rows of x into a tile of `width`.
    void (*quantize_tile)(const float* x, std::size_t stride, std::size_t tokens, std::size_t width, std::size_t first,
                          std::size_t last, const QuantTile& tile) noexcept = nullptr;
    void (*rms_norm)(const float* x, std::size_t n, const float* weight, float epsilon, float* y) noexcept = nullptr;
    void (*layer_norm)(const float* x, std::size_t n, const float* weight, const float* bias, float epsilon,
                       float* y) noexcept = nullptr;
    void (*rope_half)(float* head, std::size_t half, const float* cos, const float* sin) noexcept = nullptr;
    void (*silu_mul)(const float* gate, const float* up, std::size_t n, float* y) noexcept = nullptr;
    /// y = gelu(x) (* up unless null).
    void (*gelu)(const float* x, const float* up, std::size_t n, bool tanh_approximation, float* y) noexcept = nullptr;
    void (*add)(const float* a, const float* b, std::size_t n, float* y) noexcept = nullptr;
    float (*dot)(const float* a, const float* b, std::size_t n) noexcept = nullptr;
    float (*squared_distance)(const float* a, const float* b, std::size_t n) noexcept = nullptr;
    /// Writes the keys and values of one head of one position: k and v are head_dim float32.
    void (*kv_store)(KvType type, const KvHead& head, std::size_t head_dim, std::size_t slot, const float* k,
                     const float* v) noexcept = nullptr;
    /// Need head_dim % 16 == 0 and head_dim <= max_head_dim. `attend_few` is for a handful of rows.
    void (*attend)(const AttentionUnit& unit) noexcept = nullptr;
    void (*attend_few)(const AttentionUnit& unit) noexcept = nullptr;
    /// Encoder attention of one head for queries [first, first + rows), rows <= 16.
    void (*attend_all)(const float* q, const float* k, const float* v, std::size_t stride, std::size_t tokens,
                       std::size_t first, std::size_t rows, std::size_t head_dim, float scale, float* out,
                       std::size_t out_stride) noexcept = nullptr;
};
inline constexpr std::size_t max_head_dim = 256;

[[nodiscard]] const KernelTable& scalar_kernels() noexcept;
[[nodiscard]] const KernelTable& avx2_kernels() noexcept;      ///< x86-64 only
[[nodiscard]] const KernelTable& avx512_kernels() noexcept;    ///< x86-64 only
[[nodiscard]] const KernelTable& neon_kernels() noexcept;      ///< AArch64 only
[[nodiscard]] const KernelTable& neon_dot_kernels() noexcept;  ///< AArch64 only
/// The table in use.
[[nodiscard]] const KernelTable& kernels() noexcept;

}  // namespace tenon::tensor
