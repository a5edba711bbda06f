// Any bytes as a grammar (GBNF, Lark or a regular expression, by the first byte): an error, or an automaton that can be
// followed. What was found must not depend on whether masks or single texts were asked for.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "tenon/text/grammar.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tenon::text;
    if (size < 1 || size > 2000) return 0;
    const std::string_view source(reinterpret_cast<const char*>(data + 1), size - 1);
    const auto made = data[0] % 3 == 0   ? Grammar::from_gbnf(source)
                      : data[0] % 3 == 1 ? Grammar::from_regex(source)
                                         : Grammar::from_lark(source);
    if (!made || made->network() == nullptr) return 0;
    static const std::array<std::string, 8> tokens{"a", "b", "ab", "\"", "1", "\xc3", "\xa9", "<end>"};
    static const std::array<TokenId, 1> ends{7};
    static const auto vocabulary = GrammarVocabulary::create(tokens, ends);
    const auto shared = std::make_shared<TokenGrammar>(*made, vocabulary);
    GrammarMatcher matcher(shared);
    std::string text;
    for (int step = 0; step < 6; ++step) {
        const auto mask = matcher.mask();
        if (!mask) return 0;
        TokenId chosen = no_token;
        for (TokenId t = 0; t < 7; ++t) {
            GrammarMatcher copy = matcher;
            if (copy.accept(t) != allows(**mask, t)) __builtin_trap();
            if (allows(**mask, t)) chosen = t;
        }
        if (chosen == no_token) break;
        if (!matcher.accept(chosen)) __builtin_trap();
    }
    (void)matcher.forced_bytes(8);
    return 0;
}
