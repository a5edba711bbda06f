#include <gtest/gtest.h>

#include <functional>
#include <numeric>

#include "support.hpp"
#include "tenon/tensor/ops.hpp"

namespace tenon::tensor {
namespace {

using namespace testing_support;

class Elementwise : public WithIsa {
  protected:
    static void on_team(std::size_t threads, const std::function<void(Worker&)>& work) {
        ThreadTeam team(threads);
        team.run(work);
    }
};

TEST_P(Elementwise, norms_follow_their_formulas) {
    for (const std::size_t n : {1U, 15U, 64U, 100U, 896U}) {
        constexpr std::size_t tokens = 3;
        const auto x = random_floats(tokens * n, 1);
        const auto w = random_floats(n, 2);
        const auto b = random_floats(n, 3);
        std::vector<float> rms(tokens * n), layer(tokens * n);
        on_team(2, [&](Worker& worker) {
            rms_norm(worker, x.data(), tokens, n, w.data(), 1e-6F, rms.data());
            layer_norm(worker, x.data(), tokens, n, w.data(), b.data(), 1e-5F, layer.data());
        });
        for (std::size_t t = 0; t < tokens; ++t) {
            const float* in = x.data() + t * n;
            double squares = 0;
            const double mean = std::accumulate(in, in + n, 0.0) / static_cast<double>(n);
            double variance = 0;
            for (std::size_t i = 0; i < n; ++i) {
                squares += static_cast<double>(in[i]) * in[i];
                variance += (in[i] - mean) * (in[i] - mean);
            }
            const double count = static_cast<double>(n);
            for (std::size_t i = 0; i < n; ++i) {
                EXPECT_NEAR(rms[t * n + i], in[i] / std::sqrt(squares / count + 1e-6) * w[i], 1e-5);
                EXPECT_NEAR(layer[t * n + i], (in[i] - mean) / std::sqrt(variance / count + 1e-5) * w[i] + b[i], 2e-5);
            }
        }
    }
}

TEST_P(Elementwise, activations_follow_their_formulas) {
    for (const std::size_t n : {1U, 16U, 45U, 1000U}) {
        auto x = random_floats(n, 1, 4.0F);
        const auto up = random_floats(n, 2);
        if (n > 20) x[3] = 90.0F, x[4] = -90.0F, x[17] = 0.0F, x[18] = -2e4F, x[19] = 2e4F;
        std::vector<float> silu(n), erf(n), tanh(n), erf_up(n), tanh_up(n), sum(n);
        on_team(2, [&](Worker& worker) {
            silu_mul(worker, x.data(), up.data(), n, silu.data());
            gelu(worker, x.data(), n, false, erf.data());
            gelu(worker, x.data(), n, true, tanh.data());
            gelu_mul(worker, x.data(), up.data(), n, false, erf_up.data());
            gelu_mul(worker, x.data(), up.data(), n, true, tanh_up.data());
            add(worker, x.data(), up.data(), n, sum.data());
        });
        for (std::size_t i = 0; i < n; ++i) {
            const double v = x[i];
            const double tolerance = 1e-6 * (1 + std::fabs(v));
            const double exact = 0.5 * v * (1 + std::erf(v / std::sqrt(2.0)));
            const double approximate = 0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
            const double u = up[i];
            EXPECT_NEAR(silu[i], v / (1 + std::exp(-v)) * u, 4 * tolerance) << v;
            EXPECT_NEAR(erf[i], exact, tolerance) << v;
            EXPECT_NEAR(tanh[i], approximate, tolerance) << v;
            EXPECT_NEAR(erf_up[i], exact * u, 4 * tolerance) << v;
            EXPECT_NEAR(tanh_up[i], approximate * u, 4 * tolerance) << v;
            EXPECT_EQ(sum[i], x[i] + up[i]);
        }
    }
}

TEST_P(Elementwise, rope_rotates_pairs) {
    for (const auto style : {RopeStyle::interleaved, RopeStyle::half})
        for (const auto& [head_dim, rotary] : {std::pair{64U, 64U}, {128U, 32U}, {20U, 20U}, {6U, 4U}}) {
            constexpr std::size_t tokens = 4, heads = 3;
            const std::size_t stride = heads * head_dim + 7;
            const std::size_t half = rotary / 2;
            const auto x = random_floats(tokens * stride, 9);
            auto y = x;
            std::vector<float> cos(tokens * half), sin(tokens * half);
            for (std::size_t i = 0; i < cos.size(); ++i) {
                cos[i] = std::cos(0.37F * static_cast<float>(i));
                sin[i] = std::sin(0.37F * static_cast<float>(i));
            }
            on_team(3, [&](Worker& worker) {
                rope(worker, y.data(), tokens, stride, heads, head_dim, rotary, cos.data(), sin.data(), style);
            });
            auto expected = x;
            for (std::size_t t = 0; t < tokens; ++t)
                for (std::size_t h = 0; h < heads; ++h)
                    for (std::size_t i = 0; i < half; ++i) {
                        const std::size_t base = t * stride + h * head_dim;
                        const std::size_t p = style == RopeStyle::half ? i : 2 * i;
                        const std::size_t q = style == RopeStyle::half ? i + half : 2 * i + 1;
                        expected[base + p] = x[base + p] * cos[t * half + i] - x[base + q] * sin[t * half + i];
                        expected[base + q] = x[base + p] * sin[t * half + i] + x[base + q] * cos[t * half + i];
                    }
            for (std::size_t i = 0; i < y.size(); ++i)
                ASSERT_NEAR(y[i], expected[i], 1e-6F * (1 + std::fabs(expected[i])));
        }
}

TEST_P(Elementwise, distances_of_vectors) {
    for (const std::size_t n : {0U, 1U, 17U, 64U, 384U, 1001U}) {
        const auto a = random_floats(n, 1);
        const auto b = random_floats(n, 2);
        double product = 0;
        double distance = 0;
        for (std::size_t i = 0; i < n; ++i) {
            product += static_cast<double>(a[i]) * b[i];
            distance += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
        }
        EXPECT_NEAR(dot(a.data(), b.data(), n), product, 1e-4);
        EXPECT_NEAR(squared_distance(a.data(), b.data(), n), distance, 1e-6 * (distance + 1));
    }
}

INSTANTIATE_TEST_SUITE_P(Isas, Elementwise, testing::ValuesIn(all_isas), isa_test_name);

TEST(Isas, the_reference_is_everywhere_and_the_best_is_active) {
    EXPECT_EQ(available_isas().front(), Isa::scalar);
    EXPECT_EQ(active_isa(), available_isas().back());
    EXPECT_FALSE(cpu_features().empty());
}

}  // namespace
}  // namespace tenon::tensor
