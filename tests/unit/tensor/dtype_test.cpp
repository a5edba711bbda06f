#include "tenon/tensor/dtype.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "tenon/base/file.hpp"

namespace tenon::tensor {
namespace {

constexpr DType quantised_types[] = {DType::q4_0,   DType::q4_1,    DType::q5_0,  DType::q5_1,    DType::q8_0,
                                     DType::q2_k,   DType::q3_k,    DType::q4_k,  DType::q5_k,    DType::q6_k,
                                     DType::iq4_nl, DType::iq4_xs,  DType::mxfp4, DType::iq2_xxs, DType::iq2_xs,
                                     DType::iq2_s,  DType::iq3_xxs, DType::iq3_s, DType::iq1_s,   DType::iq1_m,
                                     DType::tq1_0,  DType::tq2_0};

class Dequantize : public testing::TestWithParam<DType> {};

TEST_P(Dequantize, equals_the_gguf_package) {
    const DTypeInfo& i = info(GetParam());
    const auto bytes = read_file(std::string(TENON_TEST_DATA) + "/golden/quants/" + std::string(i.name) + ".bin");
    ASSERT_TRUE(bytes) << bytes.error().describe();
    std::uint32_t blocks = 0;
    ASSERT_GE(bytes->size(), 4U);
    std::memcpy(&blocks, bytes->data(), 4);
    const std::size_t values = blocks * i.block_elements;
    ASSERT_EQ(bytes->size(), 4 + blocks * i.block_bytes + values * 4);
    std::vector<float> expected(values);
    std::memcpy(expected.data(), bytes->data() + 4 + blocks * i.block_bytes, values * 4);
    std::vector<float> actual(values);
    dequantize(GetParam(), reinterpret_cast<const std::byte*>(bytes->data()) + 4, actual);
    for (std::size_t at = 0; at < values; ++at) ASSERT_EQ(actual[at], expected[at]) << "element " << at;
}
INSTANTIATE_TEST_SUITE_P(Types, Dequantize, testing::ValuesIn(quantised_types),
                         [](const auto& p) { return std::string(tensor::info(p.param).name); });

TEST(Half, every_float16_survives_the_round_trip) {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
        const auto half = static_cast<std::uint16_t>(bits);
        const float value = f16_to_f32(half);
        if (std::isnan(value)) {
            EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(value))));
        } else {
            ASSERT_EQ(f32_to_f16(value), half) << bits;
        }
    }
}

TEST(Half, rounds_to_nearest_even) {
    EXPECT_EQ(f32_to_f16(1.0F + 0x1p-11F), 0x3C00);
    EXPECT_EQ(f32_to_f16(1.0F + 3 * 0x1p-11F), 0x3C02);
    EXPECT_EQ(f32_to_f16(65519.0F), 0x7BFF);
    EXPECT_EQ(f32_to_f16(65520.0F), 0x7C00);
    EXPECT_EQ(f32_to_f16(-INFINITY), 0xFC00);
    EXPECT_EQ(f32_to_f16(0x1p-25F), 0);
    EXPECT_EQ(f32_to_f16(0x1.8p-25F), 1);
    EXPECT_EQ(f32_to_bf16(1.0F + 0x1p-8F), 0x3F80);
    EXPECT_EQ(f32_to_bf16(1.0F + 3 * 0x1p-8F), 0x3F82);
    EXPECT_EQ(bf16_to_f32(0xC000), -2.0F);
}

TEST(Quantize, error_is_within_one_step) {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    std::vector<float> x(32 * 20);
    for (float& v : x) v = normal(random);
    x[40] = 0;
    std::fill(x.begin() + 64, x.begin() + 96, 0.0F);
    const std::pair<DType, float> steps[] = {
        {DType::q4_0, 1.0F / 8},   {DType::q4_1, 2.0F / 15}, {DType::q5_0, 1.0F / 16}, {DType::q5_1, 2.0F / 31},
        {DType::q8_0, 0.6F / 127}, {DType::f16, 1e-3F},      {DType::bf16, 8e-3F}};
    for (const auto& [type, step] : steps) {
        std::vector<std::byte> blocks(bytes_of(info(type), x.size()));
        ASSERT_TRUE(quantize(type, x, blocks.data()));
        std::vector<float> back(x.size());
        dequantize(type, blocks.data(), back);
        for (std::size_t at = 0; at < x.size(); at += 32) {
            float peak = 0;
            for (std::size_t j = 0; j < 32; ++j) peak = std::max(peak, std::fabs(x[at + j]));
            for (std::size_t j = 0; j < 32; ++j)
                ASSERT_NEAR(back[at + j], x[at + j], step * peak + 1e-6F) << info(type).name << " " << at + j;
        }
    }
}

TEST(Quantize, refuses_what_it_cannot_do) {
    std::vector<float> x(256);
    std::vector<std::byte> blocks(1024);
    EXPECT_EQ(quantize(DType::iq2_xs, x, blocks.data()).error().code(), ErrorCode::unsupported);
    x[3] = NAN;
    EXPECT_EQ(quantize(DType::q4_k, x, blocks.data()).error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(quantize(DType::q4_0, std::span(x).first(31), blocks.data()).error().code(), ErrorCode::invalid_argument);
}

TEST(Types, ggml_numbers_map_both_ways) {
    for (std::uint32_t n = 0; n < 64; ++n)
        if (const auto type = from_ggml(n)) {
            EXPECT_EQ(info(*type).ggml_type, n);
            EXPECT_EQ(info(*type).name, ggml_type_name(n));
        }
    EXPECT_EQ(from_ggml(12), DType::q4_k);
    EXPECT_FALSE(from_ggml(31));
    EXPECT_EQ(ggml_type_name(16), "IQ2_XXS");
    EXPECT_EQ(ggml_type_name(4000000000U), "an unknown type");
}

}  // namespace
}  // namespace tenon::tensor
