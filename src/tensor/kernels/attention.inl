// Attention with an online softmax (Milakov and Gimelshein 2018; Dao et al. 2022). In `attend` the lanes are 16 rows of
// queries and keys and values are broadcast, so neither the maximum nor the sum runs across a register.

inline constexpr std::size_t key_tile = 64;
inline constexpr float lowest = -3.0e38F;

/// Keys and values of an encoder: float32, position by position.
struct PlainRows {
    static constexpr bool by_element = false;
    const float* keys;
    const float* values;
    std::size_t row;  // floats from one position to the next
    std::size_t dim;

    template <std::size_t stride>
    TENON_INLINE void keys_to(std::size_t base, std::size_t count, float* tile) const noexcept {
        for (std::size_t p = 0; p < count; ++p)
            std::memcpy(tile + p * stride, keys + (base + p) * row, dim * sizeof(float));
    }
    template <std::size_t stride>
    TENON_INLINE void values_to(std::size_t base, std::size_t count, float* tile) const noexcept {
        for (std::size_t p = 0; p < count; ++p)
            std::memcpy(tile + p * stride, values + (base + p) * row, dim * sizeof(float));
    }
};

struct HalfElements {
    static constexpr KvType type = KvType::f16;
    static constexpr std::size_t bytes = 2;
    TENON_INLINE static Simd::F load(const std::byte* p) noexcept {
        return Simd::load_half(reinterpret_cast<const std::uint16_t*>(p));
    }
};
struct ByteElements {
    static constexpr KvType type = KvType::q8;
    static constexpr std::size_t bytes = 1;
    TENON_INLINE static Simd::F load(const std::byte* p) noexcept {
        return Simd::load_s8(reinterpret_cast<const std::uint8_t*>(p));
    }
};

/// One key head of a paged cache.
template <class Elements>
struct PagedRows {
    static constexpr bool by_element = true;
    const KvView& view;
    std::size_t head;
    std::size_t dim;

    /// Positions [base, base + count), base at a page's begin; whole pages are expanded.
    template <std::size_t>
    TENON_INLINE void keys_to(std::size_t base, std::size_t count, float* tile) const noexcept {
        for (std::size_t p = 0; p < count; p += kv_page_tokens) {
            const KvHead page(view, (base + p) / kv_page_tokens, head, dim);
            for (std::size_t half = 0; half < kv_page_tokens; half += 16) {
                Simd::F scale = Simd::set(1.0F);
                if constexpr (Elements::type == KvType::q8) scale = Simd::load(page.key_scales + half);
                for (std::size_t i = 0; i < dim; ++i) {
                    Simd::F k = Elements::load(page.keys + (i * kv_page_tokens + half) * Elements::bytes);
                    if constexpr (Elements::type == KvType::q8) k = Simd::mul(k, scale);
                    Simd::store(tile + i * key_tile + p + half, k);
                }
            }
        }
    }
    template <std::size_t stride>
    TENON_INLINE void values_to(std::size_t base, std::size_t count, float* tile) const noexcept {
        for (std::size_t p = 0; p < count; ++p) {
            const KvHead page(view, (base + p) / kv_page_tokens, head, dim);
            const std::size_t slot = (base + p) % kv_page_tokens;
            for (std::size_t i = 0; i < dim; i += 16) {
                Simd::F v = Elements::load(page.values + (slot * dim + i) * Elements::bytes);
                if constexpr (Elements::type == KvType::q8) v = Simd::mul(v, Simd::set(page.value_scales[slot]));
                Simd::store(tile + p * stride + i, v);
            }
        }
    }
};

/// Sixteen rows of queries against keys [low, high); row r sees positions floor[r] … ceiling[r].
template <std::size_t stride, class Rows>
void attend_lanes(const float* query, std::size_t dim, const Rows& rows, std::size_t low, std::size_t high,
                  const float* floor, const float* ceiling, bool masked, float softcap, float* result) noexcept {
    constexpr int K = Simd::attention_keys;
    alignas(64) float tile[key_tile * stride];
    alignas(64) float scores[key_tile * 16];
    alignas(64) float sums[stride * 16];
    const Simd::F zero = Simd::set(0.0F);
    const Simd::F hidden = Simd::set(-std::numeric_limits<float>::infinity());
    const Simd::F from = Simd::load(floor);
    const Simd::F to = Simd::load(ceiling);
    Simd::F peak = Simd::set(lowest);
    Simd::F total = zero;
    std::memset(sums, 0, dim * 16 * sizeof(float));
    for (std::size_t base = low; base < high; base += key_tile) {
        const std::size_t count = std::min(key_tile, high - base);
        const std::size_t padded = (count + K - 1) / K * K;
        rows.template keys_to<stride>(base, count, tile);
        if constexpr (!Rows::by_element)
            std::memset(tile + count * stride, 0, (padded - count) * stride * sizeof(float));
        Simd::F top = peak;
        for (std::size_t k = 0; k < padded; k += K) {
            Simd::F acc[K];
            unroll<K>([&](auto i) TENON_INLINE { acc[i.value] = zero; });
            const float* key = tile + (Rows::by_element ? k : k * stride);
            for (std::size_t i = 0; i < dim; ++i) {
                const Simd::F q = Simd::load(query + i * 16);
                unroll<K>([&](auto j) TENON_INLINE {
                    const std::size_t at = Rows::by_element ? i * key_tile + static_cast<std::size_t>(j.value)
                                                            : static_cast<std::size_t>(j.value) * stride + i;
                    acc[j.value] = Simd::fma(q, Simd::set(key[at]), acc[j.value]);
                });
            }
            unroll<K>([&](auto j) TENON_INLINE {
                Simd::F s = acc[j.value];
                if (softcap != 0) {  // softcap * tanh(s / softcap), tanh(u) = 2 / (1 + exp(-2u)) - 1
                    const Simd::F e = Simd::exp(Simd::mul(s, Simd::set(-2.0F / softcap)));
                    const Simd::F t = Simd::div(Simd::set(2.0F * softcap), Simd::add(Simd::set(1.0F), e));
                    s = Simd::sub(t, Simd::set(softcap));
                }
                const std::size_t at = k + static_cast<std::size_t>(j.value);
                if (masked) {
                    const Simd::F position = Simd::set(static_cast<float>(base + at));
                    s = Simd::select_ge(to, position, s, hidden);
                    s = Simd::select_ge(position, from, s, hidden);
                }
                if (at >= count) s = hidden;
                top = Simd::max(top, s);
                Simd::store(scores + at * 16, s);
            });
        }
        const Simd::F shrink = Simd::exp(Simd::sub(peak, top));
        peak = top;
        total = Simd::mul(total, shrink);
        for (std::size_t k = 0; k < count; ++k) {
            const Simd::F p = Simd::exp(Simd::sub(Simd::load(scores + k * 16), peak));
            total = Simd::add(total, p);
            Simd::store(scores + k * 16, p);
        }
        rows.template values_to<stride>(base, count, tile);
        for (std::size_t i = 0; i < dim; i += K) {
            Simd::F acc[K];
            unroll<K>([&](auto j) TENON_INLINE {
                acc[j.value] = Simd::mul(Simd::load(sums + (i + static_cast<std::size_t>(j.value)) * 16), shrink);
            });
            for (std::size_t k = 0; k < count; ++k) {
                const Simd::F p = Simd::load(scores + k * 16);
                const float* value = tile + k * stride + i;
                unroll<K>([&](auto j)
                              TENON_INLINE { acc[j.value] = Simd::fma(p, Simd::set(value[j.value]), acc[j.value]); });
            }
            unroll<K>([&](auto j) TENON_INLINE {
                Simd::store(sums + (i + static_cast<std::size_t>(j.value)) * 16, acc[j.value]);
            });
        }
    }
    const Simd::F inverse = Simd::div(Simd::set(1.0F), total);
    for (std::size_t i = 0; i < dim; ++i) Simd::store(result + i * 16, Simd::mul(Simd::load(sums + i * 16), inverse));
}

template <std::size_t stride, class Elements>
void attend_sized(const AttentionUnit& unit) noexcept {
    const AttentionArgs& a = *unit.args;
    const std::size_t group = a.heads / a.kv_heads;
    const std::size_t dim = a.head_dim;
    alignas(64) float query[stride * 16];
    alignas(64) float result[stride * 16];
    alignas(64) float floor[16];
    alignas(64) float ceiling[16];
    std::size_t low = SIZE_MAX;
    std::size_t high = 0;
    bool masked = false;
    for (std::size_t lane = 0; lane < 16; ++lane) {
        const std::size_t row = unit.first_row + std::min(lane, unit.rows - 1);
        const float* q = a.q + row / group * a.q_stride + (unit.kv_head * group + row % group) * dim;
        for (std::size_t i = 0; i < dim; ++i) query[i * 16 + lane] = q[i] * a.scale;
        const std::size_t position = a.first + row / group;
        const std::size_t from = a.window != 0 && position + 1 > a.window ? position + 1 - a.window : 0;
        floor[lane] = static_cast<float>(from);
        ceiling[lane] = static_cast<float>(position);
        masked = masked || (lane != 0 && (floor[lane] != floor[0] || ceiling[lane] != ceiling[0]));
        low = std::min(low, from);
        high = std::max(high, position + 1);
    }
    masked = masked || low % kv_page_tokens != 0;
    low -= low % kv_page_tokens;
    attend_lanes<stride>(query, dim, PagedRows<Elements>{a.cache, unit.kv_head, dim}, low, high, floor, ceiling, masked,
                         a.softcap, result);
    for (std::size_t lane = 0; lane < unit.rows; ++lane) {
        const std::size_t row = unit.first_row + lane;
        float* out = a.out + row / group * a.out_stride + (unit.kv_head * group + row % group) * dim;
        for (std::size_t i = 0; i < dim; ++i) out[i] = result[i * 16 + lane];
    }
}

template <class Elements>
void attend_as(const AttentionUnit& unit) noexcept {
    if (unit.args->head_dim <= 64) return attend_sized<64, Elements>(unit);
    if (unit.args->head_dim <= 128) return attend_sized<128, Elements>(unit);
    attend_sized<256, Elements>(unit);
}

void attend(const AttentionUnit& unit) noexcept {
    if (unit.args->cache.type == KvType::f16) return attend_as<HalfElements>(unit);
    attend_as<ByteElements>(unit);
}

inline constexpr bool many_registers = Simd::attention_keys >= 16;
inline constexpr std::size_t few_tile = 128;

/// Scores of R rows against one page: q is [R][dim], scores of row r go to scores + r * few_tile.
template <class Elements, int R>
TENON_INLINE inline void score_page(const KvHead& page, const float* q, std::size_t dim, float* scores) noexcept {
    // Enough sums under way to fill the multipliers; as many whatever R, so that a row's result does not depend on it.
    constexpr int chains = many_registers ? 2 : 1;
    Simd::F acc[chains][R][2];
    unroll<chains * R>([&](auto n) TENON_INLINE {
        acc[n.value / R][n.value % R][0] = acc[n.value / R][n.value % R][1] = Simd::set(0.0F);
    });
    const std::byte* key = page.keys;
    for (std::size_t i = 0; i < dim; i += chains)
        unroll<chains>([&](auto c) TENON_INLINE {
            const Simd::F k0 = Elements::load(key);
            const Simd::F k1 = Elements::load(key + 16 * Elements::bytes);
            key += kv_page_tokens * Elements::bytes;
            unroll<R>([&](auto r) TENON_INLINE {
                const Simd::F x =
                    Simd::set(q[static_cast<std::size_t>(r.value) * dim + i + static_cast<std::size_t>(c.value)]);
                acc[c.value][r.value][0] = Simd::fma(k0, x, acc[c.value][r.value][0]);
                acc[c.value][r.value][1] = Simd::fma(k1, x, acc[c.value][r.value][1]);
            });
        });
    unroll<R * 2>([&](auto n) TENON_INLINE {
        constexpr int r = n.value / 2;
        constexpr int h = n.value % 2;
        Simd::F s = acc[0][r][h];
        if constexpr (chains == 2) s = Simd::add(s, acc[1][r][h]);
        if constexpr (Elements::type == KvType::q8) s = Simd::mul(s, Simd::load(page.key_scales + 16 * h));
        Simd::store(scores + static_cast<std::size_t>(r) * few_tile + 16 * h, s);
    });
}

/// Adds the values of slots [first, last) of a page, weighted, to R rows of C times 16 elements.
template <class Elements, int R, int C>
TENON_INLINE inline void add_values(const KvHead& page, std::size_t first, std::size_t last, std::size_t dim,
                                    std::size_t element, const float* weights, float* out) noexcept {
    Simd::F acc[R][C];
    unroll<R * C>([&](auto n) TENON_INLINE {
        acc[n.value / C][n.value % C] = Simd::load(out + static_cast<std::size_t>(n.value / C) * dim + element +
                                                   static_cast<std::size_t>(n.value % C) * 16);
    });
    for (std::size_t p = first; p < last; ++p) {
        const std::byte* value = page.values + (p * dim + element) * Elements::bytes;
        Simd::F v[C];
        unroll<C>([&](auto c) TENON_INLINE { v[c.value] = Elements::load(value + c.value * 16 * Elements::bytes); });
        unroll<R>([&](auto r) TENON_INLINE {
            const Simd::F w = Simd::set(weights[static_cast<std::size_t>(r.value) * few_tile + p]);
            unroll<C>([&](auto c)
                          TENON_INLINE { acc[r.value][c.value] = Simd::fma(v[c.value], w, acc[r.value][c.value]); });
        });
    }
    unroll<R * C>([&](auto n) TENON_INLINE {
        Simd::store(
            out + static_cast<std::size_t>(n.value / C) * dim + element + static_cast<std::size_t>(n.value % C) * 16,
            acc[n.value / C][n.value % C]);
    });
}

/// Calls body with the number of rows from `at` on, at most `most`, as a constant; gives that number.
template <int most, class Body>
TENON_INLINE inline std::size_t row_block(std::size_t left, Body body) noexcept {
    if (most >= 4 && left >= 4) return body(std::integral_constant < int, most >= 4 ? 4 : 1 > {}), 4;
    if (most >= 4 && left == 3) return body(std::integral_constant < int, most >= 4 ? 3 : 1 > {}), 3;
    if (left >= 2) return body(std::integral_constant<int, 2>{}), 2;
    return body(std::integral_constant<int, 1>{}), 1;
}

/// Rows of one token (first_row and rows lie within one group of heads): lanes are positions for the scores, elements
/// for the values, so that no sum runs across a register.
template <class Elements>
void attend_few_as(const AttentionUnit& unit) noexcept {
    const AttentionArgs& a = *unit.args;
    const std::size_t group = a.heads / a.kv_heads;
    const std::size_t dim = a.head_dim;
    const std::size_t rows = unit.rows;
    const std::size_t token = unit.first_row / group;
    const std::size_t head = unit.kv_head * group + unit.first_row % group;
    const float* from = a.q + token * a.q_stride + head * dim;
    float* out = a.out + token * a.out_stride + head * dim;
    const std::size_t position = a.first + token;
    const std::size_t low = a.window != 0 && position + 1 > a.window ? position + 1 - a.window : 0;
    alignas(64) float q[16 * max_head_dim];
    alignas(64) float scores[16 * few_tile];
    float peak[16];
    float total[16];
    const Simd::F scaling = Simd::set(a.scale);
    for (std::size_t i = 0; i < rows * dim; i += 16) Simd::store(q + i, Simd::mul(Simd::load(from + i), scaling));
    for (std::size_t r = 0; r < rows; ++r) {
        peak[r] = lowest;
        total[r] = 0;
    }
    std::memset(out, 0, rows * dim * sizeof(float));
    for (std::size_t base = low - low % kv_page_tokens; base <= position; base += few_tile) {
        const std::size_t count = std::min(few_tile, position + 1 - base);
        const std::size_t skipped = low > base ? low - base : 0;
        const std::size_t padded = (count + kv_page_tokens - 1) / kv_page_tokens * kv_page_tokens;
        for (std::size_t p = 0; p < count; p += kv_page_tokens) {
            const KvHead page(a.cache, (base + p) / kv_page_tokens, unit.kv_head, dim);
            for (std::size_t r = 0; r < rows;)
                r += row_block < many_registers ? 4 : 2 > (rows - r, [&](auto n) TENON_INLINE {
                                                          score_page<Elements, n.value>(page, q + r * dim, dim,
                                                                                        scores + r * few_tile + p);
                                                      });
        }
        for (std::size_t r = 0; r < rows; ++r) {
            float* s = scores + r * few_tile;
            if (a.softcap != 0)
                for (std::size_t p = skipped; p < count; ++p) s[p] = a.softcap * std::tanh(s[p] / a.softcap);
            for (std::size_t p = 0; p < skipped; ++p) s[p] = -std::numeric_limits<float>::infinity();
            for (std::size_t p = count; p < padded; ++p) s[p] = -std::numeric_limits<float>::infinity();
            Simd::F top = Simd::set(peak[r]);
            for (std::size_t p = 0; p < padded; p += 16) top = Simd::max(top, Simd::load(s + p));
            const float new_peak = Simd::peak(top);
            const float shrink = std::exp(peak[r] - new_peak);
            peak[r] = new_peak;
            Simd::F sum = Simd::set(0.0F);
            for (std::size_t p = 0; p < padded; p += 16) {
                const Simd::F e = Simd::exp(Simd::sub(Simd::load(s + p), Simd::set(new_peak)));
                Simd::store(s + p, e);
                sum = Simd::add(sum, e);
            }
            total[r] = total[r] * shrink + Simd::sum(sum);
            if (shrink != 1.0F)
                for (std::size_t i = 0; i < dim; i += 16)
                    Simd::store(out + r * dim + i, Simd::mul(Simd::load(out + r * dim + i), Simd::set(shrink)));
        }
        for (std::size_t p = 0; p < count; p += kv_page_tokens) {
            const KvHead page(a.cache, (base + p) / kv_page_tokens, unit.kv_head, dim);
            const std::size_t first = std::min(kv_page_tokens, skipped > p ? skipped - p : 0);
            const std::size_t last = std::min(kv_page_tokens, count - p);
            if constexpr (Elements::type == KvType::q8)
                for (std::size_t r = 0; r < rows; ++r)
                    for (std::size_t half = 0; half < kv_page_tokens; half += 16) {
                        float* s = scores + r * few_tile + p + half;
                        Simd::store(s, Simd::mul(Simd::load(s), Simd::load(page.value_scales + half)));
                    }
            for (std::size_t r = 0; r < rows;)
                r += row_block<4>(rows - r, [&](auto n) TENON_INLINE {
                    constexpr int wide = many_registers ? 4 : 1;
                    std::size_t i = 0;
                    for (; i + 16 * wide <= dim; i += 16 * wide)
                        add_values<Elements, n.value, wide>(page, first, last, dim, i, scores + r * few_tile + p,
                                                            out + r * dim);
                    if constexpr (wide > 1)
                        for (; i < dim; i += 16)
                            add_values<Elements, n.value, 1>(page, first, last, dim, i, scores + r * few_tile + p,
                                                             out + r * dim);
                });
        }
    }
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t i = 0; i < dim; i += 16)
            Simd::store(out + r * dim + i, Simd::mul(Simd::load(out + r * dim + i), Simd::set(1.0F / total[r])));
}

void attend_few(const AttentionUnit& unit) noexcept {
    if (unit.args->cache.type == KvType::f16) return attend_few_as<HalfElements>(unit);
    attend_few_as<ByteElements>(unit);
}

/// One position of one head, into its slot.
void kv_store_head(KvType type, const KvHead& head, std::size_t dim, std::size_t slot, const float* k,
                   const float* v) noexcept {
    if (type == KvType::f16) {
        auto* const keys = reinterpret_cast<std::uint16_t*>(head.keys) + slot;
        std::uint16_t half[16];
        for (std::size_t i = 0; i < dim; i += 16) {
            const std::size_t n = std::min<std::size_t>(16, dim - i);
            to_half_row(k + i, n, half);
            for (std::size_t j = 0; j < n; ++j) keys[(i + j) * kv_page_tokens] = half[j];
        }
        to_half_row(v, dim, reinterpret_cast<std::uint16_t*>(head.values) + slot * dim);
        return;
    }
    const auto scale_of = [&](const float* x) TENON_INLINE {
        float top = 0;
        for (std::size_t i = 0; i < dim; ++i) top = std::max(top, std::fabs(x[i]));
        return top / 127.0F;
    };
    const float ks = scale_of(k);
    const float vs = scale_of(v);
    const float ki = ks != 0 ? 1.0F / ks : 0.0F;
    const float vi = vs != 0 ? 1.0F / vs : 0.0F;
    auto* const keys = reinterpret_cast<std::int8_t*>(head.keys) + slot;
    auto* const values = reinterpret_cast<std::int8_t*>(head.values) + slot * dim;
    for (std::size_t i = 0; i < dim; ++i) {
        keys[i * kv_page_tokens] = static_cast<std::int8_t>(std::lrintf(k[i] * ki));
        values[i] = static_cast<std::int8_t>(std::lrintf(v[i] * vi));
    }
    head.key_scales[slot] = ks;
    head.value_scales[slot] = vs;
}

template <std::size_t room>
void attend_all_sized(const float* q, const float* k, const float* v, std::size_t stride, std::size_t tokens,
                      std::size_t first, std::size_t rows, std::size_t dim, float scale, float* out,
                      std::size_t out_stride) noexcept {
    alignas(64) float query[room * 16];
    alignas(64) float result[room * 16];
    alignas(64) float limits[16] = {};
    for (std::size_t lane = 0; lane < 16; ++lane) {
        const float* row = q + (first + std::min(lane, rows - 1)) * stride;
        for (std::size_t i = 0; i < dim; ++i) query[i * 16 + lane] = row[i] * scale;
    }
    attend_lanes<room>(query, dim, PlainRows{k, v, stride, dim}, 0, tokens, limits, limits, false, 0.0F, result);
    for (std::size_t lane = 0; lane < rows; ++lane)
        for (std::size_t i = 0; i < dim; ++i) out[(first + lane) * out_stride + i] = result[i * 16 + lane];
}

void attend_all(const float* q, const float* k, const float* v, std::size_t stride, std::size_t tokens,
                std::size_t first, std::size_t rows, std::size_t head_dim, float scale, float* out,
                std::size_t out_stride) noexcept {
    const auto run = head_dim <= 64    ? attend_all_sized<64>
                     : head_dim <= 128 ? attend_all_sized<128>
                                       : attend_all_sized<256>;
    run(q, k, v, stride, tokens, first, rows, head_dim, scale, out, out_stride);
}
