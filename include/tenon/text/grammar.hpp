// Grammars that hold generated text to a form: from GBNF, Lark, regular expressions and JSON Schema to the set of
// tokens that may come next.
//
// A grammar is a network of states over bytes, one part per rule, with calls between the parts (a pushdown automaton).
// It is made deterministic while it is used, a state at a time, and what was found is kept: per state the tokens
// allowed in whatever context, and per configuration the whole mask. Ideas from XGrammar (Dong et al. 2024) and
// Outlines (Willard and Louf 2023).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"
#include "tenon/text/tokenizer.hpp"

namespace tenon::text {

/// How JSON Schemas become grammars. What a grammar allows is always valid against the schema; it need not be all of
/// it.
struct JsonGrammarOptions {
    /// White space between tokens of the JSON text: one space, or a line break and up to 20 spaces; false: none at all.
    bool white_space = true;
    /// Objects with `properties` that say nothing of others take no others. True: they take any, as the schema says.
    bool additional_properties = false;
    std::string before{}, after{};   ///< literal text around the JSON
    std::uint32_t repeat = 1;        ///< so many of it at most, each in its own `before` and `after`, a line apart
    std::string prefix{}, suffix{};  ///< literal text around all of them
};

/// Which texts are allowed. Immutable; safe to share between threads.
class Grammar {
  public:
    /// llama.cpp's GBNF, the start rule is `root`. Errors of all four: invalid_argument (with line or place),
    /// unsupported (a feature no automaton can hold: the message names it), resource_exhausted (too large when written
    /// out).
    [[nodiscard]] static Result<Grammar> from_gbnf(std::string_view source);
    /// Lark's grammar language: rules and terminals, strings, regular expressions, EBNF operators, `%ignore`,
    /// `%import common.NAME`; the start rule is `start`. Terminals are not tokenised first: texts are those some choice
    /// of terminals gives.
    [[nodiscard]] static Result<Grammar> from_lark(std::string_view source);
    /// The whole text matches. ECMA-262 syntax without look-around, back-references and word boundaries.
    [[nodiscard]] static Result<Grammar> from_regex(std::string_view pattern);
    /// One of these texts.
    [[nodiscard]] static Result<Grammar> from_choices(std::span<const std::string> choices);
    /// Members in the order of `properties`. Supported: type, enum, const, properties, required, additionalProperties,
    /// items, prefixItems, minItems, maxItems, minLength, maxLength, pattern, format, integer and number bounds,
    /// anyOf, oneOf (alternatives that cannot overlap), allOf (merged), $ref with recursion.
    [[nodiscard]] static Result<Grammar> from_json_schema(std::string_view schema,
                                                          const JsonGrammarOptions& options = {});
    /// Any JSON text; `object`: an object at the top.
    [[nodiscard]] static Result<Grammar> json(bool object = false, const JsonGrammarOptions& options = {});

    /// Whether the whole of `text` is allowed.
    [[nodiscard]] bool accepts(std::string_view text) const;
    /// Whether `text` is the beginning of something allowed.
    [[nodiscard]] bool begins(std::string_view text) const;

    struct Network;  ///< private to the room
    explicit Grammar(std::shared_ptr<const Network> network) : network_(std::move(network)) {}
    [[nodiscard]] const std::shared_ptr<const Network>& network() const noexcept { return network_; }

  private:
    std::shared_ptr<const Network> network_;
};

/// The tokens of a tokenizer arranged by their bytes; made once per model (some tens of milliseconds for 150,000
/// tokens). Control and unknown tokens are left out. Immutable; safe to share.
class GrammarVocabulary {
  public:
    /// `size`: rows of the model's output, at least the tokenizer's; 0: the tokenizer's.
    [[nodiscard]] static std::shared_ptr<const GrammarVocabulary> create(const Tokenizer& tokenizer,
                                                                         std::size_t size = 0);
    /// From plain byte strings, empty ones are never allowed; `ends`: ids that end a generation.
    [[nodiscard]] static std::shared_ptr<const GrammarVocabulary> create(std::span<const std::string> tokens,
                                                                         std::span<const TokenId> ends);
    ~GrammarVocabulary();

    struct Trie;  ///< private to the room
    [[nodiscard]] const Trie& trie() const noexcept { return *trie_; }
    [[nodiscard]] std::size_t size() const noexcept;

  private:
    explicit GrammarVocabulary(std::unique_ptr<const Trie> trie);
    std::unique_ptr<const Trie> trie_;
};

/// One bit a token, in words of 64, token 0 lowest. Shared: the same configuration gives the same mask.
using TokenMask = std::shared_ptr<const std::vector<std::uint64_t>>;
[[nodiscard]] inline bool allows(const std::vector<std::uint64_t>& mask, TokenId token) noexcept {
    const auto id = static_cast<std::size_t>(token);
    return id / 64 < mask.size() && ((mask[id / 64] >> (id % 64)) & 1U) != 0;
}

/// A grammar over a vocabulary, with what has been worked out so far. Thread-safe: many matchers may share one.
class TokenGrammar {
  public:
    TokenGrammar(Grammar grammar, std::shared_ptr<const GrammarVocabulary> vocabulary);
    ~TokenGrammar();
    struct Impl;
    [[nodiscard]] Impl& impl() const noexcept { return *impl_; }

  private:
    std::unique_ptr<Impl> impl_;
};

/// The bytes of a token as the grammar's vocabulary has them; empty for tokens that are never allowed.
[[nodiscard]] std::string bytes_of(const TokenGrammar& grammar, TokenId token);

/// Where one text stands in a grammar. Copies go on by themselves. Not safe for concurrent use.
class GrammarMatcher {
  public:
    explicit GrammarMatcher(std::shared_ptr<TokenGrammar> grammar);

    /// Tokens that may come next; those that end the generation only when the text may end here.
    /// Errors: resource_exhausted (the grammar is too ambiguous to follow).
    [[nodiscard]] Result<TokenMask> mask();
    /// False: not allowed; the matcher stays where it is. An end token is accepted where the text may end.
    [[nodiscard]] bool accept(TokenId token);
    [[nodiscard]] bool accept_bytes(std::string_view bytes);
    [[nodiscard]] bool may_end() const;
    /// Nothing but the end can follow.
    [[nodiscard]] bool must_end() const;
    /// Bytes that must come next, whatever is chosen; at most `most`.
    [[nodiscard]] std::string forced_bytes(std::size_t most = 256) const;

  private:
    std::shared_ptr<TokenGrammar> grammar_;
    std::shared_ptr<const void> state_;
};

}  // namespace tenon::text
