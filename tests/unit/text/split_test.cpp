#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "tenon/base/utf8.hpp"
#include "tenon/text/splitter.hpp"

namespace tenon::text {
namespace {

/// Words and ideographs: near enough to a tokenizer, and easy to reason about.
std::size_t words(std::string_view text) {
    std::size_t n = 0;
    bool in_word = false;
    for (std::size_t i = 0; i < text.size();) {
        const auto d = utf8::decode(text, i);
        i += d.length;
        if (utf8::is_cjk(d.code_point))
            ++n, in_word = false;
        else if (d.code_point <= ' ')
            in_word = false;
        else if (!in_word)
            ++n, in_word = true;
    }
    return n;
}

struct Builder {
    StructuredText doc;
    Builder& add(BlockKind kind, std::string_view text, int level = 0, int page = 0) {
        const std::size_t begin = doc.text.size();
        doc.text += text;
        doc.blocks.push_back({kind, begin, doc.text.size(), level, page, {}});
        doc.text += "\n\n";
        return *this;
    }
};

std::string repeat(std::string_view sentence, int n) {
    std::string out;
    for (int i = 0; i < n; ++i) out += (i == 0 ? "" : " ") + std::string(sentence);
    return out;
}

std::string text_of(const StructuredText& doc, const ChunkSpan& chunk) {
    return doc.text.substr(chunk.begin, chunk.end - chunk.begin);
}

/// The promises of the contract that hold for every input.
void expect_contract(const StructuredText& doc, const std::vector<ChunkSpan>& chunks, const SplitOptions& options) {
    std::vector<bool> covered(doc.text.size(), false);
    for (const auto& block : doc.blocks)
        if (block.kind == BlockKind::heading)
            for (std::size_t i = std::min(block.begin, doc.text.size()); i < std::min(block.end, doc.text.size()); ++i)
                covered[i] = true;
    std::size_t last = 0;
    for (const auto& chunk : chunks) {
        ASSERT_LT(chunk.begin, chunk.end);
        ASSERT_LE(chunk.end, doc.text.size());
        EXPECT_LE(last, chunk.begin);
        last = chunk.begin;
        EXPECT_LE(chunk.tokens, std::max<std::size_t>(options.max_tokens, 1));
        EXPECT_NE(static_cast<unsigned char>(doc.text[chunk.begin]) & 0xC0U, 0x80U);
        if (chunk.end < doc.text.size()) {
            EXPECT_NE(static_cast<unsigned char>(doc.text[chunk.end]) & 0xC0U, 0x80U);
        }
        std::fill(covered.begin() + static_cast<std::ptrdiff_t>(chunk.begin),
                  covered.begin() + static_cast<std::ptrdiff_t>(chunk.end), true);
    }
    for (std::size_t i = 0; i < doc.text.size(); ++i)
        if (!covered[i]) {
            ASSERT_TRUE(std::isspace(static_cast<unsigned char>(doc.text[i]))) << "byte " << i << " is in no chunk";
        }
}

TEST(Split, HeadingsMakeThePath) {
    Builder b;
    b.add(BlockKind::heading, "# Guide", 1)
        .add(BlockKind::paragraph, "Welcome here.")
        .add(BlockKind::heading, "## Install ##", 2);
    b.add(BlockKind::paragraph, "Run the script.")
        .add(BlockKind::heading, "### 在 Debian 上", 3)
        .add(BlockKind::paragraph, "用 apt 安装。");
    b.add(BlockKind::heading, "## Use", 2).add(BlockKind::paragraph, "Ask.", 0, 7);
    const auto chunks = split(b.doc, {}, words);
    ASSERT_EQ(chunks.size(), 4U);
    EXPECT_EQ(chunks[0].heading, "Guide");
    EXPECT_EQ(chunks[1].heading, "Guide > Install");
    EXPECT_EQ(chunks[2].heading, "Guide > Install > 在 Debian 上");
    EXPECT_EQ(chunks[3].heading, "Guide > Use");
    EXPECT_EQ(chunks[3].page, 7);
    expect_contract(b.doc, chunks, {});
}

TEST(Split, BareHeadingsAreKept) {
    Builder b;
    b.add(BlockKind::heading, "Contents", 1);
    for (const char* s : {"Alpha", "Beta", "Gamma"}) b.add(BlockKind::heading, s, 2);
    const auto chunks = split(b.doc, {}, words);
    ASSERT_EQ(chunks.size(), 1U);
    EXPECT_EQ(chunks[0].heading, "Contents");
    EXPECT_EQ(text_of(b.doc, chunks[0]), "Alpha\n\nBeta\n\nGamma");
}

TEST(Split, LongParagraphIsCutBetweenSentences) {
    Builder b;
    b.add(BlockKind::paragraph, repeat("Every sentence here has exactly seven words.", 60));
    const SplitOptions options{.max_tokens = 100, .min_tokens = 20};
    const auto chunks = split(b.doc, options, words);
    EXPECT_GE(chunks.size(), 5U);
    for (const auto& chunk : chunks) {
        EXPECT_TRUE(text_of(b.doc, chunk).ends_with("words."));
        EXPECT_TRUE(text_of(b.doc, chunk).starts_with("Every"));
        EXPECT_GE(chunk.tokens, options.min_tokens);
    }
    expect_contract(b.doc, chunks, options);
}

TEST(Split, ChineseIsCutAtItsOwnMarks) {
    Builder b;
    std::string text;
    for (int i = 0; i < 40; ++i) text += "榫卯是中国古代建筑的连接方式。它不用钉子，却十分牢固！";
    b.add(BlockKind::paragraph, text);
    const SplitOptions options{.max_tokens = 60, .min_tokens = 10};
    const auto chunks = split(b.doc, options, words);
    EXPECT_GE(chunks.size(), 15U);
    for (const auto& chunk : chunks) {
        const auto s = text_of(b.doc, chunk);
        EXPECT_TRUE(s.ends_with("。") || s.ends_with("！")) << s;
    }
    expect_contract(b.doc, chunks, options);
}

TEST(Split, CodeStaysWithTheSentenceBefore) {
    Builder b;
    b.add(BlockKind::paragraph, repeat("Something quite unrelated is said here today.", 24));
    b.add(BlockKind::paragraph, repeat("More is said.", 4) + " To start the server, run this:");
    b.add(BlockKind::code, "tenon serve --port 8080\ncurl localhost:8080/health");
    const auto chunks = split(b.doc, {.max_tokens = 185, .min_tokens = 20}, words);
    const auto found = std::ranges::find_if(
        chunks, [&](const ChunkSpan& c) { return text_of(b.doc, c).find("curl") != std::string::npos; });
    ASSERT_NE(found, chunks.end());
    EXPECT_NE(text_of(b.doc, *found).find("To start the server"), std::string::npos);
}

TEST(Split, ATableIsCutBetweenRowsAndKeepsItsHeader) {
    Builder b;
    std::string table = "| name | meaning |\n|------|---------|\n";
    for (int i = 0; i < 50; ++i) table += "| row" + std::to_string(i) + " | what the row means |\n";
    b.add(BlockKind::heading, "Options", 2).add(BlockKind::table, table);
    const SplitOptions options{.max_tokens = 80, .min_tokens = 10};
    const auto chunks = split(b.doc, options, words);
    ASSERT_GT(chunks.size(), 3U);
    for (std::size_t i = 0; i < chunks.size(); ++i) {
        EXPECT_EQ(chunks[i].heading, i == 0 ? "Options" : "Options > name | meaning");
        EXPECT_TRUE(text_of(b.doc, chunks[i]).starts_with("| "));
        EXPECT_TRUE(text_of(b.doc, chunks[i]).ends_with(" |"));
    }
    expect_contract(b.doc, chunks, options);
}

TEST(Split, AListKeepsItsIntroduction) {
    Builder b;
    b.add(BlockKind::paragraph, "The server understands these flags:");
    for (int i = 0; i < 40; ++i)
        b.add(BlockKind::list_item, "- flag number " + std::to_string(i) + " does one small thing");
    const auto chunks = split(b.doc, {.max_tokens = 90, .min_tokens = 10}, words);
    ASSERT_GT(chunks.size(), 2U);
    EXPECT_TRUE(text_of(b.doc, chunks[0]).starts_with("The server"));
    for (std::size_t i = 1; i < chunks.size(); ++i) EXPECT_EQ(chunks[i].heading, "The server understands these flags:");
}

TEST(Split, SmallNeighboursAreJoinedAndTheTailIsNotLeftAlone) {
    Builder b;
    for (int i = 0; i < 12; ++i) b.add(BlockKind::paragraph, "A short paragraph of seven words only.");
    EXPECT_EQ(split(b.doc, {}, words).size(), 1U);
    Builder c;
    c.add(BlockKind::paragraph, repeat("Every sentence here has exactly seven words.", 28))
        .add(BlockKind::paragraph, "A tail.");
    const auto chunks = split(c.doc, {}, words);
    for (const auto& chunk : chunks) EXPECT_GE(chunk.tokens, 40U);
}

TEST(Split, AChunkLiesOnOnePage) {
    Builder b;
    b.add(BlockKind::heading, "Pump", 1, 1)
        .add(BlockKind::paragraph, "An introduction.", 0, 1)
        .add(BlockKind::paragraph, "Still the first page.", 0, 1)
        .add(BlockKind::paragraph, "The filter is changed every 90 days.", 0, 2)
        .add(BlockKind::paragraph, "The tail.", 0, 3);
    const auto chunks = split(b.doc, {}, words);
    ASSERT_EQ(chunks.size(), 3U);
    EXPECT_EQ(text_of(b.doc, chunks[0]), "An introduction.\n\nStill the first page.");
    EXPECT_EQ(text_of(b.doc, chunks[1]), "The filter is changed every 90 days.");
    for (std::size_t i = 0; i < chunks.size(); ++i) {
        EXPECT_EQ(chunks[i].page, static_cast<int>(i) + 1);
        EXPECT_EQ(chunks[i].heading, "Pump");
    }
    expect_contract(b.doc, chunks, {});
}

TEST(Split, OverlapRepeatsWholeSentences) {
    Builder b;
    std::string text;
    for (int i = 0; i < 60; ++i) text += "This is sentence number " + std::to_string(i) + ". ";
    b.add(BlockKind::paragraph, text);
    const SplitOptions options{.max_tokens = 50, .min_tokens = 10, .overlap_sentences = 1};
    const auto chunks = split(b.doc, options, words);
    ASSERT_GT(chunks.size(), 3U);
    for (std::size_t i = 1; i < chunks.size(); ++i) {
        EXPECT_LT(chunks[i].begin, chunks[i - 1].end);
        EXPECT_TRUE(text_of(b.doc, chunks[i]).starts_with("This is"));
    }
    expect_contract(b.doc, chunks, options);
}

TEST(Split, TextWithoutBlocksIsCovered) {
    StructuredText doc;
    doc.text = "First paragraph.\n\nSecond one.\n\n\n  third  \n";
    const auto chunks = split(doc, {}, words);
    ASSERT_EQ(chunks.size(), 1U);
    expect_contract(doc, chunks, {});
    EXPECT_TRUE(split({}, {}, words).empty());
    doc.text = " \n\t ";
    EXPECT_TRUE(split(doc, {}, words).empty());
}

TEST(Split, ContractHoldsForRandomDocuments) {
    std::mt19937 random(7);
    const std::vector<std::string> atoms{"word ",       "中",   "。", ". ", "\n",   "\n\n", "😀", "e\u0301",
                                         "| a | b |\n", "Long", ", ", "、", "\xFF", "\t",   "? ", "10.5 "};
    for (int round = 0; round < 300; ++round) {
        StructuredText doc;
        const std::size_t n = random() % 400;
        for (std::size_t i = 0; i < n; ++i) doc.text += atoms[random() % (atoms.size() - (round % 2 == 0 ? 4 : 0))];
        doc.text = utf8::sanitize(doc.text);
        for (std::size_t i = 0; i < random() % 8; ++i)  // unordered, overlapping and out-of-range blocks too
            doc.blocks.push_back({static_cast<BlockKind>(1 + random() % 6),
                                  random() % (doc.text.size() + 9),
                                  random() % (doc.text.size() + 9),
                                  static_cast<int>(random() % 9),
                                  0,
                                  {}});
        const SplitOptions options{
            .max_tokens = random() % 30, .min_tokens = random() % 20, .overlap_sentences = random() % 3};
        expect_contract(doc, split(doc, options, [](std::string_view s) { return utf8::length(s); }), options);
        if (HasFailure()) break;
    }
}

TEST(Split, HugeInputTakesLinearTime) {
    // Work is what the token counter reads: it grows with the text, whatever else the machine is doing.
    const auto work = [](const StructuredText& doc) {
        std::size_t read = 0;
        const auto chunks = split(doc, {}, [&read](std::string_view part) {
            read += part.size();
            return words(part);
        });
        EXPECT_FALSE(chunks.empty());
        return static_cast<double>(read) / static_cast<double>(doc.text.size());
    };
    StructuredText line;  // one line without a blank
    line.text.assign(std::size_t{4} << 20, 'x');
    EXPECT_LT(work(line), 20.0);
    StructuredText marks;  // nothing but full stops and quotes
    while (marks.text.size() < std::size_t{2} << 20) marks.text += ".'\"? ";
    EXPECT_LT(work(marks), 20.0);
    StructuredText prose;
    while (prose.text.size() < std::size_t{4} << 20)
        prose.text += "The quick brown fox jumps over Mr. Dog. 它很快。\n\n";
    EXPECT_LT(work(prose), 20.0);
}

TEST(LineIndex, CountsLinesAndCharacters) {
    const std::string text = "a中\nb😀c\n\nd" + std::string(600, 'x') + "中e";
    const LineIndex index(text);
    EXPECT_EQ(index.line(0), 1U);
    EXPECT_EQ(index.line(4), 1U);
    EXPECT_EQ(index.line(5), 2U);
    EXPECT_EQ(index.line(text.size()), 4U);
    for (std::size_t i = 0; i <= text.size(); ++i)
        if (i == text.size() || (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) {
            EXPECT_EQ(index.character(i), utf8::length(std::string_view(text).substr(0, i)));
        }
    EXPECT_EQ(LineIndex("").line(0), 1U);
    EXPECT_EQ(LineIndex("").character(0), 0U);
    const std::string exact(256, 'y');
    EXPECT_EQ(LineIndex(exact).character(256), 256U);
}

TEST(Language, IsFoundByScriptAndWords) {
    EXPECT_EQ(detect_language("How do I install the package?"), "en");
    EXPECT_EQ(detect_language("如何安装这个软件包？"), "zh");
    EXPECT_EQ(detect_language("怎么用 tenon serve 命令？"), "zh");
    EXPECT_EQ(detect_language("パッケージをインストールする方法は？"), "ja");
    EXPECT_EQ(detect_language("패키지를 어떻게 설치합니까?"), "ko");
    EXPECT_EQ(detect_language("Wie installiere ich dieses Paket?"), "");
    EXPECT_EQ(detect_language("12345 !!"), "");
    EXPECT_EQ(detect_language(""), "");
}

}  // namespace
}  // namespace tenon::text
