#include "tenon/model/synthetic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "tenon/base/utf8.hpp"
#include "tenon/model/gguf_writer.hpp"

namespace tenon::model {
namespace {

struct Shape {
    std::string_view name, architecture, title;
    std::uint32_t width, layers, heads, kv_heads, hidden, vocabulary, context;
    float rope_base;
    bool bias;
};
constexpr std::array shapes{
    Shape{"135m", "llama", "SmolLM2 135M", 576, 30, 9, 3, 1536, 49152, 8192, 100'000, false},
    Shape{"0.5b", "qwen2", "Qwen2.5 0.5B", 896, 24, 14, 2, 4864, 151'936, 32'768, 1'000'000, true},
    Shape{"1b", "llama", "Llama 3.2 1B", 2048, 16, 32, 8, 8192, 128'256, 131'072, 500'000, false},
    Shape{"3b", "llama", "Llama 3.2 3B", 3072, 28, 24, 8, 8192, 128'256, 131'072, 500'000, false},
};
constexpr auto names = [] {
    std::array<std::string_view, shapes.size()> out;
    std::ranges::transform(shapes, out.begin(), &Shape::name);
    return out;
}();

/// GPT-2's letters for the 256 bytes, then words that no text holds.
std::vector<std::string> tokens_of(std::size_t count) {
    std::vector<std::string> tokens;
    char32_t next = 256;
    for (int b = 0; b < 256; ++b) {
        const bool printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
        std::string letter;
        utf8::append(letter, printable ? static_cast<char32_t>(b) : next++);
        tokens.push_back(std::move(letter));
    }
    tokens.emplace_back("<|end|>");
    while (tokens.size() < count) tokens.push_back(fmt::format("[{}]", tokens.size()));
    return tokens;
}

GgufMetadata metadata_of(const Shape& s) {
    GgufMetadata m;
    const auto key = [&](std::string_view name) { return fmt::format("{}.{}", s.architecture, name); };
    m.set("general.architecture", s.architecture);
    m.set("general.name", fmt::format("{} shape, random weights", s.title));
    m.set("general.file_type", std::uint32_t{1});
    m.set(key("context_length"), s.context);
    m.set(key("embedding_length"), s.width);
    m.set(key("block_count"), s.layers);
    m.set(key("feed_forward_length"), s.hidden);
    m.set(key("attention.head_count"), s.heads);
    m.set(key("attention.head_count_kv"), s.kv_heads);
    m.set(key("attention.layer_norm_rms_epsilon"), 1e-5F);
    m.set(key("rope.freq_base"), s.rope_base);
    m.set(key("rope.dimension_count"), s.width / s.heads);
    m.set(key("vocab_size"), s.vocabulary);
    const auto tokens = tokens_of(s.vocabulary);
    std::vector<std::int32_t> types(tokens.size(), 1);
    types[256] = 3;  // control
    m.set("tokenizer.ggml.model", "gpt2");
    m.set("tokenizer.ggml.pre", "gpt-2");
    m.set_array("tokenizer.ggml.tokens", tokens);
    m.set_array<std::int32_t>("tokenizer.ggml.token_type", types);
    m.set_array("tokenizer.ggml.merges", std::span<const std::string>());
    m.set("tokenizer.ggml.eos_token_id", std::uint32_t{256});
    m.set("tokenizer.ggml.add_bos_token", false);
    return m;
}

std::vector<GgufTensor> tensors_of(const Shape& s) {
    const std::uint64_t kv = std::uint64_t{s.width} / s.heads * s.kv_heads;
    std::vector<GgufTensor> out;
    const auto matrix = [&](std::string name, std::uint64_t rows, std::uint64_t columns) {
        out.push_back({std::move(name), tensor::DType::f16, {rows, columns}});
    };
    const auto vector = [&](std::string name, std::uint64_t size) {
        out.push_back({std::move(name), tensor::DType::f32, {size}});
    };
    matrix("token_embd.weight", s.vocabulary, s.width);
    vector("output_norm.weight", s.width);
    for (std::uint32_t i = 0; i < s.layers; ++i) {
        const auto name = [&](std::string_view part) { return fmt::format("blk.{}.{}", i, part); };
        vector(name("attn_norm.weight"), s.width);
        matrix(name("attn_q.weight"), s.width, s.width);
        matrix(name("attn_k.weight"), kv, s.width);
        matrix(name("attn_v.weight"), kv, s.width);
        matrix(name("attn_output.weight"), s.width, s.width);
        if (s.bias) {
            vector(name("attn_q.bias"), s.width);
            vector(name("attn_k.bias"), kv);
            vector(name("attn_v.bias"), kv);
        }
        vector(name("ffn_norm.weight"), s.width);
        matrix(name("ffn_gate.weight"), s.hidden, s.width);
        matrix(name("ffn_up.weight"), s.hidden, s.width);
        matrix(name("ffn_down.weight"), s.width, s.hidden);
    }
    return out;
}

/// About normal, with the spread that keeps activations of such a network in range.
class Noise {
  public:
    float next() noexcept {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        const auto part = [&](int shift) { return static_cast<float>(state_ >> shift & 0xFFFF); };
        return (part(0) + part(16) + part(32) + part(48) - 131'070.0F) * (0.02F / 37'837.0F);
    }

  private:
    std::uint64_t state_ = 0x9E3779B97F4A7C15U;
};

Result<void> write_halves(const Shape& shape, const std::filesystem::path& path,
                          const std::function<void(const ExportProgress&)>& progress) {
    const auto tensors = tensors_of(shape);
    TENON_TRY(GgufWriter writer, GgufWriter::create(path, metadata_of(shape), tensors));
    Noise noise;
    std::vector<std::byte> piece;
    ExportProgress done;
    for (const GgufTensor& t : tensors) done.bytes_total += 2 * t.bytes();  // the other half is quantising
    for (const GgufTensor& t : tensors) {
        done.tensor = t.name;
        const bool norm = t.name.ends_with("norm.weight");
        const std::size_t size = t.type == tensor::DType::f16 ? 2 : 4;
        for (std::uint64_t left = t.bytes() / size; left > 0;) {
            const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left, 1 << 20));
            piece.resize(count * size);
            for (std::size_t i = 0; i < count; ++i) {
                if (size == 2) {
                    const std::uint16_t half = tensor::f32_to_f16(noise.next());
                    std::memcpy(piece.data() + 2 * i, &half, 2);
                } else {
                    const float value = norm ? 1.0F : noise.next();
                    std::memcpy(piece.data() + 4 * i, &value, 4);
                }
            }
            TENON_CHECK(writer.write(piece));
            left -= count;
            done.bytes_done += piece.size();
            if (progress) progress(done);
        }
    }
    return writer.finish();
}

}  // namespace

std::span<const std::string_view> synthetic_shapes() noexcept { return names; }

Result<void> write_synthetic(std::string_view shape, std::string_view quantisation, const std::filesystem::path& path,
                             const std::function<void(const ExportProgress&)>& progress) {
    const auto found = std::ranges::find(shapes, shape, &Shape::name);
    if (found == shapes.end())
        return fail(ErrorCode::invalid_argument,
                    fmt::format("no shape is called '{}'; there are {}", shape, fmt::join(names, ", ")));
    if (std::ranges::find(quantisation_names(), quantisation) == quantisation_names().end())
        return fail(ErrorCode::invalid_argument, fmt::format("no quantisation is called '{}'; there are {}",
                                                             quantisation, fmt::join(quantisation_names(), ", ")));
    if (quantisation == "F16") return write_halves(*found, path, progress);
    auto halves = path;
    halves += ".f16";
    TENON_CHECK(write_halves(*found, halves, progress));
    QuantizeOptions options;
    options.type = quantisation;
    if (progress)
        options.progress = [&](ExportProgress p) {
            p.bytes_done += p.bytes_total;
            p.bytes_total *= 2;
            progress(p);
        };
    const auto done = quantize_model(halves, path, options);
    std::error_code ignored;
    std::filesystem::remove(halves, ignored);
    if (!done) return std::unexpected(done.error());
    return {};
}

}  // namespace tenon::model
