// Added tokens: texts that become one id before anything else looks at them.
#pragma once

#include <functional>

#include "text/tokenizer/components.hpp"
#include "text/tokenizer/trie.hpp"

namespace tenon::text::tok {

struct AddedToken {
    TokenId id = no_token;
    std::string content;
    bool special = false;      ///< matched only when special tokens are parsed
    bool single_word = false;  ///< not inside a word
    bool left_strip = false;   ///< takes the white space before it along
    bool right_strip = false;  ///< … and after it
    bool normalized = false;   ///< looked for in the normalised text
};

/// Finds one set of added tokens: leftmost first, longest of those. Immutable; safe for many threads.
class AddedTokens {
  public:
    explicit AddedTokens(std::vector<AddedToken> tokens);
    [[nodiscard]] bool empty() const noexcept { return tokens_.empty(); }
    /// Calls text(begin, end) and token(id) in order, covering `input` but for stripped white space.
    void split(std::string_view input, bool parse_special, const std::function<void(std::size_t, std::size_t)>& text,
               const std::function<void(TokenId)>& token) const;

  private:
    std::vector<AddedToken> tokens_;
    Trie trie_;
};

}  // namespace tenon::text::tok
