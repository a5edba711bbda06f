// The parts: pre-tokenizers against Hugging Face's, scanners against their own patterns, long inputs, added tokens.
#include <gtest/gtest.h>

#include <random>

#include "tenon/base/utf8.hpp"
#include "text/tokenizer/json_parts.hpp"
#include "text/tokenizer/pre_tokenizers.hpp"
#include "text/tokenizer/regex.hpp"
#include "text/tokenizer/scanners.hpp"
#include "unit/text/tokenizer_golden.hpp"

namespace tenon::text {
namespace {

using namespace tok;

TEST(PreTokenizers, PiecesAreHuggingFaces) {
    const json::Value golden = golden::document("pre_tokenizers.json");
    const auto& texts = golden.at("texts").as_array();
    for (const auto& [name, entry] : golden.at("cases").as_object()) {
        const auto part = json_pre_tokenizer(entry.at("pre_tokenizer"), false);
        ASSERT_TRUE(part) << std::string(name) << part.error().describe();
        for (std::size_t i = 0; i < texts.size(); ++i) {
            Pieces pieces(std::string_view(texts[i].as_string()), true);
            (*part)->apply(pieces);
            std::vector<std::string> got, want;
            for (const Span& span : pieces.spans) got.emplace_back(pieces[span]);
            for (const auto& piece : entry.at("pieces").as_array()[i].as_array()) want.emplace_back(piece.as_string());
            EXPECT_EQ(got, want) << std::string(name) << " of " << texts[i];
        }
    }
}

std::vector<std::string> scanned(std::string_view text, int kind) {
    std::vector<Span> spans;
    if (kind == 0) {
        scan_gpt2(text, {0, text.size()}, spans);
    } else {
        scan_llama3(text, {0, text.size()}, kind == 1 ? 3 : 1, spans);
    }
    std::vector<std::string> out;
    for (const Span& s : spans) out.emplace_back(text.substr(s.begin, s.end - s.begin));
    return out;
}

TEST(Scanners, AgreeWithTheirPatterns) {
    const char* const patterns[] = {
        R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
        R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
        R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
    std::mt19937 random(7);
    const std::vector<std::string> alphabet{"a",      "S",          "'",      "'s",     "'LL",    " ",      "  ",
                                            "\n",     "\r",         "\t",     "1",      "23",     ".",      "!?",
                                            "\u00e9", "\u4e2d",     "\u3042", "\u0301", "\u00a0", "\u3000", "\u2028",
                                            "\u180e", "\U0001F600", "\u00b2", "\u0663", "\u017f", "ve",     "re",
                                            "d",      "\x01",       "\u0085", "\u200d", "_"};
    for (int kind = 0; kind < 3; ++kind) {
        const auto regex = Regex::compile(patterns[kind]);
        ASSERT_TRUE(regex) << regex.error().describe();
        for (int round = 0; round < 4000; ++round) {
            std::string text;
            for (int n = static_cast<int>(random() % 24); n > 0; --n) {
                if (random() % 8 != 0) {
                    text += alphabet[random() % alphabet.size()];
                } else {
                    const char32_t c = random() % 0x3000 + 1;
                    utf8::append(text, c);
                }
            }
            std::vector<std::string> want;
            regex->for_each_match(text, {0, text.size()},
                                  [&](std::size_t b, std::size_t e) { want.push_back(text.substr(b, e - b)); });
            ASSERT_EQ(scanned(text, kind), want) << kind << ": " << text;
        }
    }
}

TEST(Regex, ReportsWhatDoesNotCompile) {
    EXPECT_EQ(Regex::compile("(a").error().code(), ErrorCode::corrupt);
    EXPECT_EQ(Regex::compile(std::string(70000, 'a')).error().code(), ErrorCode::corrupt);
}

TEST(Regex, CatastrophicPatternsEnd) {
    const auto regex = Regex::compile("(a+)+$");
    ASSERT_TRUE(regex);
    const std::string text = std::string(60, 'a') + "b";
    int matches = 0;
    regex->for_each_match(text, {0, text.size()}, [&](std::size_t, std::size_t) { ++matches; });
    EXPECT_EQ(matches, 0);
}

TEST(NamedPreTokenizers, UnknownNamesAreRefusedAndListed) {
    const auto part = named_pre_tokenizer("no-such-thing");
    ASSERT_FALSE(part);
    EXPECT_EQ(part.error().code(), ErrorCode::unsupported);
    EXPECT_NE(part.error().message().find("qwen2"), std::string::npos);
    for (const char* name :
         {"gpt-2", "smollm", "llama-bpe", "llama3", "llama-v3", "qwen2", "gpt-4o", "tekken", "refact", "starcoder",
          "deepseek-llm", "deepseek-coder", "deepseek-v3", "falcon", "default", ""})
        EXPECT_TRUE(named_pre_tokenizer(name)) << name;
}

}  // namespace
}  // namespace tenon::text
