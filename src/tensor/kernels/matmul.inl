// Matrix products over packed weights: 16 rows by a tile of T tokens at a time.

template <int n, class Body>
TENON_INLINE inline void unroll(Body body) noexcept {
    [&]<int... i>(std::integer_sequence<int, i...>)
        TENON_INLINE { (body(std::integral_constant<int, i>{}), ...); }(std::make_integer_sequence<int, n>{});
}

template <DType type_, int bits_, int group_, int offset_, bool has_min_, bool super_, Levels levels_ = Levels::even>
struct Quant {
    static constexpr DType type = type_;
    static constexpr int bits = bits_;
    static constexpr int group = group_;
    static constexpr int offset = offset_;
    static constexpr bool has_min = has_min_;
    static constexpr bool super = super_;
    static constexpr Levels levels = levels_;
    static constexpr const std::int8_t* level_values = levels_ == Levels::iq4 ? iq4_levels : mxfp4_levels;
    /// Signed bytes, where the instruction set has no better use for the offset.
    static constexpr bool signed_codes = bits_ == 8 || levels_ != Levels::even;
    static constexpr bool bf16_scale = levels_ == Levels::mxfp4;
    static constexpr std::size_t code_bytes = static_cast<std::size_t>(bits_) * 64;
    static constexpr std::size_t scale_bytes = !super_ ? 0 : group_ == 32 && !has_min_ ? 16 : 32;
};
using Q4_0 = Quant<DType::q4_0, 4, 32, 8, false, false>;
using Q4_1 = Quant<DType::q4_1, 4, 32, 0, true, false>;
using Q5_0 = Quant<DType::q5_0, 5, 32, 16, false, false>;
using Q5_1 = Quant<DType::q5_1, 5, 32, 0, true, false>;
using Q8_0 = Quant<DType::q8_0, 8, 32, 128, false, false>;
using Q2_K = Quant<DType::q2_k, 2, 16, 0, true, true>;
using Q3_K = Quant<DType::q3_k, 3, 16, 4, false, true>;
using Q4_K = Quant<DType::q4_k, 4, 32, 0, true, true>;
using Q5_K = Quant<DType::q5_k, 5, 32, 0, true, true>;
using Q6_K = Quant<DType::q6_k, 6, 16, 32, false, true>;
using IQ4_NL = Quant<DType::iq4_nl, 4, 32, 128, false, false, Levels::iq4>;
using IQ4_XS = Quant<DType::iq4_xs, 4, 32, 128, false, true, Levels::iq4>;
using MXFP4 = Quant<DType::mxfp4, 4, 32, 128, false, false, Levels::mxfp4>;
/// Every type that is written out to codes of 8 bits when packed.
using Wide = Quant<DType::iq2_xxs, 8, 16, 128, false, true>;
inline constexpr DType other_wide_types[] = {DType::iq2_xs, DType::iq2_s, DType::iq3_xxs, DType::iq3_s,
                                             DType::iq1_s,  DType::iq1_m, DType::tq1_0,   DType::tq2_0};

/// Writes 16 outputs of each token of the tile.
template <int T>
TENON_INLINE inline void finish_group(const MatmulCall& c, std::size_t group, const Simd::F (&out)[T]) noexcept {
    const std::size_t row = group * group_rows;
    if (row + group_rows <= c.weight->rows) {
        const Simd::F bias = c.bias != nullptr ? Simd::load(c.bias + row) : Simd::set(0.0F);
        unroll<T>([&](auto t) TENON_INLINE {
            if (static_cast<std::size_t>(t.value) < c.tokens) {
                float* y = c.y + static_cast<std::size_t>(t.value) * c.y_stride + row;
                Simd::F v = Simd::add(out[t.value], bias);
                if (c.accumulate) v = Simd::add(v, Simd::load(y));
                Simd::store(y, v);
            }
        });
        return;
    }
    float lanes[T][group_rows];
    unroll<T>([&](auto t) TENON_INLINE { Simd::store(lanes[t.value], out[t.value]); });
    for (std::size_t t = 0; t < c.tokens; ++t)
        for (std::size_t r = row; r < c.weight->rows; ++r) {
            float& y = c.y[t * c.y_stride + r];
            y = lanes[t][r - row] + (c.bias != nullptr ? c.bias[r] : 0.0F) + (c.accumulate ? y : 0.0F);
        }
}

/// The scale and minimum of half `h` of a block of 32 columns.
template <class Q>
TENON_INLINE inline void block_scale(int h, const std::uint8_t* s, Simd::F d, Simd::F dmin, Simd::F& scale,
                                     Simd::F& low) noexcept {
    if constexpr (!Q::super) {
        scale = d;
        low = dmin;
    } else if constexpr (Q::bits == 2) {
        scale = Simd::mul(d, Simd::load_low4(s + 16 * h));
        low = Simd::mul(dmin, Simd::load_high4(s + 16 * h));
    } else if constexpr (Q::has_min) {
        scale = Simd::mul(d, Simd::load_u8(s));
        low = Simd::mul(dmin, Simd::load_u8(s + 16));
    } else {
        scale = Simd::mul(d, Simd::load_s8(s + 16 * h));
        low = d;
    }
}

/// Bytes between what is computed and what is fetched from memory.
inline constexpr std::size_t read_ahead = 4096;

template <class Q, int T>
void matmul_quantised(const MatmulCall& c) noexcept {
    constexpr int halves = 32 / Q::group;
    constexpr int chunks = Q::group / 4;
    constexpr std::size_t inner = Q::super ? 8 : 1;
    const PackedMatrix& w = *c.weight;
    const std::size_t outer = w.columns / (32 * inner);
    constexpr int lines = static_cast<int>(Q::code_bytes / 64) + 1;
    const std::size_t step = w.group_bytes / (outer * inner);
    for (std::size_t group = c.first_group; group < c.last_group; ++group) {
        const std::uint8_t* base = w.data + group * w.group_bytes;
        const std::uint8_t* codes = base + w.codes_offset;
        const std::uint8_t* scales = base + w.scales_offset;
        const auto* halfs = reinterpret_cast<const std::uint16_t*>(base);
        const std::uint8_t* ahead = base + read_ahead;
        const std::int8_t* xq = c.quantised.q;
        const float* xd = c.quantised.d;
        const float* xs = Q::group == 32 ? c.quantised.s : c.quantised.s2;
        const std::int32_t* xn = Q::group == 32 ? c.quantised.n : c.quantised.n2;
        Simd::F out[T];
        unroll<T>([&](auto t) TENON_INLINE { out[t.value] = Simd::set(0.0F); });
        for (std::size_t o = 0; o < outer; ++o) {
            Simd::F d;
            if constexpr (Q::bf16_scale)
                d = Simd::load_bf16(halfs);
            else
                d = Simd::load_half(halfs);
            if constexpr (Q::bits == 8 && Q::super) d = Simd::mul(d, Simd::set(w.factor));
            Simd::F dmin = d;
            if constexpr (Q::has_min) dmin = Simd::load_half(halfs + 16);
            if constexpr (Q::has_min && Q::super) dmin = Simd::sub(Simd::set(0.0F), dmin);
            halfs += Q::has_min ? 32 : 16;
            for (std::size_t b = 0; b < inner; ++b) {
                if constexpr (T <= 4) {  // bound by memory, which the processor alone does not keep busy
                    unroll<lines>([&](auto i) TENON_INLINE { __builtin_prefetch(ahead + i.value * 64); });
                    ahead += step;
                }
                unroll<halves>([&](auto h) TENON_INLINE {
                    constexpr int first = h.value * chunks;
                    constexpr int last = first + chunks - 1;
                    Simd::F scale, low;
                    block_scale<Q>(h.value, scales, d, dmin, scale, low);
                    const auto add_token = [&](auto t, const Simd::Acc& acc) TENON_INLINE {
                        const Simd::F v = Simd::finish<Q>(acc, xn[t.value]);
                        out[t.value] = Simd::fma(v, Simd::mul(scale, Simd::set(xd[t.value])), out[t.value]);
                        if constexpr (Q::has_min) out[t.value] = Simd::fma(low, Simd::set(xs[t.value]), out[t.value]);
                    };
                    if constexpr (Simd::weights_first) {
                        Simd::Codes chunk[chunks];
                        unroll<chunks>([&](auto j)
                                           TENON_INLINE { chunk[j.value] = Simd::codes<Q, first + j.value>(codes); });
                        unroll<T>([&](auto t) TENON_INLINE {
                            Simd::Acc acc = Simd::start<Q>(xn[t.value]);
                            unroll<chunks>([&](auto j) TENON_INLINE {
                                Simd::dot<Q, first + j.value, first, last>(acc, chunk[j.value],
                                                                           xq + t.value * 32 + (first + j.value) * 4);
                            });
                            add_token(t, acc);
                        });
                    } else {
                        Simd::Acc acc[T];
                        unroll<T>([&](auto t) TENON_INLINE { acc[t.value] = Simd::start<Q>(xn[t.value]); });
                        unroll<chunks>([&](auto j) TENON_INLINE {
                            const Simd::Codes chunk = Simd::codes<Q, first + j.value>(codes);
                            unroll<T>([&](auto t) TENON_INLINE {
                                Simd::dot<Q, first + j.value, first, last>(acc[t.value], chunk,
                                                                           xq + t.value * 32 + (first + j.value) * 4);
                            });
                        });
                        unroll<T>([&](auto t) TENON_INLINE { add_token(t, acc[t.value]); });
                    }
                    xn += T;
                    xs += T;
                });
                codes += Q::code_bytes;
                scales += Q::scale_bytes;
                xq += 32 * T;
                xd += T;
            }
        }
        finish_group<T>(c, group, out);
    }
}

template <DType type, int T>
void matmul_float(const MatmulCall& c) noexcept {
    const PackedMatrix& w = *c.weight;
    for (std::size_t group = c.first_group; group < c.last_group; ++group) {
        const std::uint8_t* data = w.data + group * w.group_bytes;
        const float* x = c.floats;
        Simd::F out[T];
        unroll<T>([&](auto t) TENON_INLINE { out[t.value] = Simd::set(0.0F); });
        for (std::size_t i = 0; i < w.columns; ++i) {
            Simd::F v;
            if constexpr (type == DType::f32) v = Simd::load(reinterpret_cast<const float*>(data));
            if constexpr (type == DType::f16) v = Simd::load_half(reinterpret_cast<const std::uint16_t*>(data));
            if constexpr (type == DType::bf16) v = Simd::load_bf16(reinterpret_cast<const std::uint16_t*>(data));
            data += type == DType::f32 ? 64 : 32;
            unroll<T>([&](auto t) TENON_INLINE { out[t.value] = Simd::fma(v, Simd::set(x[t.value]), out[t.value]); });
            x += T;
        }
        finish_group<T>(c, group, out);
    }
}

void quantize_tile(const float* x, std::size_t stride, std::size_t tokens, std::size_t width, std::size_t first,
                   std::size_t last, const QuantTile& tile) noexcept {
    for (std::size_t b = first; b < last; ++b)
        for (std::size_t t = 0; t < width; ++t) {
            const std::size_t at = b * width + t;
            float d = 0;
            std::int32_t n0 = 0;
            std::int32_t n1 = 0;
            if (t < tokens)
                Simd::quantize32(x + t * stride + b * 32, tile.q + at * 32, d, n0, n1);
            else
                std::memset(tile.q + at * 32, 0, 32);
            tile.d[at] = d;
            tile.n[at] = -(n0 + n1);
            tile.s[at] = d * static_cast<float>(n0 + n1);
            const std::size_t half = 2 * b * width + t;
            tile.n2[half] = -n0;
            tile.n2[half + width] = -n1;
            tile.s2[half] = d * static_cast<float>(n0);
            tile.s2[half + width] = d * static_cast<float>(n1);
        }
}

template <class... Q>
void register_quantised(KernelTable& table) noexcept {
    unroll<static_cast<int>(tile_widths)>([&](auto i) {
        if constexpr (i.value < static_cast<int>(Simd::widths.size())) {
            constexpr int T = Simd::widths[i.value];
            if constexpr (T > 0) {
                ((table.matmul[static_cast<std::size_t>(Q::type)][i.value] = matmul_quantised<Q, T>), ...);
                table.matmul[static_cast<std::size_t>(DType::f32)][i.value] = matmul_float<DType::f32, T>;
                table.matmul[static_cast<std::size_t>(DType::f16)][i.value] = matmul_float<DType::f16, T>;
                table.matmul[static_cast<std::size_t>(DType::bf16)][i.value] = matmul_float<DType::bf16, T>;
            }
        }
    });
    for (const DType type : other_wide_types)
        table.matmul[static_cast<std::size_t>(type)] = table.matmul[static_cast<std::size_t>(Wide::type)];
}
