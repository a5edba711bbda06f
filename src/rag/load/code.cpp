// Source code: the text is the file's own; functions and classes become markers, so that a chunk knows what it is part
// of. Definitions are recognised by the look of their first line and reach as far as their indentation: that holds for
// most languages people indent, and where it does not, chunks are cut between lines as usual.
#include <algorithm>
#include <array>
#include <cctype>

#include "rag/load/lines.hpp"
#include "tenon/base/utf8.hpp"

namespace tenon::rag::load_detail {
namespace {

constexpr int max_depth = 5;
constexpr std::size_t least_lines = 4;  // shorter functions stay with their neighbours

bool is_name(char c) {
    return (std::isalnum(static_cast<unsigned char>(c)) != 0) || c == '_' || c == '$' || c == '~' || c == ':' ||
           static_cast<unsigned char>(c) >= 0x80;
}

/// The first word of a line; "" when it does not begin with one.
std::string_view first_word(std::string_view s) {
    std::size_t n = 0;
    while (n < s.size() && (std::isalnum(static_cast<unsigned char>(s[n])) != 0 || s[n] == '_')) ++n;
    return s.substr(0, n);
}

template <std::size_t N>
bool any_of(std::string_view word, const std::array<std::string_view, N>& words) {
    return std::ranges::find(words, word) != words.end();
}

constexpr std::array<std::string_view, 14> containers{"class",     "struct",    "interface", "trait",  "impl",
                                                      "enum",      "namespace", "module",    "object", "protocol",
                                                      "extension", "record",    "mod",       "union"};
constexpr std::array<std::string_view, 9> functions{"def", "fn",   "func",      "function", "fun",
                                                    "sub", "proc", "defmodule", "defp"};
constexpr std::array<std::string_view, 26> modifiers{
    "public", "private", "protected", "static",  "final",  "abstract", "export",  "default",  "async",
    "pub",    "inline",  "constexpr", "virtual", "extern", "sealed",   "open",    "override", "internal",
    "unsafe", "const",   "data",      "typedef", "local",  "template", "partial", "suspend"};
constexpr std::array<std::string_view, 22> controls{
    "if",    "for", "while",  "switch", "else", "return", "do",   "try",    "catch", "case",    "using",
    "throw", "new", "delete", "import", "from", "assert", "elif", "except", "with",  "foreach", "until"};

enum class Kind : std::uint8_t { none, function, container };

bool is_comment(std::string_view s) {
    return s.starts_with("//") || s.starts_with("#") || s.starts_with("/*") || s.starts_with("*") ||
           s.starts_with("--") || s.starts_with(";;") || s.starts_with("\"\"\"");
}

class Scanner {
  public:
    explicit Scanner(StructuredText& document)
        : document_(document), text_(document.text), lines_(split_lines(text_)) {}

    void run() { scope(0, lines_.size(), 1, {}); }

  private:
    [[nodiscard]] std::string_view line(std::size_t i) const { return utf8::truncate(content(text_, lines_[i]), 400); }

    [[nodiscard]] Kind kind_of(std::size_t i) const {
        auto s = line(i);
        if (s.empty() || is_comment(s) || s.ends_with(';')) return Kind::none;
        auto word = first_word(s);
        for (int guard = 0; guard < 8 && (any_of(word, modifiers)); ++guard) {
            auto rest = s.substr(word.size());
            if (rest.starts_with('(')) rest = rest.substr(std::min(rest.find(')'), rest.size() - 1) + 1);  // pub(crate)
            if (rest.starts_with('<'))
                rest = rest.substr(std::min(rest.rfind('>'), rest.size() - 1) + 1);  // template <...>
            s = trimmed(rest);
            word = first_word(s);
        }
        if (word.empty() || any_of(word, controls)) return Kind::none;
        if (any_of(word, containers) && s.size() > word.size() && s[word.size()] == ' ')
            return s.find('(') != std::string_view::npos && s.find('{') == std::string_view::npos && !s.ends_with(':')
                       ? Kind::function
                       : Kind::container;
        if (any_of(word, functions) && s.size() > word.size()) return Kind::function;
        // const name = (…) => {
        if (s.ends_with("=> {")) return Kind::function;
        // name(…) {   type name(…)\n{
        const std::size_t paren = s.find('(');
        if (paren == std::string_view::npos || paren == 0 || s.find('=') < paren || s.find('"') < paren)
            return Kind::none;
        std::size_t end = paren;
        while (end > 0 && s[end - 1] == ' ') --end;
        if (end == 0 || !is_name(s[end - 1])) return Kind::none;
        for (std::size_t k = i; k < std::min(i + 8, lines_.size()); ++k) {
            const auto at = line(k);
            if (at.ends_with('{')) return Kind::function;
            if (at.empty() || at.ends_with(';') || at.ends_with('}')) return Kind::none;
        }
        return Kind::none;
    }

    /// The line after the definition that begins at `i`.
    [[nodiscard]] std::size_t extent(std::size_t i, std::size_t limit) const {
        const std::size_t indent = lines_[i].indent;
        std::size_t last = i;
        bool in_body = false;
        for (std::size_t k = i + 1; k < limit; ++k) {
            if (lines_[k].blank()) continue;
            const auto s = line(k);
            if (lines_[k].indent > indent) {
                last = k;
                in_body = true;
                continue;
            }
            const char c = s.front();
            const bool label = s == "public:" || s == "private:" || s == "protected:" || s.starts_with("#if") ||
                               s.starts_with("#else") || s.starts_with("#endif");
            const bool opens =
                c == '{' || (!in_body && (c == ')' || s.starts_with(":") || s.starts_with("where") || k <= i + 8) &&
                             !lines_[k - 1].blank() && !line(k - 1).ends_with('{') && !line(k - 1).ends_with(':') &&
                             !line(k - 1).ends_with('}'));
            if (label || opens) {
                if (opens) last = k;
                continue;
            }
            const bool closes = c == '}' || c == ')' || c == ']' || first_word(s) == "end" || s == "fi" || s == "done";
            return closes ? k + 1 : last + 1;
        }
        return last + 1;
    }

    /// The name a reader would use: the line without its body and trailing marks.
    [[nodiscard]] std::string label(std::size_t i) const {
        auto s = line(i);
        while (!s.empty() && (s.back() == '{' || s.back() == ':' || s.back() == ' ' || s.back() == '('))
            s.remove_suffix(1);
        return std::string(utf8::truncate(s, 120));
    }

    void marker(std::size_t at, int level, std::string name) {
        document_.blocks.push_back({BlockKind::heading, lines_[at].begin, lines_[at].begin, level, 0, std::move(name)});
    }

    void code(std::size_t first, std::size_t last) {
        while (first < last && lines_[first].blank()) ++first;
        while (last > first && lines_[last - 1].blank()) --last;
        if (first < last)
            document_.blocks.push_back({BlockKind::code, lines_[first].begin, lines_[last - 1].end, 0, 0, {}});
    }

    /// Lines `first` … `last` at nesting `level`; `name` is what surrounds them.
    void scope(std::size_t first, std::size_t last, int level, const std::string& name) {
        std::size_t pending = first;
        bool marked = true;
        const auto plain = [&](std::size_t end) {
            if (!marked && std::any_of(lines_.begin() + static_cast<std::ptrdiff_t>(pending),
                                       lines_.begin() + static_cast<std::ptrdiff_t>(end),
                                       [](const Line& l) { return !l.blank(); })) {
                marker(pending, std::max(1, level - 1), name);
                marked = true;
            }
            code(pending, end);
        };
        for (std::size_t i = first; i < last; ++i) {
            const Kind kind = lines_[i].blank() ? Kind::none : kind_of(i);
            if (kind == Kind::none) continue;
            const std::size_t end = std::min(extent(i, last), last);
            if (end - i < least_lines) {
                if (end > i) i = end - 1;
                continue;
            }
            std::size_t start = i;  // comments, decorators and template lines above belong to it
            while (start > pending && !lines_[start - 1].blank() && lines_[start - 1].indent == lines_[i].indent) {
                const auto above = line(start - 1);
                if (!is_comment(above) && !above.starts_with('@') && !above.starts_with("template") &&
                    !above.starts_with("[["))
                    break;
                --start;
            }
            plain(start);
            if (kind == Kind::container && level < max_depth && end - i > 8) {
                marker(start, level, label(i));
                code(start, i + 1);
                scope(i + 1, end, level + 1, label(i));
            } else {
                marker(start, level, label(i));
                code(start, end);
            }
            marked = false;
            pending = end;
            i = end - 1;
        }
        plain(last);
    }

    StructuredText& document_;
    std::string_view text_;
    std::vector<Line> lines_;
};

}  // namespace

Result<StructuredText> load_code(const Input& input) {
    StructuredText document;
    TENON_TRY(document.text, decode_text(input));
    Scanner(document).run();
    return document;
}

}  // namespace tenon::rag::load_detail
