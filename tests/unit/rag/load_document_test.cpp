// Formats whose text is taken out of the file: HTML, DOCX, PDF, CSV, JSON.
#include <filesystem>
#include <random>

#include "load_helpers.hpp"
#include "tenon/base/utf8.hpp"

namespace tenon::rag {
namespace {

TEST(LoadHtml, KeepsWhatAReaderReads) {
    const auto document = must_load(
        "<!doctype html><html><head><title> A &amp; B "
        "</title><style>p{}</style></head><body><nav><p>Menu</p></nav><header><h1>Head</h1><p>slogan</p></header>"
        "<p>One&nbsp;<b>two</b>\n three&hellip;</p><script>var x = "
        "'<p>no</p>';</script><ul><li>a<ul><li>b</li></ul></li><li>c</li></ul><ol><li>x</li></ol>"
        "<pre>line 1\n  line "
        "2</pre><blockquote><p>said</p></blockquote><table><tr><th>K</th><th>V</th></tr><tr><td>k|1</td><td>v</td></"
        "tr></table>"
        "<dl><dt>--flag</dt><dd>what it does</dd></dl><p hidden>secret</p><p>l1<br>l2</p><h2>End<a class=headerlink "
        "href=#>¶</a></h2><footer>Copyright</footer>",
        "a.html");
    EXPECT_EQ(document.title, "A & B");
    EXPECT_EQ(outline(document), (Outline{"heading1: Head", "paragraph: One two three…", "list: - a", "list: - b",
                                          "list: - c", "list: 1. x", "code: line 1\n  line 2", "quote: said",
                                          "table: | K | V |\n| --- | --- |\n| k/1 | v |", "list: --flag: what it does",
                                          "paragraph: l1\nl2", "heading2: End"}));
}

TEST(LoadHtml, PrefersMainAndUnwrapsLayoutTables) {
    EXPECT_EQ(outline(must_load("<body><div>Skip this side</div><main><h1>T</h1><p>The main text is here and it is "
                                "long enough to be taken.</p></main></body>",
                                "a.html")),
              (Outline{"heading1: T", "paragraph: The main text is here and it is long enough to be taken."}));
    EXPECT_EQ(outline(must_load("<table><tr><td><h1>T</h1><p>p</p></td><td>side</td></tr></table>", "a.html")),
              (Outline{"heading1: T", "paragraph: p", "paragraph: side"}));
    EXPECT_EQ(outline(must_load("<nav>only navigation</nav>", "a.html")), (Outline{"paragraph: only navigation"}));
}

TEST(LoadHtml, ObeysItsCharset) {
    EXPECT_EQ(outline(must_load("<meta charset=gb2312><p>\xD6\xD0\xCE\xC4", "a.html")), (Outline{"paragraph: 中文"}));
    EXPECT_EQ(outline(must_load("<p>中文 ünïcode &#20013; &eacute;", "a.html")),
              (Outline{"paragraph: 中文 ünïcode 中 é"}));
    EXPECT_EQ(outline(must_load("<meta http-equiv=content-type content='text/html; charset=iso-8859-1'><p>caf\xE9",
                                "a.html")),
              (Outline{"paragraph: café"}));
}

TEST(LoadHtml, SurvivesHostility) {
    std::string deep;
    for (int i = 0; i < 200'000; ++i) deep += "<div>";
    EXPECT_EQ(load(deep, "a.html").error().code(), ErrorCode::corrupt);
    std::string flat;
    for (int i = 0; i < 200'000; ++i) flat += "</p><b><i></table>";
    EXPECT_TRUE(load(flat, "a.html") || true);
    const std::string page =
        "<html><body><h1>T</h1><!-- c --><p class='x'>a &amp; "
        "b</p><table><tr><td>1<td>2</table><pre>x</pre><![CDATA[y]]>";
    std::mt19937 random(3);
    for (std::size_t n = 0; n < page.size(); ++n) EXPECT_TRUE(load(page.substr(0, n) + " ", "a.html"));
    for (int round = 0; round < 300; ++round) {
        std::string broken = page;
        for (int k = 0; k < 6; ++k)
            broken[random() % broken.size()] = static_cast<char>(
                "<>&'\"/ \x80\xFF"
                "abc!-"[random() % 15]);
        const auto document = load(broken, "a.html");
        if (document) {
            EXPECT_TRUE(utf8::is_valid(document->text));
        }
    }
}

TEST(LoadDocx, ReadsStylesListsTablesNotesAndPages) {
    const auto document = must_load(sample("handbook.docx"), "handbook.docx");
    EXPECT_EQ(document.title, "The Joinery Handbook");
    EXPECT_EQ(outline(document),
              (Outline{"heading1@1: Joinery Handbook", "heading1@1: Mortise and tenon",
                       "paragraph@1: The tenon fits the mortise without nails[1].", "paragraph@1: [1] Glue is allowed.",
                       "heading2@1: 中文标题", "paragraph@1: 榫卯不用钉子。", "list@1: - saw", "list@1: - chisel",
                       "table@1: | Wood | Hardness |\n| --- | --- |\n| Oak | 1290 |\n| Pine | 380 |",
                       "paragraph@2: On the second page. A link"}));
}

TEST(LoadDocx, RefusesWhatIsBroken) {
    const std::string whole = sample("handbook.docx");
    for (std::size_t n = 0; n < whole.size(); n += 13) {
        LoadOptions options;
        options.media_type = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        EXPECT_FALSE(load(whole.substr(0, n), "x.docx", options)) << n;
    }
    std::mt19937 random(5);
    for (int round = 0; round < 200; ++round) {
        std::string broken = whole;
        for (int k = 0; k < 3; ++k) broken[random() % broken.size()] = static_cast<char>(random());
        const auto document = load(broken, "x.docx");
        if (document) {
            EXPECT_TRUE(utf8::is_valid(document->text));
        }
    }
    LoadOptions small;
    small.limits.max_bytes = 2000;
    EXPECT_EQ(load(whole, "x.docx", small).error().code(), ErrorCode::resource_exhausted);
    LoadOptions few;
    few.limits.max_archive_entries = 3;
    EXPECT_EQ(load(whole, "x.docx", few).error().code(), ErrorCode::resource_exhausted);
    EXPECT_EQ(load("\xD0\xCF\x11\xE0 old word", "x.docx").error().code(), ErrorCode::unsupported);
}

class LoadPdf : public testing::Test {
  protected:
    void SetUp() override {
        const auto tried = load(sample("handbook.pdf"), "handbook.pdf");
        if (!tried && tried.error().message().find("poppler-utils") != std::string::npos)
            GTEST_SKIP() << "pdftotext is missing: install poppler-utils";
    }
};

TEST_F(LoadPdf, ParagraphsHeadingsAndPages) {
    const auto document = must_load(sample("handbook.pdf"), "handbook.pdf");
    EXPECT_EQ(document.title, "The Joinery Handbook");
    EXPECT_EQ(outline(document),
              (Outline{"heading1@1: 1 Mortise and tenon",
                       "paragraph@1: The joint holds because the shoulders of the tenon rest against the face of the "
                       "mortise, and no nail is needed. It has been used for seven thousand years "
                       "in every part of the world.",
                       "paragraph@1: A second paragraph says that oak is hard and that it lasts.",
                       "heading2@2: 1.1 Tools", "list@2: • a saw", "list@2: • a chisel",
                       "paragraph@2: This sentence begins at the very end of the second page of the handbook and it "
                       "goes on at the top of the third. Here it ends.",
                       "heading1@3: 2 Finishing", "paragraph@3: Sand the wood before you oil it."}));
}

TEST_F(LoadPdf, SaysWhatIsWrong) {
    const auto scanned = load(sample("scanned.pdf"), "scanned.pdf");
    ASSERT_FALSE(scanned);
    EXPECT_EQ(scanned.error().code(), ErrorCode::unsupported);
    EXPECT_NE(scanned.error().message().find("OCR"), std::string::npos);
    EXPECT_EQ(load("%PDF-1.4\nnothing more", "x.pdf").error().code(), ErrorCode::corrupt);
    EXPECT_EQ(load("no pdf at all", "x.pdf").error().code(), ErrorCode::corrupt);
    LoadOptions missing;
    missing.pdftotext = "/nonexistent/pdftotext";
    const auto absent = load(sample("handbook.pdf"), "x.pdf", missing);
    ASSERT_FALSE(absent);
    EXPECT_EQ(absent.error().code(), ErrorCode::unsupported);
    EXPECT_NE(absent.error().message().find("poppler-utils"), std::string::npos);
    LoadOptions stopped;
    std::stop_source source;
    source.request_stop();
    stopped.stop = source.get_token();
    EXPECT_EQ(load(sample("handbook.pdf"), "x.pdf", stopped).error().code(), ErrorCode::cancelled);
    const auto folder = TemporaryDirectory::create();
    const auto script = [&](const std::string& body) {
        const auto path = folder->path() / "pdftotext";
        EXPECT_TRUE(write_file_atomic(path, "#!/bin/sh\n" + body + "\n"));
        std::filesystem::permissions(path, std::filesystem::perms::owner_all);
        LoadOptions options;
        options.pdftotext = path.string();
        options.limits.max_text_bytes = 1000;
        options.limits.program_time = std::chrono::seconds(1);
        return load(sample("handbook.pdf"), "x.pdf", options).error().code();
    };
    EXPECT_EQ(script("while :; do echo xxxxxxxxxxxxxxxxxxxxx; done"), ErrorCode::resource_exhausted);
    EXPECT_EQ(script("sleep 100"), ErrorCode::deadline_exceeded);
}

TEST(LoadCsv, RowsNameTheirColumns) {
    EXPECT_EQ(outline(must_load("name,age,city\nAnn,30,\"New\nYork\"\n\"O\"\"Neil, J\",41,\n", "a.csv")),
              (Outline{"other: Columns: name, age, city", "table: name: Ann; age: 30; city: New York",
                       "table: name: O\"Neil, J; age: 41"}));
    EXPECT_EQ(outline(must_load("名称;价格\n橡木;12,5\n松木;8\n", "a.csv")),
              (Outline{"other: Columns: 名称, 价格", "table: 名称: 橡木; 价格: 12,5", "table: 名称: 松木; 价格: 8"}));
    EXPECT_EQ(outline(must_load("a\tb\n1\t2\n", "a.tsv")), (Outline{"other: Columns: a, b", "table: a: 1; b: 2"}));
    EXPECT_EQ(outline(must_load("1,2\n3,4\n", "a.csv")), (Outline{"table: 1, 2", "table: 3, 4"}));
    EXPECT_EQ(outline(must_load("a,b\n\"never closed, 1\n2", "a.csv")),
              (Outline{"other: Columns: a, b", "table: a: never closed, 1 2"}));
    EXPECT_TRUE(must_load("\n\n", "a.csv").blocks.empty());
}

TEST(LoadJson, RecordsBecomeReadable) {
    EXPECT_EQ(
        outline(must_load(
            R"({"title":"Shop","port":80,"tls":{"on":true,"ca":null},"items":[{"id":1,"tags":["a","b"]},{"id":2,"at":{"x":1.5}}]})",
            "a.json")),
        (Outline{"other: title: Shop\nport: 80", "heading1: tls", "other: on: true", "heading1: items",
                 "other: id: 1\ntags: a, b", "other: id: 2\nat.x: 1.5"}));
    EXPECT_EQ(outline(must_load("[\"x\",2]", "a.json")), (Outline{"other: x, 2"}));
    EXPECT_EQ(outline(must_load("{\"q\":\"一\\n二\",\"n\":1}\n\n{\"q\":\"三\"}\n", "a.jsonl")),
              (Outline{"other: q: 一 二; n: 1", "other: q: 三"}));
}

TEST(LoadJson, BrokenTextIsRefused) {
    const std::string whole = R"({"a":[1,{"b":"c"}],"d":"e"})";
    for (std::size_t n = 1; n < whole.size(); ++n)
        EXPECT_EQ(load(whole.substr(0, n), "a.json").error().code(), ErrorCode::corrupt) << n;
    EXPECT_EQ(load(std::string(100'000, '['), "a.json").error().code(), ErrorCode::corrupt);
    const auto lines = load("{\"a\":1}\nnot json\n", "a.jsonl");
    ASSERT_FALSE(lines);
    EXPECT_NE(lines.error().message().find("line 2"), std::string::npos);
}

}  // namespace
}  // namespace tenon::rag
