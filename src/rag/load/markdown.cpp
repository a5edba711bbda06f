// Markdown (CommonMark with GitHub's tables). The text stays the file's own, so lines are the file's lines; this finds
// the blocks only, which CommonMark decides line by line.
#include <algorithm>

#include "rag/load/lines.hpp"
#include "tenon/base/utf8.hpp"

namespace tenon::rag::load_detail {
namespace {

std::size_t run_of(std::string_view s, char c) { return std::min(s.find_first_not_of(c), s.size()); }

bool is_thematic_break(std::string_view s) {
    if (s.size() < 3 || (s[0] != '-' && s[0] != '*' && s[0] != '_')) return false;
    return std::ranges::all_of(s, [&](char c) { return c == s[0] || c == ' ' || c == '\t'; }) &&
           std::ranges::count(s, s[0]) >= 3;
}

bool is_table_rule(std::string_view s) {
    return s.find('-') != std::string_view::npos && (s.find('|') != std::string_view::npos) &&
           s.find_first_not_of("|-: \t") == std::string_view::npos;
}

/// A heading's words without emphasis, link targets, images' addresses, tags and {#anchors}.
std::string plain_inline(std::string_view s) {
    std::string out;
    s = utf8::truncate(s, 1000);
    for (std::size_t i = 0; i < s.size(); ++i) {
        const char c = s[i];
        if (c == '\\' && i + 1 < s.size() &&
            std::string_view("\\`*_{}[]()#+-.!<>|").find(s[i + 1]) != std::string_view::npos) {
            out += s[++i];
        } else if (c == '*' || (c == '`')) {
            continue;
        } else if (c == '!' && i + 1 < s.size() && s[i + 1] == '[') {
            continue;
        } else if (c == '[') {
            continue;
        } else if (c == ']') {
            if (i + 1 < s.size() && (s[i + 1] == '(' || s[i + 1] == '[')) {
                const std::size_t close = s.find(s[i + 1] == '(' ? ')' : ']', i + 2);
                if (close != std::string_view::npos) i = close;
            }
        } else if (c == '<' && i + 1 < s.size() && (s[i + 1] == '/' || (s[i + 1] >= 'a' && s[i + 1] <= 'z')) &&
                   s.find('>', i) != std::string_view::npos) {
            i = s.find('>', i);
        } else if (c == '{' && i + 1 < s.size() && (s[i + 1] == '#' || s[i + 1] == '.') && s.ends_with('}')) {
            break;
        } else {
            out += c;
        }
    }
    return std::string(trimmed(out));
}

class Scanner {
  public:
    Scanner(StructuredText& document, std::vector<Line> lines)
        : document_(document), text_(document.text), lines_(std::move(lines)) {}

    void run() {
        std::size_t i = front_matter();
        while (i < lines_.size()) i = block(i);
        if (document_.title.empty()) {
            for (const int level : {1, 2})
                for (const Block& b : document_.blocks)
                    if (b.kind == BlockKind::heading && b.level == level) {
                        document_.title = b.label;
                        return;
                    }
        }
    }

  private:
    [[nodiscard]] std::string_view line(std::size_t i) const { return content(text_, lines_[i]); }

    void add(BlockKind kind, std::size_t first, std::size_t last, int level = 0, std::string label = {}) {
        while (last > first && lines_[last].blank()) --last;
        document_.blocks.push_back({kind, lines_[first].begin, lines_[last].end, level, 0, std::move(label)});
    }

    std::size_t front_matter() {
        if (lines_.empty() || line(0) != "---") return 0;
        for (std::size_t i = 1; i < std::min<std::size_t>(lines_.size(), 200); ++i) {
            const auto s = line(i);
            if (s == "---" || s == "...") {
                add(BlockKind::other, 0, i);
                return i + 1;
            }
            if (s.starts_with("title:")) {
                auto value = trimmed(s.substr(6));
                if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
                    value.back() == value.front())
                    value = value.substr(1, value.size() - 2);
                document_.title = value;
            }
        }
        document_.title.clear();
        return 0;
    }

    /// Level of an ATX heading, 0 when the line is none.
    [[nodiscard]] int atx(std::size_t i) const {
        if (lines_[i].indent > 3) return 0;
        const auto s = line(i);
        const std::size_t n = run_of(s, '#');
        return n >= 1 && n <= 6 && (n == s.size() || s[n] == ' ' || s[n] == '\t') ? static_cast<int>(n) : 0;
    }

    [[nodiscard]] bool fence(std::size_t i) const {
        const auto s = line(i);
        if (s.size() < 3 || (s[0] != '`' && s[0] != '~')) return false;
        const std::size_t n = run_of(s, s[0]);
        return n >= 3 && (s[0] == '~' || s.find('`', n) == std::string_view::npos);
    }

    /// The line after the fenced block that begins at `i`.
    [[nodiscard]] std::size_t fence_end(std::size_t i) const {
        const auto open = line(i);
        const std::size_t n = run_of(open, open[0]);
        for (std::size_t k = i + 1; k < lines_.size(); ++k) {
            const auto s = line(k);
            if (s.size() >= n && run_of(s, open[0]) == s.size()) return k + 1;
        }
        return lines_.size();
    }

    [[nodiscard]] bool begins_block(std::size_t i) const {
        return atx(i) > 0 || fence(i) || (lines_[i].indent <= 3 && line(i).starts_with('>')) ||
               is_thematic_break(line(i)) || bullet(i);
    }

    [[nodiscard]] bool bullet(std::size_t i) const {
        const auto s = line(i);
        return list_marker(s) > 0 && !is_thematic_break(s);
    }

    std::size_t block(std::size_t i) {
        if (lines_[i].blank()) return i + 1;
        const auto s = line(i);
        if (const int level = atx(i)) {
            auto label = trimmed(s.substr(static_cast<std::size_t>(level)));
            const std::size_t end = label.find_last_not_of('#');
            if (end == std::string_view::npos)
                label = {};
            else if (end + 1 < label.size() && (label[end] == ' '))
                label = trimmed(label.substr(0, end));
            add(BlockKind::heading, i, i, level, plain_inline(label));
            return i + 1;
        }
        if (fence(i)) {
            const std::size_t end = fence_end(i);
            add(BlockKind::code, i, end - 1);
            return end;
        }
        if (is_thematic_break(s)) return i + 1;
        if (lines_[i].indent <= 3 && s.starts_with('>')) {
            std::size_t k = i + 1;
            while (k < lines_.size() && !lines_[k].blank() && (line(k).starts_with('>') || !begins_block(k))) ++k;
            add(BlockKind::quote, i, k - 1);
            return k;
        }
        if (bullet(i)) return list_item(i);
        if (lines_[i].indent >= 4) {
            std::size_t k = i + 1, last = i;
            while (k < lines_.size() && (lines_[k].blank() || lines_[k].indent >= 4)) {
                if (!lines_[k].blank()) last = k;
                ++k;
            }
            add(BlockKind::code, i, last);
            return last + 1;
        }
        if (i + 1 < lines_.size() && s.find('|') != std::string_view::npos && is_table_rule(line(i + 1))) {
            std::size_t k = i + 2;
            while (k < lines_.size() && !lines_[k].blank() && line(k).find('|') != std::string_view::npos) ++k;
            add(BlockKind::table, i, k - 1);
            return k;
        }
        return paragraph(i);
    }

    std::size_t paragraph(std::size_t i) {
        std::size_t k = i + 1;
        for (; k < lines_.size() && !lines_[k].blank(); ++k) {
            const auto s = line(k);
            if (lines_[k].indent <= 3 && !s.empty() && (s[0] == '=' || s[0] == '-') &&
                run_of(s, s[0]) == s.size()) {  // setext underline
                std::string label;
                for (std::size_t j = i; j < k && label.size() < 1000; ++j)
                    label += (j == i ? "" : " ") + std::string(line(j));
                add(BlockKind::heading, i, k, s[0] == '=' ? 1 : 2, plain_inline(label));
                return k + 1;
            }
            if (begins_block(k) && (list_marker(s) == 0 || !(s[0] >= '0' && s[0] <= '9') || s.starts_with("1"))) break;
            if (k + 1 < lines_.size() && s.find('|') != std::string_view::npos && is_table_rule(line(k + 1))) break;
        }
        add(BlockKind::paragraph, i, k - 1);
        return k;
    }

    /// One item with its continuation lines and nested text; nested items and code blocks are blocks of their own.
    std::size_t list_item(std::size_t i) {
        const std::size_t inner = lines_[i].indent + 2;
        std::size_t k = i + 1, last = i;
        for (; k < lines_.size(); ++k) {
            if (lines_[k].blank()) {
                if (k + 1 < lines_.size() && !lines_[k + 1].blank() &&
                    (lines_[k + 1].indent < inner || bullet(k + 1) || fence(k + 1)))
                    break;
                if (k + 1 < lines_.size() && lines_[k + 1].blank()) break;
                continue;
            }
            if (bullet(k) || fence(k) || atx(k) > 0) break;
            if (is_thematic_break(line(k))) break;
            last = k;
        }
        add(BlockKind::list_item, i, last);
        return last + 1;
    }

    StructuredText& document_;
    std::string_view text_;
    std::vector<Line> lines_;
};

}  // namespace

Result<StructuredText> load_markdown(const Input& input) {
    StructuredText document;
    TENON_TRY(document.text, decode_text(input));
    Scanner(document, split_lines(document.text)).run();
    return document;
}

}  // namespace tenon::rag::load_detail
