// BERT and (XLM-)RoBERTa encoders: learned positions, post-norm, GELU. MiniLM, BGE, E5, GTE (base), BGE-M3.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <functional>
#include <numeric>

#include "model/architecture.hpp"
#include "model/buffer.hpp"
#include "model/encoder.hpp"
#include "model/prepare.hpp"
#include "tenon/tensor/ops.hpp"

namespace tenon::model {
namespace {

constexpr std::array<std::string_view, 3> names{"bert", "xlm-roberta", "roberta"};
/// Tokens computed together: enough to keep the kernels busy, few enough for the caches.
constexpr std::size_t batch_tokens = 512;

struct Layer {
    tensor::Weight q, k, v, o, up, down;
    std::vector<float> q_bias, k_bias, v_bias, o_bias, up_bias, down_bias;
    std::vector<float> attention_norm, attention_norm_bias, output_norm, output_norm_bias;
};

class Bert final : public EncoderModel {
  public:
    explicit Bert(SourcePtr source) : source_(std::move(source)) {}
    [[nodiscard]] Result<void> load(const LoadOptions& options);

    [[nodiscard]] const ModelInfo& info() const noexcept override { return info_; }
    [[nodiscard]] const text::TokenizerPtr& tokenizer() const noexcept override { return tokenizer_; }
    [[nodiscard]] std::size_t dimension() const noexcept override { return width_; }
    [[nodiscard]] std::size_t max_tokens() const noexcept override { return max_tokens_; }
    [[nodiscard]] bool normalised() const noexcept override { return settings_.normalise; }
    [[nodiscard]] std::string_view query_prefix() const noexcept override { return settings_.query_prefix; }
    [[nodiscard]] std::string_view passage_prefix() const noexcept override { return settings_.passage_prefix; }
    [[nodiscard]] Result<std::vector<float>> embed(tensor::ThreadTeam& team, std::span<const std::string> texts,
                                                   std::size_t* token_count) override;

  private:
    /// One text of a batch: its rows, and where its vector goes.
    struct Part {
        std::size_t begin, tokens;
        float* out;
    };

    [[nodiscard]] Result<void> read_sizes();
    [[nodiscard]] Result<void> load_embeddings();
    [[nodiscard]] Result<void> load_layer(std::size_t index, WeightLoader& loader);
    [[nodiscard]] Result<void> load_vector(const std::string& gguf, const std::string& hf, std::size_t size,
                                           std::vector<float>& into);
    [[nodiscard]] Result<void> reserve_buffers();
    [[nodiscard]] std::vector<text::TokenId> tokens_of(const std::string& text) const;
    void compute(tensor::Worker& worker) const noexcept;
    void embed_tokens(tensor::Worker& worker) const noexcept;
    void layer(tensor::Worker& worker, const Layer& layer) const noexcept;
    void pool(tensor::Worker& worker) const noexcept;

    SourcePtr source_;
    ModelInfo info_;
    EmbeddingSettings settings_;
    text::TokenizerPtr tokenizer_;
    std::size_t vocabulary_ = 0, width_ = 0, layer_count_ = 0, heads_ = 0, hidden_ = 0;
    std::size_t max_tokens_ = 0, batch_ = 0;
    float epsilon_ = 1e-12F;
    bool tanh_gelu_ = false;
    tensor::MatrixView words_;
    std::vector<float> positions_;  // with the type of the first sentence added; row 0 is the first token's
    std::vector<float> norm_, norm_bias_;
    std::vector<Layer> layers_;
    std::vector<Buffer> copies_;
    Buffer x_, q_, k_, v_, mixed_, up_, scratch_;
    // The batch under way.
    std::vector<Part> parts_;
    std::vector<text::TokenId> tokens_;
};

Result<void> Bert::load_vector(const std::string& gguf, const std::string& hf, std::size_t size,
                               std::vector<float>& into) {
    TENON_TRY(const TensorRecord* record, source_->tensor(gguf, hf, {size}));
    TENON_TRY(into, record->floats());
    return {};
}

Result<void> Bert::read_sizes() {
    TENON_TRY(width_, source_->size("embedding_length", "hidden_size"));
    TENON_TRY(layer_count_, source_->size("block_count", "num_hidden_layers"));
    TENON_TRY(heads_, source_->size("attention.head_count", "num_attention_heads"));
    TENON_TRY(hidden_, source_->size("feed_forward_length", "intermediate_size"));
    if (width_ % heads_ != 0 || layer_count_ > 4096)
        return fail(ErrorCode::corrupt,
                    fmt::format("{} layers of {} heads over {} features are impossible", layer_count_, heads_, width_));
    const double epsilon = source_->number("attention.layer_norm_epsilon", "layer_norm_eps").value_or(1e-12);
    if (!(epsilon >= 0) || !(epsilon < 1)) return fail(ErrorCode::corrupt, "the norm's epsilon is impossible");
    epsilon_ = static_cast<float>(epsilon);
    const std::string act = source_->text("", "hidden_act").value_or("gelu");
    tanh_gelu_ = act == "gelu_new" || act == "gelu_pytorch_tanh";
    if (act != "gelu" && !tanh_gelu_)
        return fail(ErrorCode::unsupported, fmt::format("the activation '{}' in an encoder", act));
    if (const auto kind = source_->text("", "position_embedding_type"); kind && *kind != "absolute")
        return fail(ErrorCode::unsupported, fmt::format("'{}' position embeddings in an encoder", *kind));
    return {};
}

Result<void> Bert::load_embeddings() {
    const TensorRecord* words = source_->find("token_embd.weight", "embeddings.word_embeddings.weight");
    if (words == nullptr || words->shape.size() != 2 || words->shape[1] != width_)
        return fail(ErrorCode::corrupt,
                    fmt::format("{} lacks a token embedding of {} features", source_->path().string(), width_));
    TENON_TRY(words_, words->matrix());
    vocabulary_ = words->shape[0];
    const TensorRecord* positions = source_->find("position_embd.weight", "embeddings.position_embeddings.weight");
    if (positions == nullptr || positions->shape.size() != 2 || positions->shape[1] != width_)
        return fail(ErrorCode::corrupt, fmt::format("{} lacks position embeddings", source_->path().string()));
    TENON_TRY(positions_, positions->floats());
    // RoBERTa counts positions from the padding id + 1; converters to GGUF drop the rows before.
    std::size_t skipped = 0;
    if (!source_->is_gguf() && source_->architecture() != "bert")
        skipped = static_cast<std::size_t>(
                      std::clamp<std::int64_t>(source_->integer("", "pad_token_id").value_or(1), 0, 1 << 20)) +
                  1;
    if (skipped >= positions->shape[0])
        return fail(ErrorCode::corrupt, "the padding id lies beyond the position embeddings");
    positions_.erase(positions_.begin(), positions_.begin() + static_cast<std::ptrdiff_t>(skipped * width_));
    if (const TensorRecord* types = source_->find("token_types.weight", "embeddings.token_type_embeddings.weight")) {
        TENON_TRY(const std::vector<float> rows, types->floats());
        if (rows.size() < width_ || types->shape.back() != width_)
            return fail(ErrorCode::corrupt, "the token type embeddings have another width");
        for (std::size_t i = 0; i < positions_.size(); ++i) positions_[i] += rows[i % width_];
    }
    TENON_CHECK(load_vector("token_embd_norm.weight", "embeddings.LayerNorm.weight", width_, norm_));
    TENON_CHECK(load_vector("token_embd_norm.bias", "embeddings.LayerNorm.bias", width_, norm_bias_));

    const std::size_t positions_left = positions_.size() / width_;
    max_tokens_ = settings_.max_tokens == 0 ? positions_left : std::min(settings_.max_tokens, positions_left);
    if (const auto context = source_->integer("context_length", ""); context && *context > 2)
        max_tokens_ = std::min(max_tokens_, static_cast<std::size_t>(*context));
    if (max_tokens_ < 3) return fail(ErrorCode::corrupt, "the encoder has no room for a text");
    batch_ = std::max(batch_tokens, max_tokens_);
    return {};
}

Result<void> Bert::load_layer(std::size_t index, WeightLoader& loader) {
    Layer& layer = layers_[index];
    struct Matrix {
        const char* gguf;
        const char* hf;
        std::size_t rows, columns;
        tensor::Weight* weight;
        std::vector<float>* bias;
    };
    const Matrix matrices[] = {
        {"attn_q", "attention.self.query", width_, width_, &layer.q, &layer.q_bias},
        {"attn_k", "attention.self.key", width_, width_, &layer.k, &layer.k_bias},
        {"attn_v", "attention.self.value", width_, width_, &layer.v, &layer.v_bias},
        {"attn_output", "attention.output.dense", width_, width_, &layer.o, &layer.o_bias},
        {"ffn_up", "intermediate.dense", hidden_, width_, &layer.up, &layer.up_bias},
        {"ffn_down", "output.dense", width_, hidden_, &layer.down, &layer.down_bias},
    };
    for (const Matrix& m : matrices) {
        const std::string gguf = fmt::format("blk.{}.{}.", index, m.gguf);
        const std::string hf = fmt::format("encoder.layer.{}.{}.", index, m.hf);
        TENON_TRY(const TensorRecord* record, source_->tensor(gguf + "weight", hf + "weight", {m.rows, m.columns}));
        loader.add(*record, *m.weight);
        TENON_CHECK(load_vector(gguf + "bias", hf + "bias", m.rows, *m.bias));
    }
    const std::string gguf = fmt::format("blk.{}.", index);
    const std::string hf = fmt::format("encoder.layer.{}.", index);
    TENON_CHECK(load_vector(gguf + "attn_output_norm.weight", hf + "attention.output.LayerNorm.weight", width_,
                            layer.attention_norm));
    TENON_CHECK(load_vector(gguf + "attn_output_norm.bias", hf + "attention.output.LayerNorm.bias", width_,
                            layer.attention_norm_bias));
    TENON_CHECK(
        load_vector(gguf + "layer_output_norm.weight", hf + "output.LayerNorm.weight", width_, layer.output_norm));
    TENON_CHECK(
        load_vector(gguf + "layer_output_norm.bias", hf + "output.LayerNorm.bias", width_, layer.output_norm_bias));
    return {};
}

Result<void> Bert::reserve_buffers() {
    for (Buffer* buffer : {&x_, &q_, &k_, &v_, &mixed_}) TENON_CHECK(buffer->reserve_floats(batch_ * width_));
    TENON_CHECK(up_.reserve_floats(batch_ * hidden_));
    TENON_CHECK(scratch_.reserve(tensor::linear_scratch_bytes(std::max(width_, hidden_), batch_)));
    tokens_.reserve(batch_);
    return {};
}

Result<void> Bert::load(const LoadOptions& options) {
    source_->prefetch();
    TENON_CHECK(read_sizes());
    TENON_TRY(settings_, read_embedding_settings(*source_));
    TENON_CHECK(load_embeddings());
    for (std::size_t i = 0; i < layer_count_; ++i)
        if (source_->find(fmt::format("blk.{}.attn_q.weight", i),
                          fmt::format("encoder.layer.{}.attention.self.query.weight", i)) == nullptr)
            return fail(ErrorCode::corrupt,
                        fmt::format("{} promises {} layers, but holds {}", source_->path().string(), layer_count_, i));
    layers_ = std::vector<Layer>(layer_count_);
    WeightLoader loader(options);
    for (std::size_t i = 0; i < layer_count_; ++i) TENON_CHECK(load_layer(i, loader));
    TENON_CHECK(loader.run());
    copies_ = loader.take_copies();
    if (options.repack) source_->release_pages();  // the copies are what is read from now on
    TENON_CHECK(reserve_buffers());
    TENON_TRY(tokenizer_, source_->tokenizer());
    if (tokenizer_->vocabulary_size() > vocabulary_)
        return fail(ErrorCode::corrupt, fmt::format("the tokenizer has {} tokens, the model only {}",
                                                    tokenizer_->vocabulary_size(), vocabulary_));
    info_ = source_->basic_info();
    info_.role = ModelRole::encoder;
    info_.context_length = max_tokens_;
    info_.vocabulary = vocabulary_;
    return {};
}

std::vector<text::TokenId> Bert::tokens_of(const std::string& text) const {
    std::string lowered;
    if (settings_.lowercase) {
        lowered = text;
        std::ranges::transform(lowered, lowered.begin(),
                               [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    }
    std::vector<text::TokenId> ids = tokenizer_->encode(settings_.lowercase ? lowered : text);
    if (ids.size() > max_tokens_) {  // the content is cut, the closing token stays
        ids[max_tokens_ - 1] = ids.back();
        ids.resize(max_tokens_);
    }
    return ids;
}

Result<std::vector<float>> Bert::embed(tensor::ThreadTeam& team, std::span<const std::string> texts,
                                       std::size_t* token_count) {
    std::vector<std::vector<text::TokenId>> ids(texts.size());
    std::atomic<std::size_t> next = 0;
    team.run([&](tensor::Worker&) {
        for (std::size_t i = next++; i < texts.size(); i = next++) ids[i] = tokens_of(texts[i]);
    });
    std::vector<std::size_t> order(texts.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::sort(order, std::greater{}, [&](std::size_t i) { return ids[i].size(); });
    std::vector<float> out(texts.size() * width_);
    std::size_t total = 0;
    for (std::size_t at = 0; at < order.size();) {
        parts_.clear();
        tokens_.clear();
        for (; at < order.size() && (parts_.empty() || tokens_.size() + ids[order[at]].size() <= batch_tokens); ++at) {
            const auto& sequence = ids[order[at]];
            parts_.push_back({tokens_.size(), sequence.size(), out.data() + order[at] * width_});
            tokens_.insert(tokens_.end(), sequence.begin(), sequence.end());
        }
        total += tokens_.size();
        if (!tokens_.empty()) team.run([this](tensor::Worker& worker) { compute(worker); });
    }
    if (token_count != nullptr) *token_count = total;
    return out;
}

void Bert::embed_tokens(tensor::Worker& worker) const noexcept {
    const auto [first, last] = worker.share(tokens_.size());
    for (const Part& part : parts_)
        for (std::size_t t = std::max(first, part.begin); t < std::min(last, part.begin + part.tokens); ++t) {
            float* const row = x_.floats() + t * width_;
            tensor::dequantize(words_.type, words_.data + static_cast<std::size_t>(tokens_[t]) * words_.row_bytes(),
                               {row, width_});
            const float* const position = positions_.data() + (t - part.begin) * width_;
            for (std::size_t i = 0; i < width_; ++i) row[i] += position[i];
        }
}

void Bert::layer(tensor::Worker& worker, const Layer& layer) const noexcept {
    const std::size_t n = tokens_.size();
    const std::size_t head_dim = width_ / heads_;
    const std::span<std::byte> scratch{scratch_.data(), scratch_.size()};
    const auto project = [&](const tensor::Weight& weight, const std::vector<float>& bias, const Buffer& into) {
        return tensor::LinearArgs{.weight = &weight,
                                  .x = x_.floats(),
                                  .x_stride = width_,
                                  .tokens = n,
                                  .y = into.floats(),
                                  .y_stride = width_,
                                  .bias = bias.data(),
                                  .accumulate = false};
    };
    const tensor::LinearArgs projections[] = {project(layer.q, layer.q_bias, q_), project(layer.k, layer.k_bias, k_),
                                              project(layer.v, layer.v_bias, v_)};
    tensor::linear_many(worker, projections, scratch);
    worker.barrier();
    for (const Part& part : parts_) {
        const std::size_t at = part.begin * width_;
        tensor::encoder_attention(worker, q_.floats() + at, k_.floats() + at, v_.floats() + at, width_, part.tokens,
                                  heads_, head_dim, 1.0F / std::sqrt(static_cast<float>(head_dim)),
                                  mixed_.floats() + at, width_);
    }
    worker.barrier();
    tensor::linear(worker,
                   {.weight = &layer.o,
                    .x = mixed_.floats(),
                    .x_stride = width_,
                    .tokens = n,
                    .y = x_.floats(),
                    .y_stride = width_,
                    .bias = layer.o_bias.data(),
                    .accumulate = true},
                   scratch);
    worker.barrier();
    tensor::layer_norm(worker, x_.floats(), n, width_, layer.attention_norm.data(), layer.attention_norm_bias.data(),
                       epsilon_, x_.floats());
    worker.barrier();
    tensor::linear(worker,
                   {.weight = &layer.up,
                    .x = x_.floats(),
                    .x_stride = width_,
                    .tokens = n,
                    .y = up_.floats(),
                    .y_stride = hidden_,
                    .bias = layer.up_bias.data(),
                    .accumulate = false},
                   scratch);
    worker.barrier();
    tensor::gelu(worker, up_.floats(), n * hidden_, tanh_gelu_, up_.floats());
    worker.barrier();
    tensor::linear(worker,
                   {.weight = &layer.down,
                    .x = up_.floats(),
                    .x_stride = hidden_,
                    .tokens = n,
                    .y = x_.floats(),
                    .y_stride = width_,
                    .bias = layer.down_bias.data(),
                    .accumulate = true},
                   scratch);
    worker.barrier();
    tensor::layer_norm(worker, x_.floats(), n, width_, layer.output_norm.data(), layer.output_norm_bias.data(),
                       epsilon_, x_.floats());
    worker.barrier();
}

void Bert::pool(tensor::Worker& worker) const noexcept {
    const auto [first, last] = worker.share(parts_.size());
    for (std::size_t p = first; p < last; ++p) {
        const Part& part = parts_[p];
        if (part.tokens == 0) continue;
        const float* const rows = x_.floats() + part.begin * width_;
        const bool mean = settings_.pooling == Pooling::mean;
        const std::size_t begin = settings_.pooling == Pooling::last ? part.tokens - 1 : 0;
        const std::size_t end = mean ? part.tokens : begin + 1;
        for (std::size_t t = begin; t < end; ++t)
            for (std::size_t i = 0; i < width_; ++i) part.out[i] += rows[t * width_ + i];
        double scale = 1.0 / static_cast<double>(end - begin);
        if (settings_.normalise) {
            double length = 0;
            for (std::size_t i = 0; i < width_; ++i) length += static_cast<double>(part.out[i]) * part.out[i];
            scale = length > 0 ? 1.0 / std::sqrt(length) : 0;
        }
        for (std::size_t i = 0; i < width_; ++i) part.out[i] = static_cast<float>(part.out[i] * scale);
    }
}

void Bert::compute(tensor::Worker& worker) const noexcept {
    embed_tokens(worker);
    worker.barrier();
    tensor::layer_norm(worker, x_.floats(), tokens_.size(), width_, norm_.data(), norm_bias_.data(), epsilon_,
                       x_.floats());
    worker.barrier();
    for (const Layer& one : layers_) layer(worker, one);
    pool(worker);
}

Result<std::unique_ptr<EncoderModel>> load(const SourcePtr& source, const LoadOptions& options) {
    auto model = std::make_unique<Bert>(source);
    TENON_CHECK(model->load(options));
    return model;
}

}  // namespace

extern const Architecture bert;
const Architecture bert{.names = names, .role = ModelRole::encoder, .load_encoder = load};

}  // namespace tenon::model
