// Structured text and its division into chunks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tenon::text {

enum class BlockKind : std::uint8_t { heading, paragraph, list_item, code, table, quote, other };

/// A stretch of a document's text; byte offsets into StructuredText::text, in order, not overlapping.
struct Block {
    BlockKind kind = BlockKind::paragraph;
    std::size_t begin = 0;
    std::size_t end = 0;
    int level = 0;        ///< headings: 1..6
    int page = 0;         ///< 1-based; 0 when the format has no pages
    std::string label{};  ///< headings: their text without markup; empty: the range's own first line. With an empty
                          ///< range the heading is a marker (the symbol around a stretch of source code)
};

/// A document as UTF-8 text with its structure.
struct StructuredText {
    std::string title;
    std::string text;
    std::vector<Block> blocks;
};

struct SplitOptions {
    std::size_t max_tokens = 200;       ///< of the counting tokenizer, headings excluded
    std::size_t min_tokens = 40;        ///< smaller neighbours under one heading are joined
    std::size_t overlap_sentences = 0;  ///< sentences of the previous chunk repeated at the start of the next
};

/// One chunk: a byte range of the text, and where it stands.
struct ChunkSpan {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::string heading;  ///< the headings above it, joined by " > "
    int page = 0;         ///< the one it lies on; a chunk never spans two
    std::size_t tokens = 0;
};

using TokenCounter = std::function<std::size_t(std::string_view)>;

/// Splits at headings first, then between blocks, then sentences (Chinese and Japanese marks too), then words, then
/// characters: never inside a UTF-8 character, inside a code block or a table row only when one alone is too long.
/// Every non-blank byte of the text outside headings lies in at least one chunk. Pure and thread-safe.
[[nodiscard]] std::vector<ChunkSpan> split(const StructuredText& document, const SplitOptions& options,
                                           const TokenCounter& count);

/// Sentence ranges of plain text, English and Chinese marks alike; abbreviations, decimals and URLs do not end a
/// sentence.
struct Range {
    std::size_t begin = 0, end = 0;
};
[[nodiscard]] std::vector<Range> sentences(std::string_view text);

/// Line and character bookkeeping of a text: byte offset → 1-based line, 0-based code point.
class LineIndex {
  public:
    explicit LineIndex(std::string_view text);
    [[nodiscard]] std::size_t line(std::size_t byte) const noexcept;
    [[nodiscard]] std::size_t character(std::size_t byte) const noexcept;

  private:
    std::vector<std::size_t> line_starts_;
    std::vector<std::size_t> characters_;  // code points before each 256th byte
    std::string_view text_;
};

/// The main language of a text by its script and commonest words: "zh", "ja", "ko", "en" or "" when unclear.
[[nodiscard]] std::string_view detect_language(std::string_view text);

}  // namespace tenon::text
