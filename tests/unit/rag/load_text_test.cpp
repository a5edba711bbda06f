// Formats whose text stays the file's own: plain text, Markdown, reStructuredText and its kin, source code.
#include "load_helpers.hpp"

namespace tenon::rag {
namespace {

TEST(LoadMarkdown, FindsEveryKindOfBlock) {
    const std::string text =
        "---\ntitle: The \"Guide\"\n---\n"
        "# Guide to *Tenon* #\n\nA paragraph\nover two lines.\n\nSetext\n------\n\n"
        "- one\n  still one\n- two\n\n1. first\n\n> quoted\n> more\n\n```sh\n# not a heading\n```\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n    indented code\n\n## [Link](x.md) and `code` {#id}\n\n~~~\nunclosed";
    const auto document = must_load(text, "a.md");
    EXPECT_EQ(document.text, text);
    EXPECT_EQ(document.title, "The \"Guide\"");
    EXPECT_EQ(outline(document),
              (Outline{"other: ---\ntitle: The \"Guide\"\n---", "heading1: Guide to Tenon",
                       "paragraph: A paragraph\nover two lines.", "heading2: Setext", "list: - one\n  still one",
                       "list: - two", "list: 1. first", "quote: > quoted\n> more", "code: ```sh\n# not a heading\n```",
                       "table: | a | b |\n|---|---|\n| 1 | 2 |", "code:     indented code", "heading2: Link and code",
                       "code: ~~~\nunclosed"}));
}

TEST(LoadMarkdown, ReadsChineseWithoutBlankLines) {
    EXPECT_EQ(outline(must_load("# 指南\n第一段。\n## 安装\n用 apt：\n```\napt install\n```\n", "a.md")),
              (Outline{"heading1: 指南", "paragraph: 第一段。", "heading2: 安装", "paragraph: 用 apt：",
                       "code: ```\napt install\n```"}));
}

TEST(LoadPlain, ParagraphsUnderlinesAndNumbers) {
    const auto document = must_load(
        "The Title\n=========\n\nFirst paragraph.\n\n1. Introduction\n\nText here\n  - item\n\n1.1 "
        "Scope\n\nMore.\n\nNOTES\n\n   indented\n",
        "a.txt");
    EXPECT_EQ(document.title, "The Title");
    EXPECT_EQ(outline(document),
              (Outline{"heading1: The Title", "paragraph: First paragraph.", "heading1: 1. Introduction",
                       "paragraph: Text here", "list:   - item", "heading2: 1.1 Scope", "paragraph: More.",
                       "heading2: NOTES", "paragraph:    indented"}));
}

TEST(LoadPlain, ChineseChapters) {
    EXPECT_EQ(outline(must_load("第一章 总则\n第一条内容在此。\n\n一、目的\n\n为了测试，写下这一段。\n", "规定.txt")),
              (Outline{"heading2: 第一章 总则", "paragraph: 第一条内容在此。", "heading4: 一、目的",
                       "paragraph: 为了测试，写下这一段。"}));
}

TEST(LoadPlain, PageFeetOfRfcsAreBlankedButLinesKept) {
    const std::string text =
        "RFC text one.\n\nSmith        Standards Track       [Page 1]\n\f\nRFC 1      Title     June 2022\n\nRFC text "
        "two.\n\nSmith      Standards Track       [Page 2]\n\f\nRFC 1      Title     June 2022\n\nend\n";
    const auto document = must_load(text, "rfc.txt");
    EXPECT_EQ(std::ranges::count(document.text, '\n'), std::ranges::count(text, '\n'));
    EXPECT_EQ(document.text.find("[Page"), std::string::npos);
    EXPECT_EQ(document.text.find("June"), std::string::npos);
    EXPECT_NE(document.text.find("RFC text two."), std::string::npos);
}

TEST(LoadPlain, OtherMarkups) {
    EXPECT_EQ(outline(must_load("=====\nTitle\n=====\n\nIntro::\n\n  code here\n\nPart\n----\n\nSub\n~~~\n\ntext\n",
                                "a.rst")),
              (Outline{"heading1: Title", "paragraph: Intro::", "code:   code here", "heading2: Part", "heading3: Sub",
                       "paragraph: text"}));
    EXPECT_EQ(outline(must_load("= Title\n\n== Part\n\ntext\n", "a.adoc")),
              (Outline{"heading1: Title", "heading2: Part", "paragraph: text"}));
    EXPECT_EQ(outline(must_load("* Title\n** Part\ntext\n", "a.org")),
              (Outline{"heading1: Title", "heading2: Part", "paragraph: text"}));
}

TEST(LoadPlain, EncodingsLineEndsAndGzip) {
    EXPECT_EQ(must_load(sample("gb18030.txt"), "gb18030.txt").title, "第一章 榫卯");
    EXPECT_EQ(must_load(sample("big5.txt"), "big5.txt").title, "第一章 榫卯");
    EXPECT_EQ(must_load(sample("utf16.txt"), "utf16.txt").text, "榫卯 and UTF-16\n\nSecond paragraph.\n");
    EXPECT_EQ(must_load(sample("latin1.txt"), "latin1.txt").title, "Résumé");
    EXPECT_EQ(must_load("a\rb\r\nc", "x.txt").text, "a\nb\nc");
    EXPECT_EQ(outline(must_load(sample("notes.md.gz"), "notes.md.gz")),
              (Outline{"heading1: Notes", "paragraph: Packed Markdown."}));
    LoadOptions options;
    options.encoding = "Shift_JIS";
    EXPECT_EQ(must_load("\x83\x65\x83\x58\x83\x67", "x.txt", options).text, "テスト");
}

TEST(LoadCode, KnowsTheSymbolAroundAPassage) {
    const auto document = must_load(
        "#include <x>\n\n// Adds.\nint add(int a, int b) {\n    int c = a;\n    c += b;\n    return c;\n}\n\nclass "
        "Shop {\n  public:\n"
        "    void open(int door) {\n        if (door > 1) {\n            go();\n        }\n    }\n\n    int price_ = "
        "0;\n    int size_ = 0;\n    int other_ = 0;\n};\n\nint tail;\n",
        "shop.cpp");
    EXPECT_EQ(outline(document),
              (Outline{"code: #include <x>", "heading1: int add(int a, int b)",
                       "code: // Adds.\nint add(int a, int b) {\n    int c = a;\n    c += b;\n    return c;\n}",
                       "heading1: class Shop", "code: class Shop {", "code:   public:", "heading2: void open(int door)",
                       "code:     void open(int door) {\n        if (door > 1) {\n            go();\n        }\n    }",
                       "heading1: class Shop", "code:     int price_ = 0;\n    int size_ = 0;\n    int other_ = 0;\n};",
                       "heading1: ", "code: int tail;"}));
}

TEST(LoadCode, PythonByIndentation) {
    const auto document = must_load(
        "import os\n\n@cache\ndef load(path):\n    \"\"\"Reads.\"\"\"\n    with open(path) as f:\n        return "
        "f.read()\n\nprint(1)\n",
        "a.py");
    EXPECT_EQ(
        outline(document),
        (Outline{
            "code: import os", "heading1: def load(path)",
            "code: @cache\ndef load(path):\n    \"\"\"Reads.\"\"\"\n    with open(path) as f:\n        return f.read()",
            "heading1: ", "code: print(1)"}));
}

TEST(Load, SaysWhatItCannotRead) {
    EXPECT_EQ(load(std::string("\x7F"
                               "ELF\0\0\0\1",
                               8),
                   "a.bin")
                  .error()
                  .code(),
              ErrorCode::unsupported);
    EXPECT_EQ(load(std::string("ab\0\0\1\2\3\4", 8), "a.txt").error().code(), ErrorCode::unsupported);
    EXPECT_EQ(load("\x1F\x8B\x08 nonsense", "a.md.gz").error().code(), ErrorCode::corrupt);
    const std::string packed = sample("notes.md.gz");
    for (std::size_t n = 2; n < packed.size() - 8; ++n) EXPECT_FALSE(load(packed.substr(0, n), "notes.md.gz")) << n;
    LoadOptions small;
    small.limits.max_bytes = 10;
    EXPECT_EQ(load("more than ten bytes", "a.txt", small).error().code(), ErrorCode::resource_exhausted);
    EXPECT_EQ(load(packed, "notes.md.gz", small).error().code(), ErrorCode::resource_exhausted);
    EXPECT_EQ(must_load("", "empty.md").blocks.size(), 0U);
}

TEST(Load, MediaTypes) {
    EXPECT_EQ(media_type("a/b.MD"), "text/markdown");
    EXPECT_EQ(media_type("b.md.gz"), "text/markdown");
    EXPECT_EQ(media_type("README"), "text/plain");
    EXPECT_EQ(media_type("Makefile"), "text/x-source");
    EXPECT_EQ(media_type("upload", "%PDF-1.4"), "application/pdf");
    EXPECT_EQ(media_type("page", "<!DOCTYPE html><p>"), "text/html");
    EXPECT_EQ(media_type("picture.png", "\x89PNG\r\n\x1A\n"), "");
    EXPECT_EQ(media_type("x.tar.gz", "\x1F\x8B"), "");
}

}  // namespace
}  // namespace tenon::rag
