// Pre-tokenizers: how a text is cut into the pieces that the model sees one by one.
#pragma once

#include <cstdint>
#include <optional>

#include "tenon/base/error.hpp"
#include "text/tokenizer/components.hpp"

namespace tenon::text::tok {

/// What becomes of the text a delimiter matches (Hugging Face's names).
enum class SplitBehavior : std::uint8_t { removed, isolated, merged_with_previous, merged_with_next, contiguous };
enum class PrependScheme : std::uint8_t { always, first, never };

[[nodiscard]] PreTokenizerPtr pre_tokenizer_sequence(std::vector<PreTokenizerPtr> parts);
/// GPT-2's pattern, with a space put before a piece that begins with none when `add_prefix_space`.
/// `map_bytes`: the text becomes GPT-2's byte alphabet, for models that are not byte-level themselves.
[[nodiscard]] PreTokenizerPtr byte_level_pre_tokenizer(bool add_prefix_space, bool use_regex, bool map_bytes);
/// Splits at the matches of a pattern; `invert`: at what lies between them. Known patterns run on hand-written
/// scanners.
[[nodiscard]] Result<PreTokenizerPtr> split_pre_tokenizer(std::string_view pattern, SplitBehavior behavior,
                                                          bool invert);
/// Delimiters are single characters of a kind.
enum class Delimiter : std::uint8_t { white_space, bert, punctuation, digit, digit_run, words_and_symbols };
[[nodiscard]] PreTokenizerPtr delimiter_pre_tokenizer(Delimiter delimiter,
                                                      SplitBehavior behavior = SplitBehavior::isolated);
[[nodiscard]] PreTokenizerPtr metaspace_pre_tokenizer(std::string replacement, PrependScheme scheme, bool split);
/// The pre-tokenizer of a GGUF's tokenizer.ggml.pre. Errors: unsupported (its message lists the known names).
[[nodiscard]] Result<PreTokenizerPtr> named_pre_tokenizer(std::string_view name);
/// Models of that name take a piece that is a token as that token, whatever the merges say.
[[nodiscard]] bool name_ignores_merges(std::string_view name);

}  // namespace tenon::text::tok
