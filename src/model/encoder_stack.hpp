// Encoders: transformers in which every token sees every other, described as data like decoders.
#pragma once

#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "model/decoder_weights.hpp"
#include "model/feed_forward.hpp"
#include "tenon/tensor/thread_team.hpp"

namespace tenon::model {

/// What an encoder adds to the sizes, norms and tensors it shares with decoders. Its `body` has post norms over the sum
/// of residual and branch (BERT), or norms before each half (ModernBERT).
struct EncoderSpec {
    DecoderSpec body;  ///< `windows`: the farthest neighbour a token sees; 0: all
    std::string_view embedding_norm = "embeddings.LayerNorm";
    std::string_view token_types = "embeddings.token_type_embeddings";  ///< used where the file has them
    bool final_norm = false;
    std::size_t skipped_positions = 0;  ///< rows of the position embeddings before the first token's
    std::size_t max_tokens = 0;         ///< what the positions allow

    /// Sizes, epsilon and activation under BERT's names. Errors: corrupt, unsupported.
    [[nodiscard]] static Result<EncoderSpec> read(const ModelSource& source, FolderNames names);
};

/// BERT's and RoBERTa's names.
[[nodiscard]] FolderNames bert_names();

/// One token sequence; from `second` on it is the second of two texts.
struct EncoderInput {
    std::span<const text::TokenId> tokens;
    std::size_t second = std::numeric_limits<std::size_t>::max();
};

class EncoderStack {
  public:
    /// Errors: corrupt, unsupported, resource_exhausted.
    [[nodiscard]] Result<void> load(const SourcePtr& source, EncoderSpec spec, const LoadOptions& options);
    [[nodiscard]] const EncoderSpec& spec() const noexcept { return spec_; }
    [[nodiscard]] std::size_t width() const noexcept { return spec_.body.width; }

    /// What is done with the last layer's rows of input `index`, [tokens, width], which it may overwrite; called by
    /// one member of the team for each input, for several at once, and not for empty inputs.
    using Take = std::function<void(std::size_t index, float* rows, std::size_t tokens)>;
    /// Computes all inputs in batches, long ones first. Tokens must be in the vocabulary, inputs no longer than
    /// `spec().max_tokens`.
    void run(tensor::ThreadTeam& team, std::span<const EncoderInput> inputs, const Take& take);

  private:
    struct Part {
        std::size_t input, begin, tokens;
    };

    [[nodiscard]] Result<void> load_embeddings();
    [[nodiscard]] Result<void> reserve_buffers();
    void compute(tensor::Worker& worker, std::span<const EncoderInput> inputs, const Take& take) const noexcept;
    void embed(tensor::Worker& worker, std::span<const EncoderInput> inputs) const noexcept;
    void attend(tensor::Worker& worker, std::size_t index) const noexcept;
    void normalise(tensor::Worker& worker, const NormWeights& norm, const float* from, float* to) const noexcept;
    [[nodiscard]] std::span<std::byte> scratch() const noexcept { return {scratch_.data(), scratch_.size()}; }

    SourcePtr source_;
    EncoderSpec spec_;
    tensor::MatrixView words_;
    std::vector<float> positions_, types_;  // empty: none
    NormWeights embedding_norm_, final_norm_;
    std::vector<DecoderLayer> layers_;
    std::vector<Buffer> copies_;
    FeedForward feed_forward_;
    std::size_t batch_ = 0;
    Buffer x_, normed_, q_, k_, v_, mixed_, scratch_;
    std::vector<Buffer> cosines_, sines_;
    // The batch under way.
    std::vector<Part> parts_;
    std::size_t tokens_ = 0;
};

}  // namespace tenon::model
