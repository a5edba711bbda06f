// Breaking a block into the smallest pieces the splitter packs: rows, line groups, sentences, words, characters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tenon/text/splitter.hpp"

namespace tenon::text::detail {

/// How good a place to cut the boundary before a piece is.
enum class Boundary : std::uint8_t { block, line, sentence, word };

/// A stretch that is never cut again.
struct Piece {
    std::size_t begin = 0, end = 0;
    std::size_t tokens = 0;
    Boundary boundary = Boundary::block;
    bool glued = false;  ///< wants to stand with the piece before it
    BlockKind kind = BlockKind::paragraph;
    int page = 0;
    Range context{};  ///< a table's header or a list's introduction, for chunks that begin inside it
};

class PieceMaker {
  public:
    PieceMaker(std::string_view text, std::size_t max_tokens, const TokenCounter& count)
        : text_(text), max_tokens_(max_tokens), count_(count) {}

    /// Appends the pieces of a block. `detach_last`: its last sentence becomes a piece of its own, so that what follows
    /// can keep it.
    void add(const Block& block, bool detach_last, std::vector<Piece>& out) const;

  private:
    [[nodiscard]] std::size_t tokens(std::size_t begin, std::size_t end) const;
    /// More bytes than this are broken before they are counted, so that no call of the counter is long.
    [[nodiscard]] std::size_t countable() const { return max_tokens_ * 12 + 64; }
    void push(Piece prototype, std::size_t begin, std::size_t end, std::size_t tokens, Boundary boundary,
              std::vector<Piece>& out) const;
    void add_sentences(const Piece& prototype, Boundary first, std::vector<Piece>& out) const;
    void add_lines(const Piece& prototype, Boundary first, std::vector<Piece>& out) const;
    void add_words(const Piece& prototype, Boundary first, std::vector<Piece>& out) const;
    [[nodiscard]] std::size_t cut_before(std::size_t begin, std::size_t end, std::size_t limit) const;

    std::string_view text_;
    std::size_t max_tokens_;
    const TokenCounter& count_;
};

/// Shrinks a range until it neither begins nor ends with white space.
[[nodiscard]] Range trim(std::string_view text, std::size_t begin, std::size_t end);

}  // namespace tenon::text::detail
