#include "text/jinja/lexer.hpp"

#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <cstdlib>

#include "tenon/base/utf8.hpp"
#include "text/jinja/chars.hpp"

namespace tenon::text::jinja {
namespace {

bool is_name_start(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// All line endings become \n, and one at the very end goes, as Jinja's preprocessing does.
std::string normalise(std::string_view source) {
    std::string out;
    out.reserve(source.size());
    for (std::size_t i = 0; i < source.size(); ++i) {
        if (source[i] == '\r') {
            out += '\n';
            if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
        } else {
            out += source[i];
        }
    }
    if (!out.empty() && out.back() == '\n') out.pop_back();
    return out;
}

class Lexer {
  public:
    explicit Lexer(std::string_view source) : source_(normalise(source)), text_(source_) {}

    Result<std::vector<Token>> run() {
        while (at_ < text_.size()) TENON_CHECK(root());
        push(TokenType::end, "");
        return std::move(tokens_);
    }

  private:
    std::unexpected<Error> error(std::string message) const {
        return fail(ErrorCode::corrupt, fmt::format("template line {}: {}", line_, message));
    }

    void push(TokenType type, std::string text) {
        Token token;
        token.type = type;
        token.line = line_;
        token.text = std::move(text);
        tokens_.push_back(std::move(token));
    }

    void advance(std::size_t to) {
        for (; at_ < to; ++at_)
            if (text_[at_] == '\n') ++line_;
    }

    /// Template data up to the next tag, then the tag.
    Result<void> root() {
        std::size_t open = at_;
        char kind = 0;
        for (;;) {
            open = text_.find('{', open);
            if (open == std::string_view::npos || open + 1 >= text_.size()) {
                push(TokenType::data, std::string(text_.substr(at_)));
                at_ = text_.size();
                return {};
            }
            kind = text_[open + 1];
            if (kind == '{' || kind == '%' || kind == '#') break;
            ++open;
        }
        std::string_view data = text_.substr(at_, open - at_);
        std::size_t inside = open + 2;
        char sign = 0;
        if (inside < text_.size() && (text_[inside] == '-' || text_[inside] == '+')) sign = text_[inside++];
        data = left_trimmed(data, sign, kind == '{');
        if (!data.empty()) push(TokenType::data, std::string(data));
        advance(inside);
        if (kind == '#') return comment();
        if (kind == '%') {
            std::size_t end = 0;
            if (raw_tag("raw", inside, end)) return raw(end);
            push(TokenType::block_begin, "{%");
            return expression(true);
        }
        push(TokenType::variable_begin, "{{");
        return expression(false);
    }

    std::string_view left_trimmed(std::string_view data, char sign, bool variable) const {
        if (sign == '-') return strip_right(data);
        if (sign == '+' || variable) return data;
        const std::size_t line_start = data.rfind('\n') + 1;  // npos + 1 is 0
        if (line_start == 0 && !line_starting_) return data;
        return strip_right(data.substr(line_start)).empty() ? data.substr(0, line_start) : data;
    }

    /// Whether `at` begins "name %}" for raw and endraw; `end` is past it, whitespace control applied.
    bool raw_tag(std::string_view name, std::size_t at, std::size_t& end) {
        at = skip_space(text_, at);
        if (text_.substr(at, name.size()) != name) return false;
        at = skip_space(text_, at + name.size());
        return closing(at, "%}", name == "endraw", end);
    }

    /// Matches "%}", "-%}" (and the whitespace after it), "+%}"; a newline after a plain one goes with it when `trim`.
    bool closing(std::size_t at, std::string_view mark, bool trim, std::size_t& end) const {
        char sign = 0;
        if (at < text_.size() && (text_[at] == '-' || (text_[at] == '+' && mark != "}}" && trim))) sign = text_[at++];
        if (text_.substr(at, 2) != mark) return false;
        end = at + 2;
        if (sign == '-') {
            end = skip_space(text_, end);
        } else if (sign == 0 && trim && end < text_.size() && text_[end] == '\n') {
            ++end;
        }
        return true;
    }

    void finish(std::size_t end) {
        advance(end);
        line_starting_ = end > 0 && text_[end - 1] == '\n';
    }

    Result<void> comment() {
        const std::size_t mark = text_.find("#}", at_);
        if (mark == std::string_view::npos) return error("a comment is not closed; expected '#}'");
        std::size_t from = mark;
        if (from > at_ && (text_[from - 1] == '-' || text_[from - 1] == '+')) --from;
        std::size_t end = 0;
        if (!closing(from, "#}", true, end)) return error("a comment is not closed; expected '#}'");
        finish(end);
        return {};
    }

    Result<void> raw(std::size_t begin) {
        finish(begin);
        for (std::size_t open = at_;; ++open) {
            open = text_.find("{%", open);
            if (open == std::string_view::npos) return error("'raw' is not closed; expected '{% endraw %}'");
            std::size_t inside = open + 2;
            char sign = 0;
            if (inside < text_.size() && (text_[inside] == '-' || text_[inside] == '+')) sign = text_[inside++];
            std::size_t end = 0;
            if (!raw_tag("endraw", inside, end)) continue;
            const std::string_view data = left_trimmed(text_.substr(at_, open - at_), sign, false);
            if (!data.empty()) push(TokenType::data, std::string(data));
            finish(end);
            return {};
        }
    }

    /// Tokens up to the closing mark of a block or variable tag.
    Result<void> expression(bool block) {
        std::string open;
        for (;;) {
            advance(skip_space(text_, at_));
            if (at_ >= text_.size())
                return error(fmt::format("the tag is not closed; expected '{}'", block ? "%}" : "}}"));
            std::size_t end = 0;
            if (open.empty() && closing(at_, block ? "%}" : "}}", block, end)) {
                push(block ? TokenType::block_end : TokenType::variable_end, block ? "%}" : "}}");
                finish(end);
                return {};
            }
            const char c = text_[at_];
            if (is_name_start(c)) {
                std::size_t to = at_ + 1;
                while (to < text_.size() && (is_name_start(text_[to]) || is_digit(text_[to]))) ++to;
                push(TokenType::name, std::string(text_.substr(at_, to - at_)));
                at_ = to;
            } else if (is_digit(c)) {
                TENON_CHECK(number());
            } else if (c == '"' || c == '\'') {
                TENON_CHECK(string(c));
            } else {
                TENON_CHECK(punctuation(open));
            }
        }
    }

    Result<void> punctuation(std::string& open) {
        static constexpr std::string_view doubles[] = {"//", "**", "==", "!=", ">=", "<="};
        static constexpr std::string_view singles = "+-/*%~[](){}<>=.:|,;";
        for (const std::string_view two : doubles) {
            if (text_.substr(at_, 2) == two) {
                push(TokenType::op, std::string(two));
                at_ += 2;
                return {};
            }
        }
        const char c = text_[at_];
        if (singles.find(c) == std::string_view::npos)
            return error(fmt::format("unexpected character '{}'", text_.substr(at_, utf8::decode(text_, at_).length)));
        if (c == '(' || c == '[' || c == '{') open += c == '(' ? ')' : c == '[' ? ']' : '}';
        if (c == ')' || c == ']' || c == '}') {
            if (open.empty()) return error(fmt::format("unexpected '{}'", c));
            if (open.back() != c) return error(fmt::format("unexpected '{}', expected '{}'", c, open.back()));
            open.pop_back();
        }
        push(TokenType::op, std::string(1, c));
        ++at_;
        return {};
    }

    Result<void> number() {
        std::string digits;
        std::size_t to = at_;
        const auto take = [&](auto accept) {
            while (to < text_.size() && (accept(text_[to]) || (text_[to] == '_' && to + 1 < text_.size() &&
                                                               accept(text_[to + 1]) && !digits.empty()))) {
                if (text_[to] != '_') digits += text_[to];
                ++to;
            }
        };
        int base = 10;
        if (text_[at_] == '0' && at_ + 2 < text_.size()) {
            const char x = static_cast<char>(text_[at_ + 1] | 0x20);
            const int wanted = x == 'x' ? 16 : x == 'o' ? 8 : x == 'b' ? 2 : 10;
            if (wanted != 10 && std::isxdigit(static_cast<unsigned char>(text_[at_ + 2]))) {
                base = wanted;
                to += 2;
                take([base](char c) {
                    return base == 16 ? std::isxdigit(static_cast<unsigned char>(c)) != 0
                                      : c >= '0' && c < static_cast<char>('0' + base);
                });
            }
        }
        bool real = false;
        if (base == 10) {
            take(is_digit);
            if (to + 1 < text_.size() && text_[to] == '.' && is_digit(text_[to + 1]) && !after_dot()) {
                real = true;
                digits += '.';
                ++to;
                take(is_digit);
            }
            if (to < text_.size() && (text_[to] | 0x20) == 'e' && !after_dot()) {
                std::size_t exponent = to + 1;
                if (exponent < text_.size() && (text_[exponent] == '+' || text_[exponent] == '-')) ++exponent;
                if (exponent < text_.size() && is_digit(text_[exponent])) {
                    real = true;
                    digits += text_.substr(to, exponent - to);
                    to = exponent;
                    take(is_digit);
                }
            }
        }
        Token token;
        token.line = line_;
        token.text = std::string(text_.substr(at_, to - at_));
        if (real) {
            token.type = TokenType::floating;
            token.floating = std::strtod(digits.c_str(), nullptr);
        } else {
            token.type = TokenType::integer;
            const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), token.integer, base);
            if (ec != std::errc() || end != digits.data() + digits.size())
                return error(fmt::format("the integer {} does not fit 64 bits", token.text));
        }
        tokens_.push_back(std::move(token));
        at_ = to;
        return {};
    }

    [[nodiscard]] bool after_dot() const {
        return !tokens_.empty() && tokens_.back().type == TokenType::op && tokens_.back().text == ".";
    }

    Result<void> string(char quote) {
        std::string out;
        const int start_line = line_;
        std::size_t i = at_ + 1;
        for (;; ++i) {
            if (i >= text_.size()) return error("a string is not closed");
            const char c = text_[i];
            if (c == quote) break;
            if (c == '\\' && i + 1 < text_.size()) {
                if (!escape(i, out)) return error("a string holds a malformed escape");
            } else {
                out += c;
            }
        }
        advance(i + 1);
        push(TokenType::string, std::move(out));
        tokens_.back().line = start_line;
        return {};
    }

    /// Decodes the escape at `i` (a backslash) and leaves `i` on its last byte.
    bool escape(std::size_t& i, std::string& out) const {
        const char c = text_[++i];
        switch (c) {
            case '\n':
                return true;
            case '\\':
            case '\'':
            case '"':
                out += c;
                return true;
            case 'a':
                out += '\a';
                return true;
            case 'b':
                out += '\b';
                return true;
            case 'f':
                out += '\f';
                return true;
            case 'n':
                out += '\n';
                return true;
            case 'r':
                out += '\r';
                return true;
            case 't':
                out += '\t';
                return true;
            case 'v':
                out += '\v';
                return true;
            case 'x':
                return hex(i, 2, out);
            case 'u':
                return hex(i, 4, out);
            case 'U':
                return hex(i, 8, out);
            default:
                break;
        }
        if (c >= '0' && c <= '7') {
            unsigned value = 0;
            std::size_t digits = 0;
            while (digits < 3 && i + digits < text_.size() && text_[i + digits] >= '0' && text_[i + digits] <= '7')
                value = value * 8 + static_cast<unsigned>(text_[i + digits++] - '0');
            utf8::append(out, value);
            i += digits - 1;
            return true;
        }
        out += '\\';
        out += c;
        return true;
    }

    bool hex(std::size_t& i, std::size_t count, std::string& out) const {
        std::uint32_t value = 0;
        if (!hex_digits(i + 1, count, value)) return false;
        i += count;
        // A surrogate pair written as two escapes is one character to whoever reads the output.
        std::uint32_t low = 0;
        if (value >= 0xD800 && value < 0xDC00 && text_.substr(i + 1, 2) == "\\u" && hex_digits(i + 3, 4, low) &&
            low >= 0xDC00 && low < 0xE000) {
            value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
            i += 6;
        }
        if (value > 0x10FFFF) return false;
        utf8::append(out, value >= 0xD800 && value < 0xE000 ? utf8::replacement : static_cast<char32_t>(value));
        return true;
    }

    bool hex_digits(std::size_t at, std::size_t count, std::uint32_t& value) const {
        if (at + count > text_.size()) return false;
        const auto [end, ec] = std::from_chars(text_.data() + at, text_.data() + at + count, value, 16);
        return ec == std::errc() && end == text_.data() + at + count;
    }

    std::string source_;
    std::string_view text_;
    std::size_t at_ = 0;
    int line_ = 1;
    bool line_starting_ = true;
    std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace tenon::text::jinja
