// Sixteen lanes in plain C++: the reference that every other instruction set is tested against.
struct Simd {
    static constexpr Isa isa = Isa::scalar;
    static constexpr TileWidths widths{1, 4};
    static constexpr bool weights_first = false;
    static constexpr int attention_keys = 4;

    struct F {
        float v[16];
    };
    struct Codes {
        std::uint8_t v[64];
    };
    struct Acc {
        std::int32_t v[16];
    };

    template <class Op>
    static F map(Op op) noexcept {
        F r;
        for (int i = 0; i < 16; ++i) r.v[i] = op(i);
        return r;
    }
    static F set(float x) noexcept {
        return map([&](int) { return x; });
    }
    static F load(const float* p) noexcept {
        return map([&](int i) { return p[i]; });
    }
    static void store(float* p, const F& a) noexcept { std::memcpy(p, a.v, sizeof a.v); }
    static F load_half(const std::uint16_t* p) noexcept {
        return map([&](int i) { return f16_to_f32(p[i]); });
    }
    static F load_bf16(const std::uint16_t* p) noexcept {
        return map([&](int i) { return bf16_to_f32(p[i]); });
    }
    static void store_half(std::uint16_t* p, const F& a) noexcept {
        for (int i = 0; i < 16; ++i) p[i] = f32_to_f16(a.v[i]);
    }
    static F load_u8(const std::uint8_t* p) noexcept {
        return map([&](int i) { return static_cast<float>(p[i]); });
    }
    static F load_s8(const std::uint8_t* p) noexcept {
        return map([&](int i) { return static_cast<float>(static_cast<std::int8_t>(p[i])); });
    }
    static F load_low4(const std::uint8_t* p) noexcept {
        return map([&](int i) { return static_cast<float>(p[i] & 15); });
    }
    static F load_high4(const std::uint8_t* p) noexcept {
        return map([&](int i) { return static_cast<float>(p[i] >> 4); });
    }
    static F add(const F& a, const F& b) noexcept {
        return map([&](int i) { return a.v[i] + b.v[i]; });
    }
    static F sub(const F& a, const F& b) noexcept {
        return map([&](int i) { return a.v[i] - b.v[i]; });
    }
    static F mul(const F& a, const F& b) noexcept {
        return map([&](int i) { return a.v[i] * b.v[i]; });
    }
    static F div(const F& a, const F& b) noexcept {
        return map([&](int i) { return a.v[i] / b.v[i]; });
    }
    static F max(const F& a, const F& b) noexcept {
        return map([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
    }
    static F fma(const F& a, const F& b, const F& c) noexcept {
        return map([&](int i) { return a.v[i] * b.v[i] + c.v[i]; });
    }
    /// x where a >= b, else y.
    static F select_ge(const F& a, const F& b, const F& x, const F& y) noexcept {
        return map([&](int i) { return a.v[i] >= b.v[i] ? x.v[i] : y.v[i]; });
    }
    static float sum(const F& a) noexcept {
        float s = 0;
        for (const float v : a.v) s += v;
        return s;
    }
    static float peak(const F& a) noexcept {
        float s = a.v[0];
        for (const float v : a.v) s = v > s ? v : s;
        return s;
    }
    static F exp(const F& a) noexcept {
        return map([&](int i) { return std::exp(a.v[i] < -87.0F ? -87.0F : a.v[i]); });
    }

    template <class Q, int j>
    static Codes codes(const std::uint8_t* p) noexcept {
        Codes c;
        for (int i = 0; i < 64; ++i) {
            int v = 0;
            if constexpr (Q::bits == 8) {
                v = p[64 * j + i];
            } else {
                if constexpr (Q::bits >= 4) v = p[64 * (j % 4) + i] >> (j / 4 * 4) & 15;
                if constexpr (Q::bits == 5) v |= (p[256 + i] >> j & 1) << 4;
                if constexpr (Q::bits == 6) v |= (p[256 + 64 * (j / 4) + i] >> (j % 4 * 2) & 3) << 4;
                if constexpr (Q::bits <= 3) v = p[64 * (j / 4) + i] >> (j % 4 * 2) & 3;
                if constexpr (Q::bits == 3) v |= (p[128 + i] >> j & 1) << 2;
                if constexpr (Q::levels != Levels::even) v = Q::level_values[v];
            }
            c.v[i] = static_cast<std::uint8_t>(v);
        }
        return c;
    }
    template <class Q>
    static Acc start(std::int32_t) noexcept {
        return {};
    }
    /// Adds the products of chunk j: 16 rows by the 4 codes x.
    template <class Q, int j, int first, int last>
    static void dot(Acc& acc, const Codes& w, const std::int8_t* x) noexcept {
        for (int i = 0; i < 64; ++i) {
            const int code = Q::signed_codes ? static_cast<std::int8_t>(w.v[i]) : w.v[i];
            acc.v[i / 4] += code * x[i % 4];
        }
    }
    template <class Q>
    static F finish(const Acc& acc, std::int32_t minus_sum) noexcept {
        constexpr int offset = Q::signed_codes ? 0 : Q::offset;
        return map([&](int i) { return static_cast<float>(acc.v[i] + offset * minus_sum); });
    }

    static void quantize32(const float* x, std::int8_t* q, float& d, std::int32_t& n0, std::int32_t& n1) noexcept {
        float top = 0;
        for (int i = 0; i < 32; ++i) top = std::fabs(x[i]) > top ? std::fabs(x[i]) : top;
        d = top / 127.0F;
        const float inverse = top != 0 ? 127.0F / top : 0.0F;
        n0 = n1 = 0;
        for (int i = 0; i < 32; ++i) {
            q[i] = static_cast<std::int8_t>(std::lrint(x[i] * inverse));
            (i < 16 ? n0 : n1) += q[i];
        }
    }
};
