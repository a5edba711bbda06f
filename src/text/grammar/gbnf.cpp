// GBNF: grammars/README.md of llama.cpp.
#include <fmt/format.h>

#include "tenon/base/utf8.hpp"
#include "text/grammar/expression.hpp"
#include "text/grammar/network.hpp"

namespace tenon::text {
namespace {

using grammar::CharSet;
using grammar::ExprId;

class GbnfReader {
  public:
    explicit GbnfReader(std::string_view source) : source_(source) {}

    Result<Grammar> run() {
        if (!utf8::is_valid(source_)) return fail(ErrorCode::invalid_argument, "the grammar is not valid UTF-8");
        builder_.rules.root = builder_.named("root");
        for (skip(true); at_ < source_.size(); skip(true)) {
            TENON_TRY(const auto name, rule_name());
            skip(false);
            if (!source_.substr(at_).starts_with("::=")) return wrong("expected ::=");
            at_ += 3;
            const auto rule = builder_.named(name);
            if (builder_.rules.defined[rule]) return wrong(fmt::format("the rule \"{}\" is defined twice", name));
            skip(true);
            TENON_TRY(const auto body, alternatives(false, 0));
            builder_.define(rule, body);
            if (at_ < source_.size() && peek() != '\n' && peek() != '\r') return wrong("expected the end of the line");
        }
        return grammar::build(std::move(builder_));
    }

  private:
    std::unexpected<Error> wrong(std::string_view what) const {
        std::size_t line = 1;
        for (std::size_t i = 0; i < at_ && i < source_.size(); ++i) line += source_[i] == '\n' ? 1 : 0;
        return fail(ErrorCode::invalid_argument, fmt::format("the grammar, line {}: {}", line, what));
    }
    [[nodiscard]] char peek() const { return at_ < source_.size() ? source_[at_] : '\0'; }
    void skip(bool lines) {
        while (at_ < source_.size()) {
            if (peek() == '#')
                while (at_ < source_.size() && peek() != '\n') ++at_;
            else if (peek() == ' ' || peek() == '\t' || (lines && (peek() == '\n' || peek() == '\r')))
                ++at_;
            else
                break;
        }
    }
    static bool name_char(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    }
    Result<std::string> rule_name() {
        const auto start = at_;
        while (name_char(peek())) ++at_;
        if (at_ == start) return wrong("expected the name of a rule");
        return std::string(source_.substr(start, at_ - start));
    }

    Result<ExprId> alternatives(bool nested, int depth) {
        if (depth > 100) return wrong("groups are nested too deeply");
        std::vector<ExprId> all;
        for (;;) {
            TENON_TRY(const auto one, sequence(nested, depth));
            all.push_back(one);
            if (peek() != '|') break;
            ++at_;
            skip(true);
        }
        return builder_.choice(std::move(all));
    }

    Result<ExprId> sequence(bool nested, int depth) {
        std::vector<ExprId> parts;
        for (skip(nested);; skip(nested)) {
            ExprId item = 0;
            const char c = peek();
            if (c == '"') {
                TENON_TRY(item, literal());
            } else if (c == '[') {
                TENON_TRY(item, char_class());
            } else if (c == '.') {
                ++at_;
                item = builder_.characters(CharSet().complement());
            } else if (c == '(') {
                ++at_;
                skip(true);
                TENON_TRY(item, alternatives(true, depth + 1));
                if (peek() != ')') return wrong("a ( has no )");
                ++at_;
            } else if (name_char(c)) {
                TENON_TRY(const auto name, rule_name());
                item = builder_.rule(builder_.named(name));
            } else if (c == '<' || c == '!') {
                return fail(ErrorCode::unsupported,
                            "grammars over token names (<…>) are not supported; write the text");
            } else {
                break;
            }
            TENON_TRY(item, repeated(item, nested));
            parts.push_back(item);
        }
        return parts.empty() ? builder_.empty() : builder_.sequence(std::move(parts));
    }

    Result<ExprId> repeated(ExprId item, bool nested) {
        for (int count = 0;; ++count) {
            const auto before = at_;
            skip(nested);
            std::uint32_t least = 0, most = grammar::unbounded;
            const char c = peek();
            if (c == '*') {
                ++at_;
            } else if (c == '+') {
                ++at_;
                least = 1;
            } else if (c == '?') {
                ++at_;
                most = 1;
            } else if (c == '{') {
                ++at_;
                TENON_TRY(least, number());
                most = least;
                if (peek() == ',') {
                    ++at_;
                    skip(nested);
                    most = grammar::unbounded;
                    if (peek() != '}') {
                        TENON_TRY(most, number());
                    }
                }
                if (peek() != '}') return wrong("expected } after the repetition");
                ++at_;
                if (most < least) return wrong("the bounds of a repetition are in the wrong order");
            } else {
                at_ = before;
                return item;
            }
            if (count > 20) return wrong("too many repetitions of one item");
            item = builder_.repeat(item, least, most);
        }
    }

    Result<std::uint32_t> number() {
        skip(false);
        std::uint32_t n = 0;
        const auto start = at_;
        while (peek() >= '0' && peek() <= '9') {
            n = n * 10 + static_cast<std::uint32_t>(peek() - '0');
            if (n > 100'000)
                return fail(ErrorCode::resource_exhausted, "a repetition of the grammar is longer than 100000");
            ++at_;
        }
        if (at_ == start) return wrong("expected a number");
        skip(false);
        return n;
    }

    Result<char32_t> character() {
        if (at_ >= source_.size() || peek() == '\n') return wrong("a text is not closed");
        if (peek() != '\\') {
            const auto d = utf8::decode(source_, at_);
            at_ += d.length;
            return d.code_point;
        }
        ++at_;
        const char c = peek();
        ++at_;
        switch (c) {
            case 'n':
                return U'\n';
            case 'r':
                return U'\r';
            case 't':
                return U'\t';
            case '\\':
            case '"':
            case '[':
            case ']':
            case '-':
            case '^':
                return static_cast<char32_t>(c);
            case 'x':
                return hex(2);
            case 'u':
                return hex(4);
            case 'U':
                return hex(8);
            default:
                return wrong("unknown escape");
        }
    }
    Result<char32_t> hex(int digits) {
        char32_t value = 0;
        for (int i = 0; i < digits; ++i, ++at_) {
            const char c = peek();
            const int d = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
            if (d < 0) return wrong("an escape has too few hexadecimal digits");
            value = value * 16 + static_cast<char32_t>(d);
        }
        if (value > grammar::last_character || (value >= 0xD800 && value < 0xE000))
            return wrong("an escape names no character");
        return value;
    }

    Result<ExprId> literal() {
        ++at_;
        std::string text;
        while (peek() != '"') {
            TENON_TRY(const auto c, character());
            utf8::append(text, c);
        }
        ++at_;
        return builder_.text(text);
    }

    Result<ExprId> char_class() {
        ++at_;
        const bool negated = peek() == '^';
        if (negated) ++at_;
        CharSet set;
        while (peek() != ']') {
            TENON_TRY(const auto low, character());
            auto high = low;
            if (peek() == '-' && at_ + 1 < source_.size() && source_[at_ + 1] != ']') {
                ++at_;
                TENON_TRY(high, character());
                if (high < low) return wrong("a range of characters is out of order");
            }
            set.add(low, high);
        }
        ++at_;
        return builder_.characters(negated ? set.complement() : set);
    }

    std::string_view source_;
    std::size_t at_ = 0;
    grammar::Builder builder_;
};

}  // namespace

Result<Grammar> Grammar::from_gbnf(std::string_view source) {
    if (source.size() > (std::size_t{4} << 20))
        return fail(ErrorCode::resource_exhausted, "the grammar is longer than 4 MiB");
    return GbnfReader(source).run();
}

}  // namespace tenon::text
