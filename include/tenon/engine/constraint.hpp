// What holds a generation to a form, token by token.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"
#include "tenon/text/grammar.hpp"

namespace tenon::engine {

/// Belongs to one request; the engine calls it from one thread at a time.
class Constraint {
  public:
    virtual ~Constraint() = default;
    /// Tokens that may come next, of at least the model's vocabulary; null: all. Tokens that end the generation are in
    /// it only where the text may end. Errors end the generation.
    [[nodiscard]] virtual Result<text::TokenMask> mask() = 0;
    /// The token that was chosen, never one that ends the generation. Errors: internal (it was not in the mask).
    [[nodiscard]] virtual Result<void> accept(text::TokenId token) = 0;
    /// Nothing but the end may follow: the engine ends the generation at once.
    [[nodiscard]] virtual bool finished() const = 0;
};

using Grammars = std::vector<std::shared_ptr<text::TokenGrammar>>;

/// The text is one that one of the grammars allows; all over the same vocabulary, at least one. `written`: how it
/// begins already. Null when none of them allows that.
[[nodiscard]] std::shared_ptr<Constraint> hold_to(Grammars grammars, std::string_view written = {});

/// Free text; when `begin` appears in it, one of the grammars holds to the end of the generation (the answer after a
/// model's reasoning).
[[nodiscard]] std::shared_ptr<Constraint> hold_after(std::string begin, Grammars grammars);

}  // namespace tenon::engine
