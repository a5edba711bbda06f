#include "model/encoder_stack.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tenon/tensor/ops.hpp"

namespace tenon::model {
namespace {

/// Tokens computed together: enough to keep the kernels busy, few enough for the caches.
constexpr std::size_t batch_tokens = 512;

}  // namespace

FolderNames bert_names() {
    FolderNames names;
    names.embedding = "embeddings.word_embeddings";
    names.positions = "embeddings.position_embeddings";
    names.block = "encoder.layer";
    names.attention_norm = names.feed_forward_norm = {};
    names.attention_post_norm = "attention.output.LayerNorm";
    names.feed_forward_post_norm = "output.LayerNorm";
    names.gguf_attention_post_norm = "attn_output_norm";
    names.gguf_feed_forward_post_norm = "layer_output_norm";
    names.q = "attention.self.query";
    names.k = "attention.self.key";
    names.v = "attention.self.value";
    names.o = "attention.output.dense";
    names.up = "intermediate.dense";
    names.down = "output.dense";
    names.qkv = names.q_norm = names.k_norm = names.gate = names.gate_up = {};
    return names;
}

Result<EncoderSpec> EncoderSpec::read(const ModelSource& source, FolderNames names) {
    EncoderSpec spec;
    DecoderSpec& body = spec.body;
    body.names = names;
    TENON_CHECK(body.read_sizes(source));
    body.norm = NormKind::layer;
    body.activation = Activation::gelu;
    body.gated = false;
    TENON_TRY(body.epsilon, DecoderSpec::read_scale(source, "attention.layer_norm_epsilon", "layer_norm_eps", 1e-12));
    if (!(body.epsilon < 1)) return fail(ErrorCode::corrupt, "the norm's epsilon is impossible");
    TENON_CHECK(body.read_activation(source, "hidden_act"));
    if (const auto kind = source.text("", "position_embedding_type"); kind && *kind != "absolute")
        return fail(ErrorCode::unsupported, fmt::format("'{}' position embeddings in an encoder", *kind));
    body.attention_scale = 1.0F / std::sqrt(static_cast<float>(body.head_dim));
    body.windows.assign(body.layers, 0);
    body.rope_of.assign(body.layers, DecoderSpec::no_rope);
    body.info = source.basic_info();
    body.info.role = ModelRole::encoder;
    body.info.vocabulary = body.vocabulary;
    spec.max_tokens = body.info.context_length;
    return spec;
}

Result<void> EncoderStack::load_embeddings() {
    const DecoderSpec& body = spec_.body;
    TENON_TRY(const TensorRecord* words,
              source_->tensor("token_embd.weight", fmt::format("{}.weight", body.names.embedding),
                              {body.vocabulary, body.width}));
    TENON_TRY(words_, words->matrix());
    if (!body.names.positions.empty()) {
        const TensorRecord* positions =
            source_->find("position_embd.weight", fmt::format("{}.weight", body.names.positions));
        if (positions == nullptr || positions->shape.size() != 2 || positions->shape[1] != body.width)
            return fail(ErrorCode::corrupt, fmt::format("{} lacks position embeddings", source_->path().string()));
        if (spec_.skipped_positions >= positions->shape[0])
            return fail(ErrorCode::corrupt, "the padding id lies beyond the position embeddings");
        TENON_TRY(positions_, positions->floats());
        positions_.erase(positions_.begin(),
                         positions_.begin() + static_cast<std::ptrdiff_t>(spec_.skipped_positions * body.width));
        spec_.max_tokens = positions_.size() / body.width;
    }
    if (const TensorRecord* types = source_->find("token_types.weight", fmt::format("{}.weight", spec_.token_types))) {
        if (types->shape.empty() || types->shape.back() != body.width)
            return fail(ErrorCode::corrupt, "the token type embeddings have another width");
        TENON_TRY(types_, types->floats());
        if (types_.size() == body.width) types_.insert(types_.end(), types_.begin(), types_.end());
        if (types_.size() < 2 * body.width)
            return fail(ErrorCode::corrupt, "the token type embeddings hold not one type");
    }
    TENON_CHECK(read_norm(*source_, body, "token_embd_norm", spec_.embedding_norm, embedding_norm_));
    if (spec_.final_norm) TENON_CHECK(read_norm(*source_, body, "output_norm", body.names.output_norm, final_norm_));
    if (spec_.max_tokens < 3)
        return fail(ErrorCode::corrupt, fmt::format("{} allows {} tokens, too few for any text",
                                                    source_->path().string(), spec_.max_tokens));
    batch_ = std::max(batch_tokens, spec_.max_tokens);
    return {};
}

Result<void> EncoderStack::reserve_buffers() {
    const DecoderSpec& body = spec_.body;
    const std::size_t q_size = body.heads * body.head_dim;
    for (Buffer* buffer : {&x_, &normed_}) TENON_CHECK(buffer->reserve_floats(batch_ * body.width));
    for (Buffer* buffer : {&q_, &k_, &v_, &mixed_}) TENON_CHECK(buffer->reserve_floats(batch_ * q_size));
    cosines_ = std::vector<Buffer>(body.ropes.size());
    sines_ = std::vector<Buffer>(body.ropes.size());
    for (std::size_t i = 0; i < body.ropes.size(); ++i) {
        TENON_CHECK(cosines_[i].reserve_floats(batch_ * body.ropes[i].dimension() / 2));
        TENON_CHECK(sines_[i].reserve_floats(batch_ * body.ropes[i].dimension() / 2));
    }
    TENON_CHECK(feed_forward_.reserve(body, batch_));
    return scratch_.reserve(tensor::linear_scratch_bytes(std::max({body.width, body.hidden, q_size}), batch_));
}

Result<void> EncoderStack::load(const SourcePtr& source, EncoderSpec spec, const LoadOptions& options) {
    source_ = source;
    spec_ = std::move(spec);
    if (spec_.body.kv_heads != spec_.body.heads)
        return fail(ErrorCode::unsupported, "an encoder with fewer key heads than heads");
    source_->prefetch();
    TENON_CHECK(load_embeddings());
    WeightLoader loader(options);
    TENON_CHECK(read_layers(*source_, spec_.body, loader, layers_));
    TENON_CHECK(loader.run());
    copies_ = loader.take_copies();
    if (options.repack) source_->release_pages();  // the copies are what is read from now on
    return reserve_buffers();
}

void EncoderStack::run(tensor::ThreadTeam& team, std::span<const EncoderInput> inputs, const Take& take) {
    std::vector<std::size_t> order(inputs.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return inputs[i].tokens.size(); });
    for (std::size_t at = 0; at < order.size();) {
        parts_.clear();
        tokens_ = 0;
        for (; at < order.size() && (parts_.empty() || tokens_ + inputs[order[at]].tokens.size() <= batch_tokens);
             ++at) {
            const std::size_t size = inputs[order[at]].tokens.size();
            if (size == 0) continue;
            parts_.push_back({order[at], tokens_, size});
            tokens_ += size;
        }
        if (tokens_ != 0) team.run([&](tensor::Worker& worker) { compute(worker, inputs, take); });
    }
}

void EncoderStack::normalise(tensor::Worker& worker, const NormWeights& norm, const float* from,
                             float* to) const noexcept {
    tensor::layer_norm(worker, from, tokens_, spec_.body.width, norm.weight.data(), norm.bias.data(),
                       spec_.body.epsilon, to);
    worker.barrier();
}

void EncoderStack::embed(tensor::Worker& worker, std::span<const EncoderInput> inputs) const noexcept {
    const DecoderSpec& body = spec_.body;
    const std::size_t width = body.width;
    const auto [first, last] = worker.share(tokens_);
    for (const Part& part : parts_)
        for (std::size_t t = std::max(first, part.begin); t < std::min(last, part.begin + part.tokens); ++t) {
            const std::size_t position = t - part.begin;
            const EncoderInput& input = inputs[part.input];
            float* const row = x_.floats() + t * width;
            tensor::dequantize(words_.type,
                               words_.data + static_cast<std::size_t>(input.tokens[position]) * words_.row_bytes(),
                               {row, width});
            const auto add = [&](const float* values) {
                for (std::size_t i = 0; i < width; ++i) row[i] += values[i];
            };
            if (!positions_.empty()) add(positions_.data() + position * width);
            if (!types_.empty()) add(types_.data() + (position >= input.second ? width : 0));
            for (std::size_t r = 0; r < body.ropes.size(); ++r) {
                const std::size_t at = t * body.ropes[r].dimension() / 2;
                body.ropes[r].cosines_and_sines(position, part.tokens, cosines_[r].floats() + at,
                                                sines_[r].floats() + at);
            }
        }
    worker.barrier();
    normalise(worker, embedding_norm_, x_.floats(), x_.floats());
}

void EncoderStack::attend(tensor::Worker& worker, std::size_t index) const noexcept {
    const DecoderSpec& body = spec_.body;
    const DecoderLayer& layer = layers_[index];
    const std::size_t row = body.heads * body.head_dim;
    const float* input = x_.floats();
    if (layer.attention_norm) {
        normalise(worker, layer.attention_norm, x_.floats(), normed_.floats());
        input = normed_.floats();
    }
    const auto project = [&](const Projection& projection, const Buffer& into) {
        return tensor::LinearArgs{.weight = &projection.weight,
                                  .x = input,
                                  .x_stride = body.width,
                                  .tokens = tokens_,
                                  .y = into.floats(),
                                  .y_stride = row,
                                  .bias = projection.bias_or_null(),
                                  .accumulate = false};
    };
    const tensor::LinearArgs projections[] = {project(layer.q, q_), project(layer.k, k_), project(layer.v, v_)};
    tensor::linear_many(worker, projections, scratch());
    worker.barrier();
    if (const std::size_t r = body.rope_of[index]; r != DecoderSpec::no_rope) {
        const Rope& rope = body.ropes[r];
        for (float* values : {q_.floats(), k_.floats()})
            tensor::rope(worker, values, tokens_, row, body.heads, body.head_dim, rope.dimension(),
                         cosines_[r].floats(), sines_[r].floats(), rope.style());
        worker.barrier();
    }
    for (const Part& part : parts_) {
        const std::size_t at = part.begin * row;
        tensor::encoder_attention(worker, q_.floats() + at, k_.floats() + at, v_.floats() + at, row, part.tokens,
                                  body.heads, body.head_dim, body.attention_scale, mixed_.floats() + at, row,
                                  body.windows[index]);
    }
    worker.barrier();
    tensor::linear(worker,
                   {.weight = &layer.o.weight,
                    .x = mixed_.floats(),
                    .x_stride = row,
                    .tokens = tokens_,
                    .y = x_.floats(),
                    .y_stride = body.width,
                    .bias = layer.o.bias_or_null(),
                    .accumulate = true},
                   scratch());
    worker.barrier();
    if (layer.attention_post_norm) normalise(worker, layer.attention_post_norm, x_.floats(), x_.floats());
}

void EncoderStack::compute(tensor::Worker& worker, std::span<const EncoderInput> inputs,
                           const Take& take) const noexcept {
    embed(worker, inputs);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
        const DecoderLayer& layer = layers_[i];
        attend(worker, i);
        const float* input = x_.floats();
        if (layer.feed_forward_norm) {
            normalise(worker, layer.feed_forward_norm, x_.floats(), normed_.floats());
            input = normed_.floats();
        }
        feed_forward_.compute(worker, layer, {}, input, tokens_, x_.floats(), true, scratch());
        if (layer.feed_forward_post_norm) normalise(worker, layer.feed_forward_post_norm, x_.floats(), x_.floats());
    }
    if (final_norm_) normalise(worker, final_norm_, x_.floats(), x_.floats());
    const auto [first, last] = worker.share(parts_.size());
    for (std::size_t p = first; p < last; ++p)
        take(parts_[p].input, x_.floats() + parts_[p].begin * spec_.body.width, parts_[p].tokens);
}

}  // namespace tenon::model
