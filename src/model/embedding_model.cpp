#include "model/embedding_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "model/encoder.hpp"

namespace tenon::model {
namespace {

class EmbeddingModel final : public EncoderModel {
  public:
    [[nodiscard]] Result<void> load(const SourcePtr& source, EncoderSpec spec, const LoadOptions& options);

    [[nodiscard]] const ModelInfo& info() const noexcept override { return info_; }
    [[nodiscard]] const text::TokenizerPtr& tokenizer() const noexcept override { return tokenizer_; }
    [[nodiscard]] std::size_t dimension() const noexcept override { return stack_.width(); }
    [[nodiscard]] std::size_t max_tokens() const noexcept override { return max_tokens_; }
    [[nodiscard]] bool normalised() const noexcept override { return settings_.normalise; }
    [[nodiscard]] std::string_view query_prefix() const noexcept override { return settings_.query_prefix; }
    [[nodiscard]] std::string_view passage_prefix() const noexcept override { return settings_.passage_prefix; }
    [[nodiscard]] Result<std::vector<float>> embed(tensor::ThreadTeam& team, std::span<const std::string> texts,
                                                   std::size_t* token_count) override;

  private:
    [[nodiscard]] std::vector<text::TokenId> tokens_of(const std::string& text) const;
    void pool(const float* rows, std::size_t tokens, float* out) const noexcept;

    EncoderStack stack_;
    EmbeddingSettings settings_;
    text::TokenizerPtr tokenizer_;
    ModelInfo info_;
    std::size_t max_tokens_ = 0;
};

Result<void> EmbeddingModel::load(const SourcePtr& source, EncoderSpec spec, const LoadOptions& options) {
    TENON_TRY(settings_, read_embedding_settings(*source));
    TENON_TRY(tokenizer_, load_encoder_tokenizer(*source, spec.body.vocabulary));
    TENON_CHECK(stack_.load(source, std::move(spec), options));
    max_tokens_ = stack_.spec().max_tokens;
    if (settings_.max_tokens != 0) max_tokens_ = std::min(max_tokens_, settings_.max_tokens);
    info_ = stack_.spec().body.info;
    info_.context_length = max_tokens_;
    return {};
}

std::vector<text::TokenId> EmbeddingModel::tokens_of(const std::string& text) const {
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

Result<std::vector<float>> EmbeddingModel::embed(tensor::ThreadTeam& team, std::span<const std::string> texts,
                                                 std::size_t* token_count) {
    std::vector<std::vector<text::TokenId>> ids(texts.size());
    std::atomic<std::size_t> next = 0;
    team.run([&](tensor::Worker&) {
        for (std::size_t i = next++; i < texts.size(); i = next++) ids[i] = tokens_of(texts[i]);
    });
    std::vector<EncoderInput> inputs;
    std::size_t total = 0;
    for (const auto& one : ids) {
        inputs.push_back({.tokens = one});
        total += one.size();
    }
    std::vector<float> out(texts.size() * dimension());
    stack_.run(team, inputs, [&](std::size_t index, const float* rows, std::size_t tokens) {
        pool(rows, tokens, out.data() + index * dimension());
    });
    if (token_count != nullptr) *token_count = total;
    return out;
}

void EmbeddingModel::pool(const float* rows, std::size_t tokens, float* out) const noexcept {
    const std::size_t width = dimension();
    const std::size_t begin = settings_.pooling == Pooling::last ? tokens - 1 : 0;
    const std::size_t end = settings_.pooling == Pooling::mean ? tokens : begin + 1;
    for (std::size_t t = begin; t < end; ++t)
        for (std::size_t i = 0; i < width; ++i) out[i] += rows[t * width + i];
    double scale = 1.0 / static_cast<double>(end - begin);
    if (settings_.normalise) {
        double length = 0;
        for (std::size_t i = 0; i < width; ++i) length += static_cast<double>(out[i]) * out[i];
        scale = length > 0 ? 1.0 / std::sqrt(length) : 0;
    }
    for (std::size_t i = 0; i < width; ++i) out[i] = static_cast<float>(out[i] * scale);
}

}  // namespace

Result<text::TokenizerPtr> load_encoder_tokenizer(const ModelSource& source, std::size_t vocabulary) {
    TENON_TRY(text::TokenizerPtr tokenizer, source.tokenizer());
    if (tokenizer->vocabulary_size() > vocabulary)
        return fail(ErrorCode::corrupt, fmt::format("the tokenizer has {} tokens, the model only {}",
                                                    tokenizer->vocabulary_size(), vocabulary));
    return tokenizer;
}

Result<std::unique_ptr<EncoderModel>> load_embedding_model(const SourcePtr& source, EncoderSpec spec,
                                                           const LoadOptions& options) {
    auto model = std::make_unique<EmbeddingModel>();
    TENON_CHECK(model->load(source, std::move(spec), options));
    return model;
}

}  // namespace tenon::model
