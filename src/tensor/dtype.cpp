#include "tenon/tensor/dtype.hpp"

#include <array>
#include <bit>
#include <cstring>

#include "tensor/blocks.hpp"

namespace tenon::tensor {
namespace {

constexpr std::array<DTypeInfo, dtype_count> table{{
    {"F32", 1, 4, false, 0},        {"F16", 1, 2, false, 1},        {"BF16", 1, 2, false, 30},
    {"F64", 1, 8, false, 28},       {"I8", 1, 1, false, 24},        {"I16", 1, 2, false, 25},
    {"I32", 1, 4, false, 26},       {"I64", 1, 8, false, 27},       {"Q4_0", 32, 18, true, 2},
    {"Q4_1", 32, 20, true, 3},      {"Q5_0", 32, 22, true, 6},      {"Q5_1", 32, 24, true, 7},
    {"Q8_0", 32, 34, true, 8},      {"Q2_K", 256, 84, true, 10},    {"Q3_K", 256, 110, true, 11},
    {"Q4_K", 256, 144, true, 12},   {"Q5_K", 256, 176, true, 13},   {"Q6_K", 256, 210, true, 14},
    {"IQ4_NL", 32, 18, true, 20},   {"IQ4_XS", 256, 136, true, 23}, {"MXFP4", 32, 17, true, 39},
    {"IQ2_XXS", 256, 66, true, 16}, {"IQ2_XS", 256, 74, true, 17},  {"IQ2_S", 256, 82, true, 22},
    {"IQ3_XXS", 256, 98, true, 18}, {"IQ3_S", 256, 110, true, 21},  {"IQ1_S", 256, 50, true, 19},
    {"IQ1_M", 256, 56, true, 29},   {"TQ1_0", 256, 54, true, 34},   {"TQ2_0", 256, 66, true, 35},
}};

constexpr std::array<std::string_view, 40> ggml_names{
    "F32",    "F16",      "Q4_0",     "Q4_1",     "Q4_2",  "Q4_3",  "Q5_0",       "Q5_1",       "Q8_0",       "Q8_1",
    "Q2_K",   "Q3_K",     "Q4_K",     "Q5_K",     "Q6_K",  "Q8_K",  "IQ2_XXS",    "IQ2_XS",     "IQ3_XXS",    "IQ1_S",
    "IQ4_NL", "IQ3_S",    "IQ2_S",    "IQ4_XS",   "I8",    "I16",   "I32",        "I64",        "F64",        "IQ1_M",
    "BF16",   "Q4_0_4_4", "Q4_0_4_8", "Q4_0_8_8", "TQ1_0", "TQ2_0", "IQ4_NL_4_4", "IQ4_NL_4_8", "IQ4_NL_8_8", "MXFP4"};

template <class T>
T load(const std::byte* p) noexcept {
    T v;
    std::memcpy(&v, p, sizeof v);
    return v;
}

template <class T, class Convert>
void expand(const std::byte* in, std::span<float> out, Convert convert) noexcept {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = convert(load<T>(in + i * sizeof(T)));
}

void dequantize_blocks(DType type, const std::byte* blocks, std::span<float> out) noexcept {
    const QuantShape shape = quant_shape(type);
    const std::size_t bytes = info(type).block_bytes;
    RawBlock raw;
    for (std::size_t at = 0; at < out.size(); at += shape.elements, blocks += bytes) {
        unpack_block(type, blocks, raw);
        const float d = shape.scale_of(raw.d);
        const float m = f16_to_f32(raw.dmin);
        for (std::size_t i = 0; i < shape.elements; ++i) {
            const std::size_t g = i / shape.group;
            const float scale = shape.super ? d * static_cast<float>(raw.sc[g]) : d;
            const float low = !shape.has_min ? 0.0F : shape.super ? -(m * static_cast<float>(raw.mn[g])) : m;
            out[at + i] = scale * static_cast<float>(shape.value(raw.q[i])) + low;
        }
    }
}

}  // namespace

const DTypeInfo& info(DType type) noexcept { return table[static_cast<std::size_t>(type)]; }

std::optional<DType> from_ggml(std::uint32_t ggml_type) noexcept {
    for (std::size_t i = 0; i < table.size(); ++i)
        if (table[i].ggml_type == ggml_type) return static_cast<DType>(i);
    return std::nullopt;
}

std::string_view ggml_type_name(std::uint32_t ggml_type) noexcept {
    return ggml_type < ggml_names.size() ? ggml_names[ggml_type] : std::string_view("an unknown type");
}

float f16_to_f32(std::uint16_t half) noexcept {
    const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
    const std::uint32_t magnitude = half & 0x7FFFU;
    if (magnitude >= 0x7C00U) return std::bit_cast<float>(sign | 0x7F800000U | (magnitude & 0x3FFU) << 13);
    if (magnitude >= 0x0400U) return std::bit_cast<float>(sign | ((magnitude << 13) + 0x38000000U));
    const float value = static_cast<float>(magnitude) * 0x1p-24F;  // subnormal, exact
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) | sign);
}

std::uint16_t f32_to_f16(float value) noexcept {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000U);
    const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
    if (magnitude > 0x7F800000U) return static_cast<std::uint16_t>(sign | 0x7E00U | (magnitude >> 13 & 0x3FFU));
    if (magnitude >= 0x477FF000U) return static_cast<std::uint16_t>(sign | 0x7C00U);  // rounds to 65536 or more
    if (magnitude < 0x38800000U) {  // subnormal half: let the FPU round
        const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
        return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3F000000U));
    }
    const std::uint32_t rounded = magnitude + 0xFFFU + (magnitude >> 13 & 1U);
    return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000U) >> 13));
}

float bf16_to_f32(std::uint16_t value) noexcept {
    return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16);
}

std::uint16_t f32_to_bf16(float value) noexcept {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<std::uint16_t>(bits >> 16 | 0x40U);
    return static_cast<std::uint16_t>((bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16);
}

void dequantize(DType type, const std::byte* blocks, std::span<float> out) noexcept {
    switch (type) {
        case DType::f32:
            return expand<float>(blocks, out, [](float v) { return v; });
        case DType::f16:
            return expand<std::uint16_t>(blocks, out, f16_to_f32);
        case DType::bf16:
            return expand<std::uint16_t>(blocks, out, bf16_to_f32);
        case DType::f64:
            return expand<double>(blocks, out, [](double v) { return static_cast<float>(v); });
        case DType::i8:
            return expand<std::int8_t>(blocks, out, [](auto v) { return static_cast<float>(v); });
        case DType::i16:
            return expand<std::int16_t>(blocks, out, [](auto v) { return static_cast<float>(v); });
        case DType::i32:
            return expand<std::int32_t>(blocks, out, [](auto v) { return static_cast<float>(v); });
        case DType::i64:
            return expand<std::int64_t>(blocks, out, [](auto v) { return static_cast<float>(v); });
        default:
            return dequantize_blocks(type, blocks, out);
    }
}

}  // namespace tenon::tensor
