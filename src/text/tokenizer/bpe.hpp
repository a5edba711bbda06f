// Byte-pair encoding by ranked merges (Sennrich et al. 2016; byte-level: Radford et al. 2019).
#pragma once

#include <span>

#include "tenon/base/error.hpp"
#include "text/tokenizer/components.hpp"

namespace tenon::text::tok {

struct BpeOptions {
    bool byte_level =
        true;  ///< tokens are written in GPT-2's byte alphabet and merging starts from bytes; else from characters
    bool byte_fallback = false;  ///< unknown characters become their <0xAB> tokens
    bool fuse_unknown = false;
    bool ignore_merges = false;  ///< a piece that is a token is that token
    TokenId unknown = no_token;
    std::string continuing_prefix, end_of_word_suffix;
};

/// `tokens` by id; only ids with `in_model` take part (added tokens that the model does not know stay out).
/// `merges` are (left, right) texts by rank. Errors: corrupt (a merge names an unknown token).
struct MergePair {
    std::string_view left, right;
};
[[nodiscard]] Result<ModelPtr> make_bpe(std::span<const std::string> tokens, const std::vector<bool>& in_model,
                                        std::span<const MergePair> merges, BpeOptions options);

/// SentencePiece BPE: merges whatever neighbours form the token of the highest score.
[[nodiscard]] Result<ModelPtr> make_sentencepiece_bpe(const TokenizerSpec& spec);

}  // namespace tenon::text::tok
