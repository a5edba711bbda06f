#include <gtest/gtest.h>

#include <algorithm>

#include "support.hpp"
#include "tenon/tensor/ops.hpp"

namespace tenon::tensor {
namespace {

using namespace testing_support;

struct Case {
    std::size_t tokens, first, heads, kv_heads, head_dim;
    std::size_t window = 0;
    float softcap = 0;
    std::size_t threads = 1;
};

std::vector<double> naive(const std::vector<float>& q, const std::vector<float>& k, const std::vector<float>& v,
                          const Case& c, double scale, bool causal) {
    std::vector<double> out(c.tokens * c.heads * c.head_dim);
    const std::size_t group = c.heads / c.kv_heads;
    for (std::size_t t = 0; t < c.tokens; ++t)
        for (std::size_t h = 0; h < c.heads; ++h) {
            const std::size_t last = causal ? c.first + t : c.tokens - 1;
            const std::size_t low = c.window != 0 && last + 1 > c.window ? last + 1 - c.window : 0;
            std::vector<double> weights;
            double total = 0;
            for (std::size_t p = low; p <= last; ++p) {
                double s = 0;
                for (std::size_t i = 0; i < c.head_dim; ++i)
                    s += static_cast<double>(q[(t * c.heads + h) * c.head_dim + i]) *
                         k[(p * c.kv_heads + h / group) * c.head_dim + i];
                s *= scale;
                if (c.softcap != 0) s = c.softcap * std::tanh(s / c.softcap);
                weights.push_back(std::exp(s));
                total += weights.back();
            }
            for (std::size_t p = low; p <= last; ++p)
                for (std::size_t i = 0; i < c.head_dim; ++i)
                    out[(t * c.heads + h) * c.head_dim + i] +=
                        weights[p - low] / total * v[(p * c.kv_heads + h / group) * c.head_dim + i];
        }
    return out;
}

/// A cache of one sequence, its pages in shuffled order among others of a pool that holds garbage.
class PagedCache {
  public:
    PagedCache(std::size_t length, std::size_t kv_heads, std::size_t head_dim, KvType type = KvType::f16) {
        const std::size_t used = (length + kv_page_tokens - 1) / kv_page_tokens;
        const std::size_t page = kv_heads * kv_head_bytes(type, head_dim);
        pool_.assign((2 * used + 1) * page, std::byte{0xFF});  // not a number, in any type
        for (std::size_t i = 0; i < used; ++i) pages_.push_back(static_cast<std::uint32_t>(2 * (used - i) - 1));
        view_ = {type, pool_.data(), page, pages_.data()};
    }
    const KvView& view() const { return view_; }

  private:
    std::vector<std::byte> pool_;
    std::vector<std::uint32_t> pages_;
    KvView view_;
};

/// What a cache of 8 bits keeps of each head's vector.
void round_to_bytes(std::vector<float>& x, std::size_t dim) {
    for (std::size_t at = 0; at < x.size(); at += dim) {
        float top = 0;
        for (std::size_t i = 0; i < dim; ++i) top = std::max(top, std::fabs(x[at + i]));
        const float scale = top / 127.0F;
        for (std::size_t i = 0; i < dim; ++i) x[at + i] = std::round(x[at + i] / scale) * scale;
    }
}

class Attention : public WithIsa {};

TEST_P(Attention, equals_a_naive_softmax) {
    const Case cases[] = {
        {1, 0, 4, 2, 64},
        {1, 200, 14, 2, 64},
        {1, 77, 9, 3, 64, 0, 0, 2},
        {1, 300, 12, 2, 128, 0, 0, 3},
        {5, 0, 14, 2, 64},
        {33, 10, 9, 3, 64, 0, 0, 2},
        {70, 0, 4, 4, 32},
        {130, 7, 4, 1, 64, 0, 0, 3},
        {1, 90, 4, 2, 64, 16},
        {40, 60, 4, 2, 64, 16},
        {1, 200, 4, 2, 64, 150, 5.0F},
        {20, 3, 8, 2, 128, 7, 5.0F},
        {3, 5, 4, 2, 24},
        {9, 0, 4, 4, 8, 4, 0, 2},
        {2, 130, 8, 1, 256},
        {17, 3, 2, 2, 16},
        {6, 100, 2, 1, 80},
        {1, 15, 32, 1, 64},
        {2, 4, 2, 1, 320},
    };
    unsigned seed = 1;
    for (const Case& c : cases)
        for (const KvType type : {KvType::f16, KvType::q8}) {
            SCOPED_TRACE(testing::Message() << "type " << static_cast<int>(type) << " tokens " << c.tokens << " first "
                                            << c.first << " heads " << c.heads << "/" << c.kv_heads << " dim "
                                            << c.head_dim << " window " << c.window);
            const std::size_t row = c.kv_heads * c.head_dim;
            const std::size_t length = c.first + c.tokens;
            const auto q = random_floats(c.tokens * c.heads * c.head_dim, seed++);
            auto k = random_floats(length * row, seed++);
            auto v = random_floats(length * row, seed++);
            const PagedCache cache(length, c.kv_heads, c.head_dim, type);
            std::vector<float> out(q.size());
            const float scale = 1.0F / std::sqrt(static_cast<float>(c.head_dim));
            AttentionArgs args;
            args.q = q.data();
            args.q_stride = c.heads * c.head_dim;
            args.tokens = c.tokens;
            args.first = c.first;
            args.heads = c.heads;
            args.kv_heads = c.kv_heads;
            args.head_dim = c.head_dim;
            args.scale = scale;
            args.window = c.window;
            args.softcap = c.softcap;
            args.cache = cache.view();
            args.out = out.data();
            args.out_stride = args.q_stride;
            ThreadTeam team(c.threads);
            team.run([&](Worker& worker) {
                kv_store(worker, args.cache, k.data(), v.data(), row, length / 2, 0, c.kv_heads, c.head_dim);
                kv_store(worker, args.cache, k.data() + length / 2 * row, v.data() + length / 2 * row, row,
                         length - length / 2, length / 2, c.kv_heads, c.head_dim);
                auto& counter = worker.next_counter();
                worker.barrier();
                attention(worker, {&args, 1}, counter);
            });
            if (type == KvType::f16) {
                for (float& x : k) x = f16_to_f32(f32_to_f16(x));
                for (float& x : v) x = f16_to_f32(f32_to_f16(x));
            } else {
                round_to_bytes(k, c.head_dim);
                round_to_bytes(v, c.head_dim);
            }
            const auto expected = naive(q, k, v, c, scale, true);
            for (std::size_t i = 0; i < out.size(); ++i)  // A tie of the rounding may fall to either side.
                ASSERT_NEAR(out[i], expected[i], type == KvType::f16 ? 2e-5 : 2e-3) << i;
        }
}

TEST_P(Attention, large_scores_do_not_overflow) {
    constexpr std::size_t dim = 64, length = 100;
    auto q = random_floats(dim * 16, 1, 60.0F);
    const auto k = random_floats(length * dim, 2, 60.0F);
    const auto v = random_floats(length * dim, 3);
    const PagedCache cache(length, 1, dim);
    for (const std::size_t tokens : {1U, 16U}) {
        std::vector<float> out(tokens * dim);
        ThreadTeam team(1);
        AttentionArgs args;
        args.q = q.data();
        args.q_stride = args.out_stride = dim;
        args.tokens = tokens;
        args.first = length - tokens;
        args.heads = args.kv_heads = 1;
        args.head_dim = dim;
        args.scale = 1.0F;
        args.cache = cache.view();
        args.out = out.data();
        team.run([&](Worker& worker) {
            kv_store(worker, args.cache, k.data(), v.data(), dim, length, 0, 1, dim);
            auto& counter = worker.next_counter();
            worker.barrier();
            attention(worker, {&args, 1}, counter);
        });
        for (const float x : out) ASSERT_TRUE(std::isfinite(x) && std::fabs(x) < 5.0F);
    }
}

TEST_P(Attention, many_sequences_are_each_as_alone) {
    constexpr std::size_t heads = 6, kv_heads = 2, dim = 32, row = kv_heads * dim;
    const std::size_t tokens[] = {1, 20, 1, 3, 1}, first[] = {0, 40, 130, 7, 64};
    std::vector<std::vector<float>> q, k, together, alone;
    std::vector<PagedCache> caches;
    caches.reserve(5);
    for (unsigned i = 0; i < 5; ++i) {
        q.push_back(random_floats(tokens[i] * heads * dim, i));
        k.push_back(random_floats((tokens[i] + first[i]) * row, 100 + i));
        together.emplace_back(q[i].size());
        alone.emplace_back(q[i].size());
        caches.emplace_back(tokens[i] + first[i], kv_heads, dim);
    }
    const auto args = [&](std::vector<std::vector<float>>& out) {
        std::vector<AttentionArgs> all;
        for (std::size_t i = 0; i < 5; ++i)
            all.push_back({q[i].data(), heads * dim, tokens[i], first[i], heads, kv_heads, dim, 0.2F, 0, 0,
                           caches[i].view(), out[i].data(), heads * dim});
        return all;
    };
    const auto one = args(alone);
    const auto all = args(together);
    ThreadTeam team(3);
    team.run([&](Worker& worker) {
        for (std::size_t i = 0; i < 5; ++i)
            kv_store(worker, caches[i].view(), k[i].data(), k[i].data(), row, tokens[i] + first[i], 0, kv_heads, dim);
        for (std::size_t i = 0; i <= 5; ++i) {
            auto& counter = worker.next_counter();
            worker.barrier();
            attention(worker, i < 5 ? std::span(one).subspan(i, 1) : std::span(all), counter);
        }
    });
    for (std::size_t i = 0; i < 5; ++i)
        for (std::size_t at = 0; at < alone[i].size(); ++at) ASSERT_NEAR(together[i][at], alone[i][at], 1e-6) << i;
}

TEST_P(Attention, encoder_sees_both_sides) {
    const Case cases[] = {{1, 0, 2, 2, 32}, {7, 0, 12, 12, 32}, {65, 0, 3, 3, 64, 0, 0, 2}, {130, 0, 2, 2, 32, 0, 0, 3},
                          {5, 0, 2, 2, 10}, {20, 0, 1, 1, 320}};
    unsigned seed = 500;
    for (const Case& c : cases) {
        const std::size_t row = c.heads * c.head_dim;
        const auto q = random_floats(c.tokens * row, seed++);
        const auto k = random_floats(c.tokens * row, seed++);
        const auto v = random_floats(c.tokens * row, seed++);
        std::vector<float> out(c.tokens * row);
        const float scale = 1.0F / std::sqrt(static_cast<float>(c.head_dim));
        ThreadTeam team(c.threads);
        team.run([&](Worker& worker) {
            encoder_attention(worker, q.data(), k.data(), v.data(), row, c.tokens, c.heads, c.head_dim, scale,
                              out.data(), row);
        });
        const auto expected = naive(q, k, v, c, scale, false);
        for (std::size_t i = 0; i < out.size(); ++i) ASSERT_NEAR(out[i], expected[i], 2e-5) << i;
    }
}

INSTANTIATE_TEST_SUITE_P(Isas, Attention, testing::ValuesIn(all_isas), isa_test_name);

}  // namespace
}  // namespace tenon::tensor
