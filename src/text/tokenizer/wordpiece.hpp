// WordPiece: greedy longest match within words (Wu et al. 2016; BERT). And WordLevel: whole words only.
#pragma once

#include <span>

#include "tenon/base/error.hpp"
#include "text/tokenizer/components.hpp"

namespace tenon::text::tok {

/// How a vocabulary marks the parts of a word: "##" before continuations, or "▁" before beginnings (GGUF).
struct WordPieceOptions {
    TokenId unknown = no_token;
    std::string continuing_prefix = "##";
    bool beginnings_marked = false;    ///< "▁word" begins, anything else continues; overrides continuing_prefix
    std::size_t max_characters = 100;  ///< longer words are unknown
};
[[nodiscard]] Result<ModelPtr> make_wordpiece(std::span<const std::string> tokens, const std::vector<bool>& in_model,
                                              WordPieceOptions options);
[[nodiscard]] Result<ModelPtr> make_wordlevel(std::span<const std::string> tokens, const std::vector<bool>& in_model,
                                              TokenId unknown);

}  // namespace tenon::text::tok
