#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstring>

#include "support.hpp"
#include "tenon/base/file.hpp"
#include "tensor/quantize_blocks.hpp"

namespace tenon::tensor {
namespace {

using namespace testing_support;

constexpr DType written_types[] = {DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1,   DType::q2_k,   DType::q3_k,
                                   DType::q4_k, DType::q5_k, DType::q6_k, DType::iq4_nl, DType::iq4_xs, DType::mxfp4};

class QuantiseType : public testing::TestWithParam<DType> {};

TEST_P(QuantiseType, a_block_taken_apart_is_written_as_it_was) {
    const DTypeInfo& i = info(GetParam());
    const auto bytes = random_weights(GetParam(), i.block_elements * 50, 3);
    std::vector<std::byte> again(bytes.size());
    RawBlock raw;
    for (std::size_t at = 0; at < bytes.size(); at += i.block_bytes) {
        unpack_block(GetParam(), bytes.data() + at, raw);
        pack_block(GetParam(), raw, again.data() + at);
    }
    EXPECT_EQ(again, bytes);
}

double relative_error(DType type, const std::vector<float>& x, const std::vector<float>& importance,
                      const std::vector<float>& judged_by) {
    std::vector<std::byte> blocks(bytes_of(info(type), x.size()));
    EXPECT_TRUE(quantize(type, x, blocks.data(), importance));
    std::vector<float> back(x.size());
    dequantize(type, blocks.data(), back);
    double error = 0;
    double size = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double w = judged_by.empty() ? 1.0 : judged_by[i % judged_by.size()];
        error += w * (back[i] - x[i]) * (back[i] - x[i]);
        size += w * x[i] * x[i];
    }
    return std::sqrt(error / size);
}

struct Errors {
    double plain, weighted;
};

/// llama.cpp's errors on normal numbers, as tools/goldens/quant_errors.py prints them.
Errors peer(DType type) {
    switch (type) {
        case DType::q4_0:
            return {0.08593, 0.07366};
        case DType::q4_1:
            return {0.07820, 0.05839};
        case DType::q5_0:
            return {0.04267, 0.03666};
        case DType::q5_1:
            return {0.03784, 0.02833};
        case DType::q2_k:
            return {0.29662, 0.20288};
        case DType::q3_k:
            return {0.15089, 0.12310};
        case DType::q4_k:
            return {0.07130, 0.05958};
        case DType::q5_k:
            return {0.03610, 0.03093};
        case DType::q6_k:
            return {0.01773, 0.01494};
        case DType::iq4_nl:
            return {0.07606, 0.06623};
        case DType::iq4_xs:
            return {0.07665, 0.06709};
        case DType::mxfp4:
            return {0.11488, 0.11499};
        default:
            return {};
    }
}

TEST_P(QuantiseType, errs_no_more_than_llama_cpp_on_normal_numbers) {
    const auto x = random_floats(1024 * 256, 17);
    std::vector<float> importance(1024);
    for (std::size_t i = 0; i < importance.size(); ++i) importance[i] = std::exp(static_cast<float>(i % 7) - 3);
    const Errors ours{relative_error(GetParam(), x, {}, {}), relative_error(GetParam(), x, importance, importance)};
    std::printf("%-7s plain %.5f (llama.cpp %.5f)  weighted %.5f (llama.cpp %.5f)\n", info(GetParam()).name.data(),
                ours.plain, peer(GetParam()).plain, ours.weighted, peer(GetParam()).weighted);
    EXPECT_LE(ours.plain, peer(GetParam()).plain * 1.003);
    EXPECT_LE(ours.weighted, peer(GetParam()).weighted * 1.003);
}

TEST_P(QuantiseType, spares_the_columns_that_matter) {
    const auto x = random_floats(1024 * 64, 5);
    std::vector<float> importance = random_floats(1024, 6);
    for (float& v : importance) v = std::exp(2 * v);
    EXPECT_LT(relative_error(GetParam(), x, importance, importance), relative_error(GetParam(), x, {}, importance));
}

TEST_P(QuantiseType, zeros_constants_and_extremes_come_back) {
    for (const float value : {0.0F, 1.0F, -1.0F, 1e-12F, -3e4F}) {
        std::vector<float> x(512, value);
        std::vector<std::byte> blocks(bytes_of(info(GetParam()), x.size()));
        ASSERT_TRUE(quantize(GetParam(), x, blocks.data()));
        std::vector<float> back(x.size());
        dequantize(GetParam(), blocks.data(), back);
        for (const float v : back) ASSERT_NEAR(v, value, std::fabs(value) * 0.15F + 1e-7F) << value;
    }
    std::vector<float> x(512);
    x[7] = 1000;
    std::vector<std::byte> blocks(bytes_of(info(GetParam()), x.size()));
    ASSERT_TRUE(quantize(GetParam(), x, blocks.data()));
    std::vector<float> back(x.size());
    dequantize(GetParam(), blocks.data(), back);
    EXPECT_NEAR(back[7], 1000, 150);
}

INSTANTIATE_TEST_SUITE_P(Types, QuantiseType, testing::ValuesIn(written_types),
                         [](const auto& p) { return std::string(tensor::info(p.param).name); });

}  // namespace
}  // namespace tenon::tensor
