// What pdftotext prints, when a hostile file made it print something odd.
#include "rag/load/pdf_layout.hpp"

#include <gtest/gtest.h>

#include "tenon/base/utf8.hpp"

namespace tenon::rag::load_detail {
namespace {

TEST(PdfLayout, BytesThatAreNoUtf8AreReplaced) {
    const std::string surrogate = "\xED\xA0\x80";
    const std::string xml = "<title>T" + surrogate +
                            "</title>\n<page width=\"612\" height=\"792\">\n<flow>\n<block xMin=\"72\" yMin=\"72\" "
                            "xMax=\"300\" yMax=\"90\">\n"
                            "<line xMin=\"72\" yMin=\"72\" xMax=\"300\" yMax=\"90\">\n"
                            "<word xMin=\"72\" yMin=\"72\" xMax=\"120\" yMax=\"90\">well" +
                            surrogate + "\xE4\xBD</word>\n</line>\n</block>\n</flow>\n</page>\n";
    auto pages = read_bbox_layout(xml);
    ASSERT_EQ(pages.pages.size(), 1U);
    EXPECT_TRUE(utf8::is_valid(pages.title));
    DocumentBuilder builder(1 << 20);
    write_pages(std::move(pages), builder);
    const auto& text = builder.document().text;
    EXPECT_TRUE(utf8::is_valid(text)) << text;
    EXPECT_EQ(text.find("well"), 0U) << text;
}

}  // namespace
}  // namespace tenon::rag::load_detail
