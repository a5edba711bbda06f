// Models: weights and architecture, ready to compute. A model file or folder is opened here and nowhere else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tenon/base/error.hpp"
#include "tenon/model/kv_cache.hpp"
#include "tenon/model/lora.hpp"
#include "tenon/tensor/thread_team.hpp"
#include "tenon/text/tokenizer.hpp"

namespace tenon::model {

enum class ModelRole : std::uint8_t { causal, encoder, reranker };

/// What `tenon models show` prints and callers may ask; filled from metadata without loading the weights.
struct ModelInfo {
    std::string name;
    std::string architecture;  ///< "llama", "qwen2", "bert"
    ModelRole role = ModelRole::causal;
    std::string format;        ///< "gguf" or "safetensors"
    std::string quantisation;  ///< "Q4_K_M", "F32", … the file type, or the commonest tensor type
    std::string licence;
    std::uint64_t parameters = 0;
    std::uint64_t file_bytes = 0;
    std::size_t context_length = 0;
    std::size_t embedding_length = 0;
    std::size_t layers = 0, heads = 0, kv_heads = 0, head_dim = 0, feed_forward = 0;
    std::size_t vocabulary = 0;
    std::string chat_template;                                        ///< Jinja source, or empty
    std::vector<std::pair<std::string, std::uint64_t>> tensor_types;  ///< type name → bytes
    /// Bytes of memory to run it with `context` tokens of cache.
    [[nodiscard]] std::uint64_t memory_needed(std::size_t context, KvType type = KvType::f16) const noexcept;
    bool supported = true;  ///< false: the architecture is known by name only
};

/// Reads metadata of a GGUF file (or the first of a split) or of a safetensors folder.
/// Errors: not_found, corrupt, unsupported.
[[nodiscard]] Result<ModelInfo> inspect(const std::filesystem::path& path);

struct LoadOptions {
    bool repack = true;  ///< interleaved copies of quantised weights: faster, more memory
    /// Tokens of the longest sequence that will be run; 0: as many as the model can. LongRoPE has two sets of
    /// frequencies, and the one for long contexts is worse at short ones.
    std::size_t context = 0;
};

enum class Logits : std::uint8_t { none, last, all };

/// Tokens to append to one sequence in a forward pass.
struct SequenceStep {
    KvCache* cache = nullptr;
    std::span<const text::TokenId> tokens;
    Logits logits = Logits::last;
    /// One adapter for all of a sequence: its keys and values depend on it. Steps of one adapter are computed together
    /// where they are neighbours.
    AdapterUse adapter{};
};

/// A decoder-only language model. `forward` is for one caller at a time per model object; the rest is const and
/// shareable.
class CausalModel {
  public:
    virtual ~CausalModel() = default;
    [[nodiscard]] virtual const ModelInfo& info() const noexcept = 0;
    [[nodiscard]] virtual const text::TokenizerPtr& tokenizer() const noexcept = 0;
    /// Memory for the caches of many sequences, kv_page_tokens positions a page. Errors: resource_exhausted (memory).
    [[nodiscard]] virtual Result<std::shared_ptr<KvPool>> make_pool(std::size_t pages, KvType type) const = 0;
    /// One cache with a pool of its own. Errors: as make_pool.
    [[nodiscard]] Result<std::unique_ptr<KvCache>> make_cache(std::size_t capacity, KvType type = KvType::f16) const;
    /// Largest number of tokens one `forward` accepts over all steps.
    [[nodiscard]] virtual std::size_t max_batch_tokens() const noexcept = 0;
    /// Appends every step's tokens to its cache and computes logits. The result holds, in step order, one row of
    /// `vocabulary` float32 per requested position, valid until the next call.
    /// Errors: invalid_argument (a token outside the vocabulary, too many tokens, another model's adapter),
    /// resource_exhausted (a cache or its pool is full); on error no cache has changed.
    [[nodiscard]] virtual Result<std::span<const float>> forward(tensor::ThreadTeam& team,
                                                                 std::span<const SequenceStep> steps) = 0;
    /// Reads a low-rank adapter made for this model: a PEFT folder (adapter_config.json and adapter_model.safetensors)
    /// or a GGUF file as llama.cpp's converter writes it. May run beside `forward`.
    /// Errors: not_found, corrupt, invalid_argument (made for another model), unsupported (what it changes besides).
    [[nodiscard]] virtual Result<std::shared_ptr<const LoraAdapter>> load_adapter(
        const std::filesystem::path& path) const = 0;
};

enum class Pooling : std::uint8_t { mean, cls, last };

struct EncodeLimits {
    std::size_t max_tokens = 0; /**< 0: the model's own */
};

/// An encoder that maps a text to one vector. `embed` is for one caller at a time.
class EncoderModel {
  public:
    virtual ~EncoderModel() = default;
    [[nodiscard]] virtual const ModelInfo& info() const noexcept = 0;
    [[nodiscard]] virtual const text::TokenizerPtr& tokenizer() const noexcept = 0;
    [[nodiscard]] virtual std::size_t dimension() const noexcept = 0;
    [[nodiscard]] virtual std::size_t max_tokens()
        const noexcept = 0;  ///< longer texts are cut, as sentence-transformers does
    [[nodiscard]] virtual bool normalised() const noexcept = 0;
    /// Prefixes the model was trained with ("query: ", "passage: "), or empty.
    [[nodiscard]] virtual std::string_view query_prefix() const noexcept = 0;
    [[nodiscard]] virtual std::string_view passage_prefix() const noexcept = 0;
    /// One vector of `dimension` float32 per text, row after row; `token_count` (optional) receives the tokens used.
    [[nodiscard]] virtual Result<std::vector<float>> embed(tensor::ThreadTeam& team, std::span<const std::string> texts,
                                                           std::size_t* token_count = nullptr) = 0;
};

/// A cross-encoder: it reads a query and a document together and tells how well they match. `score` is for one caller
/// at a time.
class RerankModel {
  public:
    virtual ~RerankModel() = default;
    [[nodiscard]] virtual const ModelInfo& info() const noexcept = 0;
    [[nodiscard]] virtual const text::TokenizerPtr& tokenizer() const noexcept = 0;
    /// Of query and document together; of what is longer, the longer of the two is cut.
    [[nodiscard]] virtual std::size_t max_tokens() const noexcept = 0;
    /// One score a document, in order: the model's own number, larger for a better match and not bounded (a logit).
    /// `token_count` (optional) receives the tokens used.
    [[nodiscard]] virtual Result<std::vector<float>> score(tensor::ThreadTeam& team, std::string_view query,
                                                           std::span<const std::string> documents,
                                                           std::size_t* token_count = nullptr) = 0;
};

/// The tokenizer alone, without loading weights. Errors: not_found, corrupt, unsupported.
[[nodiscard]] Result<text::TokenizerPtr> load_tokenizer(const std::filesystem::path& path);

/// Errors: not_found, corrupt, unsupported (architecture or tensor type; the message names it and what is supported).
[[nodiscard]] Result<std::unique_ptr<CausalModel>> load_causal(const std::filesystem::path& path,
                                                               const LoadOptions& options = {});
[[nodiscard]] Result<std::unique_ptr<EncoderModel>> load_encoder(const std::filesystem::path& path,
                                                                 const LoadOptions& options = {});
/// Errors: also unsupported for an embedding model, and for a classifier of more labels than one.
[[nodiscard]] Result<std::unique_ptr<RerankModel>> load_reranker(const std::filesystem::path& path,
                                                                 const LoadOptions& options = {});

}  // namespace tenon::model
