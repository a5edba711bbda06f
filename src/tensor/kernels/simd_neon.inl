// Sixteen lanes in four NEON registers. Products of signed bytes, by the dot product instructions where the file that
// includes this is compiled for them (TENON_NEON_DOT), else by widening multiplies.
struct Simd {
    static constexpr Isa isa = Isa::neon;
    static constexpr TileWidths widths = few_kernels ? TileWidths{1, 4} : TileWidths{1, 2, 4, 6};
    static constexpr bool weights_first = false;
    static constexpr int attention_keys = 4;

    struct F {
        float32x4_t v[4];
    };
    struct Codes {
        int8x16_t v[4];
    };
    struct Acc {
        int32x4_t v[4];
    };

    template <class Op>
    TENON_INLINE static F map(Op op) noexcept {
        return {{op(0), op(1), op(2), op(3)}};
    }
    static F set(float x) noexcept {
        return map([&](int) TENON_INLINE { return vdupq_n_f32(x); });
    }
    static F load(const float* p) noexcept {
        return map([&](int i) TENON_INLINE { return vld1q_f32(p + 4 * i); });
    }
    static void store(float* p, const F& a) noexcept {
        for (int i = 0; i < 4; ++i) vst1q_f32(p + 4 * i, a.v[i]);
    }
    static F load_half(const std::uint16_t* p) noexcept {
        return map([&](int i) TENON_INLINE { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + 4 * i))); });
    }
    static F load_bf16(const std::uint16_t* p) noexcept {
        return map([&](int i) TENON_INLINE { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p + 4 * i), 16)); });
    }
    static void store_half(std::uint16_t* p, const F& a) noexcept {
        for (int i = 0; i < 4; ++i) vst1_u16(p + 4 * i, vreinterpret_u16_f16(vcvt_f16_f32(a.v[i])));
    }
    static F from_u8(uint8x16_t b) noexcept {
        const uint16x8_t low = vmovl_u8(vget_low_u8(b));
        const uint16x8_t high = vmovl_u8(vget_high_u8(b));
        return {{vcvtq_f32_u32(vmovl_u16(vget_low_u16(low))), vcvtq_f32_u32(vmovl_u16(vget_high_u16(low))),
                 vcvtq_f32_u32(vmovl_u16(vget_low_u16(high))), vcvtq_f32_u32(vmovl_u16(vget_high_u16(high)))}};
    }
    static F load_u8(const std::uint8_t* p) noexcept { return from_u8(vld1q_u8(p)); }
    static F load_s8(const std::uint8_t* p) noexcept {
        const int8x16_t b = vreinterpretq_s8_u8(vld1q_u8(p));
        const int16x8_t low = vmovl_s8(vget_low_s8(b));
        const int16x8_t high = vmovl_s8(vget_high_s8(b));
        return {{vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(low))),
                 vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(high)))}};
    }
    static F load_low4(const std::uint8_t* p) noexcept { return from_u8(vandq_u8(vld1q_u8(p), vdupq_n_u8(15))); }
    static F load_high4(const std::uint8_t* p) noexcept { return from_u8(vshrq_n_u8(vld1q_u8(p), 4)); }
    static F add(const F& a, const F& b) noexcept {
        return map([&](int i) TENON_INLINE { return vaddq_f32(a.v[i], b.v[i]); });
    }
    static F sub(const F& a, const F& b) noexcept {
        return map([&](int i) TENON_INLINE { return vsubq_f32(a.v[i], b.v[i]); });
    }
    static F mul(const F& a, const F& b) noexcept {
        return map([&](int i) TENON_INLINE { return vmulq_f32(a.v[i], b.v[i]); });
    }
    static F div(const F& a, const F& b) noexcept {
        return map([&](int i) TENON_INLINE { return vdivq_f32(a.v[i], b.v[i]); });
    }
    static F max(const F& a, const F& b) noexcept {
        return map([&](int i) TENON_INLINE { return vmaxq_f32(a.v[i], b.v[i]); });
    }
    static F fma(const F& a, const F& b, const F& c) noexcept {
        return map([&](int i) TENON_INLINE { return vfmaq_f32(c.v[i], a.v[i], b.v[i]); });
    }
    static F select_ge(const F& a, const F& b, const F& x, const F& y) noexcept {
        return map([&](int i) TENON_INLINE { return vbslq_f32(vcgeq_f32(a.v[i], b.v[i]), x.v[i], y.v[i]); });
    }
    static float sum(const F& a) noexcept {
        return vaddvq_f32(vaddq_f32(vaddq_f32(a.v[0], a.v[1]), vaddq_f32(a.v[2], a.v[3])));
    }
    static float peak(const F& a) noexcept {
        return vmaxvq_f32(vmaxq_f32(vmaxq_f32(a.v[0], a.v[1]), vmaxq_f32(a.v[2], a.v[3])));
    }
    static float32x4_t exp4(float32x4_t x) noexcept {
        const auto c = [&](float v) TENON_INLINE { return vdupq_n_f32(v); };
        const float32x4_t t = vmaxq_f32(vminq_f32(x, c(88.0F)), c(-87.0F));
        const float32x4_t n = vrndnq_f32(vmulq_f32(t, c(1.44269504088896341F)));
        float32x4_t r = vfmsq_f32(t, n, c(0.693359375F));
        r = vfmsq_f32(r, n, c(-2.12194440e-4F));
        float32x4_t p = c(1.9875691500e-4F);
        p = vfmaq_f32(c(1.3981999507e-3F), p, r);
        p = vfmaq_f32(c(8.3334519073e-3F), p, r);
        p = vfmaq_f32(c(4.1665795894e-2F), p, r);
        p = vfmaq_f32(c(1.6666665459e-1F), p, r);
        p = vfmaq_f32(c(5.0000001201e-1F), p, r);
        p = vfmaq_f32(vaddq_f32(r, c(1.0F)), p, vmulq_f32(r, r));
        return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(p), vshlq_n_s32(vcvtq_s32_f32(n), 23)));
    }
    static F exp(const F& x) noexcept {
        return map([&](int i) TENON_INLINE { return exp4(x.v[i]); });
    }

    template <int by>
    static uint8x16_t shift(uint8x16_t c) noexcept {
        if constexpr (by > 0) return vshlq_n_u8(c, by);
        if constexpr (by < 0) return vshrq_n_u8(c, -by);
        return c;
    }
    template <int by>
    static uint8x16_t field(const std::uint8_t* p, std::uint8_t m) noexcept {
        return vandq_u8(shift<by>(vld1q_u8(p)), vdupq_n_u8(m));
    }
    template <class Q, int j>
    static uint8x16_t quarter(const std::uint8_t* p) noexcept {
        if constexpr (Q::bits == 8) {
            return vld1q_u8(p + 64 * j);
        } else if constexpr (Q::bits <= 3) {
            const uint8x16_t two = field<-2 * (j % 4)>(p + 64 * (j / 4), 3);
            if constexpr (Q::bits == 2) return two;
            return vorrq_u8(two, field<2 - j>(p + 128, 4));
        } else {
            const uint8x16_t four = field<-4 * (j / 4)>(p + 64 * (j % 4), 15);
            if constexpr (Q::bits == 5) return vorrq_u8(four, field<4 - j>(p + 256, 16));
            if constexpr (Q::bits == 6) return vorrq_u8(four, field<4 - 2 * (j % 4)>(p + 256 + 64 * (j / 4), 48));
            if constexpr (Q::levels != Levels::even)
                return vqtbl1q_u8(vreinterpretq_u8_s8(vld1q_s8(Q::level_values)), four);
            return four;
        }
    }
    template <class Q, int j>
    static Codes codes(const std::uint8_t* p) noexcept {
        return {{vreinterpretq_s8_u8(quarter<Q, j>(p)), vreinterpretq_s8_u8(quarter<Q, j>(p + 16)),
                 vreinterpretq_s8_u8(quarter<Q, j>(p + 32)), vreinterpretq_s8_u8(quarter<Q, j>(p + 48))}};
    }
    template <class Q>
    static Acc start(std::int32_t minus_sum) noexcept {
        const int32x4_t v = vdupq_n_s32(Q::signed_codes ? 0 : minus_sum * Q::offset);
        return {{v, v, v, v}};
    }
    template <class Q, int j, int first, int last>
    static void dot(Acc& acc, const Codes& w, const std::int8_t* x) noexcept {
#if defined(TENON_NEON_DOT)
        const int8x16_t in = vld1q_s8(x - j % 4 * 4);
        for (int i = 0; i < 4; ++i) acc.v[i] = vdotq_laneq_s32(acc.v[i], w.v[i], in, j % 4);
#else
        std::int32_t four;
        std::memcpy(&four, x, 4);
        const int8x16_t in = vreinterpretq_s8_s32(vdupq_n_s32(four));
        for (int i = 0; i < 4; ++i) {
            const int32x4_t low = vpaddlq_s16(vmull_s8(vget_low_s8(w.v[i]), vget_low_s8(in)));
            const int32x4_t high = vpaddlq_s16(vmull_high_s8(w.v[i], in));
            acc.v[i] = vaddq_s32(acc.v[i], vpaddq_s32(low, high));
        }
#endif
    }
    template <class Q>
    static F finish(const Acc& acc, std::int32_t) noexcept {
        return map([&](int i) TENON_INLINE { return vcvtq_f32_s32(acc.v[i]); });
    }

    static void quantize32(const float* x, std::int8_t* q, float& d, std::int32_t& n0, std::int32_t& n1) noexcept {
        float32x4_t v[8];
        float32x4_t top4 = vdupq_n_f32(0);
        for (int i = 0; i < 8; ++i) {
            v[i] = vld1q_f32(x + 4 * i);
            top4 = vmaxq_f32(top4, vabsq_f32(v[i]));
        }
        const float top = vmaxvq_f32(top4);
        d = top / 127.0F;
        const float inverse = top != 0 ? 127.0F / top : 0.0F;
        std::int32_t sums[2] = {};
        for (int h = 0; h < 2; ++h) {
            int32x4_t c[4];
            for (int i = 0; i < 4; ++i) c[i] = vcvtnq_s32_f32(vmulq_n_f32(v[4 * h + i], inverse));
            sums[h] = vaddvq_s32(vaddq_s32(vaddq_s32(c[0], c[1]), vaddq_s32(c[2], c[3])));
            const int16x8_t low = vcombine_s16(vqmovn_s32(c[0]), vqmovn_s32(c[1]));
            const int16x8_t high = vcombine_s16(vqmovn_s32(c[2]), vqmovn_s32(c[3]));
            vst1q_s8(q + 16 * h, vcombine_s8(vqmovn_s16(low), vqmovn_s16(high)));
        }
        n0 = sums[0];
        n1 = sums[1];
    }
};
