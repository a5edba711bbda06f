#include <gtest/gtest.h>

#include <algorithm>

#include "support.hpp"
#include "tenon/tensor/linear.hpp"
#include "tenon/tensor/weight.hpp"

namespace tenon::tensor {
namespace {

using namespace testing_support;

/// The input as the quantised kernels see it: 8 bits and one float scale for each 32 values.
std::vector<float> eight_bits(const std::vector<float>& x, std::size_t rows, std::size_t stride, std::size_t columns) {
    std::vector<float> out = x;
    for (std::size_t t = 0; t < rows; ++t)
        for (std::size_t b = 0; b < columns; b += 32) {
            const float* in = x.data() + t * stride + b;
            float top = 0;
            for (std::size_t i = 0; i < 32; ++i) top = std::max(top, std::fabs(in[i]));
            const float d = top / 127.0F;
            const float inverse = top != 0 ? 127.0F / top : 0.0F;
            for (std::size_t i = 0; i < 32; ++i) out[t * stride + b + i] = d * std::nearbyint(in[i] * inverse);
        }
    return out;
}

struct Shape {
    std::size_t rows, columns, tokens;
    bool bias = false, accumulate = false, repack = true;
    std::size_t threads = 1;
    std::size_t padding = 0;
    bool fine = false;
};

/// Compares linear with sums in double over the dequantised weights.
void check(DType type, const Shape& s, unsigned seed) {
    SCOPED_TRACE(testing::Message() << info(type).name << " rows " << s.rows << " columns " << s.columns << " tokens "
                                    << s.tokens << " threads " << s.threads << " repack " << s.repack);
    const auto bytes = random_weights(type, s.rows * s.columns, seed);
    auto weight = Weight::prepare({type, s.rows, s.columns, bytes.data()}, {.repack = s.repack, .team = nullptr});
    ASSERT_TRUE(weight) << weight.error().describe();
    ASSERT_EQ(weight->owns_copy(), s.repack);
    const std::size_t x_stride = s.columns + s.padding;
    const std::size_t y_stride = s.rows + s.padding;
    const auto x = random_floats(s.tokens * x_stride, seed + 1);
    const auto bias = random_floats(s.rows, seed + 2);
    const auto before = random_floats(s.tokens * y_stride, seed + 3);
    auto y = before;
    LinearArgs args;
    args.weight = &*weight;
    args.x = x.data();
    args.x_stride = x_stride;
    args.tokens = s.tokens;
    args.y = y.data();
    args.y_stride = y_stride;
    args.bias = s.bias ? bias.data() : nullptr;
    args.accumulate = s.accumulate;
    std::vector<std::byte> scratch(linear_scratch_bytes(s.columns, s.tokens));
    ThreadTeam team(s.threads);
    team.run([&](Worker& worker) {
        if (s.fine) return linear_many(worker, {}, {&args, 1}, scratch);
        linear(worker, args, scratch);
    });

    // A fine input is seen almost whole: half a step of the second 8 bits is 1/64,516 of a block's largest value.
    const auto seen = info(type).quantised && !s.fine ? eight_bits(x, s.tokens, x_stride, s.columns) : x;
    const double tolerance = info(type).quantised && s.fine ? 2e-5 : 2e-6;
    std::vector<float> row(s.columns);
    for (std::size_t r = 0; r < s.rows; ++r) {
        dequantize(type, bytes.data() + r * bytes_of(info(type), s.columns), row);
        for (std::size_t t = 0; t < s.tokens; ++t) {
            double sum = 0;
            double size = 0;
            for (std::size_t c = 0; c < s.columns; ++c) {
                const double product = static_cast<double>(row[c]) * seen[t * x_stride + c];
                sum += product;
                size += std::fabs(product);
            }
            if (s.bias) sum += bias[r];
            if (s.accumulate) sum += before[t * y_stride + r];
            ASSERT_NEAR(y[t * y_stride + r], sum, tolerance * (size + 1.0)) << "row " << r << " token " << t;
        }
    }
    for (std::size_t t = 0; t < s.tokens; ++t)
        for (std::size_t i = s.rows; i < y_stride; ++i)
            ASSERT_EQ(y[t * y_stride + i], before[t * y_stride + i]) << "wrote past the row of token " << t;
}

class Linear : public WithIsa {};

TEST_P(Linear, equals_the_reference_for_every_type_and_shape) {
    unsigned seed = 1;
    for (const DType type : matrix_types) {
        const std::size_t block = info(type).block_elements;
        for (const std::size_t tokens : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 9U, 13U, 16U, 17U, 33U})
            check(type,
                  {.rows = 17 + tokens,
                   .columns = block == 256  ? 512U
                              : block == 32 ? 96U
                                            : 80U,
                   .tokens = tokens},
                  seed += 10);
        for (const std::size_t rows : {1U, 15U, 16U, 17U, 31U, 48U, 130U})
            check(type, {.rows = rows, .columns = block == 256 ? 256U : 32U, .tokens = 2, .padding = 5}, seed += 10);
        check(type, {.rows = 64, .columns = 1024, .tokens = 64, .threads = 2}, seed += 10);
    }
}

TEST_P(Linear, adds_bias_and_accumulates) {
    for (const DType type : matrix_types)
        for (const bool bias : {false, true})
            for (const bool accumulate : {false, true})
                check(type, {.rows = 37, .columns = 256, .tokens = 5, .bias = bias, .accumulate = accumulate}, 77);
}

TEST_P(Linear, takes_the_whole_input_where_it_must_be_fine) {
    unsigned seed = 500;
    for (const DType type : matrix_types)
        for (const std::size_t tokens : {1U, 2U, 7U, 16U, 35U})
            for (const bool repack : {true, false})
                check(type,
                      {.rows = 37,
                       .columns = 512,
                       .tokens = tokens,
                       .bias = tokens % 2 == 0,
                       .accumulate = tokens == 7,
                       .repack = repack,
                       .threads = 2,
                       .fine = true},
                      seed += 10);
}

TEST_P(Linear, works_without_repacking_and_with_any_team) {
    for (const DType type : matrix_types)
        for (const std::size_t threads : {1U, 2U, 3U}) {
            check(type, {.rows = 50, .columns = 256, .tokens = 1, .repack = false, .threads = threads}, 99);
            check(type, {.rows = 50, .columns = 256, .tokens = 19, .bias = true, .repack = false, .threads = threads},
                  98);
            check(type, {.rows = 700, .columns = 256, .tokens = 1, .threads = threads}, 97);
        }
}

TEST_P(Linear, many_products_share_one_input) {
    constexpr std::size_t columns = 512;
    const DType types[] = {DType::q6_k, DType::f16, DType::q5_0, DType::q4_k};
    const std::size_t rows[] = {40, 16, 7, 130};
    for (const std::size_t tokens : {1U, 3U, 20U}) {
        std::vector<std::vector<std::byte>> bytes;
        std::vector<Weight> weights;
        std::vector<std::vector<float>> together, alone;
        const auto x = random_floats(tokens * columns, 5);
        for (std::size_t i = 0; i < 4; ++i) {
            bytes.push_back(random_weights(types[i], rows[i] * columns, 40 + static_cast<unsigned>(i)));
            auto weight = Weight::prepare({types[i], rows[i], columns, bytes.back().data()});
            ASSERT_TRUE(weight);
            weights.push_back(std::move(*weight));
            together.emplace_back(tokens * rows[i]);
            alone.emplace_back(tokens * rows[i]);
        }
        std::vector<std::byte> scratch(linear_scratch_bytes(columns, tokens));
        ThreadTeam team(2);
        const auto args = [&](std::size_t i, std::vector<float>& y) {
            return LinearArgs{&weights[i], x.data(), columns, tokens, y.data(), rows[i], nullptr, false};
        };
        team.run([&](Worker& worker) {
            for (int repeat = 0; repeat < 3; ++repeat) {
                LinearArgs all[] = {args(0, together[0]), args(1, together[1]), args(2, together[2]),
                                    args(3, together[3])};
                linear_many(worker, all, scratch);
                worker.barrier();
            }
            for (std::size_t i = 0; i < 4; ++i) {
                linear(worker, args(i, alone[i]), scratch);
                worker.barrier();
            }
        });
        EXPECT_EQ(together, alone);
    }
}

INSTANTIATE_TEST_SUITE_P(Isas, Linear, testing::ValuesIn(all_isas), isa_test_name);

TEST(WeightRow, equals_dequantize_whether_repacked_or_not) {
    for (const DType type : matrix_types) {
        constexpr std::size_t rows = 35, columns = 768;
        const auto bytes = random_weights(type, rows * columns, 3);
        ThreadTeam team(2);
        for (const bool repack : {false, true}) {
            const auto weight = Weight::prepare({type, rows, columns, bytes.data()}, {.repack = repack, .team = &team});
            ASSERT_TRUE(weight);
            std::vector<float> expected(columns), actual(columns);
            for (std::size_t r = 0; r < rows; ++r) {
                dequantize(type, bytes.data() + r * bytes_of(info(type), columns), expected);
                weight->row(r, actual);
                ASSERT_EQ(actual, expected) << info(type).name << " row " << r;
            }
        }
    }
}

TEST(WeightPrepare, refuses_what_it_cannot_multiply) {
    std::vector<std::byte> bytes(4096);
    EXPECT_EQ(Weight::prepare({DType::i32, 4, 32, bytes.data()}).error().code(), ErrorCode::unsupported);
    EXPECT_EQ(Weight::prepare({DType::q4_0, 4, 33, bytes.data()}).error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(Weight::prepare({DType::q4_k, 4, 128, bytes.data()}).error().code(), ErrorCode::invalid_argument);
}

TEST(LinearAccuracy, eight_bit_input_stays_close_to_float) {
    for (const DType type : quantised_types) {
        constexpr std::size_t rows = 32, columns = 1024;
        const auto bytes = random_weights(type, rows * columns, 12);
        const auto weight = Weight::prepare({type, rows, columns, bytes.data()});
        ASSERT_TRUE(weight);
        const auto x = random_floats(columns, 13);
        std::vector<float> y(rows), row(columns);
        std::vector<std::byte> scratch(linear_scratch_bytes(columns, 1));
        ThreadTeam team(1);
        const LinearArgs args{&*weight, x.data(), columns, 1, y.data(), rows, nullptr, false};
        team.run([&](Worker& worker) { linear(worker, args, scratch); });
        double error = 0;
        double size = 0;
        for (std::size_t r = 0; r < rows; ++r) {
            weight->row(r, row);
            double sum = 0;
            for (std::size_t c = 0; c < columns; ++c) sum += static_cast<double>(row[c]) * x[c];
            error += (y[r] - sum) * (y[r] - sum);
            size += sum * sum;
        }
        EXPECT_LT(std::sqrt(error / size), 0.01) << info(type).name;
    }
}

}  // namespace
}  // namespace tenon::tensor
