#include "model/decoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <optional>
#include <thread>

#include "model/buffer.hpp"
#include "model/decoder_weights.hpp"
#include "model/feed_forward.hpp"
#include "model/lora.hpp"
#include "tenon/tensor/linear.hpp"
#include "tenon/tensor/ops.hpp"

namespace tenon::model {
namespace {

constexpr std::size_t batch_tokens = 512;

class Decoder final : public CausalModel {
  public:
    Decoder(SourcePtr source, DecoderSpec spec) : source_(std::move(source)), spec_(std::move(spec)) {}

    [[nodiscard]] Result<void> load(const LoadOptions& options);

    [[nodiscard]] const ModelInfo& info() const noexcept override { return spec_.info; }
    [[nodiscard]] const text::TokenizerPtr& tokenizer() const noexcept override { return tokenizer_; }
    [[nodiscard]] std::size_t max_batch_tokens() const noexcept override { return batch_tokens; }
    [[nodiscard]] Result<std::shared_ptr<KvPool>> make_pool(std::size_t pages, KvType type) const override {
        return KvPool::create(this, type, spec_.layers * layer_bytes(type), pages);
    }
    [[nodiscard]] Result<std::span<const float>> forward(tensor::ThreadTeam& team,
                                                         std::span<const SequenceStep> steps) override;
    [[nodiscard]] Result<std::shared_ptr<const LoraAdapter>> load_adapter(
        const std::filesystem::path& path) const override {
        return DecoderLora::load(path, *source_, spec_, this);
    }

  private:
    /// One sequence's part of the concatenated tokens.
    struct Part {
        KvCache* cache;
        std::size_t begin;  // row of its first token
        std::size_t tokens;
        std::size_t first;  // position of that token
    };

    /// Bytes of one layer of one page.
    [[nodiscard]] std::size_t layer_bytes(KvType type) const noexcept {
        return spec_.kv_heads * tensor::kv_head_bytes(type, spec_.head_dim);
    }
    [[nodiscard]] tensor::KvView view(const KvCache& cache, std::size_t layer) const noexcept {
        const KvPool& pool = cache.pool();
        return {pool.type(), pool.data() + layer * layer_bytes(pool.type()), pool.page_bytes(), cache.pages().data()};
    }
    [[nodiscard]] Result<void> reserve_buffers();
    [[nodiscard]] Result<std::size_t> plan(std::span<const SequenceStep> steps);
    [[nodiscard]] Result<void> plan_adapters(std::span<const SequenceStep> steps);
    void plan_attention();
    void compute(tensor::Worker& worker) const noexcept;
    void embed(tensor::Worker& worker) const noexcept;
    void attend(tensor::Worker& worker, std::size_t index) const noexcept;
    void normalise_heads(tensor::Worker& worker, const DecoderLayer& layer) const noexcept;
    void feed_forward(tensor::Worker& worker, std::size_t index) const noexcept;
    void normalise(tensor::Worker& worker, const NormWeights& norm, const float* from, std::size_t tokens,
                   float* to) const noexcept;
    /// What half a block computed goes straight into the residual stream.
    [[nodiscard]] bool is_direct(const NormWeights& post_norm) const noexcept {
        return !post_norm && spec_.residual_scale == 1;
    }
    void add_branch(tensor::Worker& worker, const NormWeights& post_norm) const noexcept;
    void cap_logits(tensor::Worker& worker) const noexcept;
    [[nodiscard]] LoraLayer adapters(std::size_t layer) const noexcept {
        return {adapted_.empty() ? nullptr : &adapted_, layer};
    }
    [[nodiscard]] std::span<std::byte> scratch() const noexcept { return {scratch_.data(), scratch_.size()}; }

    SourcePtr source_;
    DecoderSpec spec_;
    text::TokenizerPtr tokenizer_;
    DecoderWeights weights_;
    FeedForward feed_forward_;

    Buffer x_, normed_, branch_, q_, k_, v_, mixed_, scratch_, logits_;
    std::vector<Buffer> cosines_, sines_;  // of each rotary embedding
    // The forward pass under way.
    std::vector<Part> parts_;
    std::vector<tensor::AttentionArgs> attentions_;  // of every part, layer after layer
    std::vector<text::TokenId> tokens_;
    std::vector<std::size_t> wanted_;  // rows whose logits are asked for
    LoraBatch adapted_;
};

Result<void> Decoder::load(const LoadOptions& options) {
    source_->prefetch();
    // Beside the packing, which waits for memory more than for the processor.
    std::optional<Result<text::TokenizerPtr>> tokenizer;
    {
        std::jthread beside([&] { tokenizer.emplace(source_->tokenizer()); });
        TENON_CHECK(weights_.load(*source_, spec_, options));
    }
    TENON_TRY(tokenizer_, std::move(*tokenizer));
    if (options.repack) source_->release_pages();  // the copies are what is read from now on
    TENON_CHECK(reserve_buffers());
    if (tokenizer_->vocabulary_size() > spec_.vocabulary)
        return fail(ErrorCode::corrupt, fmt::format("the tokenizer has {} tokens, the model only {}",
                                                    tokenizer_->vocabulary_size(), spec_.vocabulary));
    return {};
}

Result<void> Decoder::reserve_buffers() {
    const std::size_t n = batch_tokens;
    const std::size_t q_size = spec_.heads * spec_.head_dim;
    for (Buffer* buffer : {&x_, &normed_}) TENON_CHECK(buffer->reserve_floats(n * spec_.width));
    const auto branches = [&](const DecoderLayer& layer) {
        return !is_direct(layer.attention_post_norm) || !is_direct(layer.feed_forward_post_norm);
    };
    if (std::ranges::any_of(weights_.layers, branches)) TENON_CHECK(branch_.reserve_floats(n * spec_.width));
    for (Buffer* buffer : {&q_, &mixed_}) TENON_CHECK(buffer->reserve_floats(n * q_size));
    for (Buffer* buffer : {&k_, &v_}) TENON_CHECK(buffer->reserve_floats(n * spec_.kv_heads * spec_.head_dim));
    cosines_ = std::vector<Buffer>(spec_.ropes.size());
    sines_ = std::vector<Buffer>(spec_.ropes.size());
    for (std::size_t i = 0; i < spec_.ropes.size(); ++i) {
        TENON_CHECK(cosines_[i].reserve_floats(n * spec_.ropes[i].dimension() / 2));
        TENON_CHECK(sines_[i].reserve_floats(n * spec_.ropes[i].dimension() / 2));
    }
    TENON_CHECK(feed_forward_.reserve(spec_, n));
    const std::size_t widest =
        std::max({spec_.width, spec_.hidden, q_size, spec_.experts.hidden, spec_.experts.shared_hidden});
    TENON_CHECK(scratch_.reserve(tensor::linear_scratch_bytes(widest, n)));
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
        KvCache* const cache = step.cache;
        if (cache == nullptr || cache->pool().owner() != this)
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
        if (!weights_.positions.empty() && cache->length() + step.tokens.size() > spec_.info.context_length)
            return fail(ErrorCode::resource_exhausted,
                        fmt::format("the model has positions for {} tokens only", spec_.info.context_length));
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
    for (const Part& part : parts_)
        if (!part.cache->reserve(part.tokens))
            return fail(ErrorCode::resource_exhausted,
                        fmt::format("no page of keys and values is free for {} more tokens", part.tokens));
    return wanted_.size();
}

Result<void> Decoder::plan_adapters(std::span<const SequenceStep> steps) {
    adapted_.clear();
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (steps[i].adapter.adapter == nullptr) continue;
        const auto* adapter = dynamic_cast<const DecoderLora*>(steps[i].adapter.adapter);
        if (adapter == nullptr || adapter->model() != this)
            return fail(ErrorCode::invalid_argument, "a step's adapter was loaded for another model");
        adapted_.add(*adapter, steps[i].adapter.scale, parts_[i].begin, parts_[i].tokens);
    }
    return adapted_.reserve();
}

Result<std::span<const float>> Decoder::forward(tensor::ThreadTeam& team, std::span<const SequenceStep> steps) {
    TENON_TRY(const std::size_t rows, plan(steps));
    TENON_CHECK(plan_adapters(steps));
    TENON_CHECK(logits_.reserve_floats(rows * spec_.vocabulary));
    plan_attention();
    if (!tokens_.empty()) team.run([this](tensor::Worker& worker) { compute(worker); });
    for (const Part& part : parts_) part.cache->grow(part.tokens);
    return std::span<const float>(logits_.floats(), rows * spec_.vocabulary);
}

void Decoder::plan_attention() {
    const std::size_t q_size = spec_.heads * spec_.head_dim;
    attentions_.clear();
    for (std::size_t layer = 0; layer < spec_.layers; ++layer)
        for (const Part& part : parts_)
            attentions_.push_back({.q = q_.floats() + part.begin * q_size,
                                   .q_stride = q_size,
                                   .tokens = part.tokens,
                                   .first = part.first,
                                   .heads = spec_.heads,
                                   .kv_heads = spec_.kv_heads,
                                   .head_dim = spec_.head_dim,
                                   .scale = spec_.attention_scale,
                                   .window = spec_.windows[layer],
                                   .softcap = spec_.attention_softcap,
                                   .cache = view(*part.cache, layer),
                                   .out = mixed_.floats() + part.begin * q_size,
                                   .out_stride = q_size});
}

void Decoder::embed(tensor::Worker& worker) const noexcept {
    const tensor::MatrixView& embedding = weights_.embedding;
    const auto [first, last] = worker.share(tokens_.size());
    for (const Part& part : parts_)
        for (std::size_t t = std::max(first, part.begin); t < std::min(last, part.begin + part.tokens); ++t) {
            const std::size_t position = part.first + t - part.begin;
            float* const row = x_.floats() + t * spec_.width;
            tensor::dequantize(embedding.type,
                               embedding.data + static_cast<std::size_t>(tokens_[t]) * embedding.row_bytes(),
                               {row, spec_.width});
            if (spec_.embedding_scale != 1)
                for (std::size_t i = 0; i < spec_.width; ++i) row[i] *= spec_.embedding_scale;
            if (!weights_.positions.empty()) {
                const float* const learned = weights_.positions.data() + position * spec_.width;
                for (std::size_t i = 0; i < spec_.width; ++i) row[i] += learned[i];
            }
            for (std::size_t r = 0; r < spec_.ropes.size(); ++r) {
                const std::size_t at = t * spec_.ropes[r].dimension() / 2;
                spec_.ropes[r].cosines_and_sines(position, part.first + part.tokens, cosines_[r].floats() + at,
                                                 sines_[r].floats() + at);
            }
        }
}

void Decoder::normalise(tensor::Worker& worker, const NormWeights& norm, const float* from, std::size_t tokens,
                        float* to) const noexcept {
    if (spec_.norm == NormKind::rms)
        tensor::rms_norm(worker, from, tokens, spec_.width, norm.weight.data(), spec_.epsilon, to);
    else
        tensor::layer_norm(worker, from, tokens, spec_.width, norm.weight.data(), norm.bias.data(), spec_.epsilon, to);
}

void Decoder::add_branch(tensor::Worker& worker, const NormWeights& post_norm) const noexcept {
    if (post_norm) {
        normalise(worker, post_norm, branch_.floats(), tokens_.size(), branch_.floats());
        worker.barrier();
    }
    const auto [first, last] = worker.share(tokens_.size() * spec_.width, 16);
    for (std::size_t i = first; i < last; ++i) x_.floats()[i] += spec_.residual_scale * branch_.floats()[i];
    worker.barrier();
}

void Decoder::normalise_heads(tensor::Worker& worker, const DecoderLayer& layer) const noexcept {
    if (layer.q_norm.empty() && layer.k_norm.empty()) return;
    const auto apply = [&](const std::vector<float>& norm, std::size_t heads, float* values) {
        if (norm.empty()) return;
        const std::size_t rows = tokens_.size() * heads * spec_.head_dim / norm.size();
        tensor::rms_norm(worker, values, rows, norm.size(), norm.data(), spec_.epsilon, values);
    };
    apply(layer.q_norm, spec_.heads, q_.floats());
    apply(layer.k_norm, spec_.kv_heads, k_.floats());
    worker.barrier();
}

void Decoder::attend(tensor::Worker& worker, std::size_t index) const noexcept {
    const DecoderLayer& layer = weights_.layers[index];
    const std::size_t n = tokens_.size();
    const std::size_t q_size = spec_.heads * spec_.head_dim;
    const std::size_t kv_size = spec_.kv_heads * spec_.head_dim;
    const float* input = x_.floats();
    if (layer.attention_norm) {
        normalise(worker, layer.attention_norm, x_.floats(), n, normed_.floats());
        input = normed_.floats();
        worker.barrier();
    }
    const auto project = [&](const Projection& projection, const Buffer& into, std::size_t size) {
        return tensor::LinearArgs{.weight = &projection.weight,
                                  .x = input,
                                  .x_stride = spec_.width,
                                  .tokens = n,
                                  .y = into.floats(),
                                  .y_stride = size,
                                  .bias = projection.bias_or_null(),
                                  .accumulate = false};
    };
    // Every later token reads the keys and values. Rounding their input moves logits more than any other rounding does,
    // and they are the smallest matrices: here alone it pays to round finely.
    const tensor::LinearArgs query[] = {project(layer.q, q_, q_size)};
    const tensor::LinearArgs cached[] = {project(layer.k, k_, kv_size), project(layer.v, v_, kv_size)};
    tensor::linear_many(worker, query, cached, scratch());
    worker.barrier();
    const LoraBatch::Product projected[] = {{LoraTarget::q, q_.floats(), q_size},
                                            {LoraTarget::k, k_.floats(), kv_size},
                                            {LoraTarget::v, v_.floats(), kv_size}};
    adapters(index).apply(worker, projected, input, spec_.width, scratch());
    normalise_heads(worker, layer);
    if (const std::size_t r = spec_.rope_of[index]; r != DecoderSpec::no_rope) {
        const Rope& rope = spec_.ropes[r];
        tensor::rope(worker, q_.floats(), n, q_size, spec_.heads, spec_.head_dim, rope.dimension(),
                     cosines_[r].floats(), sines_[r].floats(), rope.style());
        tensor::rope(worker, k_.floats(), n, kv_size, spec_.kv_heads, spec_.head_dim, rope.dimension(),
                     cosines_[r].floats(), sines_[r].floats(), rope.style());
        worker.barrier();
    }
    for (const Part& part : parts_)
        tensor::kv_store(worker, view(*part.cache, index), k_.floats() + part.begin * kv_size,
                         v_.floats() + part.begin * kv_size, kv_size, part.tokens, part.first, spec_.kv_heads,
                         spec_.head_dim);
    auto& counter = worker.next_counter();
    worker.barrier();
    tensor::attention(worker, std::span(attentions_).subspan(index * parts_.size(), parts_.size()), counter);
    worker.barrier();
    const bool direct = is_direct(layer.attention_post_norm);
    tensor::linear(worker,
                   {.weight = &layer.o.weight,
                    .x = mixed_.floats(),
                    .x_stride = q_size,
                    .tokens = n,
                    .y = direct ? x_.floats() : branch_.floats(),
                    .y_stride = spec_.width,
                    .bias = layer.o.bias_or_null(),
                    .accumulate = direct},
                   scratch());
    worker.barrier();
    const LoraBatch::Product output[] = {{LoraTarget::o, direct ? x_.floats() : branch_.floats(), spec_.width}};
    adapters(index).apply(worker, output, mixed_.floats(), q_size, scratch());
    if (!direct) add_branch(worker, layer.attention_post_norm);
}

void Decoder::feed_forward(tensor::Worker& worker, std::size_t index) const noexcept {
    const DecoderLayer& layer = weights_.layers[index];
    const std::size_t n = tokens_.size();
    const float* input = x_.floats();
    if (layer.feed_forward_norm) {
        normalise(worker, layer.feed_forward_norm, x_.floats(), n, normed_.floats());
        input = normed_.floats();
        worker.barrier();
    }
    const bool direct = is_direct(layer.feed_forward_post_norm);
    feed_forward_.compute(worker, layer, adapters(index), input, n, direct ? x_.floats() : branch_.floats(), direct,
                          scratch());
    if (!direct) add_branch(worker, layer.feed_forward_post_norm);
}

void Decoder::cap_logits(tensor::Worker& worker) const noexcept {
    worker.barrier();
    const auto [first, last] = worker.share(wanted_.size() * spec_.vocabulary, 16);
    for (std::size_t i = first; i < last; ++i)
        logits_.floats()[i] = spec_.logit_softcap * std::tanh(logits_.floats()[i] / spec_.logit_softcap);
}

void Decoder::compute(tensor::Worker& worker) const noexcept {
    embed(worker);
    worker.barrier();
    for (std::size_t i = 0; i < weights_.layers.size(); ++i) {
        attend(worker, i);
        feed_forward(worker, i);
    }
    if (wanted_.empty()) return;
    const auto [first, last] = worker.share(wanted_.size());
    for (std::size_t i = first; i < last; ++i)
        std::memcpy(normed_.floats() + i * spec_.width, x_.floats() + wanted_[i] * spec_.width,
                    spec_.width * sizeof(float));
    worker.barrier();
    normalise(worker, weights_.output_norm, normed_.floats(), wanted_.size(), normed_.floats());
    worker.barrier();
    tensor::linear(worker,
                   {.weight = &weights_.output,
                    .x = normed_.floats(),
                    .x_stride = spec_.width,
                    .tokens = wanted_.size(),
                    .y = logits_.floats(),
                    .y_stride = spec_.vocabulary,
                    .bias = nullptr,
                    .accumulate = false},
                   scratch());
    if (!adapted_.empty()) {
        worker.barrier();
        adapted_.apply_output(worker, wanted_, normed_.floats(), spec_.width, logits_.floats(), spec_.vocabulary,
                              scratch());
    }
    if (spec_.logit_softcap != 0) cap_logits(worker);
}

}  // namespace

Result<std::unique_ptr<CausalModel>> load_decoder(const SourcePtr& source, DecoderSpec spec,
                                                  const LoadOptions& options) {
    auto decoder = std::make_unique<Decoder>(source, std::move(spec));
    TENON_CHECK(decoder->load(options));
    return decoder;
}

}  // namespace tenon::model
