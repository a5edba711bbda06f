#include "model/decoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <optional>
#include <thread>

#include "model/buffer.hpp"
#include "model/kv_cache.hpp"
#include "model/prepare.hpp"
#include "tenon/tensor/linear.hpp"
#include "tenon/tensor/ops.hpp"

namespace tenon::model {
namespace {

constexpr std::size_t batch_tokens = 512;

struct Layer {
    tensor::Weight q, k, v, o, gate, up, down;
    std::vector<float> attention_norm, feed_forward_norm;
    std::vector<float> q_bias, k_bias, v_bias, o_bias, gate_bias, up_bias, down_bias;  // empty: none
    std::vector<float> q_norm, k_norm;                                                 // empty: none
};

const float* or_null(const std::vector<float>& values) noexcept { return values.empty() ? nullptr : values.data(); }

class Decoder final : public CausalModel {
  public:
    Decoder(SourcePtr source, DecoderSpec spec) : source_(std::move(source)), spec_(std::move(spec)) {}

    [[nodiscard]] Result<void> load(const LoadOptions& options);

    [[nodiscard]] const ModelInfo& info() const noexcept override { return spec_.info; }
    [[nodiscard]] const text::TokenizerPtr& tokenizer() const noexcept override { return tokenizer_; }
    [[nodiscard]] std::size_t max_batch_tokens() const noexcept override { return batch_tokens; }
    [[nodiscard]] Result<std::unique_ptr<KvCache>> make_cache(std::size_t capacity) const override {
        return DecoderCache::create(this, {spec_.layers, spec_.kv_heads, spec_.head_dim}, capacity);
    }
    [[nodiscard]] Result<std::span<const float>> forward(tensor::ThreadTeam& team,
                                                         std::span<const SequenceStep> steps) override;

  private:
    /// One sequence's part of the concatenated tokens.
    struct Part {
        DecoderCache* cache;
        std::size_t begin;  // row of its first token
        std::size_t tokens;
        std::size_t first;  // position of that token
    };

    [[nodiscard]] Result<void> load_layer(std::size_t index, WeightLoader& loader);
    [[nodiscard]] Result<void> load_vector(std::string_view gguf, std::string_view hf, std::size_t size, bool needed,
                                           std::vector<float>& into);
    [[nodiscard]] Result<void> reserve_buffers();
    [[nodiscard]] Result<std::size_t> plan(std::span<const SequenceStep> steps);
    void compute(tensor::Worker& worker) const noexcept;
    void embed(tensor::Worker& worker) const noexcept;
    void attend(tensor::Worker& worker, std::size_t index) const noexcept;
    void feed_forward(tensor::Worker& worker, const Layer& layer) const noexcept;
    [[nodiscard]] std::span<std::byte> scratch() const noexcept { return {scratch_.data(), scratch_.size()}; }

    SourcePtr source_;
    DecoderSpec spec_;
    text::TokenizerPtr tokenizer_;
    tensor::MatrixView embedding_;
    tensor::Weight output_;
    std::vector<float> output_norm_;
    std::vector<Layer> layers_;
    std::vector<Buffer> copies_;

    Buffer x_, normed_, q_, k_, v_, mixed_, gate_, up_, cosines_, sines_, scratch_, logits_;
    // The forward pass under way.
    std::vector<Part> parts_;
    std::vector<text::TokenId> tokens_;
    std::vector<std::size_t> wanted_;  // rows whose logits are asked for
};

Result<void> Decoder::load_vector(std::string_view gguf, std::string_view hf, std::size_t size, bool needed,
                                  std::vector<float>& into) {
    if (!needed && source_->find(gguf, hf) == nullptr) return {};
    TENON_TRY(const TensorRecord* record, source_->tensor(gguf, hf, {size}));
    TENON_TRY(into, record->floats());
    return {};
}

Result<void> Decoder::load_layer(std::size_t index, WeightLoader& loader) {
    Layer& layer = layers_[index];
    const std::size_t width = spec_.width;
    const std::size_t q_size = spec_.heads * spec_.head_dim;
    const std::size_t kv_size = spec_.kv_heads * spec_.head_dim;
    struct Matrix {
        const char* gguf;
        const char* hf;
        std::size_t rows, columns;
        tensor::Weight* weight;
        std::vector<float>* bias;
    };
    const Matrix matrices[] = {
        {"attn_q", "self_attn.q_proj", q_size, width, &layer.q, &layer.q_bias},
        {"attn_k", "self_attn.k_proj", kv_size, width, &layer.k, &layer.k_bias},
        {"attn_v", "self_attn.v_proj", kv_size, width, &layer.v, &layer.v_bias},
        {"attn_output", "self_attn.o_proj", width, q_size, &layer.o, &layer.o_bias},
        {"ffn_gate", "mlp.gate_proj", spec_.hidden, width, &layer.gate, &layer.gate_bias},
        {"ffn_up", "mlp.up_proj", spec_.hidden, width, &layer.up, &layer.up_bias},
        {"ffn_down", "mlp.down_proj", width, spec_.hidden, &layer.down, &layer.down_bias},
    };
    for (const Matrix& m : matrices) {
        TENON_TRY(const TensorRecord* record,
                  source_->tensor(fmt::format("blk.{}.{}.weight", index, m.gguf),
                                  fmt::format("layers.{}.{}.weight", index, m.hf), {m.rows, m.columns}));
        loader.add(*record, *m.weight);
        TENON_CHECK(load_vector(fmt::format("blk.{}.{}.bias", index, m.gguf),
                                fmt::format("layers.{}.{}.bias", index, m.hf), m.rows, false, *m.bias));
    }
    TENON_CHECK(load_vector(fmt::format("blk.{}.attn_norm.weight", index),
                            fmt::format("layers.{}.input_layernorm.weight", index), width, true, layer.attention_norm));
    TENON_CHECK(load_vector(fmt::format("blk.{}.ffn_norm.weight", index),
                            fmt::format("layers.{}.post_attention_layernorm.weight", index), width, true,
                            layer.feed_forward_norm));
    TENON_CHECK(load_vector(fmt::format("blk.{}.attn_q_norm.weight", index),
                            fmt::format("layers.{}.self_attn.q_norm.weight", index), spec_.head_dim, false,
                            layer.q_norm));
    TENON_CHECK(load_vector(fmt::format("blk.{}.attn_k_norm.weight", index),
                            fmt::format("layers.{}.self_attn.k_norm.weight", index), spec_.head_dim, false,
                            layer.k_norm));
    return {};
}

Result<void> Decoder::load(const LoadOptions& options) {
    source_->prefetch();
    TENON_TRY(const TensorRecord* embedding,
              source_->tensor("token_embd.weight", "embed_tokens.weight", {spec_.vocabulary, spec_.width}));
    TENON_TRY(embedding_, embedding->matrix());
    TENON_CHECK(load_vector("output_norm.weight", "norm.weight", spec_.width, true, output_norm_));

    WeightLoader loader(options);
    const bool tied = source_->is_gguf() ? source_->find("output.weight", "") == nullptr
                                         : source_->boolean("", "tie_word_embeddings").value_or(false);
    const TensorRecord* output = embedding;
    if (!tied) {
        TENON_TRY(output, source_->tensor("output.weight", "lm_head.weight", {spec_.vocabulary, spec_.width}));
    }
    loader.add(*output, output_);
    for (std::size_t i = 0; i < spec_.layers; ++i) {
        // Sizes come from the file: each layer's tensors must be there before the next is believed in.
        if (source_->find(fmt::format("blk.{}.attn_norm.weight", i),
                          fmt::format("layers.{}.input_layernorm.weight", i)) == nullptr)
            return fail(ErrorCode::corrupt,
                        fmt::format("{} promises {} layers, but holds {}", source_->path().string(), spec_.layers, i));
    }
    layers_ = std::vector<Layer>(spec_.layers);
    for (std::size_t i = 0; i < spec_.layers; ++i) TENON_CHECK(load_layer(i, loader));
    // Beside the packing, which waits for memory more than for the processor.
    std::optional<Result<text::TokenizerPtr>> tokenizer;
    {
        std::jthread beside([&] { tokenizer.emplace(source_->tokenizer()); });
        TENON_CHECK(loader.run());
    }
    TENON_TRY(tokenizer_, std::move(*tokenizer));
    copies_ = loader.take_copies();
    if (options.repack) source_->release_pages();  // the copies are what is read from now on
    TENON_CHECK(reserve_buffers());
    if (tokenizer_->vocabulary_size() > spec_.vocabulary)
        return fail(ErrorCode::corrupt, fmt::format("the tokenizer has {} tokens, the model only {}",
                                                    tokenizer_->vocabulary_size(), spec_.vocabulary));
    return {};
}

Result<void> Decoder::reserve_buffers() {
    const std::size_t n = batch_tokens;
    TENON_CHECK(x_.reserve_floats(n * spec_.width));
    TENON_CHECK(normed_.reserve_floats(n * spec_.width));
    TENON_CHECK(q_.reserve_floats(n * spec_.heads * spec_.head_dim));
    TENON_CHECK(mixed_.reserve_floats(n * spec_.heads * spec_.head_dim));
    TENON_CHECK(k_.reserve_floats(n * spec_.kv_heads * spec_.head_dim));
    TENON_CHECK(v_.reserve_floats(n * spec_.kv_heads * spec_.head_dim));
    TENON_CHECK(gate_.reserve_floats(n * spec_.hidden));
    TENON_CHECK(up_.reserve_floats(n * spec_.hidden));
    TENON_CHECK(cosines_.reserve_floats(n * spec_.rope.dimension() / 2));
    TENON_CHECK(sines_.reserve_floats(n * spec_.rope.dimension() / 2));
    TENON_CHECK(scratch_.reserve(
        tensor::linear_scratch_bytes(std::max({spec_.width, spec_.hidden, spec_.heads * spec_.head_dim}), n)));
    TENON_CHECK(logits_.reserve_floats(spec_.vocabulary));
    parts_.reserve(n);
    tokens_.reserve(n);
    wanted_.reserve(n);
    return {};
}

Result<std::size_t> Decoder::plan(std::span<const SequenceStep> steps) {
    parts_.clear();
    tokens_.clear();
    wanted_.clear();
    for (const SequenceStep& step : steps) {
        auto* const cache = dynamic_cast<DecoderCache*>(step.cache);
        if (cache == nullptr || cache->owner() != this)
            return fail(ErrorCode::invalid_argument, "a step needs a cache that this model made");
        if (step.tokens.empty()) return fail(ErrorCode::invalid_argument, "a step needs at least one token");
        if (step.tokens.size() > batch_tokens - tokens_.size())
            return fail(ErrorCode::invalid_argument,
                        fmt::format("one forward pass takes at most {} tokens", batch_tokens));
        if (std::ranges::find(parts_, cache, &Part::cache) != parts_.end())
            return fail(ErrorCode::invalid_argument, "two steps of one forward pass share a cache");
        if (step.tokens.size() > cache->capacity() - cache->length())
            return fail(ErrorCode::resource_exhausted,
                        fmt::format("the cache is full: {} of {} positions are used, {} more are needed",
                                    cache->length(), cache->capacity(), step.tokens.size()));
        for (const text::TokenId token : step.tokens)
            if (token < 0 || static_cast<std::size_t>(token) >= spec_.vocabulary)
                return fail(ErrorCode::invalid_argument,
                            fmt::format("token {} is outside the vocabulary of {}", token, spec_.vocabulary));
        const std::size_t begin = tokens_.size();
        parts_.push_back({cache, begin, step.tokens.size(), cache->length()});
        tokens_.insert(tokens_.end(), step.tokens.begin(), step.tokens.end());
        const std::size_t from = step.logits == Logits::all ? begin : tokens_.size() - 1;
        if (step.logits != Logits::none)
            for (std::size_t row = from; row < tokens_.size(); ++row) wanted_.push_back(row);
    }
    return wanted_.size();
}

Result<std::span<const float>> Decoder::forward(tensor::ThreadTeam& team, std::span<const SequenceStep> steps) {
    TENON_TRY(const std::size_t rows, plan(steps));
    TENON_CHECK(logits_.reserve_floats(rows * spec_.vocabulary));
    if (!tokens_.empty()) team.run([this](tensor::Worker& worker) { compute(worker); });
    for (const Part& part : parts_) part.cache->grow(part.tokens);
    return std::span<const float>(logits_.floats(), rows * spec_.vocabulary);
}

void Decoder::embed(tensor::Worker& worker) const noexcept {
    const std::size_t half = spec_.rope.dimension() / 2;
    const auto [first, last] = worker.share(tokens_.size());
    for (std::size_t t = first; t < last; ++t)
        tensor::dequantize(embedding_.type,
                           embedding_.data + static_cast<std::size_t>(tokens_[t]) * embedding_.row_bytes(),
                           {x_.floats() + t * spec_.width, spec_.width});
    for (const Part& part : parts_)
        for (std::size_t t = std::max(first, part.begin); t < std::min(last, part.begin + part.tokens); ++t)
            spec_.rope.cosines_and_sines(part.first + t - part.begin, part.first + part.tokens,
                                         cosines_.floats() + t * half, sines_.floats() + t * half);
}

void Decoder::attend(tensor::Worker& worker, std::size_t index) const noexcept {
    const Layer& layer = layers_[index];
    const std::size_t n = tokens_.size();
    const std::size_t q_size = spec_.heads * spec_.head_dim;
    const std::size_t kv_size = spec_.kv_heads * spec_.head_dim;
    tensor::rms_norm(worker, x_.floats(), n, spec_.width, layer.attention_norm.data(), spec_.epsilon, normed_.floats());
    worker.barrier();
    const auto project = [&](const tensor::Weight& weight, const std::vector<float>& bias, const Buffer& into,
                             std::size_t size) {
        return tensor::LinearArgs{.weight = &weight,
                                  .x = normed_.floats(),
                                  .x_stride = spec_.width,
                                  .tokens = n,
                                  .y = into.floats(),
                                  .y_stride = size,
                                  .bias = or_null(bias),
                                  .accumulate = false};
    };
    // Every later token reads the keys and values. Rounding their input moves logits more than any other rounding does,
    // and they are the smallest matrices: here alone it pays to round finely.
    const tensor::LinearArgs query[] = {project(layer.q, layer.q_bias, q_, q_size)};
    const tensor::LinearArgs cached[] = {project(layer.k, layer.k_bias, k_, kv_size),
                                         project(layer.v, layer.v_bias, v_, kv_size)};
    tensor::linear_many(worker, query, cached, scratch());
    worker.barrier();
    if (!layer.q_norm.empty())
        tensor::rms_norm(worker, q_.floats(), n * spec_.heads, spec_.head_dim, layer.q_norm.data(), spec_.epsilon,
                         q_.floats());
    if (!layer.k_norm.empty())
        tensor::rms_norm(worker, k_.floats(), n * spec_.kv_heads, spec_.head_dim, layer.k_norm.data(), spec_.epsilon,
                         k_.floats());
    if (!layer.q_norm.empty() || !layer.k_norm.empty()) worker.barrier();
    tensor::rope(worker, q_.floats(), n, q_size, spec_.heads, spec_.head_dim, spec_.rope.dimension(), cosines_.floats(),
                 sines_.floats(), spec_.rope.style());
    tensor::rope(worker, k_.floats(), n, kv_size, spec_.kv_heads, spec_.head_dim, spec_.rope.dimension(),
                 cosines_.floats(), sines_.floats(), spec_.rope.style());
    worker.barrier();
    for (const Part& part : parts_)
        tensor::kv_store(worker, part.cache->layer(index), k_.floats() + part.begin * kv_size,
                         v_.floats() + part.begin * kv_size, kv_size, part.tokens, part.first, spec_.kv_heads,
                         spec_.head_dim);
    worker.barrier();
    for (const Part& part : parts_)
        tensor::attention(worker, {.q = q_.floats() + part.begin * q_size,
                                   .q_stride = q_size,
                                   .tokens = part.tokens,
                                   .first = part.first,
                                   .heads = spec_.heads,
                                   .kv_heads = spec_.kv_heads,
                                   .head_dim = spec_.head_dim,
                                   .scale = 1.0F / std::sqrt(static_cast<float>(spec_.head_dim)),
                                   .window = spec_.windows[index],
                                   .softcap = 0,
                                   .cache = part.cache->layer(index),
                                   .out = mixed_.floats() + part.begin * q_size,
                                   .out_stride = q_size});
    worker.barrier();
    tensor::linear(worker,
                   {.weight = &layer.o,
                    .x = mixed_.floats(),
                    .x_stride = q_size,
                    .tokens = n,
                    .y = x_.floats(),
                    .y_stride = spec_.width,
                    .bias = or_null(layer.o_bias),
                    .accumulate = true},
                   scratch());
    worker.barrier();
}

void Decoder::feed_forward(tensor::Worker& worker, const Layer& layer) const noexcept {
    const std::size_t n = tokens_.size();
    tensor::rms_norm(worker, x_.floats(), n, spec_.width, layer.feed_forward_norm.data(), spec_.epsilon,
                     normed_.floats());
    worker.barrier();
    const auto project = [&](const tensor::Weight& weight, const std::vector<float>& bias, const Buffer& into) {
        return tensor::LinearArgs{.weight = &weight,
                                  .x = normed_.floats(),
                                  .x_stride = spec_.width,
                                  .tokens = n,
                                  .y = into.floats(),
                                  .y_stride = spec_.hidden,
                                  .bias = or_null(bias),
                                  .accumulate = false};
    };
    const tensor::LinearArgs projections[] = {project(layer.gate, layer.gate_bias, gate_),
                                              project(layer.up, layer.up_bias, up_)};
    tensor::linear_many(worker, projections, scratch());
    worker.barrier();
    tensor::silu_mul(worker, gate_.floats(), up_.floats(), n * spec_.hidden, gate_.floats());
    worker.barrier();
    tensor::linear(worker,
                   {.weight = &layer.down,
                    .x = gate_.floats(),
                    .x_stride = spec_.hidden,
                    .tokens = n,
                    .y = x_.floats(),
                    .y_stride = spec_.width,
                    .bias = or_null(layer.down_bias),
                    .accumulate = true},
                   scratch());
    worker.barrier();
}

void Decoder::compute(tensor::Worker& worker) const noexcept {
    embed(worker);
    worker.barrier();
    for (std::size_t i = 0; i < layers_.size(); ++i) {
        attend(worker, i);
        feed_forward(worker, layers_[i]);
    }
    if (wanted_.empty()) return;
    const auto [first, last] = worker.share(wanted_.size());
    for (std::size_t i = first; i < last; ++i)
        std::memcpy(normed_.floats() + i * spec_.width, x_.floats() + wanted_[i] * spec_.width,
                    spec_.width * sizeof(float));
    worker.barrier();
    tensor::rms_norm(worker, normed_.floats(), wanted_.size(), spec_.width, output_norm_.data(), spec_.epsilon,
                     normed_.floats());
    worker.barrier();
    tensor::linear(worker,
                   {.weight = &output_,
                    .x = normed_.floats(),
                    .x_stride = spec_.width,
                    .tokens = wanted_.size(),
                    .y = logits_.floats(),
                    .y_stride = spec_.vocabulary,
                    .bias = nullptr,
                    .accumulate = false},
                   scratch());
}

}  // namespace

Result<std::unique_ptr<CausalModel>> load_decoder(const SourcePtr& source, DecoderSpec spec,
                                                  const LoadOptions& options) {
    auto decoder = std::make_unique<Decoder>(source, std::move(spec));
    TENON_CHECK(decoder->load(options));
    return decoder;
}

}  // namespace tenon::model
