// What the loaders of text formats share: decoding, lines, and building a document block by block.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "rag/load/formats.hpp"

namespace tenon::rag::load_detail {

/// The bytes as UTF-8 with "\n" line ends and without zero characters. Errors: unsupported (binary),
/// resource_exhausted.
Result<std::string> decode_text(const Input& input, std::string_view encoding_hint = {});

struct Line {
    std::size_t begin = 0;   ///< offset of the first byte
    std::size_t end = 0;     ///< before trailing white space
    std::size_t indent = 0;  ///< columns of leading white space, tabs to multiples of 4
    [[nodiscard]] bool blank() const { return begin == end; }
};

std::vector<Line> split_lines(std::string_view text);

/// The line without leading and trailing white space.
std::string_view content(std::string_view text, const Line& line);
std::string_view trimmed(std::string_view text);

/// Length of a list marker ("- ", "* ", "12. ", "a) ", "• ") with the blanks after it; 0 when there is none.
std::size_t list_marker(std::string_view content);

/// Builds a document whose text did not exist before: every block on lines of its own, an empty line between.
class DocumentBuilder {
  public:
    explicit DocumentBuilder(std::size_t max_text) : max_text_(max_text) {}
    /// Appends a block; blank text is ignored. `tight`: only a line break before it (list items, table rows).
    void add(BlockKind kind, std::string_view text, int level = 0, int page = 0, bool tight = false);
    [[nodiscard]] bool full() const { return full_; }
    [[nodiscard]] bool empty() const { return document_.blocks.empty(); }
    StructuredText& document() { return document_; }
    /// Errors: resource_exhausted when the text grew past the limit.
    Result<StructuredText> finish(std::string title) &&;

  private:
    StructuredText document_;
    std::size_t max_text_;
    bool full_ = false;
};

/// White space runs become one blank, ends trimmed.
std::string collapse(std::string_view text);

/// `display` columns: CJK characters count two.
std::size_t display_width(std::string_view text);

}  // namespace tenon::rag::load_detail
