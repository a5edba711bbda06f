// Lark's grammar language (docs/grammar.md of lark), as far as an automaton can hold it.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tenon/base/utf8.hpp"
#include "text/grammar/expression.hpp"
#include "text/grammar/network.hpp"

namespace tenon::text {
namespace {

using grammar::CharSet;
using grammar::ExprId;

struct Common {
    std::string_view name, pattern;
};
// Lark's grammars/common.lark.
constexpr std::array<Common, 17> common{
    {{"DIGIT", "[0-9]"},
     {"HEXDIGIT", "[0-9a-fA-F]"},
     {"INT", "[0-9]+"},
     {"SIGNED_INT", "[+-]?[0-9]+"},
     {"DECIMAL", "[0-9]+\\.[0-9]*|\\.[0-9]+"},
     {"FLOAT", "[0-9]+([eE][+-]?[0-9]+)|([0-9]+\\.[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?"},
     {"NUMBER", "([0-9]+|[0-9]+\\.[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?"},
     {"SIGNED_NUMBER", "[+-]?([0-9]+|[0-9]+\\.[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?"},
     {"LCASE_LETTER", "[a-z]"},
     {"UCASE_LETTER", "[A-Z]"},
     {"LETTER", "[a-zA-Z]"},
     {"WORD", "[a-zA-Z]+"},
     {"CNAME", "[_a-zA-Z][_a-zA-Z0-9]*"},
     {"WS_INLINE", "[ \\t]+"},
     {"WS", "[ \\t\\f\\r\\n]+"},
     {"NEWLINE", "(\\r?\\n)+"},
     {"ESCAPED_STRING", "\"([^\"\\\\\\n]|\\\\[^\\n])*\""}}};

class LarkReader {
  public:
    explicit LarkReader(std::string_view source) : source_(source) {}

    Result<Grammar> run() {
        if (!utf8::is_valid(source_)) return fail(ErrorCode::invalid_argument, "the grammar is not valid UTF-8");
        ignored_ = builder_.anonymous("%ignore");
        for (skip(true); at_ < source_.size(); skip(true)) TENON_CHECK(statement());
        ExprId nothing_ignored = builder_.empty();
        if (!ignored_parts_.empty()) nothing_ignored = builder_.repeat(builder_.choice(ignored_parts_), 0);
        builder_.define(ignored_, nothing_ignored);
        builder_.rules.root = builder_.anonymous("lark");
        builder_.define(builder_.rules.root,
                        builder_.sequence({builder_.rule(ignored_), builder_.rule(builder_.named("start"))}));
        return grammar::build(std::move(builder_));
    }

  private:
    std::unexpected<Error> wrong(std::string_view what) const {
        std::size_t line = 1;
        for (std::size_t i = 0; i < at_ && i < source_.size(); ++i) line += source_[i] == '\n' ? 1 : 0;
        return fail(ErrorCode::invalid_argument, fmt::format("the grammar, line {}: {}", line, what));
    }
    std::unexpected<Error> unsupported(std::string_view what) const {
        return fail(ErrorCode::unsupported, fmt::format("the grammar uses {}, which cannot hold a generation", what));
    }
    [[nodiscard]] char peek(std::size_t ahead = 0) const {
        return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
    }
    bool take(std::string_view text) {
        if (!source_.substr(at_).starts_with(text)) return false;
        at_ += text.size();
        return true;
    }
    void skip(bool lines) {
        while (at_ < source_.size()) {
            if (source_.substr(at_).starts_with("//"))
                while (at_ < source_.size() && peek() != '\n') ++at_;
            else if (peek() == ' ' || peek() == '\t' || (lines && (peek() == '\n' || peek() == '\r')))
                ++at_;
            else
                break;
        }
    }
    /// Goes to the next line when it continues this rule with |.
    bool continues() {
        const auto before = at_;
        skip(true);
        if (peek() == '|') return true;
        at_ = before;
        return false;
    }
    static bool name_char(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    }
    Result<std::string> name() {
        const auto start = at_;
        while (name_char(peek())) ++at_;
        if (at_ == start) return wrong("expected a name");
        return std::string(source_.substr(start, at_ - start));
    }
    static bool terminal(std::string_view name) {
        const auto first = name.find_first_not_of('_');
        return first != std::string_view::npos && name[first] >= 'A' && name[first] <= 'Z';
    }

    Result<void> statement() {
        if (take("%ignore")) {
            skip(false);
            in_terminal_ = true;
            TENON_TRY(const auto what, alternatives(0));
            ignored_parts_.push_back(what);
            return {};
        }
        if (take("%import")) return import();
        if (peek() == '%') return unsupported("a directive other than %ignore and %import");
        if (peek() == '?' || peek() == '!') ++at_;
        TENON_TRY(const auto rule, name());
        if (take(".")) {
            while (peek() == '-' || (peek() >= '0' && peek() <= '9')) ++at_;  // priorities choose between readings only
        }
        skip(false);
        if (peek() == '{') return unsupported("a rule template");
        if (!take(":")) return wrong("expected : after the name of a rule");
        in_terminal_ = terminal(rule);
        skip(true);
        const auto id = builder_.named(rule);
        if (builder_.rules.defined[id]) return wrong(fmt::format("\"{}\" is defined twice", rule));
        TENON_TRY(const auto body, alternatives(0));
        builder_.define(id, body);
        skip(false);
        if (at_ < source_.size() && peek() != '\n' && peek() != '\r') return wrong("expected the end of the line");
        return {};
    }

    Result<void> import() {
        skip(false);
        if (!take("common")) return unsupported("an import other than from `common`");
        std::vector<std::string> names;
        if (take(".")) {
            TENON_TRY(auto one, name());
            names.push_back(std::move(one));
        } else {
            skip(false);
            if (!take("(")) return wrong("expected ( or . after %import common");
            for (skip(true); !take(")"); skip(true)) {
                TENON_TRY(auto one, name());
                names.push_back(std::move(one));
                skip(true);
                (void)take(",");
            }
        }
        skip(false);
        std::string as = names.size() == 1 ? names[0] : "";
        if (take("->")) {
            skip(false);
            TENON_TRY(as, name());
        }
        for (const auto& n : names) {
            const auto found = std::ranges::find(common, n, &Common::name);
            if (found == common.end()) return unsupported(fmt::format("common.{}", n));
            TENON_TRY(const auto body, grammar::read_regex(builder_, found->pattern, {}));
            const auto id = builder_.named(names.size() == 1 ? as : n);
            if (!builder_.rules.defined[id]) builder_.define(id, body);
        }
        return {};
    }

    Result<ExprId> alternatives(int depth) {
        if (depth > 100) return wrong("groups are nested too deeply");
        std::vector<ExprId> all;
        if (peek() == '|') ++at_, skip(true);
        do {
            TENON_TRY(const auto one, sequence(depth));
            all.push_back(one);
            skip(depth > 0);
            if (take("->")) {  // an alias names a node of the tree
                skip(false);
                TENON_TRY(const auto alias, name());
                (void)alias;
                skip(depth > 0);
            }
            if (!continues()) break;
            ++at_;
            skip(true);
        } while (true);
        return builder_.choice(std::move(all));
    }

    Result<ExprId> sequence(int depth) {
        std::vector<ExprId> parts;
        for (skip(depth > 0);; skip(depth > 0)) {
            const char c = peek();
            ExprId item = 0;
            if (c == '(' || c == '[') {
                ++at_;
                skip(true);
                TENON_TRY(item, alternatives(depth + 1));
                skip(true);
                if (peek() != (c == '(' ? ')' : ']')) return wrong("a group is not closed");
                ++at_;
                if (c == '[') item = builder_.optional(item);
            } else if (c == '"') {
                TENON_TRY(item, text());
            } else if (c == '/') {
                TENON_TRY(item, regex());
            } else if (name_char(c)) {
                TENON_TRY(const auto called, name());
                item = builder_.rule(builder_.named(called));
                if (terminal(called) && !in_terminal_) item = followed(item);
            } else {
                break;
            }
            TENON_TRY(item, repeated(item));
            parts.push_back(item);
        }
        return parts.empty() ? builder_.empty() : builder_.sequence(std::move(parts));
    }

    /// In rules, what is ignored may stand after every terminal.
    ExprId followed(ExprId terminal) {
        return in_terminal_ ? terminal : builder_.sequence({terminal, builder_.rule(ignored_)});
    }

    Result<ExprId> repeated(ExprId item) {
        for (int count = 0; count < 20; ++count) {
            if (take("*")) {
                item = builder_.repeat(item, 0);
            } else if (take("+")) {
                item = builder_.repeat(item, 1);
            } else if (take("?")) {
                item = builder_.optional(item);
            } else if (peek() == '~' || (peek() == ' ' && peek(1) == '~')) {
                skip(false);
                ++at_;
                skip(false);
                TENON_TRY(const auto least, number());
                auto most = least;
                skip(false);
                if (take("..")) {
                    skip(false);
                    TENON_TRY(most, number());
                }
                if (most < least) return wrong("the bounds of a repetition are in the wrong order");
                item = builder_.repeat(item, least, most);
            } else {
                return item;
            }
        }
        return wrong("too many repetitions of one item");
    }
    Result<std::uint32_t> number() {
        std::uint32_t n = 0;
        const auto start = at_;
        for (; peek() >= '0' && peek() <= '9'; ++at_)
            if ((n = n * 10 + static_cast<std::uint32_t>(peek() - '0')) > 100'000)
                return fail(ErrorCode::resource_exhausted, "a repetition of the grammar is longer than 100000");
        if (at_ == start) return wrong("expected a number");
        return n;
    }

    Result<std::string> quoted() {
        ++at_;
        std::string out;
        while (peek() != '"') {
            if (at_ >= source_.size() || peek() == '\n') return wrong("a text is not closed");
            if (peek() != '\\') {
                out += source_[at_++];
                continue;
            }
            constexpr std::string_view from = "ntrfv\\\"", to = "\n\t\r\f\v\\\"";
            const auto known = from.find(peek(1));
            if (known == std::string_view::npos || peek(1) == '\0')
                return wrong("unknown escape; use \\n, \\t, \\r, \\f, \\\\ or \\\"");
            out += to[known];
            at_ += 2;
        }
        ++at_;
        return out;
    }

    Result<ExprId> text() {
        TENON_TRY(const auto first, quoted());
        const auto before = at_;
        skip(false);
        if (source_.substr(at_).starts_with("..")) {
            at_ += 2;
            skip(false);
            if (peek() != '"') return wrong("expected a text after ..");
            TENON_TRY(const auto last, quoted());
            const auto low = utf8::to_utf32(first), high = utf8::to_utf32(last);
            if (low.size() != 1 || high.size() != 1 || high[0] < low[0])
                return wrong("a range needs two characters in order");
            return followed(builder_.characters({{low[0], high[0]}}));
        }
        at_ = before;
        if (!take("i")) return followed(builder_.text(first));
        std::vector<ExprId> all;
        for (const char32_t c : utf8::to_utf32(first)) {
            CharSet set{{c, c}};
            if ((c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z')) set.add(c ^ 32U);
            all.push_back(builder_.characters(set));
        }
        return followed(all.empty() ? builder_.empty() : builder_.sequence(std::move(all)));
    }

    Result<ExprId> regex() {
        const auto start = ++at_;
        bool in_class = false;
        for (; at_ < source_.size() && peek() != '\n'; ++at_) {
            if (peek() == '\\')
                ++at_;
            else if (peek() == '[')
                in_class = true;
            else if (peek() == ']')
                in_class = false;
            else if (peek() == '/' && !in_class)
                break;
        }
        if (peek() != '/') return wrong("a regular expression is not closed");
        std::string pattern;
        for (std::size_t i = start; i < at_; ++i) {
            if (source_[i] == '\\' && i + 1 < at_ && source_[i + 1] == '/') continue;
            pattern += source_[i];
        }
        ++at_;
        grammar::RegexSettings settings;
        for (;; ++at_) {
            if (peek() == 'i')
                settings.ignore_case = true;
            else if (peek() == 's')
                settings.dot_all = true;
            else if (peek() != 'm' && peek() != 'u')
                break;
        }
        TENON_TRY(const auto body, grammar::read_regex(builder_, pattern, settings));
        return followed(body);
    }

    std::string_view source_;
    std::size_t at_ = 0;
    bool in_terminal_ = false;
    grammar::RuleId ignored_ = 0;
    std::vector<ExprId> ignored_parts_;
    grammar::Builder builder_;
};

}  // namespace

Result<Grammar> Grammar::from_lark(std::string_view source) {
    if (source.size() > (std::size_t{4} << 20))
        return fail(ErrorCode::resource_exhausted, "the grammar is longer than 4 MiB");
    return LarkReader(source).run();
}

}  // namespace tenon::text
