// SentencePiece unigram language model (Kudo 2018).
#pragma once

#include <span>

#include "tenon/base/error.hpp"
#include "text/tokenizer/components.hpp"

namespace tenon::text::tok {

struct UnigramOptions {
    TokenId unknown = no_token;
    bool byte_fallback = false;
    bool single_precision =
        false;  ///< add scores as floats, as the sentencepiece library does; else as doubles (tokenizers)
    std::vector<bool> user_defined;  ///< tokens whose score is always best; may be empty
    std::vector<bool> excluded;      ///< control tokens and the like, never produced from text; may be empty
};

/// Errors: corrupt (scores and tokens differ in number, the unknown id is out of range).
[[nodiscard]] Result<ModelPtr> make_unigram(std::span<const std::string> tokens, std::vector<double> scores,
                                            UnigramOptions options);

}  // namespace tenon::text::tok
