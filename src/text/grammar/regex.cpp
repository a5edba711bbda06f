#include <fmt/format.h>

#include <algorithm>

#include "tenon/base/utf8.hpp"
#include "text/grammar/expression.hpp"
#include "text/grammar/network.hpp"

namespace tenon::text::grammar {
namespace {

constexpr std::uint32_t most_repetitions = 100'000;
constexpr int deepest_group = 100;

class RegexReader {
  public:
    RegexReader(Builder& builder, std::string_view pattern, const RegexSettings& settings)
        : builder_(builder), pattern_(pattern), settings_(settings), text_(utf8::to_utf32(pattern)) {}

    Result<ExprId> run() {
        if (!utf8::is_valid(pattern_))
            return fail(ErrorCode::invalid_argument, "a regular expression is not valid UTF-8");
        TENON_TRY(const auto whole, alternatives(0, true));
        if (at_ < text_.size()) return wrong("a ) without its (");
        return whole;
    }

  private:
    std::unexpected<Error> wrong(std::string_view what) const {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("the regular expression {} has {} at character {}", pattern_, what, at_));
    }
    std::unexpected<Error> unsupported(std::string_view what) const {
        return fail(ErrorCode::unsupported,
                    fmt::format("the regular expression {} uses {} at character {}, which cannot hold a generation",
                                pattern_, what, at_));
    }
    [[nodiscard]] bool more() const { return at_ < text_.size(); }
    [[nodiscard]] char32_t peek(std::size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : U'\0';
    }
    bool take(char32_t c) {
        if (!more() || text_[at_] != c) return false;
        ++at_;
        return true;
    }

    ExprId set(CharSet s) {
        if (settings_.ignore_case)
            for (char32_t c = U'a'; c <= U'z'; ++c) {
                if (s.contains(c)) s.add(c - 32);
                if (s.contains(c - 32)) s.add(c);
            }
        return settings_.map != nullptr ? settings_.map(builder_, s) : builder_.characters(s);
    }
    ExprId anything() { return builder_.repeat(set(CharSet().complement()), 0); }

    // At the top, ^ and $ may stand at the ends of each alternative; without them a search goes on there.
    Result<ExprId> alternatives(int depth, bool top) {
        if (depth > deepest_group) return wrong("groups nested too deeply");
        std::vector<ExprId> all;
        do {
            TENON_TRY(const auto one, sequence(depth, top));
            all.push_back(one);
        } while (take(U'|'));
        return builder_.choice(std::move(all));
    }

    Result<ExprId> sequence(int depth, bool top) {
        std::vector<ExprId> parts;
        bool from_start = settings_.anchored, to_end = settings_.anchored;
        while (top && take(U'^')) from_start = true;
        while (more() && peek() != U'|' && peek() != U')') {
            if (peek() == U'$' && top) {
                ++at_;
                if (more() && peek() != U'|' && peek() != U')' && peek() != U'$') return unsupported("$ in the middle");
                to_end = true;
                continue;
            }
            TENON_TRY(const auto item, quantified(depth));
            parts.push_back(item);
        }
        if (top && !from_start) parts.insert(parts.begin(), anything());
        if (top && !to_end) parts.push_back(anything());
        return parts.empty() ? builder_.empty() : builder_.sequence(std::move(parts));
    }

    Result<ExprId> quantified(int depth) {
        TENON_TRY(auto item, atom(depth));
        for (int stacked = 0; more(); ++stacked) {
            std::uint32_t least = 0, most = unbounded;
            if (take(U'*')) {
            } else if (take(U'+')) {
                least = 1;
            } else if (take(U'?')) {
                most = 1;
            } else if (peek() == U'{' && peek(1) >= U'0' && peek(1) <= U'9') {
                ++at_;
                TENON_TRY(least, number());
                most = least;
                if (take(U',')) {
                    most = unbounded;
                    if (peek() != U'}') {
                        TENON_TRY(most, number());
                    }
                }
                if (!take(U'}')) return wrong("a repetition without }");
                if (most < least) return wrong("a repetition whose bounds are in the wrong order");
            } else {
                break;
            }
            if (stacked > 0) return wrong("a quantifier after a quantifier");
            if (!take(U'?') && peek() == U'+')
                return unsupported("a possessive quantifier");  // laziness changes nothing
            item = builder_.repeat(item, least, most);
        }
        return item;
    }

    Result<std::uint32_t> number() {
        std::uint32_t n = 0;
        while (peek() >= U'0' && peek() <= U'9') {
            n = n * 10 + static_cast<std::uint32_t>(text_[at_++] - U'0');
            if (n > most_repetitions)
                return fail(ErrorCode::resource_exhausted,
                            fmt::format("a repetition in {} is longer than {}", pattern_, most_repetitions));
        }
        return n;
    }

    Result<ExprId> atom(int depth) {
        const char32_t c = text_[at_];
        switch (c) {
            case U'(': {
                ++at_;
                if (take(U'?')) {
                    if (take(U':')) {
                    } else if (peek() == U'P' || (peek() == U'<' && peek(1) != U'=' && peek(1) != U'!')) {
                        take(U'P');
                        if (!take(U'<')) return unsupported("a named back-reference");
                        while (more() && peek() != U'>') ++at_;
                        if (!take(U'>')) return wrong("a group name without >");
                    } else {
                        return unsupported("look-around or inline flags");
                    }
                }
                TENON_TRY(const auto inside, alternatives(depth + 1, false));
                if (!take(U')')) return wrong("a ( without its )");
                return inside;
            }
            case U'[': {
                TENON_TRY(const auto s, char_class());
                return set(s);
            }
            case U'.':
                ++at_;
                return set(settings_.dot_all ? CharSet().complement()
                                             : CharSet{{U'\n', U'\n'}, {U'\r', U'\r'}, {0x2028, 0x2029}}.complement());
            case U'\\': {
                TENON_TRY(const auto s, escape(false));
                return set(s);
            }
            case U'*':
            case U'+':
            case U'?':
                return wrong("a quantifier with nothing before it");
            case U'^':
            case U'$':
                return unsupported("^ or $ in the middle");
            default:
                ++at_;
                return set({{c, c}});
        }
    }

    Result<char32_t> hex(std::size_t digits) {
        char32_t value = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            const char32_t c = peek();
            const int d = c >= U'0' && c <= U'9'   ? static_cast<int>(c - U'0')
                          : c >= U'a' && c <= U'f' ? static_cast<int>(c - U'a') + 10
                          : c >= U'A' && c <= U'F' ? static_cast<int>(c - U'A') + 10
                                                   : -1;
            if (d < 0) return wrong("too few hexadecimal digits");
            value = value * 16 + static_cast<char32_t>(d);
            ++at_;
        }
        return value;
    }

    Result<CharSet> escape(bool in_class) {
        ++at_;
        if (!more()) return wrong("a \\ at the end");
        const char32_t c = text_[at_++];
        switch (c) {
            case U'd':
                return digits();
            case U'D':
                return digits().complement();
            case U'w':
                return word_characters();
            case U'W':
                return word_characters().complement();
            case U's':
                return spaces();
            case U'S':
                return spaces().complement();
            case U'n':
                return CharSet{{U'\n', U'\n'}};
            case U'r':
                return CharSet{{U'\r', U'\r'}};
            case U't':
                return CharSet{{U'\t', U'\t'}};
            case U'f':
                return CharSet{{U'\f', U'\f'}};
            case U'v':
                return CharSet{{U'\v', U'\v'}};
            case U'0':
                return CharSet{{0, 0}};
            case U'x': {
                TENON_TRY(const auto code, hex(2));
                return CharSet{{code, code}};
            }
            case U'u': {
                char32_t code = 0;
                if (take(U'{')) {
                    while (more() && peek() != U'}') {
                        TENON_TRY(const auto digit, hex(1));
                        code = std::min<char32_t>(code * 16 + digit, last_character + 1);
                    }
                    if (!take(U'}') || code > last_character) return wrong("no character of that number");
                } else {
                    TENON_TRY(code, hex(4));
                    if (code >= 0xD800 && code < 0xDC00 && peek() == U'\\' && peek(1) == U'u') {
                        at_ += 2;
                        TENON_TRY(const auto low, hex(4));
                        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
                    }
                }
                return CharSet{{code, code}};
            }
            case U'b':
                if (in_class) return CharSet{{U'\b', U'\b'}};
                return unsupported("a word boundary");
            case U'B':
                return unsupported("a word boundary");
            case U'p':
            case U'P':
                return unsupported("a Unicode property");
            default:
                if (c >= U'1' && c <= U'9') return unsupported("a back-reference");
                if ((c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z')) return wrong("an unknown escape");
                return CharSet{{c, c}};
        }
    }

    Result<CharSet> char_class() {
        ++at_;
        const bool negated = take(U'^');
        CharSet out;
        while (more() && peek() != U']') {
            TENON_TRY(const auto low, class_item());
            if (peek() == U'-' && at_ + 1 < text_.size() && peek(1) != U']' && low.ranges().size() == 1 &&
                low.ranges()[0].low == low.ranges()[0].high) {
                ++at_;
                TENON_TRY(const auto high, class_item());
                if (high.ranges().size() != 1 || high.ranges()[0].low != high.ranges()[0].high ||
                    high.ranges()[0].low < low.ranges()[0].low)
                    return wrong("a range out of order");
                out.add(low.ranges()[0].low, high.ranges()[0].low);
            } else {
                out.add(low);
            }
        }
        if (!take(U']')) return wrong("a [ without its ]");
        return negated ? out.complement() : out;
    }
    Result<CharSet> class_item() {
        if (peek() == U'\\') return escape(true);
        const char32_t c = text_[at_++];
        return CharSet{{c, c}};
    }

    Builder& builder_;
    std::string_view pattern_;
    const RegexSettings& settings_;
    std::u32string text_;
    std::size_t at_ = 0;
};

}  // namespace

Result<ExprId> read_regex(Builder& builder, std::string_view pattern, const RegexSettings& settings) {
    if (pattern.size() > 100'000)
        return fail(ErrorCode::resource_exhausted, "a regular expression is longer than 100000 bytes");
    return RegexReader(builder, pattern, settings).run();
}

}  // namespace tenon::text::grammar

namespace tenon::text {

Result<Grammar> Grammar::from_regex(std::string_view pattern) {
    grammar::Builder builder;
    TENON_TRY(const auto body, grammar::read_regex(builder, pattern, {}));
    builder.rules.root = builder.anonymous("regex");
    builder.define(builder.rules.root, body);
    return grammar::build(std::move(builder));
}

Result<Grammar> Grammar::from_choices(std::span<const std::string> choices) {
    grammar::Builder builder;
    std::vector<grammar::ExprId> all;
    for (const auto& c : choices) all.push_back(builder.text(c));
    if (all.empty()) return fail(ErrorCode::invalid_argument, "there are no choices; give at least one");
    builder.rules.root = builder.anonymous("choices");
    builder.define(builder.rules.root, builder.choice(std::move(all)));
    return grammar::build(std::move(builder));
}

}  // namespace tenon::text
