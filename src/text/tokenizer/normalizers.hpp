// Normalisers: what happens to a text before it is cut into pieces.
#pragma once

#include <optional>

#include "tenon/base/error.hpp"
#include "text/tokenizer/components.hpp"
#include "text/tokenizer/unicode.hpp"

namespace tenon::text::tok {

struct BertOptions {
    bool clean_text = true;
    bool chinese_characters = true;  ///< spaces around each ideograph
    bool strip_accents = true;
    bool lowercase = true;
};

/// SentencePiece's own rules, as its normaliser applies them after the character map.
struct SentencePieceOptions {
    bool add_space_prefix = true;
    bool remove_extra_whitespaces = false;
    bool escape_whitespaces = true;  ///< " " becomes "▁"
};

/// How a precompiled character map is looked up: the longest entry at each place (sentencepiece), or grapheme by
/// grapheme (Hugging Face).
enum class CharsmapMode : std::uint8_t { sentencepiece, graphemes };

[[nodiscard]] NormalizerPtr normalizer_sequence(std::vector<NormalizerPtr> parts);
[[nodiscard]] NormalizerPtr unicode_normalizer(NormalForm form);
[[nodiscard]] NormalizerPtr lowercase_normalizer();
[[nodiscard]] NormalizerPtr strip_accents_normalizer();
[[nodiscard]] NormalizerPtr strip_normalizer(bool left, bool right);
[[nodiscard]] NormalizerPtr prepend_normalizer(std::string text);
[[nodiscard]] NormalizerPtr replace_normalizer(std::string from, std::string to);
[[nodiscard]] Result<NormalizerPtr> replace_regex_normalizer(std::string_view pattern, std::string to);
[[nodiscard]] NormalizerPtr remove_control_normalizer();  ///< Hugging Face's Nmt
[[nodiscard]] NormalizerPtr byte_level_normalizer();
[[nodiscard]] NormalizerPtr bert_normalizer(const BertOptions& options);
[[nodiscard]] NormalizerPtr sentencepiece_normalizer(const SentencePieceOptions& options);
/// `map` as sentencepiece writes it: a double array's size, the array, the replacements. Errors: corrupt.
[[nodiscard]] Result<NormalizerPtr> charsmap_normalizer(std::string map, CharsmapMode mode);

}  // namespace tenon::text::tok
