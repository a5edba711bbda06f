#include "rag/load/lines.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tenon/base/utf8.hpp"
#include "tenon/text/encoding.hpp"

namespace tenon::rag::load_detail {
namespace {

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace

Result<std::string> decode_text(const Input& input, std::string_view encoding_hint) {
    const std::string& encoding = input.options.encoding;
    if (encoding.empty() && text::looks_binary(input.bytes))
        return fail(ErrorCode::unsupported, "the file is binary, not text");
    TENON_TRY(text::DecodedText decoded, text::to_utf8(input.bytes, encoding, encoding_hint));
    std::string& text = decoded.text;
    if (text.size() > input.options.limits.max_text_bytes)
        return fail(ErrorCode::resource_exhausted,
                    fmt::format("the text is longer than the limit of {} bytes", input.options.limits.max_text_bytes));
    std::size_t out = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\0') continue;
        if (c == '\r') {
            text[out++] = '\n';
            if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
            continue;
        }
        text[out++] = c;
    }
    text.resize(out);
    return std::move(text);
}

std::vector<Line> split_lines(std::string_view text) {
    std::vector<Line> out;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t newline = std::min(text.find('\n', at), text.size());
        Line line{at, newline, 0};
        while (line.end > at && is_blank(text[line.end - 1])) --line.end;
        for (std::size_t i = at; i < line.end; ++i) {
            if (text[i] == ' ')
                ++line.indent;
            else if (text[i] == '\t')
                line.indent += 4 - line.indent % 4;
            else if (text[i] != '\f')
                break;
        }
        out.push_back(line);
        at = newline + 1;
    }
    return out;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

std::string_view content(std::string_view text, const Line& line) {
    return trimmed(text.substr(line.begin, line.end - line.begin));
}

std::size_t list_marker(std::string_view s) {
    std::size_t n = 0;
    if (s.starts_with("- ") || s.starts_with("* ") || s.starts_with("+ "))
        n = 1;
    else if (s.starts_with("•") || s.starts_with("●"))
        n = 3;
    else if (s.starts_with("·"))
        n = 2;
    else {
        std::size_t i = s.starts_with("(") ? 1 : 0;
        const std::size_t first = i;
        while (i < s.size() && i - first < 9 && is_digit(s[i])) ++i;
        if (i == first && i < s.size() && is_letter(s[i])) ++i;
        const bool letter = i == first + 1 && is_letter(s[first]);
        if (i == first || i >= s.size()) return 0;
        if (s[i] == ')' || (s[i] == '.' && !letter && first == 0))
            n = i + 1;
        else
            return 0;
        if (n < s.size() && s[n] != ' ' && s[n] != '\t') return 0;
    }
    if (n == 0) return 0;
    while (n < s.size() && (s[n] == ' ' || s[n] == '\t')) ++n;
    return n;
}

void DocumentBuilder::add(BlockKind kind, std::string_view text, int level, int page, bool tight) {
    while (!text.empty() && (text.front() == '\n' || (kind != BlockKind::code && is_blank(text.front()))))
        text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    if (text.empty() || full_) return;
    std::string& all = document_.text;
    if (all.size() + text.size() > max_text_) {
        full_ = true;
        return;
    }
    if (!all.empty()) all += tight ? "\n" : "\n\n";
    const std::size_t begin = all.size();
    all += text;
    document_.blocks.push_back({kind, begin, all.size(), level, page, {}});
}

Result<StructuredText> DocumentBuilder::finish(std::string title) && {
    if (full_)
        return fail(ErrorCode::resource_exhausted,
                    fmt::format("the text is longer than the limit of {} bytes", max_text_));
    if (!document_.text.empty()) document_.text += '\n';
    document_.title = std::move(title);
    return std::move(document_);
}

std::string collapse(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool no_break = text[i] == '\xC2' && i + 1 < text.size() && text[i + 1] == '\xA0';
        if (no_break) ++i;
        if (no_break || is_blank(text[i])) {
            if (!out.empty() && out.back() != ' ') out += ' ';
        } else {
            out += text[i];
        }
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    return out;
}

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    for (std::size_t i = 0; i < text.size();) {
        const auto d = utf8::decode(text, i);
        i += d.length;
        width += utf8::is_cjk(d.code_point) || (d.code_point >= 0x3000 && d.code_point <= 0x303F) ||
                         (d.code_point >= 0xFF00 && d.code_point <= 0xFF60)
                     ? 2
                     : 1;
    }
    return width;
}

}  // namespace tenon::rag::load_detail
