// What the tests of this room share.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "tenon/tensor/ops.hpp"

namespace tenon::tensor::testing_support {

inline constexpr DType quantised_types[] = {DType::q4_0,   DType::q4_1,    DType::q5_0,  DType::q5_1,    DType::q8_0,
                                            DType::q2_k,   DType::q3_k,    DType::q4_k,  DType::q5_k,    DType::q6_k,
                                            DType::iq4_nl, DType::iq4_xs,  DType::mxfp4, DType::iq2_xxs, DType::iq2_xs,
                                            DType::iq2_s,  DType::iq3_xxs, DType::iq3_s, DType::iq1_s,   DType::iq1_m,
                                            DType::tq1_0,  DType::tq2_0};
inline constexpr DType matrix_types[] = {DType::f32,   DType::f16,     DType::bf16,   DType::q4_0,   DType::q4_1,
                                         DType::q5_0,  DType::q5_1,    DType::q8_0,   DType::q2_k,   DType::q3_k,
                                         DType::q4_k,  DType::q5_k,    DType::q6_k,   DType::iq4_nl, DType::iq4_xs,
                                         DType::mxfp4, DType::iq2_xxs, DType::iq2_xs, DType::iq2_s,  DType::iq3_xxs,
                                         DType::iq3_s, DType::iq1_s,   DType::iq1_m,  DType::tq1_0,  DType::tq2_0};
inline constexpr Isa all_isas[] = {Isa::scalar, Isa::avx2, Isa::avx512, Isa::neon};

inline std::vector<float> random_floats(std::size_t n, unsigned seed, float scale = 1.0F) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0.0F, scale);
    std::vector<float> v(n);
    for (float& x : v) x = normal(random);
    return v;
}

/// Random bytes with ordinary float16 scales, or random numbers of a plain type.
inline std::vector<std::byte> random_weights(DType type, std::size_t elements, unsigned seed) {
    const DTypeInfo& i = info(type);
    std::vector<std::byte> bytes(bytes_of(i, elements));
    std::mt19937 random(seed);
    if (!i.quantised) {
        EXPECT_TRUE(quantize(type, random_floats(elements, seed), bytes.data()));
        return bytes;
    }
    for (std::byte& b : bytes) b = static_cast<std::byte>(random());
    std::vector<std::size_t> halves{0};
    if (type == DType::q4_1 || type == DType::q5_1 || type == DType::q4_k || type == DType::q5_k) halves = {0, 2};
    if (type == DType::q2_k) halves = {80, 82};
    if (type == DType::q3_k) halves = {108};
    if (type == DType::q6_k) halves = {208};
    if (type == DType::tq1_0) halves = {52};
    if (type == DType::tq2_0) halves = {64};
    if (type == DType::mxfp4 || type == DType::iq1_m) halves = {};
    std::uniform_real_distribution<float> scale(-0.05F, 0.05F);
    for (std::size_t at = 0; at < bytes.size(); at += i.block_bytes)
        for (const std::size_t half : halves) {
            const std::uint16_t h = f32_to_f16(scale(random));
            std::memcpy(bytes.data() + at + half, &h, 2);
        }
    for (std::size_t at = 0; at < bytes.size(); at += i.block_bytes) {
        if (type == DType::mxfp4) bytes[at] = static_cast<std::byte>(118 + random() % 8);
        if (type != DType::iq1_m) continue;
        const std::uint16_t h = f32_to_f16(scale(random));  // in the high nibbles of four words
        for (unsigned n = 0; n < 4; ++n) {
            std::byte& top = bytes[at + 49 + 2 * n];
            top = (top & std::byte{15}) | static_cast<std::byte>((h >> (4 * n) & 15) << 4);
        }
    }
    return bytes;
}

/// Chooses the instruction set of a parameterised test, and the machine's best again afterwards.
class WithIsa : public testing::TestWithParam<Isa> {
  protected:
    void SetUp() override {
        if (!force_isa(GetParam())) GTEST_SKIP() << "this machine lacks " << isa_name(GetParam());
    }
    void TearDown() override { ASSERT_TRUE(force_isa(available_isas().back())); }
};
inline std::string isa_test_name(const testing::TestParamInfo<Isa>& p) { return std::string(isa_name(p.param)); }

}  // namespace tenon::tensor::testing_support
