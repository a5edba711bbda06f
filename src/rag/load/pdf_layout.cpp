#include "rag/load/pdf_layout.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <unordered_map>

#include "tenon/base/utf8.hpp"

namespace tenon::rag::load_detail {
namespace {

double number(std::string_view tag, std::string_view name) {
    const std::size_t at = tag.find(name);
    if (at == std::string_view::npos || at + name.size() + 2 >= tag.size()) return 0;
    const double value = std::strtod(std::string(tag.substr(at + name.size() + 2, 24)).c_str(), nullptr);
    return std::isfinite(value) ? std::clamp(value, -1e6, 1e6) : 0;
}

std::string unescape(std::string_view s) {
    std::string out;
    for (std::size_t i = 0; i < s.size(); ++i) {
        if (s[i] != '&') {
            out += s[i];
            continue;
        }
        const auto rest = s.substr(i, 6);
        const auto take = [&](std::string_view entity, char c) {
            if (!rest.starts_with(entity)) return false;
            out += c;
            i += entity.size() - 1;
            return true;
        };
        if (!take("&amp;", '&') && !take("&lt;", '<') && !take("&gt;", '>') && !take("&quot;", '"') &&
            !take("&apos;", '\''))
            out += '&';
    }
    return utf8::sanitize(out);  // fonts may map to lone surrogates, and a cut output ends inside a character
}

char32_t first_character(std::string_view s) { return s.empty() ? 0 : utf8::decode(s, 0).code_point; }
char32_t last_character(std::string_view s) {
    if (s.empty()) return 0;
    std::size_t at = s.size() - 1;
    while (at > 0 && (static_cast<unsigned char>(s[at]) & 0xC0U) == 0x80U) --at;
    return utf8::decode(s, at).code_point;
}
bool is_wide(char32_t c) { return utf8::is_cjk(c) || (c >= 0x3000 && c <= 0x303F) || (c >= 0xFF00 && c <= 0xFF60); }

/// A blank between two pieces of a line, unless Chinese or Japanese stands on both sides.
bool needs_blank(std::string_view left, std::string_view right) {
    return !left.empty() && !right.empty() && !(is_wide(last_character(left)) && is_wide(first_character(right)));
}

/// Digits become '#', so that "Chapter 3 · 41" and "Chapter 3 · 42" are the same running line.
std::string pattern(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c >= '0' && c <= '9') {
            if (out.empty() || out.back() != '#') out += '#';
        } else if (c != ' ') {
            out += c;
        }
    }
    return out;
}

bool is_leader(std::string_view s) {
    std::size_t dots = 0;
    for (const char c : s) {
        if (c == '.')
            ++dots;
        else if (c != ' ')
            dots = 0;
        if (dots >= 5) return !s.empty() && s.back() >= '0' && s.back() <= '9';
    }
    return false;
}

bool ends_sentence(std::string_view s) {
    const char32_t c = last_character(s);
    return c == '.' || c == '!' || c == '?' || c == ':' || c == ';' || c == U'。' || c == U'！' || c == U'？' ||
           c == U'；' || c == U'：' || c == U'”' || c == U'」' || c == U'）' || c == ')';
}

void drop_running_lines(PdfPages& document) {
    if (document.pages.size() < 2) return;
    // What stands in the top or bottom margin of many pages is furniture.
    std::unordered_map<std::string, std::size_t> seen;
    const auto in_margin = [](const PdfPage& page, const PdfLine& line) {
        return line.y_max < page.height * 0.1 || line.y_min > page.height * 0.9;
    };
    for (const PdfPage& page : document.pages) {
        std::map<std::string, bool> once;
        for (const PdfLine& line : page.lines)
            if (in_margin(page, line) && !once[pattern(line.text)]) {
                once[pattern(line.text)] = true;
                ++seen[pattern(line.text)];
            }
    }
    const std::size_t enough = document.pages.size() <= 8 ? 2 : 3;
    for (PdfPage& page : document.pages)
        for (PdfLine& line : page.lines) line.dropped = in_margin(page, line) && seen[pattern(line.text)] >= enough;
}

/// Pieces that stand side by side (a section number and its title, the cells of a row) become one line.
void merge_rows(PdfPage& page) {
    std::vector<PdfLine> out;
    for (PdfLine& line : page.lines) {
        if (line.dropped || line.text.empty()) continue;
        if (!out.empty()) {
            PdfLine& last = out.back();
            const double overlap = std::min(last.y_max, line.y_max) - std::max(last.y_min, line.y_min);
            const double gap = line.x_min - last.x_max;
            if ((last.flow == line.flow || last.text.size() <= 8) &&
                overlap > 0.6 * std::min(last.height, line.height) && gap > -1 && gap < 12 * line.height) {
                last.text += gap > 2.5 * line.height ? "  " : (needs_blank(last.text, line.text) ? " " : "");
                last.text += line.text;
                last.x_max = line.x_max;
                last.y_max = std::max(last.y_max, line.y_max);
                last.block = line.block;
                continue;
            }
        }
        out.push_back(std::move(line));
    }
    page.lines = std::move(out);
}

double body_height(const PdfPages& document) {
    std::map<int, std::size_t> characters;  // by tenths of a point
    for (const PdfPage& page : document.pages)
        for (const PdfLine& line : page.lines)
            characters[static_cast<int>(std::lround(line.height * 10))] += line.text.size();
    const auto most = std::ranges::max_element(characters, {}, [](const auto& entry) { return entry.second; });
    return most == characters.end() ? 10 : std::max(1.0, most->first / 10.0);
}

/// Depth of "1", "1.2", "1.2.3" before a title; 0 when there is none.
int numbering(std::string_view s) {
    int depth = 0;
    std::size_t i = 0;
    while (i < s.size() && s[i] >= '0' && s[i] <= '9') {
        const std::size_t from = i;
        while (i < s.size() && s[i] >= '0' && s[i] <= '9') ++i;
        if (i - from > 2) return 0;
        ++depth;
        if (i < s.size() && s[i] == '.')
            ++i;
        else
            break;
    }
    return depth > 0 && i < s.size() && s[i] == ' ' && i + 1 < s.size() &&
                   (std::isalpha(static_cast<unsigned char>(s[i + 1])) != 0 ||
                    static_cast<unsigned char>(s[i + 1]) >= 0x80)
               ? depth
               : 0;
}

class Writer {
  public:
    Writer(DocumentBuilder& builder, double body) : builder_(builder), body_(body) {}

    void find_heading_sizes(const PdfPages& document) {
        std::map<int, std::size_t, std::greater<>> sizes;
        for (const PdfPage& page : document.pages)
            for (const PdfLine& line : page.lines)
                if (is_large(line)) ++sizes[rounded(line)];
        int level = 1;
        for (const auto& [size, count] : sizes) levels_[size] = std::min(level++, 5);
    }

    void page(const PdfPage& page, int number) {
        double right = 0, left = page.width;
        for (const PdfLine& line : page.lines) right = std::max(right, line.x_max), left = std::min(left, line.x_min);
        for (std::size_t i = 0; i < page.lines.size(); ++i) {
            const PdfLine& line = page.lines[i];
            if (is_leader(line.text)) continue;  // a table of contents says nothing the headings do not
            const PdfLine* next = i + 1 < page.lines.size() ? &page.lines[i + 1] : nullptr;
            if (const int level = heading(line, next)) {
                flush();
                // A long title goes on in the next line of the same size.
                if (heading_open_ && last_heading_size_ == rounded(line) && line.y_min - last_y_ < 1.2 * line.height &&
                    number == last_page_ && numbering(line.text) == 0) {
                    pending_heading_ += (needs_blank(pending_heading_, line.text) ? " " : "") + line.text;
                } else {
                    flush_heading();
                    pending_heading_ = line.text;
                    heading_level_ = level;
                    heading_page_ = number;
                }
                heading_open_ = true;
                last_heading_size_ = rounded(line);
            } else {
                flush_heading();
                text(line, number, right, left);
            }
            last_y_ = line.y_max;
            last_page_ = number;
        }
    }

    void finish() {
        flush_heading();
        flush();
    }

  private:
    [[nodiscard]] static int rounded(const PdfLine& line) { return static_cast<int>(std::lround(line.height)); }
    [[nodiscard]] bool is_large(const PdfLine& line) const {
        return line.height > body_ * 1.14 && line.text.size() <= 200 && std::ranges::any_of(line.text, [](char c) {
                   return std::isalpha(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80;
               });
    }

    [[nodiscard]] int heading(const PdfLine& line, const PdfLine* next) const {
        const int depth = numbering(line.text);
        const bool stop = line.text.ends_with('.') || line.text.ends_with("。") || line.text.ends_with(',') ||
                          line.text.ends_with("，");
        if (is_large(line) && !stop) {
            if (depth > 0) return std::min(depth, 6);
            const auto found = levels_.find(rounded(line));
            return found == levels_.end() ? 1 : found->second;
        }
        // "2.3 Title" in body size, alone in its block.
        const bool alone =
            (paragraph_.empty() || line.block != block_) && (next == nullptr || next->block != line.block);
        return depth >= 2 && alone && !stop && line.text.size() <= 120 && line.height > body_ * 0.97
                   ? std::min(depth, 6)
                   : 0;
    }

    void flush_heading() {
        if (heading_open_) builder_.add(BlockKind::heading, pending_heading_, heading_level_, heading_page_);
        heading_open_ = false;
    }

    void text(const PdfLine& line, int page, double right, double left) {
        const bool bullet = list_marker(line.text) > 0;
        const bool same_block = line.block == block_ && page == page_of_last_;
        const bool same_font = std::abs(line.height - height_) < 0.1 * body_;
        // The paragraph goes on: within its block, or past a page or column end that cut it off.
        const bool lower = std::islower(static_cast<unsigned char>(line.text[0])) != 0;
        const bool cut_off = !paragraph_.empty() && !ends_sentence(paragraph_) && full_width_ && same_font &&
                             (lower || (is_wide(last_character(paragraph_)) && is_wide(first_character(line.text))));
        if (paragraph_.empty() || bullet || !(same_block || cut_off)) {
            flush();
            kind_ = bullet ? BlockKind::list_item : BlockKind::paragraph;
            paragraph_ = line.text;
            page_ = page;
        } else if (same_block && !full_width_) {
            paragraph_ += '\n' + line.text;  // a short line ends where its author ended it
        } else if (paragraph_.size() > 2 && paragraph_.back() == '-' && lower &&
                   std::isalpha(static_cast<unsigned char>(paragraph_[paragraph_.size() - 2])) != 0) {
            paragraph_.pop_back();
            paragraph_ += line.text;
        } else if (paragraph_.ends_with("\xC2\xAD")) {  // soft hyphen
            paragraph_.resize(paragraph_.size() - 2);
            paragraph_ += line.text;
        } else {
            paragraph_ += (needs_blank(paragraph_, line.text) ? " " : "") + line.text;
        }
        block_ = line.block;
        page_of_last_ = page;
        height_ = line.height;
        full_width_ = line.x_max > right - std::max(0.12 * (right - left), 2 * line.height) ||
                      line.x_max - line.x_min > 0.8 * column_width_;
        column_width_ = same_block ? std::max(column_width_, line.x_max - line.x_min) : line.x_max - line.x_min;
        if (!full_width_ && same_block && line.x_max - line.x_min > 0.8 * column_width_) full_width_ = true;
    }

    void flush() {
        builder_.add(kind_, paragraph_, 0, page_,
                     kind_ == BlockKind::list_item && !builder_.empty() &&
                         builder_.document().blocks.back().kind == BlockKind::list_item);
        paragraph_.clear();
    }

    DocumentBuilder& builder_;
    double body_;
    std::unordered_map<int, int> levels_;
    std::string paragraph_, pending_heading_;
    BlockKind kind_ = BlockKind::paragraph;
    int page_ = 0, page_of_last_ = 0, block_ = -1, last_page_ = 0;
    int heading_level_ = 1, heading_page_ = 0, last_heading_size_ = 0;
    bool heading_open_ = false, full_width_ = false;
    double height_ = 0, last_y_ = 0, column_width_ = 0;
};

}  // namespace

PdfPages read_bbox_layout(std::string_view xml) {
    PdfPages out;
    int flow = 0, block = 0;
    PdfLine line;
    std::vector<double> heights;
    for (std::size_t at = 0; at < xml.size();) {
        const std::size_t end = std::min(xml.find('\n', at), xml.size());
        const auto row = trimmed(xml.substr(at, end - at));
        at = end + 1;
        if (row.starts_with("<word ")) {
            const std::size_t open = row.find('>');
            const std::size_t close = row.rfind("</word>");
            if (open == std::string_view::npos || close == std::string_view::npos || close <= open) continue;
            const auto tag = row.substr(0, open);
            const std::string text = unescape(row.substr(open + 1, close - open - 1));
            const double x_min = number(tag, "xMin"), x_max = number(tag, "xMax");
            if (line.text.empty()) line.x_min = x_min;
            const double height = number(tag, "yMax") - number(tag, "yMin");
            if (needs_blank(line.text, text) &&
                (x_min - line.x_max > 0.05 * height ||
                 !(is_wide(last_character(line.text)) || is_wide(first_character(text)))))
                line.text += ' ';
            line.text += text;
            line.x_max = x_max;
            heights.push_back(height);
        } else if (row.starts_with("<line ")) {
            line = {};
            line.y_min = number(row, "yMin");
            line.y_max = number(row, "yMax");
            line.flow = flow;
            line.block = block;
            heights.clear();
        } else if (row.starts_with("</line")) {
            if (out.pages.empty() || heights.empty()) continue;
            std::ranges::nth_element(heights, heights.begin() + static_cast<std::ptrdiff_t>(heights.size() / 2));
            line.height = std::max(0.1, heights[heights.size() / 2]);
            line.text = collapse(line.text);
            if (!line.text.empty()) out.pages.back().lines.push_back(std::move(line));
            line = {};
        } else if (row.starts_with("<block ")) {
            ++block;
        } else if (row.starts_with("<flow")) {
            ++flow;
        } else if (row.starts_with("<page ")) {
            out.pages.push_back({number(row, "width"), number(row, "height"), {}});
        } else if (row.starts_with("<title>") && row.ends_with("</title>") && out.pages.empty()) {
            out.title = collapse(unescape(row.substr(7, row.size() - 15)));
        }
    }
    return out;
}

void write_pages(PdfPages document, DocumentBuilder& builder) {
    drop_running_lines(document);
    for (PdfPage& page : document.pages) merge_rows(page);
    Writer writer(builder, body_height(document));
    writer.find_heading_sizes(document);
    for (std::size_t i = 0; i < document.pages.size(); ++i) writer.page(document.pages[i], static_cast<int>(i) + 1);
    writer.finish();
}

}  // namespace tenon::rag::load_detail
