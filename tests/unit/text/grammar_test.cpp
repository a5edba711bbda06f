#include "tenon/text/grammar.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <functional>
#include <map>
#include <random>
#include <regex>
#include <set>

#include "tenon/json/schema.hpp"
#include "unit/effort.hpp"

namespace tenon::text {
namespace {

using Random = std::mt19937_64;

/// Every text over `alphabet` up to `longest` characters.
void each_text(std::string_view alphabet, std::size_t longest, const std::function<void(const std::string&)>& visit) {
    std::string text;
    const std::function<void()> grow = [&] {
        visit(text);
        if (text.size() == longest) return;
        for (const char c : alphabet) {
            text += c;
            grow();
            text.pop_back();
        }
    };
    grow();
}

TEST(Grammar, RegularExpressionsMatchWhatStdRegexMatches) {
    for (const char* pattern : {"a*b", "(a|b)*abb", "a{2,3}b?", "[^a]+", "(ab|a)(bc|c)?", "a?a?a?aaa", "(?:a|bc)+", "",
                                "a|", "[a-b]{0,2}c", "\\w\\d*", "^ab$", "(a*)*b", "((a|b)(b|c)){1,2}"}) {
        const auto grammar = Grammar::from_regex(pattern);
        ASSERT_TRUE(grammar) << pattern << grammar.error().describe();
        const std::regex reference(pattern);
        each_text("abc", 6, [&](const std::string& text) {
            EXPECT_EQ(grammar->accepts(text), std::regex_match(text, reference)) << pattern << " on " << text;
        });
    }
}

// A grammar as its words, by derivation: S → "(" S ")" S | "x" | nothing, and others, against the automaton.
TEST(Grammar, RecursionAgreesWithACounter) {
    const auto balanced = Grammar::from_gbnf("root ::= \"(\" root \")\" root | \"x\" root |").value();
    each_text("()x", test::sanitized ? 6 : 8, [&](const std::string& text) {
        int depth = 0;
        bool good = true;
        for (const char c : text) {
            depth += c == '(' ? 1 : c == ')' ? -1 : 0;
            good = good && depth >= 0;
        }
        EXPECT_EQ(balanced.accepts(text), good && depth == 0) << text;
        EXPECT_EQ(balanced.begins(text), good) << text;
    });
    // Left recursion is unfolded: sums of products.
    const auto sums =
        Grammar::from_gbnf(
            "root ::= root \"+\" term | term\nterm ::= term \"*\" factor | factor\nfactor ::= \"x\" | \"(\" root \")\"")
            .value();
    const std::regex flat("x([+*]x)*");
    each_text("x+*", test::sanitized ? 5 : 7,
              [&](const std::string& text) { EXPECT_EQ(sums.accepts(text), std::regex_match(text, flat)) << text; });
    EXPECT_TRUE(sums.accepts("(x+x)*((x))+x"));
    EXPECT_FALSE(sums.accepts("(x+x*(x)"));
}

// Random grammars against a recogniser that tries every split.
class Words {
  public:
    Words(std::vector<std::vector<std::string>> rules) : rules_(std::move(rules)) {}
    /// Upper-case letters in a right side are rules.
    std::string gbnf() const {
        std::string out;
        for (std::size_t r = 0; r < rules_.size(); ++r) {
            out += r == 0 ? "root ::=" : std::string("r") + static_cast<char>('A' + r) + " ::=";
            for (std::size_t i = 0; i < rules_[r].size(); ++i) {
                if (i > 0) out += " |";
                for (const char c : rules_[r][i])
                    out += c == 'A'             ? " root"
                           : c > 'A' && c < 'Z' ? std::string(" r") + c
                                                : std::string(" \"") + c + "\"";
            }
            out += '\n';
        }
        return out;
    }
    bool accepts(const std::string& text) {
        known_.clear();
        return rule(0, text, 0, text.size());
    }

  private:
    bool rule(std::size_t r, const std::string& text, std::size_t from, std::size_t to) {
        const auto key = std::make_tuple(r, from, to);
        if (const auto found = known_.find(key); found != known_.end()) return found->second;
        known_[key] = false;  // a cycle without a byte adds nothing
        bool good = false;
        for (const auto& side : rules_[r]) good = good || sequence(side, 0, text, from, to);
        return known_[key] = good;
    }
    bool sequence(const std::string& side, std::size_t at, const std::string& text, std::size_t from, std::size_t to) {
        if (at == side.size()) return from == to;
        if (side[at] >= 'a') return from < to && text[from] == side[at] && sequence(side, at + 1, text, from + 1, to);
        for (std::size_t split = from; split <= to; ++split)
            if (rule(static_cast<std::size_t>(side[at] - 'A'), text, from, split) &&
                sequence(side, at + 1, text, split, to))
                return true;
        return false;
    }
    std::vector<std::vector<std::string>> rules_;
    std::map<std::tuple<std::size_t, std::size_t, std::size_t>, bool> known_;
};

/// Up to `most` rules of one to three sides; small letters stand for themselves, capitals for rules.
std::vector<std::vector<std::string>> random_rules(Random& random, std::size_t most) {
    std::vector<std::vector<std::string>> rules(1 + random() % most);
    for (auto& rule : rules) {
        rule.resize(1 + random() % 3);
        for (auto& side : rule)
            for (std::size_t n = random() % 4; n > 0; --n)
                side += random() % 2 == 0 ? static_cast<char>('a' + random() % 2)
                                          : static_cast<char>('A' + random() % rules.size());
    }
    return rules;
}

TEST(Grammar, RandomGrammarsAgreeWithBruteForce) {
    Random random(7);
    std::size_t compared = 0;
    for (std::size_t round = 0; round < test::effort(400); ++round) {
        Words words(random_rules(random, 4));
        const auto grammar = Grammar::from_gbnf(words.gbnf());
        if (!grammar) continue;  // left recursion through several rules, or no text at all
        ++compared;
        each_text("ab", 6, [&](const std::string& text) {
            EXPECT_EQ(grammar->accepts(text), words.accepts(text)) << words.gbnf() << " on \"" << text << '"';
        });
    }
    EXPECT_GT(compared, test::effort(150));
}

std::shared_ptr<TokenGrammar> over(const Grammar& grammar, const std::vector<std::string>& tokens) {
    const std::vector<TokenId> ends{static_cast<TokenId>(tokens.size() - 1)};
    return std::make_shared<TokenGrammar>(grammar, GrammarVocabulary::create(tokens, ends));
}

// The mask against trying every token on the text so far.
void masks_agree(const Grammar& grammar, const std::vector<std::string>& tokens, std::uint64_t seed, int steps,
                 std::size_t longest = 200) {
    Random random(seed);
    const auto shared = over(grammar, tokens);
    for (std::size_t text = 0; text < test::effort(4); ++text) {
        GrammarMatcher matcher(shared);
        std::string so_far;
        for (int step = 0; step < steps && so_far.size() < longest; ++step) {
            const auto mask = matcher.mask();
            ASSERT_TRUE(mask) << mask.error().describe();
            std::vector<TokenId> allowed;
            for (std::size_t t = 0; t + 1 < tokens.size(); ++t) {
                const bool expected = !tokens[t].empty() && grammar.begins(so_far + tokens[t]);
                ASSERT_EQ(allows(**mask, static_cast<TokenId>(t)), expected)
                    << '"' << so_far << "\" + \"" << tokens[t] << '"';
                if (expected) allowed.push_back(static_cast<TokenId>(t));
            }
            EXPECT_EQ(allows(**mask, static_cast<TokenId>(tokens.size() - 1)), grammar.accepts(so_far)) << so_far;
            EXPECT_EQ(matcher.may_end(), grammar.accepts(so_far));
            const auto forced = matcher.forced_bytes();
            EXPECT_TRUE(grammar.begins(so_far + forced)) << so_far << " then " << forced;
            if (allowed.empty()) break;
            const auto chosen = allowed[random() % allowed.size()];
            ASSERT_TRUE(matcher.accept(chosen));
            so_far += tokens[static_cast<std::size_t>(chosen)];
        }
    }
}

std::vector<std::string> small_vocabulary(std::string_view alphabet, std::uint64_t seed, std::size_t count) {
    Random random(seed);
    std::set<std::string> tokens;
    for (const char c : alphabet) tokens.insert(std::string(1, c));
    while (tokens.size() < count) {
        std::string token;
        for (std::size_t n = 2 + random() % 4; n > 0; --n) token += alphabet[random() % alphabet.size()];
        tokens.insert(token);
    }
    std::vector<std::string> out(tokens.begin(), tokens.end());
    out.emplace_back("");  // never allowed
    out.emplace_back("<end>");
    return out;
}

TEST(GrammarMatcher, MasksAgreeWithTryingEveryToken) {
    masks_agree(Grammar::from_gbnf("root ::= \"(\" root \")\" root | \"x\" root |").value(),
                small_vocabulary("()x", 1, 60), 2, 12);
    masks_agree(Grammar::from_regex("(ab|ba)*c{2,5}[^c]").value(), small_vocabulary("abcd", 3, 80), 4, 12);
    masks_agree(Grammar::json().value(), small_vocabulary("{}[]\",:1 .-entrufals\\", 5, 150), 6, 20);
    masks_agree(
        Grammar::from_json_schema(
            R"({"type":"object","properties":{"a":{"type":"string","maxLength":3},"b":{"type":"array","items":{"type":"integer"}},"c":{"enum":["x","yy"]}},"required":["b"]})")
            .value(),
        small_vocabulary("{}[]\",:1 abcxy", 7, 150), 8, 20);
    // Bytes of characters: tokens may hold a part of one.
    masks_agree(Grammar::from_regex("[é中]+").value(),
                {"\xc3", "\xa9", "\xe4", "\xb8", "\xad", "\xe4\xb8", "\xb8\xad", "é中", "a", "<end>"}, 9, 12);
    Random random(11);
    for (std::size_t round = 0; round < test::effort(60); ++round) {
        if (const auto grammar = Grammar::from_gbnf(Words(random_rules(random, 3)).gbnf()))
            masks_agree(*grammar, small_vocabulary("ab", random(), 30), random(), 8, 8);
    }
}

TEST(GrammarMatcher, NestsAsDeepAsJsonMayAndNoDeeper) {
    const auto shared = over(Grammar::json().value(), small_vocabulary("[]1{}\":a", 1, 60));
    GrammarMatcher matcher(shared);
    int depth = 0;
    while (matcher.accept_bytes("[")) {
        ++depth;
        ASSERT_TRUE(matcher.mask());
    }
    EXPECT_GT(depth, 90);
    EXPECT_LT(depth, 125);
    EXPECT_TRUE(matcher.accept_bytes(std::string(static_cast<std::size_t>(depth), ']')));
    EXPECT_TRUE(matcher.must_end());
}

TEST(GrammarMatcher, ForcedBytesAreFoundAndEndsAreTold) {
    const auto shared =
        over(Grammar::from_json_schema(
                 R"({"type":"object","properties":{"name":{"enum":["Ada","Alan"]}},"required":["name"]})",
                 {.white_space = false})
                 .value(),
             small_vocabulary("{}\":nameAdl", 1, 50));
    GrammarMatcher matcher(shared);
    EXPECT_EQ(matcher.forced_bytes(), "{\"name\":\"A");
    ASSERT_TRUE(matcher.accept_bytes("{\"name\":\"Ad"));
    EXPECT_EQ(matcher.forced_bytes(), "a\"}");
    EXPECT_FALSE(matcher.may_end());
    EXPECT_FALSE(matcher.accept_bytes("x"));
    ASSERT_TRUE(matcher.accept_bytes("a\"}"));
    EXPECT_TRUE(matcher.must_end());
}

TEST(Grammar, GbnfAsLlamaCppDocumentsIt) {
    const auto grammar = Grammar::from_gbnf(R"gbnf(
# a list
root ::= (
    # first
    "1. " move " " move "\n"
    ([1-9] [0-9]? ". " move " " move "\n")+
)
move ::= (pawn | nonpawn | castle) [+#]?
pawn ::= ([a-h] "x")? [a-h] [1-8] ("=" [NBKQR])?
nonpawn ::= [NBKQR] [a-h]? [1-8]? "x"? [a-h] [1-8]
castle ::= "O-O" "-O"?
)gbnf");
    ASSERT_TRUE(grammar) << grammar.error().describe();
    EXPECT_TRUE(grammar->accepts("1. e4 e5\n2. Nf3 Nc6\n"));
    EXPECT_TRUE(grammar->begins("1. O-O-O"));
    EXPECT_FALSE(grammar->begins("1. O-O-O-"));
    EXPECT_TRUE(Grammar::from_gbnf("root ::= [ぁ-ゟ]{2,3} | \"\\u4e2d\" |\n  [^\\x00-\\x7f]").value().accepts("ぁゟ"));
    for (const char* bad : {"", "root ::= x", "root := \"a\"", "root ::= \"a", "root ::= [a", "root ::= (\"a\"",
                            "root ::= \"a\"{3,1}", "root ::= [z-a]", "root ::= root", "a ::= \"x\"", "root ::= \"\\q\"",
                            "root ::= \"x\"\nroot ::= \"y\"", "root ::= a\na ::= a \"x\""}) {
        const auto error = Grammar::from_gbnf(bad);
        ASSERT_FALSE(error) << bad;
        EXPECT_EQ(error.error().code(), ErrorCode::invalid_argument) << bad << error.error().describe();
    }
    EXPECT_EQ(Grammar::from_gbnf("root ::= a \"x\" | \"y\"\na ::= root \"z\"").error().code(), ErrorCode::unsupported);
    EXPECT_EQ(Grammar::from_gbnf("root ::= <think>").error().code(), ErrorCode::unsupported);
}

TEST(Grammar, LarkAsItsDocumentationHasIt) {
    const auto grammar = Grammar::from_lark(R"lark(
// a calculator
?start: sum
?sum: product
    | sum "+" product   -> add
    | sum "-" product   -> sub
?product: atom
    | product "*" atom  -> mul
?atom: NUMBER           -> number
     | "-" atom         -> neg
     | "(" sum ")"
     | WORD ~ 1..2
     | /[x-z]+/i
WORD.2: "a".."c" ["d"]
%import common.NUMBER
%ignore " "
)lark");
    ASSERT_TRUE(grammar) << grammar.error().describe();
    for (const char* text : {"1", "1 + 2*-3", "(1+2) * 3.5e2 - ad", " b c", "XyZ*(a)"})
        EXPECT_TRUE(grammar->accepts(text)) << text;
    for (const char* text : {"", "1 +", "(1", "abc", "e"}) EXPECT_FALSE(grammar->accepts(text)) << text;
    const auto json = Grammar::from_lark(R"lark(
start: value
value: object | array | ESCAPED_STRING | SIGNED_NUMBER | "true" | "false" | "null"
array: "[" [value ("," value)*] "]"
object: "{" [pair ("," pair)*] "}"
pair: ESCAPED_STRING ":" value
%import common (ESCAPED_STRING, SIGNED_NUMBER, WS)
%ignore WS
)lark");
    ASSERT_TRUE(json) << json.error().describe();
    EXPECT_TRUE(json->accepts("{\"a\": [1, -2.5, {\"b\" : null}], \"c\\\"\": \"x\"}"));
    EXPECT_FALSE(json->accepts("{\"a\": [1,]}"));
    for (const char* bad : {"", "start: x", "start \"a\"", "start: \"a", "start: (\"a\"", "start: \"b\"..\"a\"",
                            "start: \"a\"\nstart: \"b\"", "start: /a", "start: \"a\" ~ 3..1"})
        EXPECT_EQ(Grammar::from_lark(bad).error().code(), ErrorCode::invalid_argument) << bad;
    for (const char* other : {"%declare X\nstart: \"a\"", "%import python.NAME\nstart: \"a\"",
                              "%import common.NOPE\nstart: \"a\"", "start{x}: x", "start: /a(?=b)/"})
        EXPECT_EQ(Grammar::from_lark(other).error().code(), ErrorCode::unsupported) << other;
}

TEST(Grammar, HostileGrammarsEndInErrorsOrBoundedTime) {
    EXPECT_EQ(Grammar::from_gbnf("root ::= ((((\"a\"{1000}){1000}){1000}){1000})").error().code(),
              ErrorCode::resource_exhausted);
    EXPECT_EQ(Grammar::from_regex("((a{999}){999}){999}").error().code(), ErrorCode::resource_exhausted);
    EXPECT_FALSE(Grammar::from_gbnf("root ::= " + std::string(100000, '(')));
    EXPECT_FALSE(Grammar::from_regex(std::string(50000, '(')));
    for (const char* pattern : {"a(?=b)", "(a)\\1", "\\bx", "(?<!a)b", "a++", "(?i)a", "\\p{L}"})
        EXPECT_EQ(Grammar::from_regex(pattern).error().code(), ErrorCode::unsupported) << pattern;
    for (const char* pattern : {"(", ")", "[a", "*", "a**", "\\", "a{2,1}", "[b-a]"})
        EXPECT_EQ(Grammar::from_regex(pattern).error().code(), ErrorCode::invalid_argument) << pattern;
    // Exponential when backtracked or made deterministic ahead; here a set of states at a time.
    const auto exponential = Grammar::from_regex("(a|b)*a(a|b){18}").value();
    EXPECT_TRUE(exponential.accepts("ba" + std::string(18, 'b')));
    EXPECT_TRUE(Grammar::from_regex("(a+)+b").value().begins(std::string(5000, 'a')));
    // Ambiguous without bound: either exact or an error, but never without end.
    const auto shared = over(Grammar::from_gbnf("root ::= \"a\" root root | \"a\" root | \"a\"").value(),
                             small_vocabulary("ab", 1, 20));
    GrammarMatcher matcher(shared);
    for (int i = 0; i < 60 && matcher.accept_bytes("a"); ++i)
        if (!matcher.mask()) break;
    std::string deep = R"({"type":"integer"})";
    for (int i = 0; i < 60; ++i) deep = R"({"type":"array","items":)" + deep + "}";
    EXPECT_TRUE(Grammar::from_json_schema(deep));
    std::string many;
    for (int i = 0; i < 20000; ++i) many += (i > 0 ? ",\"" : "\"") + std::to_string(i * 7919) + "\"";
    EXPECT_TRUE(Grammar::from_json_schema("{\"enum\":[" + many + "]}").value().accepts("\"7919\""));
    EXPECT_FALSE(Grammar::from_json_schema(R"({"$ref":"#"})"));
    EXPECT_FALSE(Grammar::from_json_schema(R"({"allOf":[{"$ref":"#"}]})"));
    EXPECT_FALSE(Grammar::from_json_schema(R"({"type":"string","maxLength":100000000})"));
}

/// A text made by choosing bytes at random, shorter ways preferred after a while.
std::optional<std::string> sample(const Grammar& grammar, Random& random) {
    std::vector<std::string> bytes;
    for (int b = 0; b < 256; ++b) bytes.emplace_back(1, static_cast<char>(b));
    bytes.emplace_back("<end>");
    const auto shared = over(grammar, bytes);
    GrammarMatcher matcher(shared);
    std::string out;
    while (out.size() < 3000) {
        const auto mask = matcher.mask();
        if (!mask) return std::nullopt;
        std::vector<int> allowed;
        for (int b = 0; b < 256; ++b)
            if (allows(**mask, b)) allowed.push_back(b);
        if (matcher.may_end() && (allowed.empty() || random() % 4 == 0 || out.size() > 200)) return out;
        if (allowed.empty()) return std::nullopt;
        int chosen = allowed[random() % allowed.size()];
        // Past some length, close what is open; before it, mostly ASCII.
        if (random() % 4 != 0)
            for (const char c : out.size() > 60 ? std::string_view("\"}]") : std::string_view("\"}],:"))
                if (allows(**mask, c)) chosen = c;
        if (chosen >= 0x80 && random() % 8 != 0 && allowed.front() < 0x80)
            chosen = allowed[random() % 20 % allowed.size()];
        if (!matcher.accept(chosen)) return std::nullopt;
        out += static_cast<char>(chosen);
    }
    return std::nullopt;
}

TEST(Grammar, WhatJsonSchemasAllowIsValid) {
    Random random(5);
    std::size_t made = 0;
    for (
        const char* text :
        {R"({"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0,"maximum":150},"tags":{"type":"array","items":{"type":"string","maxLength":4},"minItems":1,"maxItems":3}},"required":["name","age"],"additionalProperties":false})",
         R"({"type":["string","null"]})",
         R"({"type":"integer","minimum":-13,"maximum":1207})",
         R"({"type":"integer","exclusiveMinimum":99,"exclusiveMaximum":102})",
         R"({"type":"integer","minimum":-250,"maximum":-17})",
         R"({"type":"integer","format":"int32"})",
         R"({"type":"number","minimum":0,"maximum":1})",
         R"({"type":"number","exclusiveMinimum":-2,"maximum":3})",
         R"({"type":"number","minimum":0.25,"maximum":12.5})",
         R"({"type":"number","exclusiveMinimum":-0.5,"exclusiveMaximum":0.5})",
         R"({"type":"number","minimum":-1000})",
         R"({"type":"string","minLength":2,"maxLength":5})",
         R"({"type":"string","pattern":"^[A-Z]{2}-\\d+$"})",
         R"({"type":"string","pattern":"b+|^a\"$"})",
         R"({"type":"string","format":"date"})",
         R"({"type":"string","format":"date-time"})",
         R"({"type":"string","format":"time"})",
         R"({"type":"string","format":"uuid"})",
         R"({"type":"string","format":"email"})",
         R"({"type":"string","format":"ipv4"})",
         R"({"type":"string","format":"ipv6"})",
         R"({"type":"string","format":"hostname"})",
         R"({"type":"string","format":"uri"})",
         R"({"type":"string","format":"duration"})",
         R"({"enum":[1,"two",null,{"three":[3]}]})",
         R"({"const":{"a":"b\"\\"}})",
         R"({"anyOf":[{"type":"integer"},{"type":"object","properties":{"x":{"type":"boolean"}},"required":["x"]}]})",
         R"({"oneOf":[{"type":"object","properties":{"kind":{"const":"a"},"n":{"type":"integer"}},"required":["kind"]},{"type":"object","properties":{"kind":{"const":"b"}},"required":["kind"]}]})",
         R"({"allOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"b":{"type":"string"},"a":{"minimum":5}},"required":["b"]}]})",
         R"({"type":"object","properties":{"a":{"type":"integer"}},"anyOf":[{"required":["a"]},{"properties":{"b":{"type":"null"}},"required":["b"]}]})",
         R"({"$defs":{"node":{"type":"object","properties":{"v":{"type":"integer"},"next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]},"kids":{"type":"array","items":{"$ref":"#/$defs/node"}}},"required":["v","next"]}},"$ref":"#/$defs/node"})",
         R"({"$defs":{"p":{"type":"integer"}},"properties":{"a":{"$ref":"#/$defs/p","minimum":3}},"required":["a"]})",
         R"({"type":"object","additionalProperties":{"type":"integer"}})",
         R"({"type":"object","properties":{"ab":{"type":"null"},"a":{"type":"boolean"}},"additionalProperties":{"type":"string"}})",
         R"({"type":"object","additionalProperties":{"type":"boolean"},"minProperties":1,"maxProperties":2})",
         R"({"type":"object","required":["q"],"additionalProperties":{"type":"integer"}})",
         R"({"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":false})",
         R"({"type":"array","prefixItems":[{"type":"integer"}],"items":{"type":"null"},"minItems":2,"maxItems":4})",
         R"({"type":"array","items":{"type":"boolean"},"minItems":2,"maxItems":2})",
         R"({"type":"array","maxItems":0})",
         R"({"type":"array"})",
         R"({"type":"object"})",
         R"({})",
         R"({"type":"object","properties":{"a":{"type":"null"},"b":{"type":"null"},"c":{"type":"null"},"d":{"type":"null"}},"required":["c"]})",
         R"({"type":"object","properties":{"a":{"type":"null"},"b":{"type":"null"},"c":{"type":"null"}}})",
         R"({"properties":{"x":{"type":"string","enum":["a","b"]}},"required":["x"]})"}) {
        const auto grammar = Grammar::from_json_schema(text);
        ASSERT_TRUE(grammar) << text << ": " << grammar.error().describe();
        const auto schema = json::Schema::compile_text(text).value();
        for (std::size_t i = 0; i < test::effort(40); ++i) {
            const auto out = sample(*grammar, random);
            if (!out) continue;
            const auto value = json::parse(*out);
            ASSERT_TRUE(value) << text << " gave " << *out << ": " << value.error().describe();
            const auto errors = schema.validate(*value);
            EXPECT_TRUE(errors.empty()) << text << " gave " << *out << ": " << errors[0].describe();
            ++made;
        }
    }
    EXPECT_GT(made, test::effort(1200));
}

TEST(Grammar, JsonSchemasAllowTheTextsTheyShould) {
    const auto takes = [](const char* schema, const char* text) {
        return Grammar::from_json_schema(schema).value().accepts(text);
    };
    const char* person =
        R"({"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},"required":["name"]})";
    for (const char* text : {R"({"name":"Ada","age":36})", R"({"name": "Ada", "age": 36})",
                             "{\n  \"name\": \"Ada\",\n  \"age\": 36\n}", R"({"name":"A\u0064a \"x\" 中"})"})
        EXPECT_TRUE(takes(person, text)) << text;
    for (const char* text : {R"({"age":36})", R"({"name":"Ada","x":1})", R"({"name":"Ada",})", R"({"name":"A\ud800"})",
                             "{\"name\":\"a\nb\"}"})
        EXPECT_FALSE(takes(person, text)) << text;
    const char* one = R"({"type":"integer","minimum":-13,"maximum":1207})";
    for (int i = -1300; i < 2400; ++i) EXPECT_EQ(takes(one, std::to_string(i).c_str()), i >= -13 && i <= 1207) << i;
    const char* ratio = R"({"type":"number","minimum":0.25,"maximum":12.5})";
    EXPECT_TRUE(takes(ratio, "0.25"));
    EXPECT_TRUE(takes(ratio, "12.50"));
    EXPECT_FALSE(takes(ratio, "12.51"));
    EXPECT_FALSE(takes(ratio, "0.24"));
    const char* open =
        R"({"type":"object","properties":{"ab":{"type":"null"}},"additionalProperties":{"type":"string"}})";
    EXPECT_TRUE(takes(open, R"({"ab":null,"a":"x","abc":"y","":"z"})"));
    EXPECT_FALSE(takes(open, R"({"ab":"x"})"));
    EXPECT_FALSE(takes(open, R"({"\u0061b":"x"})"));
    for (const char* schema :
         {R"({"not":{"type":"string"}})", R"({"type":"array","uniqueItems":true})",
          R"({"type":"number","multipleOf":0.5})", R"({"if":{"type":"string"},"then":{"maxLength":1}})",
          R"({"oneOf":[{"type":"string"},{"type":"string","maxLength":3}]})",
          R"x({"type":"string","pattern":"^(?=a)"})x", R"({"type":"string","format":"regex"})",
          R"({"type":"string","pattern":"a","maxLength":3})", R"({"patternProperties":{"^a":{}}})",
          R"({"$ref":"other.json"})"})
        EXPECT_EQ(Grammar::from_json_schema(schema).error().code(), ErrorCode::unsupported) << schema;
}

}  // namespace
}  // namespace tenon::text
