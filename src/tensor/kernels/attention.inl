// Attention with an online softmax (Milakov and Gimelshein 2018; Dao et al. 2022). In `attend` the lanes are 16 rows of
// queries and keys and values are broadcast, so neither the maximum nor the sum runs across a register.

inline constexpr std::size_t key_tile = 64;
inline constexpr float lowest = -3.0e38F;

/// A tile of keys or values as float32, rows `stride` apart.
template <std::size_t stride>
TENON_INLINE inline void expand_rows(const std::uint16_t* from, std::size_t from_stride, std::size_t count,
                                     std::size_t dim, float* to) noexcept {
    for (std::size_t p = 0; p < count; ++p)
        for (std::size_t i = 0; i < dim; i += 16)
            Simd::store(to + p * stride + i, Simd::load_half(from + p * from_stride + i));
}
template <std::size_t stride>
TENON_INLINE inline void expand_rows(const float* from, std::size_t from_stride, std::size_t count, std::size_t dim,
                                     float* to) noexcept {
    for (std::size_t p = 0; p < count; ++p) std::memcpy(to + p * stride, from + p * from_stride, dim * sizeof(float));
}

/// Sixteen rows of queries against keys [low, high); row r sees positions floor[r] … ceiling[r].
template <std::size_t stride, class Element>
void attend_lanes(const float* query, std::size_t dim, const Element* keys, const Element* values,
                  std::size_t kv_stride, std::size_t low, std::size_t high, const float* floor, const float* ceiling,
                  bool masked, float softcap, float* result) noexcept {
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
        expand_rows<stride>(keys + base * kv_stride, kv_stride, count, dim, tile);
        std::memset(tile + count * stride, 0, (padded - count) * stride * sizeof(float));
        Simd::F top = peak;
        for (std::size_t k = 0; k < padded; k += K) {
            Simd::F acc[K];
            unroll<K>([&](auto i) TENON_INLINE { acc[i.value] = zero; });
            const float* key = tile + k * stride;
            for (std::size_t i = 0; i < dim; ++i) {
                const Simd::F q = Simd::load(query + i * 16);
                unroll<K>([&](auto j) TENON_INLINE {
                    acc[j.value] = Simd::fma(q, Simd::set(key[j.value * stride + i]), acc[j.value]);
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
        expand_rows<stride>(values + base * kv_stride, kv_stride, count, dim, tile);
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

template <std::size_t stride>
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
    const std::size_t kv_stride = a.kv_heads * dim;
    attend_lanes<stride>(query, dim, a.cache.keys + unit.kv_head * dim, a.cache.values + unit.kv_head * dim, kv_stride,
                         low, high, floor, ceiling, masked, a.softcap, result);
    for (std::size_t lane = 0; lane < unit.rows; ++lane) {
        const std::size_t row = unit.first_row + lane;
        float* out = a.out + row / group * a.out_stride + (unit.kv_head * group + row % group) * dim;
        for (std::size_t i = 0; i < dim; ++i) out[i] = result[i * 16 + lane];
    }
}

void attend(const AttentionUnit& unit) noexcept {
    if (unit.args->head_dim <= 64) return attend_sized<64>(unit);
    if (unit.args->head_dim <= 128) return attend_sized<128>(unit);
    attend_sized<256>(unit);
}

/// Rows of one token (first_row and rows lie within one group of heads): dot products along the head.
void attend_few(const AttentionUnit& unit) noexcept {
    const AttentionArgs& a = *unit.args;
    const std::size_t group = a.heads / a.kv_heads;
    const std::size_t dim = a.head_dim;
    const std::size_t rows = unit.rows;
    const std::size_t token = unit.first_row / group;
    const std::size_t head = unit.kv_head * group + unit.first_row % group;
    const float* q = a.q + token * a.q_stride + head * dim;
    float* out = a.out + token * a.out_stride + head * dim;
    const std::size_t position = a.first + token;
    const std::size_t low = a.window != 0 && position + 1 > a.window ? position + 1 - a.window : 0;
    const std::size_t stride = a.kv_heads * dim;
    const std::uint16_t* keys = a.cache.keys + unit.kv_head * dim;
    const std::uint16_t* values = a.cache.values + unit.kv_head * dim;
    constexpr std::size_t tile = 128;
    alignas(64) float scores[16][tile];
    float peak[16];
    float total[16];
    for (std::size_t r = 0; r < rows; ++r) {
        peak[r] = lowest;
        total[r] = 0;
        std::memset(out + r * dim, 0, dim * sizeof(float));
    }
    for (std::size_t base = low; base <= position; base += tile) {
        const std::size_t count = std::min(tile, position + 1 - base);
        const std::size_t padded = (count + 15) / 16 * 16;
        for (std::size_t p = 0; p < count; ++p) {
            const std::uint16_t* key = keys + (base + p) * stride;
            std::size_t r = 0;
            for (; r + 4 <= rows; r += 4) {
                const float* x = q + r * dim;
                Simd::F s0 = Simd::set(0.0F);
                Simd::F s1 = s0, s2 = s0, s3 = s0;
                for (std::size_t i = 0; i < dim; i += 16) {
                    const Simd::F k = Simd::load_half(key + i);
                    s0 = Simd::fma(k, Simd::load(x + i), s0);
                    s1 = Simd::fma(k, Simd::load(x + dim + i), s1);
                    s2 = Simd::fma(k, Simd::load(x + 2 * dim + i), s2);
                    s3 = Simd::fma(k, Simd::load(x + 3 * dim + i), s3);
                }
                scores[r][p] = Simd::sum(s0);
                scores[r + 1][p] = Simd::sum(s1);
                scores[r + 2][p] = Simd::sum(s2);
                scores[r + 3][p] = Simd::sum(s3);
            }
            for (; r < rows; ++r) {
                Simd::F s = Simd::set(0.0F);
                for (std::size_t i = 0; i < dim; i += 16)
                    s = Simd::fma(Simd::load_half(key + i), Simd::load(q + r * dim + i), s);
                scores[r][p] = Simd::sum(s);
            }
        }
        for (std::size_t r = 0; r < rows; ++r) {
            float* s = scores[r];
            for (std::size_t p = 0; p < count; ++p) {
                s[p] *= a.scale;
                if (a.softcap != 0) s[p] = a.softcap * std::tanh(s[p] / a.softcap);
            }
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
            for (std::size_t i = 0; i < dim; i += 16)
                Simd::store(out + r * dim + i, Simd::mul(Simd::load(out + r * dim + i), Simd::set(shrink)));
        }
        for (std::size_t i = 0; i < dim; i += 16) {
            const std::uint16_t* value = values + base * stride + i;
            std::size_t r = 0;
            for (; r + 4 <= rows; r += 4) {
                float* o = out + r * dim + i;
                Simd::F s0 = Simd::load(o);
                Simd::F s1 = Simd::load(o + dim);
                Simd::F s2 = Simd::load(o + 2 * dim);
                Simd::F s3 = Simd::load(o + 3 * dim);
                for (std::size_t p = 0; p < count; ++p) {
                    const Simd::F v = Simd::load_half(value + p * stride);
                    s0 = Simd::fma(v, Simd::set(scores[r][p]), s0);
                    s1 = Simd::fma(v, Simd::set(scores[r + 1][p]), s1);
                    s2 = Simd::fma(v, Simd::set(scores[r + 2][p]), s2);
                    s3 = Simd::fma(v, Simd::set(scores[r + 3][p]), s3);
                }
                Simd::store(o, s0);
                Simd::store(o + dim, s1);
                Simd::store(o + 2 * dim, s2);
                Simd::store(o + 3 * dim, s3);
            }
            for (; r < rows; ++r) {
                Simd::F s = Simd::load(out + r * dim + i);
                for (std::size_t p = 0; p < count; ++p)
                    s = Simd::fma(Simd::load_half(value + p * stride), Simd::set(scores[r][p]), s);
                Simd::store(out + r * dim + i, s);
            }
        }
    }
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t i = 0; i < dim; i += 16)
            Simd::store(out + r * dim + i, Simd::mul(Simd::load(out + r * dim + i), Simd::set(1.0F / total[r])));
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
    attend_lanes<room>(query, dim, k, v, stride, 0, tokens, limits, limits, false, 0.0F, result);
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
