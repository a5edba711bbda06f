// Behaviour: special tokens, ends of generation, streaming, hostile files, long runs.
#include "tenon/text/tokenizer.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "tenon/base/utf8.hpp"
#include "unit/effort.hpp"
#include "unit/text/tokenizer_golden.hpp"

namespace tenon::text {
namespace {

using Ids = std::vector<TokenId>;

/// A byte-level tokenizer: the 256 bytes, "he", "hel", and three control tokens.
TokenizerSpec small_spec() {
    TokenizerSpec spec;
    spec.pre_tokenizer = "gpt-2";
    char32_t extra = 0x100;
    for (char32_t b = 0; b < 256; ++b) {
        const bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
        spec.tokens.push_back(utf8::encode(printable ? b : extra++));
    }
    for (const char* t : {"he", "hel", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool>"})
        spec.tokens.emplace_back(t);
    spec.types.assign(spec.tokens.size(), TokenType::normal);
    for (std::size_t i = 258; i < 261; ++i) spec.types[i] = TokenType::control;
    spec.types[261] = TokenType::user_defined;
    spec.merges = {"h e", "he l"};
    spec.bos = 258;
    spec.eos = 258;
    return spec;
}

TokenizerPtr small() { return make_tokenizer(small_spec()).value(); }

TEST(Tokenizer, SpecialTokensAreParsedOnlyWhenAsked) {
    const TokenizerPtr t = small();
    EXPECT_EQ(t->encode("hel<|im_end|>", {.add_special = false}), (Ids{257, 260}));
    const Ids plain = t->encode("hel<|im_end|>", {.add_special = false, .parse_special = false});
    EXPECT_EQ(plain.size(), 1 + std::string("<|im_end|>").size());
    EXPECT_EQ(t->decode(plain), "hel<|im_end|>");
    // What is not a control token is matched either way.
    EXPECT_EQ(t->encode("<tool>", {.add_special = false, .parse_special = false}), (Ids{261}));
    EXPECT_EQ(t->decode(Ids{257, 260, 261}), "hel<tool>");
    EXPECT_EQ(t->decode(Ids{257, 260}, false), "hel<|im_end|>");
}

TEST(Tokenizer, AddSpecialFollowsTheSpec) {
    TokenizerSpec spec = small_spec();
    spec.add_bos = spec.add_eos = true;
    const TokenizerPtr t = make_tokenizer(std::move(spec)).value();
    EXPECT_EQ(t->encode("hel"), (Ids{258, 257, 258}));
    EXPECT_EQ(t->encode(""), (Ids{258, 258}));
    EXPECT_EQ(t->encode("hel", {.add_special = false}), (Ids{257}));
}

TEST(Tokenizer, FindsTokensAndKnowsWhatEndsATurn) {
    const TokenizerPtr t = small();
    EXPECT_EQ(t->find("hel"), 257);
    EXPECT_EQ(t->find("<|im_end|>"), 260);
    EXPECT_EQ(t->find("nothing"), std::nullopt);
    EXPECT_TRUE(t->is_end_of_generation(258));
    EXPECT_TRUE(t->is_end_of_generation(260));
    EXPECT_FALSE(t->is_end_of_generation(259));
    EXPECT_FALSE(t->is_end_of_generation(-1));
    EXPECT_TRUE(t->is_control(259));
    EXPECT_FALSE(t->is_control(261));
    EXPECT_EQ(t->token_bytes(32 + 188), "\xDC");
    EXPECT_EQ(t->token_bytes(260), "<|im_end|>");
    EXPECT_EQ(t->token_bytes(-5), "");
    EXPECT_EQ(t->decode(Ids{-1, 100000, 257}), "hel");
}

TEST(Tokenizer, InvalidUtf8CountsAsTheReplacementCharacter) {
    const TokenizerPtr t = small();
    for (const std::string_view bytes : {"\xff", "a\xe4\xb8", "\xf0\x9f\x98y", "\xed\xa0\x80"})
        EXPECT_EQ(t->encode(bytes), t->encode(utf8::sanitize(bytes)));
}

TEST(StreamingDecoder, NeverSplitsACharacter) {
    const TokenizerPtr t = small();
    const std::string text = "a\u00e9\u4e2d\U0001F600z";
    StreamingDecoder decoder(t);
    std::string whole;
    for (const TokenId id : t->encode(text, {.add_special = false})) {
        const std::string part = decoder.push(id);
        EXPECT_TRUE(utf8::is_valid(part));
        whole += part;
    }
    EXPECT_EQ(whole, text);
    EXPECT_EQ(decoder.finish(), "");
    EXPECT_EQ(decoder.push(0xF0), "");  // the byte 0xF0 begins a character that never ends
    EXPECT_EQ(decoder.finish(), "\uFFFD");
}

TEST(Tokenizer, LongRunsTakeNoQuadraticTime) {
    // A vocabulary of powers of two of one letter: every merge level is busy.
    TokenizerSpec spec = small_spec();
    spec.types.clear();
    spec.tokens.resize(256);
    spec.merges.clear();
    for (std::size_t n = 1; n <= 64; n *= 2) {
        spec.merges.push_back(std::string(n, 'a') + " " + std::string(n, 'a'));
        spec.tokens.push_back(std::string(2 * n, 'a'));
    }
    spec.bos = spec.eos = no_token;
    const TokenizerPtr bpe = make_tokenizer(spec).value();
    constexpr std::size_t length = test::sanitized ? 1 << 16 : 1 << 20;
    const std::string run(length, 'a');
    EXPECT_EQ(bpe->encode(run), Ids(length / 128, 262));
    spec.kind = TokenizerKind::sentencepiece_bpe;
    spec.scores.assign(spec.tokens.size(), -1000.0F);
    for (std::size_t i = 256; i < spec.tokens.size(); ++i) spec.scores[i] = -static_cast<float>(i);
    spec.add_space_prefix = false;
    const TokenizerPtr sentencepiece = make_tokenizer(spec).value();
    EXPECT_EQ(sentencepiece->encode(run), Ids(length / 128, 262));
    spec.kind = TokenizerKind::unigram;
    spec.unk = 0;
    const TokenizerPtr unigram = make_tokenizer(spec).value();
    EXPECT_EQ(unigram->decode(unigram->encode(run)), run);
    for (const char* text : {" ", "\n", " \n", "\u4e2d", "\U0001F600", "!", "1", "'", "\xff"}) {
        std::string repeated;
        while (repeated.size() < test::effort(200'000)) repeated += text;
        EXPECT_EQ(bpe->decode(bpe->encode(repeated)), utf8::sanitize(repeated));
    }
}

TEST(Tokenizer, ManyThreadsAtOnceGiveTheSame) {
    const TokenizerPtr t = small();
    const Ids want = t->encode("hello help hehe");
    const TokenizerPtr fresh = small();
    std::vector<std::jthread> threads;
    std::atomic<int> wrong = 0;
    for (int k = 0; k < 4; ++k) {
        threads.emplace_back([&] {
            for (int i = 0; i < 200; ++i) wrong += fresh->encode("hello help hehe") != want;
        });
    }
    threads.clear();
    EXPECT_EQ(wrong, 0);
}

TEST(MakeTokenizer, TablesThatDisagreeAreCorrupt) {
    const auto code = [](auto change) {
        TokenizerSpec spec = small_spec();
        change(spec);
        const auto made = make_tokenizer(std::move(spec));
        return made ? ErrorCode::internal : made.error().code();
    };
    EXPECT_EQ(code([](auto& s) { s.tokens.clear(); }), ErrorCode::corrupt);
    EXPECT_EQ(code([](auto& s) { s.types.pop_back(); }), ErrorCode::corrupt);
    EXPECT_EQ(code([](auto& s) { s.scores = {1.0F}; }), ErrorCode::corrupt);
    EXPECT_EQ(code([](auto& s) { s.merges.push_back("zz top"); }), ErrorCode::corrupt);
    EXPECT_EQ(code([](auto& s) { s.merges.push_back("nospace"); }), ErrorCode::corrupt);
    EXPECT_EQ(code([](auto& s) { s.eos = 1 << 30; }), ErrorCode::corrupt);
    EXPECT_EQ(code([](auto& s) { s.pre_tokenizer = "unheard-of"; }), ErrorCode::unsupported);
    EXPECT_EQ(code([](auto& s) { s.kind = TokenizerKind::unigram; }), ErrorCode::corrupt);
    EXPECT_EQ(code([](auto& s) {
                  s.kind = TokenizerKind::sentencepiece_bpe;
                  s.precompiled_charsmap = std::string("\xff\xff\xff\x7f", 4);
              }),
              ErrorCode::corrupt);
}

TEST(LoadVocabTxt, NeedsAnUnknownToken) {
    EXPECT_EQ(load_vocab_txt("a\nb\n").error().code(), ErrorCode::corrupt);
    const auto t = load_vocab_txt("[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\nhello\r\n##s\r\n\u4f60\r\n");
    ASSERT_TRUE(t);
    EXPECT_EQ((*t)->encode("Hellos \u4f60x"), (Ids{2, 4, 5, 6, 1, 3}));
    EXPECT_EQ((*t)->decode(Ids{2, 4, 5, 6, 3}), "hellos \u4f60");
}

TEST(LoadTokenizerJson, HostileFilesAreErrors) {
    const auto code = [](std::string_view text) {
        const auto loaded = load_tokenizer_json(text);
        return loaded ? ErrorCode::internal : loaded.error().code();
    };
    EXPECT_EQ(code(""), ErrorCode::corrupt);
    EXPECT_EQ(code("{}"), ErrorCode::corrupt);
    EXPECT_EQ(code("[]"), ErrorCode::corrupt);
    EXPECT_EQ(code(R"({"model":{"type":"BPE","vocab":{},"merges":[]}})"), ErrorCode::corrupt);
    EXPECT_EQ(code(R"({"model":{"type":"BPE","vocab":{"a":0}}})"), ErrorCode::corrupt);
    EXPECT_EQ(code(R"({"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}})"), ErrorCode::corrupt);
    EXPECT_EQ(code(R"({"model":{"type":"BPE","vocab":{"a":99999999999},"merges":[]}})"), ErrorCode::corrupt);
    EXPECT_EQ(code(R"({"model":{"type":"BPE","vocab":{"a":2000000},"merges":[]}})"), ErrorCode::corrupt);
    EXPECT_EQ(code(R"({"model":{"type":"BPE","vocab":{"a":0,"b":0},"merges":[]}})"), ErrorCode::corrupt);
    EXPECT_EQ(code(R"({"model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a b"]}})"), ErrorCode::corrupt);
    EXPECT_EQ(code(R"({"model":{"type":"BPE","vocab":{"a":0},"merges":[["a"]]}})"), ErrorCode::corrupt);
    EXPECT_EQ(code(R"({"model":{"type":"Unigram","unk_id":7,"vocab":[["a",0.5]]}})"), ErrorCode::corrupt);
    EXPECT_EQ(code(R"({"model":{"type":"Unigram","vocab":[["a"]]}})"), ErrorCode::corrupt);
    EXPECT_EQ(code(R"({"model":{"type":"Magic","vocab":{"a":0}}})"), ErrorCode::unsupported);
    const auto with = [&](std::string_view part) {
        return code(R"({"model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"},)" + std::string(part) + "}");
    };
    EXPECT_EQ(with(R"("normalizer":{"type":"Replace"})"), ErrorCode::corrupt);
    EXPECT_EQ(with(R"("normalizer":{"type":"Precompiled","precompiled_charsmap":"AAAA"})"), ErrorCode::corrupt);
    EXPECT_EQ(with(R"("normalizer":{"type":"Unheard"})"), ErrorCode::unsupported);
    EXPECT_EQ(with(R"("pre_tokenizer":{"type":"Split","pattern":{"Regex":"("},"behavior":"Isolated"})"),
              ErrorCode::corrupt);
    EXPECT_EQ(with(R"("pre_tokenizer":{"type":"Split","pattern":{"Regex":"a"},"behavior":"Shattered"})"),
              ErrorCode::corrupt);
    EXPECT_EQ(with(R"("post_processor":{"type":"BertProcessing","cls":["x",5],"sep":["y",6]})"), ErrorCode::corrupt);
    EXPECT_EQ(
        with(
            R"("post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x"}}],"special_tokens":{}})"),
        ErrorCode::corrupt);
    EXPECT_EQ(with(R"("added_tokens":[{"id":0,"content":"b"}])"), ErrorCode::corrupt);
    std::string nested = R"({"type":"NFC"})";
    for (int i = 0; i < 10; ++i) nested = R"({"type":"Sequence","normalizers":[)" + nested + "]}";
    EXPECT_EQ(with(R"("normalizer":)" + nested), ErrorCode::corrupt);
    std::string deep(100000, '[');
    EXPECT_EQ(code(deep), ErrorCode::corrupt);
}

TEST(LoadTokenizerJson, EveryTruncationIsAnErrorNotACrash) {
    const std::string whole = golden::file("hf-bert-cased.json");
    const std::size_t end = whole.find_last_of('}');
    for (std::size_t n = 0; n < end; n += 97)
        EXPECT_FALSE(load_tokenizer_json(std::string_view(whole).substr(0, n))) << n;
}

TEST(LoadTokenizerJson, RolesComeFromTheConfiguration) {
    const auto t =
        load_tokenizer_json(golden::file("hf-qwen2.json"),
                            R"({"eos_token":"<|im_end|>","pad_token":{"content":"<|endoftext|>"},"bos_token":null})");
    ASSERT_TRUE(t) << t.error().describe();
    EXPECT_EQ((*t)->spec().eos, (*t)->find("<|im_end|>"));
    EXPECT_EQ((*t)->spec().pad, (*t)->find("<|endoftext|>"));
    EXPECT_EQ((*t)->spec().bos, no_token);
    EXPECT_EQ((*t)->spec().kind, TokenizerKind::byte_bpe);
    EXPECT_FALSE((*t)->spec().merges.empty());
    EXPECT_EQ(load_tokenizer_json(golden::file("hf-qwen2.json"), "{").error().code(), ErrorCode::corrupt);
}

}  // namespace
}  // namespace tenon::text
