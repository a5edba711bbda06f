// Norms, activations and other loops over float vectors.

/// Calls body(i) for i = 0, 16, … and tail(i) for what is left.
template <class Body, class Tail>
TENON_INLINE inline void for_lanes(std::size_t n, Body body, Tail tail) noexcept {
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16) body(i);
    for (; i < n; ++i) tail(i);
}

float dot_row(const float* a, const float* b, std::size_t n) noexcept {
    Simd::F s0 = Simd::set(0.0F);
    Simd::F s1 = s0, s2 = s0, s3 = s0;
    std::size_t i = 0;
    for (; i + 64 <= n; i += 64) {
        s0 = Simd::fma(Simd::load(a + i), Simd::load(b + i), s0);
        s1 = Simd::fma(Simd::load(a + i + 16), Simd::load(b + i + 16), s1);
        s2 = Simd::fma(Simd::load(a + i + 32), Simd::load(b + i + 32), s2);
        s3 = Simd::fma(Simd::load(a + i + 48), Simd::load(b + i + 48), s3);
    }
    for (; i + 16 <= n; i += 16) s0 = Simd::fma(Simd::load(a + i), Simd::load(b + i), s0);
    float total = Simd::sum(Simd::add(Simd::add(s0, s1), Simd::add(s2, s3)));
    for (; i < n; ++i) total += a[i] * b[i];
    return total;
}

float squared_distance_row(const float* a, const float* b, std::size_t n) noexcept {
    Simd::F s0 = Simd::set(0.0F);
    Simd::F s1 = s0;
    std::size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        const Simd::F e = Simd::sub(Simd::load(a + i), Simd::load(b + i));
        const Simd::F f = Simd::sub(Simd::load(a + i + 16), Simd::load(b + i + 16));
        s0 = Simd::fma(e, e, s0);
        s1 = Simd::fma(f, f, s1);
    }
    float total = Simd::sum(Simd::add(s0, s1));
    for (; i < n; ++i) total += (a[i] - b[i]) * (a[i] - b[i]);
    return total;
}

void rms_norm_row(const float* x, std::size_t n, const float* weight, float epsilon, float* y) noexcept {
    const float scale = 1.0F / std::sqrt(dot_row(x, x, n) / static_cast<float>(n) + epsilon);
    const Simd::F s = Simd::set(scale);
    for_lanes(
        n,
        [&](std::size_t i)
            TENON_INLINE { Simd::store(y + i, Simd::mul(Simd::mul(Simd::load(x + i), s), Simd::load(weight + i))); },
        [&](std::size_t i) TENON_INLINE { y[i] = x[i] * scale * weight[i]; });
}

void layer_norm_row(const float* x, std::size_t n, const float* weight, const float* bias, float epsilon,
                    float* y) noexcept {
    Simd::F sum = Simd::set(0.0F);
    float rest = 0;
    for_lanes(
        n, [&](std::size_t i) TENON_INLINE { sum = Simd::add(sum, Simd::load(x + i)); },
        [&](std::size_t i) TENON_INLINE { rest += x[i]; });
    const float mean = (Simd::sum(sum) + rest) / static_cast<float>(n);
    const Simd::F m = Simd::set(mean);
    Simd::F squares = Simd::set(0.0F);
    rest = 0;
    for_lanes(
        n,
        [&](std::size_t i) TENON_INLINE {
            const Simd::F e = Simd::sub(Simd::load(x + i), m);
            squares = Simd::fma(e, e, squares);
        },
        [&](std::size_t i) TENON_INLINE { rest += (x[i] - mean) * (x[i] - mean); });
    const float scale = 1.0F / std::sqrt((Simd::sum(squares) + rest) / static_cast<float>(n) + epsilon);
    const Simd::F s = Simd::set(scale);
    for_lanes(
        n,
        [&](std::size_t i) TENON_INLINE {
            const Simd::F e = Simd::mul(Simd::sub(Simd::load(x + i), m), s);
            Simd::store(y + i, Simd::fma(e, Simd::load(weight + i), Simd::load(bias + i)));
        },
        [&](std::size_t i) TENON_INLINE { y[i] = (x[i] - mean) * scale * weight[i] + bias[i]; });
}

/// Pairs (i, i + half).
void rope_half(float* head, std::size_t half, const float* cos, const float* sin) noexcept {
    for_lanes(
        half,
        [&](std::size_t i) TENON_INLINE {
            const Simd::F a = Simd::load(head + i);
            const Simd::F b = Simd::load(head + half + i);
            const Simd::F c = Simd::load(cos + i);
            const Simd::F s = Simd::load(sin + i);
            Simd::store(head + i, Simd::sub(Simd::mul(a, c), Simd::mul(b, s)));
            Simd::store(head + half + i, Simd::fma(a, s, Simd::mul(b, c)));
        },
        [&](std::size_t i) TENON_INLINE {
            const float a = head[i];
            const float b = head[half + i];
            head[i] = a * cos[i] - b * sin[i];
            head[half + i] = a * sin[i] + b * cos[i];
        });
}

/// Runs a lane function over n values, the last ones through a padded buffer.
template <class Function>
TENON_INLINE inline void map_two(const float* a, const float* b, std::size_t n, float* y, Function f) noexcept {
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16) Simd::store(y + i, f(Simd::load(a + i), Simd::load(b + i)));
    if (i == n) return;
    float pa[16] = {};
    float pb[16] = {};
    std::memcpy(pa, a + i, (n - i) * sizeof(float));
    std::memcpy(pb, b + i, (n - i) * sizeof(float));
    Simd::store(pa, f(Simd::load(pa), Simd::load(pb)));
    std::memcpy(y + i, pa, (n - i) * sizeof(float));
}

void silu_mul_row(const float* gate, const float* up, std::size_t n, float* y) noexcept {
    const Simd::F one = Simd::set(1.0F);
    const Simd::F zero = Simd::set(0.0F);
    map_two(gate, up, n, y, [&](Simd::F g, Simd::F u) TENON_INLINE {
        return Simd::mul(Simd::div(g, Simd::add(one, Simd::exp(Simd::sub(zero, g)))), u);
    });
}

/// erf by Abramowitz and Stegun 7.1.26 (absolute error below 1.5e-7).
TENON_INLINE inline Simd::F erf_lanes(Simd::F x) noexcept {
    const Simd::F zero = Simd::set(0.0F);
    const Simd::F one = Simd::set(1.0F);
    const Simd::F a = Simd::max(x, Simd::sub(zero, x));
    const Simd::F t = Simd::div(one, Simd::fma(Simd::set(0.3275911F), a, one));
    Simd::F p = Simd::set(1.061405429F);
    p = Simd::fma(p, t, Simd::set(-1.453152027F));
    p = Simd::fma(p, t, Simd::set(1.421413741F));
    p = Simd::fma(p, t, Simd::set(-0.284496736F));
    p = Simd::fma(p, t, Simd::set(0.254829592F));
    const Simd::F e = Simd::exp(Simd::sub(zero, Simd::mul(a, a)));
    const Simd::F r = Simd::sub(one, Simd::mul(Simd::mul(p, t), e));
    return Simd::select_ge(x, zero, r, Simd::sub(zero, r));
}

void gelu_row(const float* x, const float* up, std::size_t n, bool tanh_approximation, float* y) noexcept {
    const Simd::F half = Simd::set(0.5F);
    const Simd::F one = Simd::set(1.0F);
    const auto exact = [&](Simd::F v) TENON_INLINE {
        return Simd::mul(Simd::mul(half, v), Simd::add(one, erf_lanes(Simd::mul(v, Simd::set(0.70710678118654752F)))));
    };
    // 0.5 (1 + tanh u) = 1 / (1 + exp(-2u))
    const auto approximate = [&](Simd::F v) TENON_INLINE {
        const Simd::F cube = Simd::mul(Simd::mul(v, v), v);
        const Simd::F u =
            Simd::mul(Simd::set(-2.0F * 0.79788456080286535588F), Simd::fma(cube, Simd::set(0.044715F), v));
        return Simd::div(v, Simd::add(one, Simd::exp(u)));
    };
    if (up == nullptr) {
        if (tanh_approximation)
            map_two(x, x, n, y, [&](Simd::F v, Simd::F) TENON_INLINE { return approximate(v); });
        else
            map_two(x, x, n, y, [&](Simd::F v, Simd::F) TENON_INLINE { return exact(v); });
    } else if (tanh_approximation) {
        map_two(x, up, n, y, [&](Simd::F v, Simd::F u) TENON_INLINE { return Simd::mul(approximate(v), u); });
    } else {
        map_two(x, up, n, y, [&](Simd::F v, Simd::F u) TENON_INLINE { return Simd::mul(exact(v), u); });
    }
}

void add_row(const float* a, const float* b, std::size_t n, float* y) noexcept {
    map_two(a, b, n, y, [&](Simd::F v, Simd::F u) TENON_INLINE { return Simd::add(v, u); });
}

void to_half_row(const float* x, std::size_t n, std::uint16_t* y) noexcept {
    for_lanes(
        n, [&](std::size_t i) TENON_INLINE { Simd::store_half(y + i, Simd::load(x + i)); },
        [&](std::size_t i) TENON_INLINE { y[i] = f32_to_f16(x[i]); });
}
