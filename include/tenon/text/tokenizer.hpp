// Tokenizers: text to token ids and back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon::text {

using TokenId = std::int32_t;
inline constexpr TokenId no_token = -1;

enum class TokenizerKind : std::uint8_t {
    byte_bpe,           ///< byte-level BPE (GPT-2 and descendants); GGUF model "gpt2"
    sentencepiece_bpe,  ///< SentencePiece BPE with scores and byte fallback; GGUF model "llama"
    unigram,            ///< SentencePiece unigram (Viterbi); GGUF model "t5"
    wordpiece,          ///< BERT WordPiece; GGUF model "bert"
};

/// As GGUF's tokenizer.ggml.token_type.
enum class TokenType : std::uint8_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

/// Everything a tokenizer is made from, whatever file it came from.
struct TokenizerSpec {
    TokenizerKind kind = TokenizerKind::byte_bpe;
    std::string pre_tokenizer;  ///< GGUF's tokenizer.ggml.pre: "gpt-2", "smollm", "llama-bpe", "qwen2", …; or empty
    std::vector<std::string> tokens;  ///< id → text as stored (byte-level alphabet, ▁ or ## forms)
    std::vector<float> scores;        ///< SentencePiece models
    std::vector<TokenType> types;     ///< empty: all normal
    std::vector<std::string> merges;  ///< "left right", by rank
    TokenId bos = no_token, eos = no_token, eot = no_token, unk = no_token, pad = no_token, sep = no_token,
            cls = no_token, mask = no_token;
    std::optional<bool> add_bos, add_eos;  ///< unset: the habit of the kind
    std::optional<bool> add_space_prefix;
    std::optional<bool> remove_extra_whitespaces;
    std::string precompiled_charsmap;  ///< SentencePiece normaliser, bytes
    bool lowercase = true;             ///< WordPiece: lower-case and strip accents
    bool strip_accents = true;
};

struct EncodeOptions {
    bool add_special = true;    ///< BOS/EOS or [CLS]/[SEP] as the model wants them
    bool parse_special = true;  ///< control tokens written in the text become their ids; false: they are plain text
};

/// Immutable after construction: every method may be called from many threads at once.
class Tokenizer {
  public:
    virtual ~Tokenizer() = default;

    /// Any bytes are accepted; each invalid UTF-8 sequence counts as U+FFFD (as Python's errors="replace" counts them),
    /// for every kind of tokenizer.
    [[nodiscard]] virtual std::vector<TokenId> encode(std::string_view text,
                                                      const EncodeOptions& options = {}) const = 0;
    /// Text of the ids, valid UTF-8 (bytes that form no character become U+FFFD); control and unknown tokens are left
    /// out when `skip_special`. Ids outside the vocabulary are skipped.
    [[nodiscard]] virtual std::string decode(std::span<const TokenId> ids, bool skip_special = true) const = 0;
    /// The raw bytes one token adds to the text (no cleaning, no leading-space rule); control tokens give their name.
    [[nodiscard]] virtual std::string token_bytes(TokenId id) const = 0;

    [[nodiscard]] virtual const TokenizerSpec& spec() const noexcept = 0;
    [[nodiscard]] std::size_t vocabulary_size() const noexcept { return spec().tokens.size(); }
    [[nodiscard]] bool is_control(TokenId id) const noexcept;
    /// EOS, EOT and the usual turn-ending tokens (<|im_end|>, <|eot_id|>, <end_of_turn>, …): generation stops at these.
    [[nodiscard]] virtual bool is_end_of_generation(TokenId id) const noexcept = 0;
    /// Appends what decode() adds to a text for this id; `first`: no id has added to it yet (cleared when this one
    /// does). The bytes may end inside a character, and bytes that are no UTF-8 are not yet U+FFFD.
    virtual void append_text(std::string& out, TokenId id, bool& first, bool skip_special) const;
    /// The id whose stored text is exactly `token`.
    [[nodiscard]] virtual std::optional<TokenId> find(std::string_view token) const = 0;
};

using TokenizerPtr = std::shared_ptr<const Tokenizer>;

/// Errors: corrupt (tables that disagree), unsupported (an unknown pre-tokenizer is named).
[[nodiscard]] Result<TokenizerPtr> make_tokenizer(TokenizerSpec spec);
/// Hugging Face `tokenizer.json`; `tokenizer_config_json` (may be empty) adds special-token roles.
[[nodiscard]] Result<TokenizerPtr> load_tokenizer_json(std::string_view tokenizer_json,
                                                       std::string_view tokenizer_config_json = {});
/// BERT `vocab.txt`, one token a line.
[[nodiscard]] Result<TokenizerPtr> load_vocab_txt(std::string_view vocab, bool lowercase = true);

/// Turns a stream of token ids into text, never splitting a character: bytes of an unfinished character wait.
class StreamingDecoder {
  public:
    explicit StreamingDecoder(TokenizerPtr tokenizer, bool skip_special = true);
    /// The text that became certain with this token; may be empty.
    [[nodiscard]] std::string push(TokenId id);
    /// What is left at the end; an unfinished character becomes U+FFFD.
    [[nodiscard]] std::string finish();

  private:
    TokenizerPtr tokenizer_;
    std::string pending_;
    bool skip_special_;
    bool first_ = true;
};

}  // namespace tenon::text
