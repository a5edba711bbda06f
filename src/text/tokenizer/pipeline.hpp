// The one implementation of Tokenizer: parts put together, whatever file they came from.
#pragma once

#include "tenon/base/error.hpp"
#include "text/tokenizer/added_tokens.hpp"
#include "text/tokenizer/components.hpp"
#include "text/tokenizer/decoder.hpp"

namespace tenon::text::tok {

struct Parts {
    TokenizerSpec spec;
    NormalizerPtr normalizer;       ///< may be null
    PreTokenizerPtr pre_tokenizer;  ///< may be null
    ModelPtr model;
    PostProcessor post;
    DecodeSteps decoder;
    DecodeSteps raw_decoder;  ///< token_bytes: without cleaning or leading-space rules
    std::vector<AddedToken> added;
    bool first_until_text = false;  ///< a token that adds nothing leaves the next one the first (sentencepiece)
};

[[nodiscard]] TokenizerPtr assemble(Parts parts);

}  // namespace tenon::text::tok
