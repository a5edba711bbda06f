// Sixteen lanes in one AVX-512 register; products by VNNI (unsigned codes times signed input).
struct Simd {
    static constexpr Isa isa = Isa::avx512;
    static constexpr TileWidths widths = few_kernels ? TileWidths{1, 4} : TileWidths{1, 2, 4, 8, 12, 16};
    static constexpr bool weights_first = true;  ///< hold the codes of a sub-block in registers, then go over tokens
    static constexpr int attention_keys = 16;

    using F = __m512;
    using Codes = __m512i;
    using Acc = __m512i;

    static F set(float x) noexcept { return _mm512_set1_ps(x); }
    static F load(const float* p) noexcept { return _mm512_loadu_ps(p); }
    static void store(float* p, F a) noexcept { _mm512_storeu_ps(p, a); }
    static F load_half(const std::uint16_t* p) noexcept {
        return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    }
    static F load_bf16(const std::uint16_t* p) noexcept {
        const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
        return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
    }
    static void store_half(std::uint16_t* p, F a) noexcept {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
    }
    static __m128i bytes(const std::uint8_t* p) noexcept {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    }
    static F load_u8(const std::uint8_t* p) noexcept { return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes(p))); }
    static F load_s8(const std::uint8_t* p) noexcept { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes(p))); }
    static F load_low4(const std::uint8_t* p) noexcept {
        return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_and_si128(bytes(p), _mm_set1_epi8(15))));
    }
    static F load_high4(const std::uint8_t* p) noexcept {
        return _mm512_cvtepi32_ps(_mm512_srli_epi32(_mm512_cvtepu8_epi32(bytes(p)), 4));
    }
    static F add(F a, F b) noexcept { return _mm512_add_ps(a, b); }
    static F sub(F a, F b) noexcept { return _mm512_sub_ps(a, b); }
    static F mul(F a, F b) noexcept { return _mm512_mul_ps(a, b); }
    static F div(F a, F b) noexcept { return _mm512_div_ps(a, b); }
    static F max(F a, F b) noexcept { return _mm512_max_ps(a, b); }
    static F fma(F a, F b, F c) noexcept { return _mm512_fmadd_ps(a, b, c); }
    static F select_ge(F a, F b, F x, F y) noexcept {
        return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_GE_OQ), y, x);
    }
    static float sum(F a) noexcept { return _mm512_reduce_add_ps(a); }
    static float peak(F a) noexcept { return _mm512_reduce_max_ps(a); }
    static F exp(F x) noexcept {
        const F t = _mm512_max_ps(_mm512_min_ps(x, set(88.0F)), set(-87.0F));
        const F n = _mm512_roundscale_ps(_mm512_mul_ps(t, set(1.44269504088896341F)), _MM_FROUND_TO_NEAREST_INT);
        F r = _mm512_fnmadd_ps(n, set(0.693359375F), t);
        r = _mm512_fnmadd_ps(n, set(-2.12194440e-4F), r);
        F p = set(1.9875691500e-4F);
        p = fma(p, r, set(1.3981999507e-3F));
        p = fma(p, r, set(8.3334519073e-3F));
        p = fma(p, r, set(4.1665795894e-2F));
        p = fma(p, r, set(1.6666665459e-1F));
        p = fma(p, r, set(5.0000001201e-1F));
        p = fma(p, _mm512_mul_ps(r, r), _mm512_add_ps(r, set(1.0F)));
        return _mm512_scalef_ps(p, n);
    }

    static Codes plane(const std::uint8_t* p) noexcept { return _mm512_loadu_si512(p); }
    template <int by>
    static Codes shift(Codes c) noexcept {
        if constexpr (by > 0) return _mm512_slli_epi16(c, static_cast<unsigned>(by));
        if constexpr (by < 0) return _mm512_srli_epi16(c, static_cast<unsigned>(-by));
        return c;
    }
    static Codes mask(Codes c, char m) noexcept { return _mm512_and_si512(c, _mm512_set1_epi8(m)); }
    static Codes merge(Codes low, Codes high, char m) noexcept {
        return _mm512_ternarylogic_epi64(low, high, _mm512_set1_epi8(m), 0xF8);  // low | (high & m)
    }
    /// Levels looked up and lifted by 128 to be unsigned.
    template <class Q>
    static Codes levels(Codes four) noexcept {
        const __m128i signed_levels = _mm_loadu_si128(reinterpret_cast<const __m128i*>(Q::level_values));
        const __m128i lifted = _mm_xor_si128(signed_levels, _mm_set1_epi8(static_cast<char>(0x80)));
        return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(lifted), four);
    }
    template <class Q, int j>
    static Codes codes(const std::uint8_t* p) noexcept {
        if constexpr (Q::bits == 8) {
            return _mm512_xor_si512(plane(p + 64 * j), _mm512_set1_epi8(static_cast<char>(0x80)));
        } else if constexpr (Q::bits <= 3) {
            const Codes two = mask(shift<-2 * (j % 4)>(plane(p + 64 * (j / 4))), 3);
            if constexpr (Q::bits == 2) return two;
            return merge(two, shift<2 - j>(plane(p + 128)), 4);
        } else {
            const Codes four = mask(shift<-4 * (j / 4)>(plane(p + 64 * (j % 4))), 15);
            if constexpr (Q::bits == 5) return merge(four, shift<4 - j>(plane(p + 256)), 16);
            if constexpr (Q::bits == 6) return merge(four, shift<4 - 2 * (j % 4)>(plane(p + 256 + 64 * (j / 4))), 48);
            if constexpr (Q::levels != Levels::even) return levels<Q>(four);
            return four;
        }
    }
    template <class Q>
    static Acc start(std::int32_t minus_sum) noexcept {
        if constexpr (Q::offset == 0) return _mm512_setzero_si512();
        return _mm512_slli_epi32(_mm512_set1_epi32(minus_sum), std::countr_zero(static_cast<unsigned>(Q::offset)));
    }
    template <class Q, int j, int first, int last>
    static void dot(Acc& acc, Codes w, const std::int8_t* x) noexcept {
        std::int32_t four;
        std::memcpy(&four, x, 4);
        acc = _mm512_dpbusd_epi32(acc, w, _mm512_set1_epi32(four));
    }
    template <class Q>
    static F finish(Acc acc, std::int32_t) noexcept {
        return _mm512_cvtepi32_ps(acc);
    }

    static void quantize32(const float* x, std::int8_t* q, float& d, std::int32_t& n0, std::int32_t& n1) noexcept {
        const F a = load(x);
        const F b = load(x + 16);
        const float top = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(a), _mm512_abs_ps(b)));
        d = top / 127.0F;
        const F inverse = set(top != 0 ? 127.0F / top : 0.0F);
        const __m512i ia = _mm512_cvtps_epi32(_mm512_mul_ps(a, inverse));
        const __m512i ib = _mm512_cvtps_epi32(_mm512_mul_ps(b, inverse));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(q), _mm512_cvtsepi32_epi8(ia));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(q + 16), _mm512_cvtsepi32_epi8(ib));
        n0 = _mm512_reduce_add_epi32(ia);
        n1 = _mm512_reduce_add_epi32(ib);
    }
};
