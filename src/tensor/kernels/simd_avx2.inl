// Sixteen lanes in two AVX2 registers. Products by maddubs, which adds pairs in 16 bits: codes of up to 4 bits may be
// summed over 8 chunks before they are widened, of 5 over 4, of 6 over 2. Signed codes (of 8 bits, levels looked up)
// take the sign trick.
struct Simd {
    static constexpr Isa isa = Isa::avx2;
    static constexpr TileWidths widths = few_kernels ? TileWidths{1, 4} : TileWidths{1, 2, 4, 6};
    static constexpr bool weights_first = false;
    static constexpr int attention_keys = 4;

    struct F {
        __m256 a, b;
    };
    struct Codes {
        __m256i a, b;
    };
    struct Acc {
        __m256i a, b;    // pairs in 16 bits
        __m256i wa, wb;  // 32 bits
    };

    static F set(float x) noexcept {
        const __m256 v = _mm256_set1_ps(x);
        return {v, v};
    }
    static F load(const float* p) noexcept { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
    static void store(float* p, F x) noexcept {
        _mm256_storeu_ps(p, x.a);
        _mm256_storeu_ps(p + 8, x.b);
    }
    static __m128i bytes(const void* p) noexcept { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
    static F load_half(const std::uint16_t* p) noexcept {
        return {_mm256_cvtph_ps(bytes(p)), _mm256_cvtph_ps(bytes(p + 8))};
    }
    static F load_bf16(const std::uint16_t* p) noexcept {
        return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bytes(p)), 16)),
                _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bytes(p + 8)), 16))};
    }
    static void store_half(std::uint16_t* p, F x) noexcept {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(x.a, _MM_FROUND_TO_NEAREST_INT));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(p + 8), _mm256_cvtps_ph(x.b, _MM_FROUND_TO_NEAREST_INT));
    }
    static F from_u8(__m128i v) noexcept {
        return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(v)),
                _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(v, 8)))};
    }
    static F load_u8(const std::uint8_t* p) noexcept { return from_u8(bytes(p)); }
    static F load_s8(const std::uint8_t* p) noexcept {
        const __m128i v = bytes(p);
        return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(v)),
                _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(v, 8)))};
    }
    static F load_low4(const std::uint8_t* p) noexcept { return from_u8(_mm_and_si128(bytes(p), _mm_set1_epi8(15))); }
    static F load_high4(const std::uint8_t* p) noexcept {
        return from_u8(_mm_and_si128(_mm_srli_epi16(bytes(p), 4), _mm_set1_epi8(15)));
    }
    static F add(F x, F y) noexcept { return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
    static F sub(F x, F y) noexcept { return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
    static F mul(F x, F y) noexcept { return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
    static F div(F x, F y) noexcept { return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
    static F max(F x, F y) noexcept { return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
    static F fma(F x, F y, F z) noexcept { return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)}; }
    static F select_ge(F p, F q, F x, F y) noexcept {
        return {_mm256_blendv_ps(y.a, x.a, _mm256_cmp_ps(p.a, q.a, _CMP_GE_OQ)),
                _mm256_blendv_ps(y.b, x.b, _mm256_cmp_ps(p.b, q.b, _CMP_GE_OQ))};
    }
    static float sum(F x) noexcept {
        const __m256 v = _mm256_add_ps(x.a, x.b);
        __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
        s = _mm_add_ps(s, _mm_movehl_ps(s, s));
        return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
    }
    static float peak(F x) noexcept {
        const __m256 v = _mm256_max_ps(x.a, x.b);
        __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
        s = _mm_max_ps(s, _mm_movehl_ps(s, s));
        return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
    }
    static __m256 exp8(__m256 x) noexcept {
        const auto c = [&](float v) TENON_INLINE { return _mm256_set1_ps(v); };
        const __m256 t = _mm256_max_ps(_mm256_min_ps(x, c(88.0F)), c(-87.0F));
        const __m256 n = _mm256_round_ps(_mm256_mul_ps(t, c(1.44269504088896341F)), _MM_FROUND_TO_NEAREST_INT);
        __m256 r = _mm256_fnmadd_ps(n, c(0.693359375F), t);
        r = _mm256_fnmadd_ps(n, c(-2.12194440e-4F), r);
        __m256 p = c(1.9875691500e-4F);
        p = _mm256_fmadd_ps(p, r, c(1.3981999507e-3F));
        p = _mm256_fmadd_ps(p, r, c(8.3334519073e-3F));
        p = _mm256_fmadd_ps(p, r, c(4.1665795894e-2F));
        p = _mm256_fmadd_ps(p, r, c(1.6666665459e-1F));
        p = _mm256_fmadd_ps(p, r, c(5.0000001201e-1F));
        p = _mm256_fmadd_ps(p, _mm256_mul_ps(r, r), _mm256_add_ps(r, c(1.0F)));
        return _mm256_castsi256_ps(
            _mm256_add_epi32(_mm256_castps_si256(p), _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23)));
    }
    static F exp(F x) noexcept { return {exp8(x.a), exp8(x.b)}; }

    static Codes plane(const std::uint8_t* p) noexcept {
        return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)),
                _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32))};
    }
    template <int by>
    static __m256i shift(__m256i c) noexcept {
        if constexpr (by > 0) return _mm256_slli_epi16(c, by);
        if constexpr (by < 0) return _mm256_srli_epi16(c, -by);
        return c;
    }
    template <int by>
    static Codes field(Codes c, char m) noexcept {
        const __m256i mask = _mm256_set1_epi8(m);
        return {_mm256_and_si256(shift<by>(c.a), mask), _mm256_and_si256(shift<by>(c.b), mask)};
    }
    static Codes merge(Codes x, Codes y) noexcept { return {_mm256_or_si256(x.a, y.a), _mm256_or_si256(x.b, y.b)}; }
    template <class Q, int j>
    static Codes codes(const std::uint8_t* p) noexcept {
        if constexpr (Q::bits == 8) {
            return plane(p + 64 * j);
        } else if constexpr (Q::bits <= 3) {
            const Codes two = field<-2 * (j % 4)>(plane(p + 64 * (j / 4)), 3);
            if constexpr (Q::bits == 2) return two;
            return merge(two, field<2 - j>(plane(p + 128), 4));
        } else {
            const Codes four = field<-4 * (j / 4)>(plane(p + 64 * (j % 4)), 15);
            if constexpr (Q::bits == 5) return merge(four, field<4 - j>(plane(p + 256), 16));
            if constexpr (Q::bits == 6) return merge(four, field<4 - 2 * (j % 4)>(plane(p + 256 + 64 * (j / 4)), 48));
            if constexpr (Q::levels != Levels::even) {
                const __m256i levels = _mm256_broadcastsi128_si256(bytes(Q::level_values));
                return {_mm256_shuffle_epi8(levels, four.a), _mm256_shuffle_epi8(levels, four.b)};
            }
            return four;
        }
    }
    template <class Q>
    static constexpr int chunks_before_widening = Q::bits == 8 || Q::levels == Levels::iq4 ? 1
                                                  : Q::bits <= 4                           ? 8
                                                  : Q::bits == 5                           ? 4
                                                                                           : 2;
    template <class Q>
    static Acc start(std::int32_t minus_sum) noexcept {
        const __m256i zero = _mm256_setzero_si256();
        const __m256i wide = Q::signed_codes || Q::offset == 0 ? zero : _mm256_set1_epi32(minus_sum * Q::offset);
        return {zero, zero, wide, wide};
    }
    static void widen(__m256i& pairs, __m256i& wide) noexcept {
        wide = _mm256_add_epi32(wide, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    }
    template <class Q, int j, int first, int last>
    static void dot(Acc& acc, Codes w, const std::int8_t* x) noexcept {
        std::int32_t four;
        std::memcpy(&four, x, 4);
        const __m256i in = _mm256_set1_epi32(four);
        constexpr int every = chunks_before_widening<Q>;
        const auto pairs = [&](__m256i codes) TENON_INLINE {
            if constexpr (Q::signed_codes)
                return _mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(in, codes));
            else
                return _mm256_maddubs_epi16(codes, in);
        };
        const __m256i pa = pairs(w.a);
        const __m256i pb = pairs(w.b);
        acc.a = (j - first) % every == 0 ? pa : _mm256_add_epi16(acc.a, pa);
        acc.b = (j - first) % every == 0 ? pb : _mm256_add_epi16(acc.b, pb);
        if constexpr ((j - first) % every == every - 1 || j == last) {
            widen(acc.a, acc.wa);
            widen(acc.b, acc.wb);
        }
    }
    template <class Q>
    static F finish(const Acc& acc, std::int32_t) noexcept {
        return {_mm256_cvtepi32_ps(acc.wa), _mm256_cvtepi32_ps(acc.wb)};
    }

    static std::int32_t sum_int(__m256i v) noexcept {
        __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
        s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4E));
        return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xB1)));
    }
    static void quantize32(const float* x, std::int8_t* q, float& d, std::int32_t& n0, std::int32_t& n1) noexcept {
        const __m256 sign = _mm256_set1_ps(-0.0F);
        const F a = load(x);
        const F b = load(x + 16);
        const float top = peak({_mm256_max_ps(_mm256_andnot_ps(sign, a.a), _mm256_andnot_ps(sign, a.b)),
                                _mm256_max_ps(_mm256_andnot_ps(sign, b.a), _mm256_andnot_ps(sign, b.b))});
        d = top / 127.0F;
        const __m256 inverse = _mm256_set1_ps(top != 0 ? 127.0F / top : 0.0F);
        const __m256i i0 = _mm256_cvtps_epi32(_mm256_mul_ps(a.a, inverse));
        const __m256i i1 = _mm256_cvtps_epi32(_mm256_mul_ps(a.b, inverse));
        const __m256i i2 = _mm256_cvtps_epi32(_mm256_mul_ps(b.a, inverse));
        const __m256i i3 = _mm256_cvtps_epi32(_mm256_mul_ps(b.b, inverse));
        const __m256i packed = _mm256_packs_epi16(_mm256_packs_epi32(i0, i1), _mm256_packs_epi32(i2, i3));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(q),
                            _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)));
        n0 = sum_int(_mm256_add_epi32(i0, i1));
        n1 = sum_int(_mm256_add_epi32(i2, i3));
    }
};
