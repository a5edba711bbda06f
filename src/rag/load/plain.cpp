// Plain text and the light markups that are read as it: reStructuredText, AsciiDoc, Org, man pages and RFCs as text.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "rag/load/lines.hpp"
#include "tenon/base/utf8.hpp"

namespace tenon::rag::load_detail {
namespace {

enum class Style : std::uint8_t { text, rst, asciidoc, org };

Style style_of(std::string_view name) {
    const std::size_t dot = name.rfind('.');
    const auto ext = dot == std::string_view::npos ? std::string_view{} : name.substr(dot + 1);
    if (ext == "rst" || ext == "rest") return Style::rst;
    if (ext == "adoc" || ext == "asciidoc") return Style::asciidoc;
    if (ext == "org") return Style::org;
    return Style::text;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

/// The character an underline is drawn with; 0 when the line is none.
char rule_of(std::string_view s, Style style) {
    if (s.size() < 3) return 0;
    const std::string_view marks = style == Style::rst ? "=-~^\"'`*+#<>:._!$%&,/;?@\\|" : "=-~^*#";
    if (marks.find(s[0]) == std::string_view::npos) return 0;
    return s.find_first_not_of(s[0]) == std::string_view::npos ? s[0] : '\0';
}

/// "1.", "2.3", "4.5.6." before a title: the number of parts, and where the title begins.
struct Numbering {
    int depth = 0;
    std::size_t title = 0;
};
Numbering numbering(std::string_view s) {
    Numbering out;
    std::size_t i = 0;
    while (i < s.size() && is_digit(s[i])) {
        const std::size_t from = i;
        while (i < s.size() && is_digit(s[i])) ++i;
        if (i - from > 3) return {};
        ++out.depth;
        if (i < s.size() && s[i] == '.')
            ++i;
        else
            break;
    }
    if (out.depth == 0 || i >= s.size() || (s[i] != ' ' && s[i] != '\t')) return {};
    while (i < s.size() && (s[i] == ' ' || s[i] == '\t')) ++i;
    out.title = i;
    return out;
}

/// 第三章 …, 一、…, （二）…: the level, 0 when the line is none.
int chinese_heading(std::string_view s) {
    if (s.size() > 160 || s.size() < 4) return 0;
    for (const char* stop : {"。", "；", "，", "！", "："})
        if (s.ends_with(stop)) return 0;
    const std::u32string wide = utf8::to_utf32(s);
    constexpr std::u32string_view numerals = U"一二三四五六七八九十百零〇两0123456789";
    std::size_t i = 0;
    const auto skip = [&] {
        const std::size_t from = i;
        while (i < wide.size() && i - from < 6 && numerals.find(wide[i]) != std::u32string_view::npos) ++i;
        return i > from;
    };
    if (wide[0] == U'第') {
        i = 1;
        if (!skip() || i >= wide.size() || wide.size() > 45) return 0;
        const char32_t unit = wide[i];
        const bool divided = i + 1 == wide.size() || wide[i + 1] == U' ' || wide[i + 1] == U'\u3000' ||
                             wide[i + 1] == U'：' || wide[i + 1] == U'、' || unit == U'章' || unit == U'节';
        if (!divided) return 0;
        if (unit == U'编' || unit == U'編' || unit == U'部' || unit == U'卷' || unit == U'篇') return 1;
        if (unit == U'章' || unit == U'回') return 2;
        if (unit == U'节' || unit == U'節') return 3;
        return 0;
    }
    if (wide.size() > 32) return 0;
    if (is_digit(static_cast<char>(wide[0] < 128 ? wide[0] : 0))) return 0;
    if (wide[0] == U'（') {
        i = 1;
        return skip() && i < wide.size() && wide[i] == U'）' && i + 1 < wide.size() ? 5 : 0;
    }
    return skip() && i < wide.size() && wide[i] == U'、' && i + 1 < wide.size() ? 4 : 0;
}

class Scanner {
  public:
    Scanner(StructuredText& document, Style style) : document_(document), text_(document.text), style_(style) {
        drop_running_lines();
        lines_ = split_lines(text_);
    }

    void run() {
        for (std::size_t i = 0; i < lines_.size();) i = block(i);
        for (const Block& b : document_.blocks)
            if (b.kind == BlockKind::heading) {
                document_.title = b.label;
                return;
            }
    }

  private:
    [[nodiscard]] std::string_view line(std::size_t i) const { return content(text_, lines_[i]); }
    [[nodiscard]] bool blank(std::size_t i) const { return i >= lines_.size() || lines_[i].blank(); }

    void add(BlockKind kind, std::size_t first, std::size_t last, int level = 0, std::string_view label = {}) {
        while (last > first && lines_[last].blank()) --last;
        document_.blocks.push_back(
            {kind, lines_[first].begin, lines_[last].end, level, 0, std::string(utf8::truncate(label, 400))});
    }

    /// Page feet and heads around a form feed ("[Page 7]", "RFC 9110 … June 2022") are blanked out, keeping every
    /// line's number.
    void drop_running_lines() {
        std::string& text = document_.text;
        if (std::ranges::count(text, '\f') < 2) return;
        for (std::size_t feed = text.find('\f'); feed != std::string::npos; feed = text.find('\f', feed + 1)) {
            std::size_t end = feed;
            while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == ' ')) --end;
            const std::size_t begin = end == 0 ? 0 : text.rfind('\n', end - 1) + 1;  // npos + 1 is 0
            if (end - begin < 120 && text.substr(begin, end - begin).find("[Page ") != std::string::npos) {
                std::fill(text.begin() + static_cast<std::ptrdiff_t>(begin),
                          text.begin() + static_cast<std::ptrdiff_t>(end), ' ');
                const std::size_t head = text.find_first_not_of("\f\n ", feed);
                if (head == std::string::npos) continue;
                const std::size_t stop = std::min(text.find('\n', head), text.size());
                if (stop - head < 120 && text.substr(head, stop - head).find("  ") != std::string::npos)
                    std::fill(text.begin() + static_cast<std::ptrdiff_t>(head),
                              text.begin() + static_cast<std::ptrdiff_t>(stop), ' ');
            }
        }
    }

    int level_of_rule(char mark, bool over) {
        const auto key = static_cast<std::size_t>(static_cast<unsigned char>(mark)) * 2 + (over ? 1 : 0);
        if (levels_[key] == 0) levels_[key] = ++used_levels_;
        return std::min(levels_[key], 6);
    }

    /// A title followed by its underline, perhaps with an overline; gives the line after it, or `i`.
    std::size_t underlined(std::size_t i) {
        const auto fits = [&](std::size_t title, std::size_t rule) {
            const std::size_t width = display_width(line(title));
            const std::size_t drawn = line(rule).size();
            return width <= 120 && drawn + 2 >= width &&
                   (style_ == Style::rst || drawn <= width * 2 + 12 || drawn >= 60) && lines_[rule].indent <= 1;
        };
        const char over = rule_of(line(i), style_);
        if (over != 0 && !blank(i + 1) && i + 2 < lines_.size() && rule_of(line(i + 2), style_) == over &&
            rule_of(line(i + 1), style_) == 0 && fits(i + 1, i + 2)) {
            add(BlockKind::heading, i, i + 2, level_of_rule(over, true), line(i + 1));
            return i + 3;
        }
        if (over != 0 || blank(i + 1) || lines_[i].indent > 1) return i;
        const char under = rule_of(line(i + 1), style_);
        if (under == 0 || !fits(i, i + 1) || line(i).size() > 200) return i;
        if (style_ == Style::text && line(i + 1).size() < 4 && display_width(line(i)) > 4) return i;
        add(BlockKind::heading, i, i + 1, level_of_rule(under, false), line(i));
        return i + 2;
    }

    /// Level of a heading that a single line makes by itself, 0 when it is none.
    [[nodiscard]] int single_line_heading(std::size_t i, std::string_view& label) const {
        const auto s = line(i);
        label = s;
        if (style_ == Style::asciidoc || style_ == Style::org) {
            const char mark = style_ == Style::org ? '*' : '=';
            const std::size_t n = s.find_first_not_of(mark);
            if (n != std::string_view::npos && n >= 1 && n <= 6 && s[n] == ' ' && lines_[i].indent == 0) {
                label = trimmed(s.substr(n));
                return static_cast<int>(n);
            }
            return 0;
        }
        if (style_ == Style::rst) return 0;
        if (const int level = chinese_heading(s)) return level;
        if (lines_[i].indent > 0 || s.size() > 90 || s.size() < 3) return 0;
        if (s.ends_with('.') || s.ends_with(',') || s.ends_with(';') || s.ends_with(':') ||
            s.find("....") != std::string_view::npos)
            return 0;
        const bool alone = (i == 0 || blank(i - 1)) && blank(i + 1);
        std::size_t next = i + 1;
        while (next < lines_.size() && lines_[next].blank()) ++next;
        if (next >= lines_.size()) return 0;
        if (const Numbering n = numbering(s); n.depth > 0) {
            const bool worded =
                !s.substr(n.title).empty() && (is_upper(s[n.title]) || static_cast<unsigned char>(s[n.title]) >= 0x80);
            return alone && worded && numbering(line(next)).depth != n.depth ? std::min(n.depth, 6) : 0;
        }
        const bool letters = std::ranges::count_if(s, is_upper) >= 3;
        const bool capitals = letters && std::ranges::none_of(s, is_lower) &&
                              s.find_first_of("{};=<>$\\") == std::string_view::npos && is_upper(s[0]);
        if (capitals && (i == 0 || blank(i - 1)) && (blank(i + 1) || lines_[next].indent >= 2)) return 2;
        return 0;
    }

    std::size_t block(std::size_t i) {
        if (lines_[i].blank()) return i + 1;
        if (const std::size_t after = underlined(i); after != i) return after;
        const auto s = line(i);
        std::string_view label;
        if (const int level = single_line_heading(i, label)) {
            add(BlockKind::heading, i, i, level, label);
            return i + 1;
        }
        if (style_ == Style::asciidoc && (s == "----" || s == "....")) return delimited(i, s);
        if (style_ == Style::org && s.size() > 7 && (s.starts_with("#+BEGIN_") || s.starts_with("#+begin_")))
            return delimited(i, {});
        if (literal_ && lines_[i].indent > literal_indent_) {
            std::size_t k = i, last = i;
            for (; k < lines_.size() && (lines_[k].blank() || lines_[k].indent > literal_indent_); ++k)
                if (!lines_[k].blank()) last = k;
            add(BlockKind::code, i, last);
            literal_ = false;
            return last + 1;
        }
        literal_ = false;
        if (s.starts_with("+--") || s.starts_with("+==") ||
            (rule_of(s.substr(0, s.find(' ')), Style::text) == '=' && s.find(" =") != std::string_view::npos))
            return table(i);
        if (list_marker(s) > 0) {
            std::size_t k = i + 1;
            while (!blank(k) && list_marker(line(k)) == 0 &&
                   (lines_[k].indent > lines_[i].indent || style_ == Style::text))
                ++k;
            add(BlockKind::list_item, i, k - 1);
            expect_literal(k - 1, lines_[i].indent);
            return k;
        }
        std::size_t k = i + 1;
        while (!blank(k)) {
            if (list_marker(line(k)) > 0 && lines_[k].indent >= lines_[i].indent) break;
            if (style_ == Style::text && chinese_heading(line(k)) > 0) break;
            if (k + 1 < lines_.size() && rule_of(line(k + 1), Style::text) == '=' && line(k + 1).size() >= 4 && k > i)
                break;
            ++k;
        }
        add(BlockKind::paragraph, i, k - 1);
        expect_literal(k - 1, lines_[i].indent);
        return k;
    }

    /// "…:" (or rst's "::", ".. code-block::") says that the deeper text after it is to be kept as it is.
    void expect_literal(std::size_t last, std::size_t indent) {
        const auto s = line(last);
        const bool directive = s.starts_with(".. code") || s.starts_with(".. sourcecode") ||
                               s.starts_with(".. parsed-literal") || s.starts_with(".. highlight");
        literal_ = style_ == Style::rst ? directive || (s.ends_with("::") && !s.starts_with(".."))
                                        : s.ends_with(':') || s.ends_with("：");
        std::size_t next = last + 1;
        while (next < lines_.size() && lines_[next].blank()) ++next;
        // A list after a colon is a list.
        if (style_ != Style::rst && next < lines_.size() && (list_marker(line(next)) > 0 || next == last + 1))
            literal_ = false;
        literal_indent_ = style_ == Style::rst ? indent : indent + 1;
    }

    std::size_t delimited(std::size_t i, std::string_view mark) {
        std::size_t k = i + 1;
        while (k < lines_.size() &&
               !(mark.empty() ? line(k).starts_with("#+END_") || line(k).starts_with("#+end_") : line(k) == mark))
            ++k;
        if (k == lines_.size()) {
            add(BlockKind::paragraph, i, i);
            return i + 1;
        }
        add(BlockKind::code, i, k);
        return k + 1;
    }

    std::size_t table(std::size_t i) {
        std::size_t k = i + 1;
        while (!blank(k)) ++k;
        add(BlockKind::table, i, k - 1);
        return k;
    }

    StructuredText& document_;
    std::string_view text_;
    Style style_;
    std::vector<Line> lines_;
    std::array<int, 512> levels_{};
    int used_levels_ = 0;
    bool literal_ = false;
    std::size_t literal_indent_ = 0;
};

}  // namespace

Result<StructuredText> load_plain(const Input& input) {
    StructuredText document;
    TENON_TRY(document.text, decode_text(input));
    Scanner(document, style_of(input.name)).run();
    return document;
}

}  // namespace tenon::rag::load_detail
