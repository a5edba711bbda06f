// Decoders: what each id adds to a text, one id at a time, so that streaming and whole decoding are the same thing.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tenon::text::tok {

/// One step on the text of one token. Steps run in order; each may look only at the token and whether it is the first.
class DecodeStep {
  public:
    virtual ~DecodeStep() = default;
    virtual void apply(std::string& token, bool first) const = 0;
};
using DecodeStepPtr = std::unique_ptr<const DecodeStep>;
using DecodeSteps = std::vector<DecodeStepPtr>;

[[nodiscard]] DecodeStepPtr decode_byte_level();
[[nodiscard]] DecodeStepPtr decode_byte_fallback();
[[nodiscard]] DecodeStepPtr decode_replace(std::string from, std::string to);
/// Takes up to `start` leading and `stop` trailing `character`s off each token, or, of the whole text, the leading ones
/// only.
[[nodiscard]] DecodeStepPtr decode_strip(std::string character, std::size_t start, std::size_t stop, bool whole_text);
[[nodiscard]] DecodeStepPtr decode_metaspace(std::string replacement, bool prefix_was_added);
[[nodiscard]] DecodeStepPtr decode_wordpiece(std::string prefix, bool cleanup);
/// GGUF's form of WordPiece: "▁word" begins a word.
[[nodiscard]] DecodeStepPtr decode_marked_beginnings(bool cleanup);
[[nodiscard]] DecodeStepPtr decode_space_between();

}  // namespace tenon::text::tok
