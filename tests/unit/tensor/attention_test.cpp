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
    for (const Case& c : cases) {
        SCOPED_TRACE(testing::Message() << "tokens " << c.tokens << " first " << c.first << " heads " << c.heads << "/"
                                        << c.kv_heads << " dim " << c.head_dim << " window " << c.window);
        const std::size_t row = c.kv_heads * c.head_dim;
        const std::size_t length = c.first + c.tokens;
        const auto q = random_floats(c.tokens * c.heads * c.head_dim, seed++);
        auto k = random_floats(length * row, seed++);
        auto v = random_floats(length * row, seed++);
        std::vector<std::uint16_t> keys(length * row), values(length * row);
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
        args.cache = {keys.data(), values.data(), length};
        args.out = out.data();
        args.out_stride = args.q_stride;
        ThreadTeam team(c.threads);
        team.run([&](Worker& worker) {
            kv_store(worker, args.cache, k.data(), v.data(), row, length / 2, 0, c.kv_heads, c.head_dim);
            kv_store(worker, args.cache, k.data() + length / 2 * row, v.data() + length / 2 * row, row,
                     length - length / 2, length / 2, c.kv_heads, c.head_dim);
            worker.barrier();
            attention(worker, args);
        });
        for (float& x : k) x = f16_to_f32(f32_to_f16(x));
        for (float& x : v) x = f16_to_f32(f32_to_f16(x));
        const auto expected = naive(q, k, v, c, scale, true);
        for (std::size_t i = 0; i < out.size(); ++i) ASSERT_NEAR(out[i], expected[i], 2e-5) << i;
    }
}

TEST_P(Attention, large_scores_do_not_overflow) {
    constexpr std::size_t dim = 64, length = 100;
    auto q = random_floats(dim * 16, 1, 60.0F);
    const auto k = random_floats(length * dim, 2, 60.0F);
    const auto v = random_floats(length * dim, 3);
    std::vector<std::uint16_t> keys(length * dim), values(length * dim);
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
        args.cache = {keys.data(), values.data(), length};
        args.out = out.data();
        team.run([&](Worker& worker) {
            kv_store(worker, args.cache, k.data(), v.data(), dim, length, 0, 1, dim);
            attention(worker, args);
        });
        for (const float x : out) ASSERT_TRUE(std::isfinite(x) && std::fabs(x) < 5.0F);
    }
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
